"""Noise of any length, made or read piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft, signal

from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.resampling import RateConverter
from hushgate.training.config.mixture_schema import ANY_SYNTHESIZED, check_band, names_generator
from hushgate.training.mixtures.augmentations import keep_band
from hushgate.training.recordings.atomic_files import list_audio
from hushgate.training.recordings.seamless_loop import close_loop
from hushgate.training.synthesis.noises import GENERATORS, RANDOM_NAMES

Block = NDArray[np.float32]

# Longest piece of a recording, or of what a generator makes, in memory; it is repeated from there on.
LOOP_S = 120.0
_FADE_S = 0.02
_MAX_DRAWS = 100
_LOWEST_HZ = 20.0


@dataclass(frozen=True)
class NoiseSpec:
    """A kind of noise.

    Args:
        name: A generator of `synthesis.noises`, "synthesized" for any of them, or the path of a recording or
            of a folder of recordings.
        band_hz: Keep only this band, Hz; (0, 0) keeps everything.

    Raises:
        FileNotFoundError, ValueError: No such generator or file, a folder without sound, or a band that does
            not rise.
    """

    name: str
    band_hz: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        check_band(self.band_hz)
        if self.is_recorded and not self.recordings():
            raise ValueError(f"noise folder must hold sound files (got {self.name}).")

    @property
    def is_recorded(self) -> bool:
        """True for recordings, False for a generator."""
        return not names_generator(self.name)

    def recordings(self) -> list[Path]:
        """The recordings; none for a generator."""
        place = Path(self.name)
        if not self.is_recorded:
            return []
        if not place.exists():
            raise FileNotFoundError(
                f"noise must be a file, a folder, {ANY_SYNTHESIZED}, or one of "
                f"{', '.join(sorted(GENERATORS))} (got {self.name!r})."
            )
        return list_audio(place) if place.is_dir() else [place]


class NoiseStream(Protocol):
    """Noise that continues as long as it is read.

    Attributes:
        name: The recording's path, or "synthesized NAME".
        start_s: Where in the recording it begins, s; 0.0 for generators.
    """

    name: str
    start_s: float

    def read(self, num_samples: int) -> Block:
        """Return the next float32 (channels, num_samples)."""


def open_noise(
    spec: NoiseSpec, seed: tuple[int, ...], sample_rate: int, num_channels: int, num_samples: int
) -> NoiseStream:
    """Open a noise for one recording.

    White and pink noise are Gaussian, independent from channel to channel, and never repeat. Other
    generators and recordings fill all channels alike (a recording with as many channels keeps them), and
    repeat, crossfaded, after their end or after 120 s. Where a band is kept, they are drawn until one has
    sound there.

    Args:
        spec: Which noise.
        seed: The same one gives the same noise.
        sample_rate: Hz; recordings are resampled.
        num_channels: 1 or more.
        num_samples: How much of it will be read; it may be read further.

    Raises:
        ValueError: The band begins above half the sample rate.
        OSError, AudioFileError: A recording cannot be read.
    """
    low_hz = spec.band_hz[0]
    if low_hz >= 0.5 * sample_rate:
        raise ValueError(
            f"band_hz must begin below half the sample rate, {sample_rate / 2:g} Hz (got {low_hz:g})."
        )
    rng = np.random.default_rng(seed)
    for _ in range(_MAX_DRAWS):
        if spec.is_recorded:
            stream = _recorded(spec, rng, sample_rate, num_channels, num_samples)
        else:
            stream = _generated(spec, rng, sample_rate, num_channels, num_samples)
        if stream is not None:
            return stream
    raise ValueError(
        f"{spec.name} must have sound between {low_hz:g} and {spec.band_hz[1]:g} Hz (found none). "
        "Choose another band or noise."
    )


def _generated(
    spec: NoiseSpec, rng: Generator, sample_rate: int, num_channels: int, num_samples: int
) -> NoiseStream | None:
    kind = spec.name if spec.name != ANY_SYNTHESIZED else str(rng.choice(RANDOM_NAMES))
    name = f"synthesized {kind}"
    if kind in ("white", "pink"):
        response = _response(sample_rate, spec.band_hz, is_pink=kind == "pink")
        return _GaussianStream(name, rng, num_channels, response)
    length = min(num_samples, round(LOOP_S * sample_rate))
    made = GENERATORS[kind](max(length, 2), sample_rate, rng)[None, :]
    kept = _banded(made, sample_rate, spec.band_hz)
    fade = round(_FADE_S * sample_rate) if length < num_samples else 0
    if kept is None:
        return None
    return _LoopStream(name, 0.0, np.broadcast_to(kept, (num_channels, kept.shape[1])), fade)


def _banded(piece: Block, sample_rate: int, band_hz: tuple[float, float]) -> Block | None:
    """Keep a band; None where hardly anything (-50 dB) is left, so that no filter's residue is amplified."""
    if not any(band_hz):
        return piece
    kept = np.stack([keep_band(channel, sample_rate, *band_hz) for channel in piece])
    power, rest = (float(np.mean(np.square(one, dtype=np.float64))) for one in (piece, kept))
    return kept if rest > 1e-5 * power else None


class _GaussianStream:
    """Independent Gaussian samples, filtered by overlap-add."""

    def __init__(self, name: str, rng: Generator, num_channels: int, response: Block | None) -> None:
        self.name, self.start_s = name, 0.0
        self._rng, self._num_channels = rng, num_channels
        self._response = response
        if response is not None:
            self._tail = np.zeros((num_channels, len(response) - 1), np.float32)
            self.read(len(response) - 1)

    def read(self, num_samples: int) -> Block:
        """See `NoiseStream`."""
        # Sample by sample over all channels: what is drawn does not depend on where blocks end.
        white = self._rng.standard_normal((num_samples, self._num_channels), dtype=np.float32).T
        if self._response is None or not num_samples:
            return white
        full = signal.oaconvolve(white, self._response[None, :], axes=1)
        full[:, : self._tail.shape[1]] += self._tail
        self._tail = full[:, num_samples:]
        return np.asarray(full[:, :num_samples], np.float32)


def _response(sample_rate: int, band_hz: tuple[float, float], *, is_pink: bool) -> Block | None:
    """Impulse response of a band, or of 3 dB less an octave, or of both; None for white noise."""
    if not is_pink and not any(band_hz):
        return None
    size = 2 ** round(np.log2(sample_rate / 4.0))
    frequencies = fft.rfftfreq(size, 1.0 / sample_rate)
    gain = np.ones(len(frequencies))
    if is_pink:
        gain = np.maximum(frequencies, _LOWEST_HZ) ** -0.5
    if any(band_hz):
        gain[(frequencies < band_hz[0]) | (frequencies > band_hz[1])] = 0.0
    impulse = np.roll(fft.irfft(gain, size), size // 2) * np.blackman(size)
    return np.asarray(impulse / np.sqrt(np.sum(impulse**2)), np.float32)


class _LoopStream:
    """A piece of noise, repeated without a click at the seam."""

    def __init__(self, name: str, start_s: float, piece: Block, fade: int) -> None:
        self.name, self.start_s = name, start_s
        self._position = 0
        self._first = piece
        self._turn = close_loop(piece, fade)

    def read(self, num_samples: int) -> Block:
        """See `NoiseStream`."""
        places = np.arange(self._position, self._position + num_samples)
        self._position += num_samples
        length = self._turn.shape[1]
        block = np.take(self._turn, places, axis=1, mode="wrap")
        # The first turn begins without the crossfade from the end.
        is_first = places < length
        block[:, is_first] = self._first[:, places[is_first]]
        return np.asarray(block, np.float32)


def _recorded(
    spec: NoiseSpec, rng: Generator, sample_rate: int, num_channels: int, num_samples: int
) -> NoiseStream | None:
    recordings = spec.recordings()
    path = recordings[int(rng.integers(len(recordings)))]
    with FileReader(path) as reader:
        rate, length = reader.format.sample_rate, reader.format.num_samples
        wanted = min(-(-num_samples * rate // sample_rate) + rate // 10, round(LOOP_S * rate))
        room = 0 if length is None else max(0, length - wanted)
        start = int(rng.integers(0, room + 1))
        blocks, count = [], 0
        for block in reader.blocks(start=start):
            blocks.append(block)
            count += block.shape[1]
            if count >= wanted:
                break
    piece = np.concatenate(blocks, axis=1)[:, :wanted]
    if len(piece) != num_channels:
        piece = np.mean(piece, axis=0, keepdims=True)
    if rate != sample_rate:
        converter = RateConverter(rate, sample_rate, len(piece), str(path))
        piece = np.concatenate([converter.process(piece), converter.flush()], axis=1)
    kept = _banded(piece, sample_rate, spec.band_hz)
    if kept is None:
        return None
    piece = np.broadcast_to(kept, (num_channels, kept.shape[1]))
    fade = min(round(_FADE_S * sample_rate), piece.shape[1] // 4)
    return _LoopStream(path.resolve().as_posix(), start / rate, piece, fade)
