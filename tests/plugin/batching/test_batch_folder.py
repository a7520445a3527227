"""Sixty files of every kind in one folder, bad ones among them, through two worker processes."""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from hushgate.audio_files.chunk_edits import append_chunk
from hushgate.audio_files.container_chunks import chunk_body, read_chunks
from hushgate.batching.planning.journal import JOURNAL_NAME
from hushgate.effects.denoiser import Denoiser
from tests.helpers.seeded_noise import noise

FORMATS = [
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "FLOAT"),
    ("flac", "PCM_16"),
    ("ogg", "VORBIS"),
    ("mp3", "MPEG_LAYER_III"),
    ("aiff", "PCM_24"),
]
LAYOUTS = [
    (1, 8_000),
    (2, 44_100),
    (6, 48_000),
    (2, 16_000),
    (1, 96_000),
    (2, 96_000),
    (1, 22_050),
    (6, 32_000),
]
LOSSY = ("VORBIS", "MPEG_LAYER_III")
NAMES = ["a b", "Grüße", "it's", 'say "hi"', "100% & more", "semi;colon", "$HOME", "[x] (y)"]
NUM_BAD = 4
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _PR_CAPBSET_DROP = 1, 2, 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """56 good files in a tree, and 4 bad ones."""
    folder = tmp_path_factory.mktemp("sixty") / "in"
    for number, ((extension, subtype), (channels, rate)) in enumerate(itertools.product(FORMATS, LAYOUTS)):
        if extension == "mp3":  # what MP3 can hold
            channels, rate = min(channels, 2), min(rate, 48_000)
        name = f"{NAMES[number % len(NAMES)]} {number}.{extension}"
        path = folder / ("" if number % 3 else "sub/deeper") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = noise(round(rate * 0.3) + number, channels, seed=number)
        soundfile.write(path, sound, rate, subtype=subtype)
        add_tags(path, number)
    cut = folder / "truncated.wav"
    soundfile.write(cut, noise(8000, 1), 8000)
    cut.write_bytes(cut.read_bytes()[:9000])
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("Dear diary, this is not a sound file.\n" * 20)
    soundfile.write(folder / "forbidden.wav", noise(8000, 1), 8000)
    (folder / "forbidden.wav").chmod(0)
    assert sum(path.is_file() for path in folder.rglob("*")) == 60
    return folder


def add_tags(path: Path, number: int) -> None:
    """Title or time reference, in the way of the container."""
    if path.suffix == ".wav":
        body = struct.pack("<338xQ256x", 48_000 * number)
        append_chunk(path, b"bext", body)
    elif path.suffix == ".aiff":
        append_chunk(path, b"NAME", f"Nr {number}".encode())
    else:
        tags = mutagen.File(path, easy=True)
        if tags.tags is None:
            tags.add_tags()
        tags["title"] = f"Nr {number}"
        tags.save()


def tags_of(path: Path) -> object:
    if path.suffix in (".wav", ".aiff"):
        with path.open("rb") as file:
            layout = read_chunks(file)
            assert layout is not None
            before, after = layout.extras
            return [(chunk.kind, chunk_body(file, chunk)) for chunk in (*before, *after)]
    return mutagen.File(path, easy=True)["title"]


def no_override() -> Callable[[], None] | None:
    """What makes file permissions count for root too, in a child process; None where nothing does."""
    if os.geteuid() != 0:
        return lambda: None
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def drop() -> None:
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)

    return drop


def can_read_forbidden(path: Path, before: Callable[[], None] | None) -> bool:
    command = [sys.executable, "-c", f"open({str(path)!r}, 'rb')"]
    return subprocess.run(command, preexec_fn=before, capture_output=True, check=False).returncode == 0


def test_every_good_file_comes_out_right_and_every_bad_one_is_named(
    folder: Path, tmp_path: Path, models: Path
) -> None:
    out = tmp_path / "out"
    before = no_override()
    # Where not even that keeps root from reading the forbidden file, it is one good file more.
    is_readable = can_read_forbidden(folder / "forbidden.wav", before)
    num_bad = NUM_BAD - 1 if is_readable else NUM_BAD
    command = [sys.executable, "-m", "hushgate", "batch", folder, "-o", out, "--recursive", "--jobs", "2"]
    command += ["--model", models / "half.onnx", "--report", tmp_path / "report.json"]
    done = subprocess.run(
        list(map(str, command)), preexec_fn=before, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 1, done.stderr.decode()

    failures = [line for line in done.stderr.decode().splitlines() if line.startswith("hushgate: error: ")]
    reasons = dict(line.removeprefix("hushgate: error: ").split(": ", 1) for line in failures)
    assert "cut short" in reasons.pop("truncated.wav")
    assert "is empty" in reasons.pop("empty.wav")
    assert "cannot be read as audio" in reasons.pop("text.wav")
    if not is_readable:
        assert "Permission denied" in reasons.pop("forbidden.wav")
    assert reasons == {}
    assert done.stderr.decode().splitlines()[-num_bad:] == failures  # the failed ones come last

    report = json.loads((tmp_path / "report.json").read_text())
    assert report["summary"]["num_done"] == 60 - num_bad
    assert report["summary"]["num_failed"] == num_bad

    written = [path for path in out.rglob("*") if path.is_file() and path.name != JOURNAL_NAME]
    assert len(written) == 60 - num_bad
    model = Denoiser(models / "half.onnx")
    for path in written:
        source = folder / path.relative_to(out)
        old, new = soundfile.info(source), soundfile.info(path)
        for fact in ("samplerate", "channels", "frames", "format", "subtype"):
            assert getattr(old, fact) == getattr(new, fact), path.name
        if path.name == "forbidden.wav":
            continue
        assert tags_of(path) == tags_of(source), path.name
        sound = soundfile.read(source, dtype="float32", always_2d=True)[0].T
        cleaned = soundfile.read(path, dtype="float32", always_2d=True)[0].T
        error = cleaned - model(sound, old.samplerate)
        limit = 0.25 * np.std(cleaned) if new.subtype in LOSSY else 2.0**-15
        assert (np.std(error) if new.subtype in LOSSY else np.abs(error).max()) < limit, path.name
