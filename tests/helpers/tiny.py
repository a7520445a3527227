"""The smallest training there is: a few thousand weights, half-second examples of made-up speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

CONFIG = """
[model]
family = "hush"
num_bins = 64
channels = 8
bands = 6
band_channels = 12
num_heads = 2
upper_from_hz = 1500.0
[data]
sample_rate = 4000
segment_s = 0.5
val_examples = 2
[[mix.targets]]
kind = "speech"
[[mix.noises]]
kind = "coloured"
[train]
max_steps = 4
batch_size = 2
warmup_steps = 1
steps_per_epoch = 2
workers = 0
accelerator = "cpu"
[card]
name = "tiny"
licence = "MIT"
"""


def write_workshop(folder: Path) -> Path:
    """Write `data/speech/*.wav` and `tiny.toml`; return the folder."""
    (folder / "data" / "speech").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(10):
        audio = np.cumsum(rng.standard_normal(4000)) * np.hanning(4000)
        soundfile.write(folder / "data" / "speech" / f"{number}.wav", audio / np.abs(audio).max() / 2, 4000)
    (folder / "tiny.toml").write_text(CONFIG, encoding="utf-8")
    return folder
