"""Systems under test: models, presets and checkpoints run by the plugin, and other programs."""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from hushgate import Chain, Denoiser, available_models, available_presets
from hushgate.training.evaluate.measures.base import Audio

Process = Callable[[Audio, int], Audio]

NOISY = "noisy"
PRESET = "preset:"
_LABEL = re.compile(r"([\w .+-]+)=(?=.)")
_PROGRAM_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class System:
    """A way to denoise.

    Attributes:
        name: Name in tables.
        source: Its origin: "noisy", a shipped model, "preset:" and a shipped preset, a file (.onnx,
            .toml, .ckpt), or a program's command line with {input} and {output}.
    """

    name: str
    source: str

    @property
    def is_program(self) -> bool:
        """True for another program, whose delay is not known."""
        return "{input}" in self.source and "{output}" in self.source


def parse_system(text: str) -> System:
    """Read "SOURCE" or "NAME=SOURCE".

    Raises:
        ValueError: The source is none of those that `System` names.
        FileNotFoundError: The file that it names does not exist.
    """
    label, source = "", text
    match = _LABEL.match(text)
    if match:
        label, source = match[1].strip(), text[match.end() :]
    system = System(label or _default_name(source), source)
    if system.is_program or source == NOISY or source in available_models():
        return system
    if source.startswith(PRESET) and source.removeprefix(PRESET) in available_presets():
        return system
    if Path(source).suffix in (".onnx", ".toml", ".ckpt"):
        if not Path(source).is_file():
            raise FileNotFoundError(f"{source} does not exist.")
        return system
    raise ValueError(
        f"SYSTEM must be a shipped model ({', '.join(available_models())}), {PRESET}NAME "
        f"({', '.join(available_presets())}), a file (.onnx, .toml, .ckpt), or a command with {{input}} and "
        f"{{output}} (got {source!r})."
    )


def _default_name(source: str) -> str:
    if "{input}" in source:
        return Path(shlex.split(source)[0]).name
    return Path(source).stem if Path(source).suffix in (".onnx", ".toml") else source


def prepare(system: System, folder: Path) -> System:
    """Export a checkpoint to `folder`, and return the system with the exported file; others come back as is.

    Raises:
        FileNotFoundError, ValueError: The file is not a checkpoint.
    """
    if not system.source.endswith(".ckpt"):
        return system
    from hushgate.training.exporting.checkpoint import export_checkpoint

    name = hashlib.sha1(str(Path(system.source).resolve()).encode()).hexdigest()[:12]
    target = folder / f"{name}.onnx"
    export_checkpoint(Path(system.source), target)
    return System(system.name, str(target))


def make_process(system: System) -> Process:
    """A function from (noisy (channels, samples), rate in Hz) to the denoised sound of the same shape.

    Models and presets run through the plugin, as a user would run them, and come back aligned.

    Raises:
        FileNotFoundError, ValueError: The source cannot be loaded.
        RuntimeError: When called: the program failed.
    """
    if system.source == NOISY:
        return lambda noisy, sample_rate: noisy
    if system.is_program:
        return lambda noisy, sample_rate: _run_program(system.source, noisy, sample_rate)
    effect: Chain | Denoiser
    if system.source.startswith(PRESET) or system.source.endswith(".toml"):
        effect = Chain.from_preset(system.source.removeprefix(PRESET))
    else:
        effect = Denoiser(system.source)

    def process(noisy: Audio, sample_rate: int) -> Audio:
        # Pass mono as one dimension: the layout of a short (1, samples) block would be ambiguous.
        mono = noisy[0] if len(noisy) == 1 else noisy
        return np.asarray(effect.process(mono, sample_rate), dtype=np.float32).reshape(noisy.shape)

    return process


def _run_program(template: str, noisy: Audio, sample_rate: int) -> Audio:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "input.wav", Path(folder) / "output.wav"
        soundfile.write(source, noisy.T, sample_rate, subtype="FLOAT")
        # Split first and insert the names then, so that a name is never split or run.
        words = [
            word.replace("{input}", str(source)).replace("{output}", str(target))
            for word in shlex.split(template)
        ]
        result = subprocess.run(
            words, capture_output=True, text=True, timeout=_PROGRAM_TIMEOUT_S, errors="replace", check=False
        )
        if result.returncode or not target.is_file():
            last = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["it wrote no output"]
            raise RuntimeError(f"{words[0]} failed with status {result.returncode}: {last[0]}")
        output, rate = soundfile.read(target, dtype="float32", always_2d=True)
    if rate != sample_rate:
        raise RuntimeError(f"{words[0]} must keep the sample rate, {sample_rate} Hz (wrote {rate} Hz).")
    if output.shape[1] != len(noisy):
        raise RuntimeError(f"{words[0]} must keep the channels, {len(noisy)} (wrote {output.shape[1]}).")
    return np.ascontiguousarray(output.T)
