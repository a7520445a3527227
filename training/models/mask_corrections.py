"""Corrections of a finished mask, outside training only."""

from __future__ import annotations

import torch
from torch import Tensor

# Keys of the configuration that correct a finished mask, outside training only.
CORRECTIONS = ("relief_db", "upper_relief_db", "silent_pauses", "silent_upper_pauses")
# Passed share of a frame's power at which relief begins, and at which it is complete.
_LEAST_PASSED, _MOSTLY_PASSED = 0.4, 0.8
# Passed share below which squaring of the mask begins, and below which it is complete.
_HARDLY_PASSED, _PAUSE_PASSED = 0.06, 0.03
# Power gain at which half of the relief remains.
_DEEP = 0.01


def relief(passed: Tensor, most: Tensor | float, deep: float) -> Tensor:
    """Power factor (r + p) / (1 + r p) of power gains p up to 1, r = `most`, fading out below `deep`."""
    return 1.0 + (most - 1.0) * (passed - passed.square()) / ((1.0 + most * passed) * (passed + deep))


def settle(mask: Tensor, power: Tensor, relief_db: float, silent_pauses: bool) -> Tensor:
    """Correct a finished mask (..., bins, 2) by the share of the power (..., bins) that passes in its frame.

    Where most passes, relief: a gain of g becomes g sqrt((r + g^2) / (1 + r g^2)) with
    r = 10^(relief_db / 10), fading out below -20 dB, where hardly anything but noise is. 1 stays 1; with
    6 dB -3 dB become -1.3, -6 become -2.8, -12 become -7.3, -20 become -16 and -40 become -39.9. A network
    takes too much from sound unlike that of its training; on what it knows this costs little, for near 0 dB
    it moves the gain of a Wiener filter towards that of power subtraction.

    Where hardly anything passes, with `silent_pauses`, g becomes g^2: what is left of noise alone falls
    silent; what stands out of it has a gain near 1, and stays.
    """
    # Real and imaginary parts apart: a last axis of two is slow in onnxruntime.
    real, imaginary = mask.unbind(-1)
    passed = (real.square() + imaginary.square()).clamp(max=1.0)
    share = (power * passed).sum(-1, keepdim=True) / power.sum(-1, keepdim=True)
    factor = torch.ones_like(share)
    if relief_db:
        amount = ((share - _LEAST_PASSED) / (_MOSTLY_PASSED - _LEAST_PASSED)).clamp(0.0, 1.0)
        most = 1.0 + amount * (10.0 ** (relief_db / 10.0) - 1.0)
        factor = relief(passed, most, _DEEP)
    if silent_pauses:
        amount = ((_HARDLY_PASSED - share) / (_HARDLY_PASSED - _PAUSE_PASSED)).clamp(0.0, 1.0)
        factor = factor * (1.0 - amount + amount * passed)
    gain = factor.sqrt()
    return torch.stack([real * gain, imaginary * gain], dim=-1)
