"""Silent stretches of a recording, and their removal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FRAME_MS = 10.0
_FADE_MS = 5.0


@dataclass(frozen=True)
class SilenceRule:
    """Definition of a silent stretch, and its length after the cut.

    Args:
        below_db: Frames this far below the recording's loud frames (95th percentile) are silent, dB above 0.
        longest_s: Stretches up to this length are kept, s.
        keep_s: What stays of longer ones, half at either end, s; at most `longest_s`.
    """

    below_db: float = 40.0
    longest_s: float = 0.3
    keep_s: float = 0.2

    def __post_init__(self) -> None:
        if not 0.0 < self.below_db < float("inf"):
            raise ValueError(f"silence_below_db must be above 0 dB (got {self.below_db:g}).")
        if not 0.0 <= self.keep_s <= self.longest_s < float("inf"):
            raise ValueError(
                f"silence_keep_s must be between 0 s and silence_longest_s (got {self.keep_s:g} "
                f"and {self.longest_s:g})."
            )


def find_sounding(audio: NDArray[np.floating], sample_rate: int, rule: SilenceRule) -> list[tuple[int, int]]:
    """Return the stretches to keep, as (first, one past the last) sample, in order.

    Args:
        audio: (channels, samples).
        sample_rate: Hz.
        rule: What is silent.

    Returns:
        At least the loudest frame; nothing for a recording of digital silence.
    """
    size = max(1, round(_FRAME_MS / 1000.0 * sample_rate))
    num_samples = audio.shape[1]
    num_frames = -(-num_samples // size)
    padded = np.zeros((audio.shape[0], num_frames * size))
    padded[:, :num_samples] = audio
    energy = np.mean(np.square(padded).reshape(audio.shape[0], num_frames, size), axis=(0, 2))
    if not energy.any():
        return []
    loud = max(float(np.percentile(energy, 95)), float(energy.max()) * 10.0**-3)
    sounding = energy > loud * 10.0 ** (-rule.below_db / 10.0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], sounding, [False]]).astype(np.int8)))
    runs = edges.reshape(-1, 2) * size
    half = round(rule.keep_s / 2.0 * sample_rate)
    longest = round(rule.longest_s * sample_rate)
    kept: list[tuple[int, int]] = []
    for first, last in ((int(a), min(int(b), num_samples)) for a, b in runs):
        if kept and first - kept[-1][1] <= longest:
            kept[-1] = (kept[-1][0], last)
        else:
            kept.append((first, last))
    return [
        (
            0 if first <= longest // 2 else first - half,
            last + half if num_samples - last > longest // 2 else num_samples,
        )
        for first, last in kept
    ]


def cut_together(
    audio: NDArray[np.float32], stretches: list[tuple[int, int]], sample_rate: int
) -> NDArray[np.float32]:
    """Return (channels, samples) with the stretches one after the other, crossfaded over 5 ms."""
    fade = round(_FADE_MS / 1000.0 * sample_rate)
    ramp = (np.arange(fade, dtype=np.float32) + 0.5) / np.float32(max(1, fade))
    pieces = [audio[:, first:last] for first, last in stretches]
    if not pieces:
        return audio[:, :0]
    joined = [pieces[0]]
    for piece in pieces[1:]:
        before = joined[-1]
        length = min(fade, piece.shape[1], before.shape[1])
        if length == fade and fade:
            joined[-1] = before[:, :-fade]
            piece = np.concatenate(
                [before[:, -fade:] * ramp[::-1] + piece[:, :fade] * ramp, piece[:, fade:]], axis=1
            )
        joined.append(piece)
    return np.concatenate(joined, axis=1)
