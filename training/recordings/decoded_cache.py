"""Decoded recordings as 16-bit samples, in memory or in a mapped cache file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

_SUFFIX = ".hushgate-samples"
_LOG = logging.getLogger(__name__)


def read_clip(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """Read a file as mono float32 at `sample_rate` Hz (polyphase resampling)."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    if rate != sample_rate:
        ratio = Fraction(sample_rate, rate)
        mono = signal.resample_poly(mono, ratio.numerator, ratio.denominator)
    return np.asarray(mono, dtype=np.float32)


def load_samples(
    paths: Sequence[Path], sample_rate: int, cache: Path | None = None
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Decode files one after the other, each with its peak at full scale.

    Args:
        paths: What to decode, at least one.
        sample_rate: Hz; files at other rates are resampled.
        cache: Folder for what was decoded. The next start with the same files then takes no time, memory
            holds only what is in use, and processes share it.

    Returns:
        int16 (samples,) of all files, read-only with a cache; and where each begins, (files + 1,).

    Raises:
        OSError: A file cannot be read, or the cache cannot be written; no incomplete cache is left.
    """
    if cache is None:
        parts = list(_decoded(paths, sample_rate))
        return np.concatenate(parts), _starts([len(part) for part in parts])
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(repr(sample_rate).encode())
    for path in paths:
        state = path.stat()
        digest.update(repr((str(path.resolve()), state.st_size, state.st_mtime_ns)).encode())
    place = cache / (digest.hexdigest()[:32] + _SUFFIX)
    if not place.is_dir():
        _LOG.info("cache miss: decoding %d files at %d Hz into %s", len(paths), sample_rate, place)
        _store(paths, sample_rate, place)
    starts = _starts(json.loads((place / "lengths.json").read_text(encoding="utf-8")))
    if not starts[-1]:  # nothing can be mapped
        return np.zeros(0, np.int16), starts
    return np.memmap(place / "samples.i16", np.dtype("<i2"), "r", shape=(int(starts[-1]),)), starts


def _starts(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _decoded(paths: Sequence[Path], sample_rate: int) -> Iterator[NDArray[np.int16]]:
    for path in paths:
        audio = read_clip(path, sample_rate)
        peak = float(np.max(np.abs(audio), initial=1e-9))
        yield np.round(audio * (32767.0 / peak)).astype(np.int16)


def _store(paths: Sequence[Path], sample_rate: int, place: Path) -> None:
    # Samples and lengths share a folder, whose rename publishes both in one step.
    part = place.with_name(f".{os.getpid()}-{place.name}")
    try:
        part.mkdir()
        lengths = []
        with open(part / "samples.i16", "wb") as file:
            for samples in _decoded(paths, sample_rate):
                file.write(samples.astype("<i2").tobytes())
                lengths.append(len(samples))
        (part / "lengths.json").write_text(json.dumps(lengths), encoding="utf-8")
        if not place.is_dir():  # otherwise another process has written the same cache
            part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
