"""Commands and scripts that write files, for the crash suite."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import soundfile

import hushgate
from hushgate.batching.planning.journal import JOURNAL_NAME
from tests.helpers.seeded_noise import noise

RATE = 16_000
NUM_FILES = 6
SECONDS = 20

RENDER = """
import sys, hushgate
source, target, model = sys.argv[1:]
while True:
    hushgate.render(hushgate.Denoiser(model), source, target, overwrite=True)
"""
SAVE_PRESET = """
import sys, hushgate
target, model = sys.argv[1:]
chain = hushgate.Chain([hushgate.Denoiser(model)] * 1)
while True:
    chain.save_preset(target, overwrite=True, description="x" * 30_000)
"""
# The command, with an audio system without hardware. Ctrl-C while modules load is handled as it does.
LIVE = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
import numpy as np
from hushgate.live import session
from tests.helpers.live_fakes import FakeBackend
session._default_backend = lambda: FakeBackend(np.full((1, 480_000), 0.1, np.float32), pause_s=0.001)
from hushgate.commands.main import main
sys.exit(main())
"""


@dataclass(frozen=True)
class Target:
    """Something to kill.

    Attributes:
        name: Its name.
        arguments: Arguments of Python, for the folders of inputs and outputs and a model.
        check: Raises unless a file of the outputs is whole, given its path.
        is_command: It is a command of hushgate, and not somebody's script.
        may_leave: Names of files that stay besides the outputs.
    """

    name: str
    arguments: Callable[[Path, Path, str], list[str | Path]]
    check: Callable[[Path], object]
    is_command: bool = True
    may_leave: tuple[str, ...] = ()


def make_inputs(folder: Path) -> None:
    """Sounds and a journal of results to draw, clean and report."""
    for number in range(NUM_FILES):
        sound = noise(RATE * SECONDS, 1, seed=number)
        suffix, subtype = (("wav", "PCM_24"), ("flac", "PCM_16"), ("ogg", "VORBIS"))[number % 3]
        soundfile.write(folder / f"{number}.{suffix}", sound, RATE, subtype=subtype)


def check_output(path: Path) -> None:
    """Raise unless an output of any of the targets is whole."""
    if path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".html":
        assert path.read_text().rstrip().endswith("</html>")
    elif path.suffix == ".png":
        assert path.read_bytes().endswith(b"IEND\xaeB`\x82")
    elif path.suffix == ".toml":
        hushgate.load_preset(path)
    elif path.name == "live.wav":
        assert soundfile.info(path).frames > 0
    else:
        assert soundfile.read(path)[0].shape == (RATE * SECONDS,)


def _command(*words: str | Path) -> list[str | Path]:
    return ["-m", "hushgate", *words]


def _batch(jobs: str) -> Callable[[Path, Path, str], list[str | Path]]:
    def arguments(inputs: Path, out: Path, model: str) -> list[str | Path]:
        reports: list[str | Path] = ["--report", out / "r.json", "--report", out / "r.html"]
        return _command(
            "batch", inputs, "-o", out, "--model", model, "-j", jobs, "--residual", "--resume", *reports
        )

    return arguments


TARGETS = (
    Target(
        "denoise",
        lambda inputs, out, model: _command(
            "denoise", inputs / "0.wav", "-o", out / "a.flac", "--overwrite", "--model", model
        ),
        check_output,
    ),
    Target("batch", _batch("2"), check_output, may_leave=(JOURNAL_NAME,)),
    Target("batch-here", _batch("0"), check_output, may_leave=(JOURNAL_NAME,)),
    Target(
        "render",
        lambda inputs, out, model: ["-c", RENDER, inputs / "2.ogg", out / "a.ogg", model],
        check_output,
        is_command=False,
    ),
    Target(
        "preset",
        lambda _, out, model: ["-c", SAVE_PRESET, out / "a.toml", model],
        check_output,
        is_command=False,
    ),
    Target(
        "live",
        lambda _, out, model: [
            "-c",
            LIVE,
            "live",
            "--record",
            out / "live.wav",
            "--overwrite",
            "--model",
            model,
            "--quiet",
        ],
        check_output,
    ),
    Target(
        "plot",
        lambda inputs, out, _: _command("plot", inputs / "0.wav", "-o", out / "a.png", "--overwrite"),
        check_output,
    ),
)

INTERPRETER = sys.executable
