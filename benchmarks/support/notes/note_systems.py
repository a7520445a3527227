"""Denoisers in front of a tuner or a gate: presets of hushgate and other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from support.denoisers import aligned, make_told_system
from support.notes.note_sets import RATE, NoteItem

_MAX_DELAY_MS = 250.0
PEERS = {"noisereduce": "noisereduce", "pedalboard.NoiseGate": "NoiseGate", "RNNoise": "RNNoise"}
"""Names in `denoisers.py` by name in tables."""

Mono = NDArray[np.float32]
System = tuple[Callable[[NoteItem], Mono], float]
"""Function that cleans an item, and its latency in seconds."""


def preset_system(name: str, model: str | None) -> System:
    """A preset's chain as a system."""
    from hushgate.effects.chain import Chain
    from hushgate.effects.preset_file import read_preset

    settings = {} if model is None else {"model": model}
    chain = Chain(read_preset(name).make_effects(**settings))
    chain.process(np.zeros((1, RATE), np.float32), RATE)
    return lambda item: chain.process(item.noisy, RATE)[0], chain.latency_samples / RATE


def peer_system(name: str) -> System:
    """A system of `denoisers.py`, aligned with its input and so without latency."""
    process = make_told_system(name)

    def run(item: NoteItem) -> Mono:
        output = process(item.noisy, RATE, item.others)
        heard: Mono = aligned(item.noisy, output, RATE, _MAX_DELAY_MS)[0]
        return heard

    return run, 0.0


def make_systems(
    peers: Sequence[str], presets: Sequence[str], model: str | None = None
) -> tuple[dict[str, System], list[str]]:
    """Systems by name, and why some are left out."""
    systems: dict[str, System] = {}
    skipped = []
    for label in peers:
        try:
            systems[label] = peer_system(PEERS[label])
        except (ImportError, OSError) as error:
            skipped.append(f"{label} skipped: {error}")
    for preset in presets:
        label = f"**hushgate {Path(preset).stem}{f' ({Path(model).stem})' if model else ''}**"
        systems[label] = preset_system(preset, model)
    return systems, skipped
