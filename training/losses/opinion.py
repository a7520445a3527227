"""DNSMOS's predicted overall rating as a loss.

After Reddy et al., "DNSMOS P.835: A Non-Intrusive Perceptual Objective Speech Quality Metric", ICASSP 2022.
The network is that of the package `speechmos`. Do not evaluate a model trained with it by DNSMOS alone.
"""

from __future__ import annotations

import importlib.util

import torch
from torch import Tensor, nn
from torch.nn import functional

from hushgate.training.dnsmos_files import P835_FILE, RATINGS, network_path

_SAMPLE_RATE = 16_000
_FRAME, _HOP = 320, 160
_LEAST_POWER = 1e-12
# RMS level of most recordings in DNSMOS's training data.
_LEVEL = 10.0 ** (-26.0 / 20.0)
_TINY = 1e-8
_OVERALL = "dnsmos_ovr"
_BEST = 5.0
_CONVOLUTIONS = ("conv2d", *(f"conv2d_{i}" for i in range(1, 7)))
_POOLED = ("conv2d_3", "conv2d_4", "conv2d_5")
_DENSE = ("dense", "dense_1", "dense_3")


class OpinionLoss(nn.Module):
    """Distance of DNSMOS's overall score from 5, at a level of -26 dBFS.

    Args:
        sample_rate: Hz, 16,000.
        num_judged: Number of examples of a batch, the first ones, that are judged for all. Judging 3 s
            takes 6 billion multiplications and additions, more than most denoisers.

    Raises:
        ValueError: Another sample rate.
        ImportError: The package speechmos is missing.
    """

    def __init__(self, sample_rate: float, num_judged: int) -> None:
        super().__init__()
        if sample_rate != _SAMPLE_RATE:
            raise ValueError(
                f"loss.opinion needs data.sample_rate 16000 Hz (got {sample_rate:g}): set loss.opinion to 0."
            )
        self.num_judged = num_judged
        for name, weight in _read_weights().items():
            self.register_buffer(name, weight)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Map waveforms (batch, samples), 1 s or longer, to losses (batch,): 0 for those not judged."""
        self.to(estimate.device)
        count = min(self.num_judged, len(estimate))
        with torch.autocast(estimate.device.type, enabled=False):
            level = target[:count].float().square().mean(-1, keepdim=True).sqrt()
            score = self.score(estimate[:count].float() * (_LEVEL / (level + _TINY)))
        return functional.pad((_BEST - score) * (len(estimate) / count), (0, len(estimate) - count))

    def score(self, audio: Tensor) -> Tensor:
        """Map waveforms (batch, samples) to overall scores (batch,), about 1 to 4.5.

        DNSMOS is defined for 9.01 s; its network takes a maximum over time and accepts other lengths.
        """
        frames = audio.unfold(-1, _FRAME, _HOP)
        power = (frames @ self.get_buffer("real")).square() + (frames @ self.get_buffer("imaginary")).square()
        x = power.clamp(min=_LEAST_POWER).log10()[:, None]
        for name in _CONVOLUTIONS:
            x = functional.relu(
                functional.conv2d(
                    x, self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias"), padding=1
                )
            )
            if name in _POOLED:
                x = functional.max_pool2d(x, 2)
        x = x.amax(dim=(-2, -1))
        for name in _DENSE:
            x = x @ self.get_buffer(f"{name}_weight") + self.get_buffer(f"{name}_bias")
            x = x if name == _DENSE[-1] else functional.relu(x)
        square, linear, constant = RATINGS[_OVERALL]
        raw = x[:, list(RATINGS).index(_OVERALL)]
        return (square * raw + linear) * raw + constant


def _read_weights() -> dict[str, Tensor]:
    import onnx

    if importlib.util.find_spec("speechmos") is None:
        raise ImportError(
            "loss.opinion needs the package speechmos: pip install 'hushgate[evaluate]', or set loss.opinion "
            "to 0."
        )
    found = {
        one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy())
        for one in onnx.load(network_path(P835_FILE)).graph.initializer
    }
    weights = {
        "real": found["time2freq/stft-real/kernel:0"][:, :, 0].T.contiguous(),
        "imaginary": found["time2freq/stft-imag/kernel:0"][:, :, 0].T.contiguous(),
    }
    for name in _CONVOLUTIONS:
        weights |= {f"{name}_weight": found[f"{name}/kernel:0"], f"{name}_bias": found[f"{name}/bias:0"]}
    for name in _DENSE:
        stem = f"mos_estimator_logpow/{name}"
        weights |= {
            f"{name}_weight": found[f"{stem}/MatMul/ReadVariableOp/resource:0"],
            f"{name}_bias": found[f"{stem}/BiasAdd/ReadVariableOp/resource:0"],
        }
    return weights
