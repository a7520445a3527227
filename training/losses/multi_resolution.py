"""Spectral convergence and log-magnitude distance at three resolutions, by auraloss."""

from __future__ import annotations

import importlib

import torch
from torch import Tensor

# Windows and hops of Parallel WaveGAN, which ran at 24 kHz, in seconds.
_WINDOWS_S = (0.025, 0.05, 0.01)
_HOPS_S = (0.005, 0.01, 0.0021)


class MultiResolutionLoss:
    """Multi-resolution STFT loss (Yamamoto, Song and Kim, "Parallel WaveGAN", ICASSP 2020).

    Resolutions are fixed in milliseconds, so that the loss means the same at every rate. auraloss takes the
    norm over the batch in its spectral convergence, so that the loudest example dominates and the loss cannot
    be divided among processes; here it is called for each example.

    Args:
        sample_rate: Hz.

    Shapes: called with estimate and target (batch, samples), returns (batch,).

    Raises:
        ModuleNotFoundError: auraloss is not installed (extra `train`).
    """

    def __init__(self, sample_rate: float) -> None:
        windows = [round(seconds * sample_rate) for seconds in _WINDOWS_S]
        self._measure = importlib.import_module("auraloss.freq").MultiResolutionSTFTLoss(
            fft_sizes=[_next_power_of_two(window) for window in windows],
            hop_sizes=[max(1, round(seconds * sample_rate)) for seconds in _HOPS_S],
            win_lengths=windows,
        )

    def __call__(self, estimate: Tensor, target: Tensor) -> Tensor:
        pairs = zip(estimate[:, None, None], target[:, None, None], strict=True)
        return torch.stack([self._measure(mine, other) for mine, other in pairs])


def _next_power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
