"""Hostile inputs from a seed: sound files, pipes, presets, models and journals."""

from __future__ import annotations

import functools
import importlib.resources
import io
import json
import random
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from hushgate.batching.planning.journal import JOURNAL_NAME
from tests.helpers import tiny_models, tiny_segments

RATE = 8_000
_NUM_SAMPLES = 900
_HOSTILE_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_HOSTILE_WORDS = (
    "-1", "0", "1e30", "-1e30", "nan", "inf", "1e-300", "true", '"none"', '"x"', "[]", "[[]]", "{}",
    "99999999999", '"../../x"', '"/dev/zero"', '"\\u001b[2J"', "3.5", "2026-11-28",
)  # fmt: skip
_HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**30, float("inf"), "", "..", "../x", "/etc/passwd", "\x1b[2J", "<script>",
    "=1+1", [], [1], [[]], {}, {"a": []}, "done", "failed", "x" * 5000,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One hostile input.

    Attributes:
        kind: "file", "pipe", "preset", "model" or "journal".
        name: File name to give it.
        data: Its bytes.
    """

    kind: str
    name: str
    data: bytes


def make_case(seed: int) -> Case:
    """The input of a seed; equal seeds give equal inputs."""
    chance = random.Random(seed)
    kinds: list[tuple[Callable[[random.Random], Case], int]] = [
        (_file, 10), (_pipe, 3), (_preset, 3), (_model, 2), (_journal, 2)
    ]  # fmt: skip
    make = chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
    return make(chance)


def _file(chance: random.Random) -> Case:
    name, data = chance.choice(_sounds())
    if chance.random() < 0.05:
        data += chance.choice(_sounds())[1]
    if chance.random() < 0.05:
        data += bytes(chance.choice([1, 100_000]))
    if chance.random() < 0.03:  # another extension than its content
        name = "a" + Path(chance.choice(_sounds())[0]).suffix
    return Case("file", name, _mutated(data, chance))


def _pipe(chance: random.Random) -> Case:
    code = chance.choice([0, 1, 3, 0xFFFE, chance.randrange(0x10000)])
    channels = chance.choice([0, 1, 2, 300, 0xFFFF])
    rate = chance.choice([0, 1, 8000, 48_000, 2**31 - 1, 2**32 - 1, chance.randrange(2**32)])
    bits = chance.choice([0, 8, 16, 24, 32, 64, 7, 0xFFFF])
    align = chance.choice([channels * bits // 8 & 0xFFFF, 0, 0xFFFF])
    form = struct.pack("<HHIIHH", code, channels, rate, 0, align, bits)
    size = chance.choice([*_HOSTILE_NUMBERS, 1600])
    data = b"RIFF" + struct.pack("<I", chance.choice(_HOSTILE_NUMBERS)) + b"WAVE"
    if chance.random() < 0.3:
        data += b"JUNK" + struct.pack("<I", chance.choice(_HOSTILE_NUMBERS)) + bytes(chance.randrange(300))
    data += b"fmt " + struct.pack("<I", chance.choice([16, 16, 16, 18, 40, 0, 0xFFFFFFFF])) + form
    data += b"data" + struct.pack("<I", size) + bytes(chance.randbytes(chance.choice([0, 1, 1600])))
    return Case("pipe", "-", _mutated(data, chance) if chance.random() < 0.5 else data)


def _preset(chance: random.Random) -> Case:
    text = chance.choice(_preset_texts())
    for _ in range(chance.randrange(1, 4)):
        values = list(re.finditer(r"(?<== )[^\n]+", text))
        place = chance.choice(values)
        text = text[: place.start()] + chance.choice(_HOSTILE_WORDS) + text[place.end() :]
    if chance.random() < 0.1:
        text += "\n[[chain]]\neffect = " + chance.choice(_HOSTILE_WORDS) * chance.choice([1, 3])
    if chance.random() < 0.05:
        depth = chance.choice([10, 40, 3000])
        text += (
            '\n[[chain]]\neffect = "Chain"\neffects = '
            + "[{effect='Mix', effects=" * depth
            + "[]"
            + "}]" * depth
        )
    data = text.encode()
    return Case("preset", "a.toml", _mutated(data, chance) if chance.random() < 0.2 else data)


def _model(chance: random.Random) -> Case:
    return Case("model", "a.onnx", _mutated(chance.choice(_models()), chance))


def _journal(chance: random.Random) -> Case:
    lines = [dict(line) for line in _journal_lines()]
    for _ in range(chance.randrange(1, 4)):
        line = chance.choice(lines)
        if isinstance(line.get("result"), dict) and chance.random() < 0.5:
            line["result"] = line = dict(line["result"])  # type: ignore[call-overload]
        if line:  # a result may have become an empty one
            line[chance.choice(sorted(line))] = chance.choice(_HOSTILE_VALUES)
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return Case("journal", JOURNAL_NAME, _mutated(data, chance) if chance.random() < 0.3 else data)


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """Bytes with one to four faults, most of them near the beginning, where headers are."""
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        if not changed:
            break
        end = min(len(changed), chance.choice([16, 64, 64, 256, len(changed)]))
        place = chance.randrange(end)
        fault = chance.randrange(8)
        if fault < 3:
            changed[place] = chance.choice([0, 0xFF, 0x7F, 0x80, chance.randrange(256)])
        elif fault < 5:
            order = chance.choice("<>")
            kind = chance.choice("HI")
            number = chance.choice(_HOSTILE_NUMBERS) & (0xFFFF if kind == "H" else 0xFFFFFFFF)
            changed[place : place + struct.calcsize(kind)] = struct.pack(order + kind, number)
        elif fault == 5:
            del changed[place + chance.randrange(len(changed)) :]
        elif fault == 6:
            changed[place:place] = changed[place : place + chance.choice([1, 4, 100])]
        else:
            changed[place:place] = bytes(chance.choice([1, 4, 4096]))
    return bytes(changed)


@functools.cache
def _sounds() -> tuple[tuple[str, bytes], ...]:
    """A short sound in every format that can be written here, with file names."""
    sound = 0.3 * np.sin(np.arange(_NUM_SAMPLES) * 0.2)[:, np.newaxis]
    made = []
    # Of SD2, libsndfile would write a second file into the current folder.
    for container in sorted(soundfile.available_formats().keys() - {"SD2"}):
        for subtype in sorted(soundfile.available_subtypes(container)):
            for channels in (1, 2):
                buffer = io.BytesIO()
                try:
                    soundfile.write(buffer, np.tile(sound, channels), RATE, format=container, subtype=subtype)
                except (soundfile.LibsndfileError, ValueError):
                    continue
                suffix = {"OGG": "opus" if subtype == "OPUS" else "ogg"}.get(container, container.lower())
                made.append((f"a.{suffix}", buffer.getvalue()))
    return tuple(made)


@functools.cache
def _preset_texts() -> tuple[str, ...]:
    files = importlib.resources.files("hushgate.presets").iterdir()
    return tuple(file.read_text() for file in sorted(files, key=str) if file.name.endswith(".toml"))


@functools.cache
def _models() -> tuple[bytes, ...]:
    builders = [*tiny_models.VARIANTS.values(), *tiny_segments.SEGMENT_VARIANTS.values()]
    return tuple(build().proto().SerializeToString() for build in builders)


@functools.cache
def _journal_lines() -> tuple[dict[str, object], ...]:
    result = {
        "source": "in/a.wav",
        "name": "a.wav",
        "status": "done",
        "settings_hash": "h",
        "duration_s": 1.0,
    }
    result |= {"output": "a.wav", "num_samples": 900, "warnings": [], "picture_before": "iVBORw0KGgo="}
    base = {"output": "a.wav", "source": "/in/a.wav", "settings_hash": "h"}
    return (
        {"type": "run", "version": 1, "run": "00c0ffee", "settings_hash": "h", "settings": {"mix": 1.0}},
        {"type": "plan", **base},
        {"type": "done", **base, "source_print": [1, 2], "prints": [[3, 4]], "result": result},
    )
