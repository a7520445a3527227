"""Noise floor of a recording before and after cleaning, from the levels of its frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float64]
SILENCE_DB = -150.0

# An effect that lowers no part of the sound by this much more than its loud parts tells nothing apart. Frames
# need more than bands: in dense music one of a low level loses a few dB of noise and is no pause.
_FRAME_CONTRAST_DB, _BAND_CONTRAST_DB = 10.0, 3.0
# Share of the way, in power, from the lowest gain to that of the target, up to which a frame or a band counts
# as noise alone. At the 10 dB of local signal-to-noise ratio that this means, noise reads 0.4 dB too loud.
_FRAME_SHARE, _BAND_SHARE = 0.05, 0.1
_LOWEST_GAIN_SHARE = 0.02
# Frames: a pause is longer than the gap of a stop consonant, and its ends are left out, because words fade
# into them. A single louder frame does not end it.
_PAUSE_FRAMES, _END_FRAMES, _BRIDGED_FRAMES = 6, 1, 1
_LEAST_FRAMES = 6
_LEAST_SPECTRA = 3
# What is left of the noise is measured away from words: from as deep in the pauses as makes the levels lie
# nearer together by a tenth or more, as long as a second of frames is left.
_LEAST_FRAMES_AFTER, _LEAST_DEEP_FRAMES, _NARROWER = 12, 24, 0.9
# Where the middle half of the levels spreads over more, no single level stands for them.
_MOST_SPREAD_DB = 6.0
# Frames no louder than a pause hold noise alone. Where the effect let more than this share of them pass, the
# pauses that it made say nothing about the others.
_MOST_PASSED = 0.3
# Part of a pause this far below its middle is a mute that is not digital silence.
_MUTE_DB = 20.0


@dataclass(frozen=True)
class NoiseFloor:
    """Levels of the noise where the target is silent.

    Attributes:
        before_db: Median over the frames, dBFS.
        after_db: The same of what is left; -150.0 for none at all. None where it varies too much for one
            figure, and where pauses are too short or missing.
        after_range_db: Levels between which the middle half of what is left lies, dBFS; None where pauses
            are too short or missing.
        seconds: Length of the pauses measured; 0.0 where single bands were measured instead.
        from_hz: Lowest frequency measured; 0.0 in pauses. Below it the target never stops.
    """

    before_db: float
    after_db: float | None
    after_range_db: tuple[float, float] | None
    seconds: float
    from_hz: float = 0.0

    def turned_up(self, gain_db: float) -> NoiseFloor:
        """The floor where the result has a gain behind it."""
        if self.after_range_db is None:
            return self
        low, high = self.after_range_db
        after = None if self.after_db is None else self.after_db + gain_db
        return replace(self, after_db=after, after_range_db=(low + gain_db, high + gain_db))

    @property
    def after_unknown(self) -> str | None:
        """Why there is no `after_db`, in a few words; None where there is."""
        if self.after_db is not None:
            return None
        if self.after_range_db is None:
            return f"not measured: {'the pauses are too short' if self.seconds else 'the sound never pauses'}"
        low, high = self.after_range_db
        return f"varies, mostly {low:z.0f} to {high:z.0f} dBFS"


def floor_in_pauses(runs: list[Levels], frame_s: float) -> NoiseFloor | None:
    """The noise floor in pauses of the target.

    Frames belong to a pause where the effect lowered them far more than the loudest sound.

    Args:
        runs: Energies before and after, (frames, 2), for each run of neighbouring frames; a frame that holds
            digital silence has 0 before.
        frame_s: Length of a frame, seconds.

    Returns:
        None where the effect told no pauses from the target.
    """
    live = [run for run in runs if run[:, 0].any()]
    if not live:
        return None
    bounds = _gain_bounds(np.concatenate([run[run[:, 0] > 0.0] for run in live]), _FRAME_CONTRAST_DB)
    if bounds is None:
        return None
    masks = [_is_noise(run, bounds, _FRAME_SHARE) for run in live]
    bridged = [_bridged(mask, run[:, 0] > 0.0) for mask, run in zip(masks, live, strict=True)]
    for shortest in range(_PAUSE_FRAMES, 2 * _END_FRAMES, -1):
        kept = [_inner(mask, shortest) for mask in bridged]
        if sum(int(mask.sum()) for mask in kept) >= _LEAST_FRAMES:
            break
    else:
        return None
    frames = np.concatenate([run[mask] for run, mask in zip(live, kept, strict=True)])
    depths = np.concatenate([_depths(mask)[inner] for mask, inner in zip(bridged, kept, strict=True)])
    mute = float(_quantile(frames[:, 0], 0.5)) * 10.0 ** (-_MUTE_DB / 10.0)
    frames, depths = frames[frames[:, 0] > mute], depths[frames[:, 0] > mute]
    before = float(_quantile(frames[:, 0], 0.5))
    before_db, seconds = decibels(before), len(frames) * frame_s
    if len(frames) < _LEAST_FRAMES_AFTER:
        return NoiseFloor(before_db, None, None, seconds)
    every, is_pause = np.concatenate(live), np.concatenate(bridged)
    is_quiet = (every[:, 0] > mute) & (every[:, 0] <= before)
    if np.mean(~is_pause[is_quiet]) > _MOST_PASSED:
        low, _, high = _quartiles_db(every[is_quiet, 1])
        return NoiseFloor(before_db, None, (low, high), seconds)
    low, middle, high = _left_deep_inside(frames[:, 1], depths)
    is_known = high - low <= _MOST_SPREAD_DB or middle <= SILENCE_DB
    return NoiseFloor(before_db, middle if is_known else None, (low, high), seconds)


def floor_in_bands(before: Levels, after: Levels, edges_hz: Levels) -> NoiseFloor | None:
    """The noise floor from single bands, for sound that never pauses as a whole.

    Args:
        before, after: Energies, (frames, bands).
        edges_hz: Lower edges of the bands, Hz.

    Returns:
        The floor of all bands from the lowest one on above which the target leaves gaps everywhere; None
        where it leaves too few.
    """
    tiles = np.stack([before.ravel(), after.ravel()], axis=1)
    bounds = _gain_bounds(tiles[tiles[:, 0] > 0.0], _BAND_CONTRAST_DB)
    if bounds is None:
        return None
    is_noise = _is_noise(tiles, bounds, _BAND_SHARE).reshape(before.shape)
    is_known = is_noise.sum(axis=0) >= _LEAST_FRAMES
    first = len(is_known) - int(np.argmin(is_known[::-1])) if not is_known.all() else 0
    # Less than two octaves of hiss say little about a recording.
    if first >= len(is_known) or edges_hz[first] * 4.0 > edges_hz[-1]:
        return None
    noise = _band_means(before, is_noise)[first:]
    from_hz = float(edges_hz[first]) if first else 0.0
    # What is left is not known: gaps are found by what was removed in them, and tones of the target reach in.
    return NoiseFloor(decibels(noise.sum()), None, None, 0.0, from_hz)


def _left_deep_inside(after: Levels, depths: NDArray[np.int64]) -> tuple[float, float, float]:
    """Quartiles of what is left, dBFS.

    Args:
        after: Energies of frames in pauses, (frames,).
        depths: Frames from each one to the nearer end of its pause.
    """
    found: list[tuple[float, float, float]] = []
    for least in range(int(depths.min()), int(depths.max()) + 1):
        inner = after[depths >= least]
        if found and len(inner) < _LEAST_DEEP_FRAMES:
            break
        found.append(_quartiles_db(inner))
    narrowest = min(high - low for low, _, high in found)
    return next(one for one in found if (one[2] - one[0]) * _NARROWER <= narrowest)


def _gain_bounds(tiles: Levels, least_contrast_db: float) -> tuple[float, float] | None:
    """Gains of the target and of noise alone, linear.

    Args:
        tiles: Energies before and after, (tiles, 2), those before above 0.
        least_contrast_db: Least ratio of the two, dB.

    Returns:
        The gain of the loudest tiles, which hold half of the energy, and the lowest gain; None where the two
        are too near to each other to tell target and noise apart.
    """
    if len(tiles) < _LEAST_FRAMES:
        return None
    order = np.argsort(tiles[:, 0])[::-1]
    energies = np.cumsum(tiles[order, 0])
    loudest = tiles[order[: int(np.searchsorted(energies, 0.5 * energies[-1])) + 1]].sum(axis=0)
    high = float(np.sqrt(loudest[1] / loudest[0]))
    low = float(_quantile(np.sqrt(tiles[:, 1] / tiles[:, 0]), _LOWEST_GAIN_SHARE))
    return (high, low) if high > low * 10.0 ** (least_contrast_db / 20.0) else None


def noise_of_bands(before: Levels, after: Levels) -> Levels:
    """Energy of the noise in each band, (bands,); NaN where the target leaves no gap.

    It comes from whole frames in pauses where there are any: a band in which the target was lost must not
    count as noise.

    Args:
        before, after: Energies, (frames, bands).
    """
    frames = np.stack([before.sum(axis=1), after.sum(axis=1)], axis=1)
    bounds = _gain_bounds(frames[frames[:, 0] > 0.0], _FRAME_CONTRAST_DB)
    if bounds is not None:
        is_pause = _is_noise(frames, bounds, _FRAME_SHARE)
        if is_pause.sum() >= _LEAST_SPECTRA:
            noise: Levels = before[is_pause].mean(axis=0)
            return noise
    tiles = np.stack([before.ravel(), after.ravel()], axis=1)
    bounds = _gain_bounds(tiles[tiles[:, 0] > 0.0], _BAND_CONTRAST_DB)
    if bounds is None:
        return np.full(before.shape[1], np.nan)
    return _band_means(before, _is_noise(tiles, bounds, _BAND_SHARE).reshape(before.shape))


def _quartiles_db(energies: Levels) -> tuple[float, float, float]:
    low, middle, high = (decibels(float(_quantile(energies, share))) for share in (0.25, 0.5, 0.75))
    return low, middle, high


def decibels(energy: float) -> float:
    """10 log10, at least `SILENCE_DB`."""
    return max(SILENCE_DB, float(10.0 * np.log10(max(energy, 1e-20))))


def _is_noise(tiles: Levels, bounds: tuple[float, float], share: float) -> NDArray[np.bool_]:
    high, low = bounds
    live = tiles[:, 0] > 0.0
    gains = np.sqrt(np.divide(tiles[:, 1], tiles[:, 0], out=np.ones(len(tiles)), where=live))
    return live & ((np.maximum(gains - low, 0.0) / (high - low)) ** 2 < share)


def _band_means(energies: Levels, mask: NDArray[np.bool_]) -> Levels:
    counts = mask.sum(axis=0)
    sums = np.where(mask, energies, 0.0).sum(axis=0)
    means: Levels = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts >= _LEAST_FRAMES)
    return means


def _stretches(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and past-the-last frame of each stretch of True."""
    steps = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _depths(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Of each frame in a stretch of True: frames to its nearer end, 1 at the ends; 0 outside."""
    depths = np.zeros(len(mask), np.int64)
    for start, end in _stretches(mask):
        steps = np.arange(1, end - start + 1)
        depths[start:end] = np.minimum(steps, steps[::-1])
    return depths


def _quantile(values: Levels, share: float) -> Levels:
    """As `np.quantile(values, share, axis=0)`, which imports numpy.ma: a tenth of the command's start."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    ordered = np.partition(values, (low, high), axis=0)
    result: Levels = ordered[low] + (place - low) * (ordered[high] - ordered[low])
    return result


def _bridged(mask: NDArray[np.bool_], live: NDArray[np.bool_]) -> NDArray[np.bool_]:
    bridged = mask.copy()
    for start, end in _stretches(~mask):
        if end - start <= _BRIDGED_FRAMES and start > 0 and end < len(mask) and live[start:end].all():
            bridged[start:end] = True
    return bridged


def _inner(mask: NDArray[np.bool_], shortest: int) -> NDArray[np.bool_]:
    """The stretches of at least `shortest` frames, without their ends."""
    inner = np.zeros_like(mask)
    for start, end in _stretches(mask):
        if end - start >= shortest:
            inner[start + _END_FRAMES : end - _END_FRAMES] = True
    return inner
