"""The disturbance model of PESQ as a loss.

After ITU-T P.862 (PESQ) with the wide-band extension P.862.2, and after its differentiable versions by
Martin-Donas et al. 2018 ("PMSQE") and torch-pesq (Schmidt, MIT licence). It leaves out the alignment in time,
which a denoiser does not need, and filters the spectrum instead of the waveform. Not the package torch-pesq
itself, which requires torchtyping, unmaintained since 2022.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# Bins of each band, from P.862, for bins of 31.25 Hz.
_BINS = (
    *(1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2),
    *(3, 3, 3, 3, 4, 3, 4, 5, 4, 5, 6, 6, 7, 8, 9, 9, 12, 12, 15, 16, 18, 21, 25, 20),
)
# Centre of each band, Bark.
_CENTRE = (
    *(0.078672, 0.316341, 0.636559, 0.961246, 1.290450, 1.624217, 1.962597, 2.305636, 2.653383, 3.005889),
    *(3.363201, 3.725371, 4.092449, 4.464486, 4.841533, 5.223642, 5.610866, 6.003256, 6.400869, 6.803755),
    *(7.211971, 7.625571, 8.044611, 8.469146, 8.899232, 9.334927, 9.776288, 10.223374, 10.676242, 11.134952),
    *(11.599563, 12.070135, 12.546731, 13.029408, 13.518232, 14.013264, 14.514566, 15.022202, 15.536238),
    *(16.056736, 16.583761, 17.117382, 17.657663, 18.204674, 18.758478, 19.319147, 19.886751, 20.461355),
    21.043034,
)
# Factor of each band that compensates for its number of bins.
_CORRECTION = (
    *(100.0, 99.999992, 100.0, 100.000008, 100.000008, 100.000015, 99.999992, 99.999969, 50.000027, 100.0),
    *(99.999969, 100.000015, 99.999947, 100.000061, 53.047077, 110.000046, 117.991989, 65.0, 68.760147),
    *(69.999931, 71.428818, 75.000038, 76.843384, 80.968781, 88.646126, 63.864388, 68.155350, 72.547775),
    *(75.584831, 58.379192, 80.950836, 64.135651, 54.384785, 73.821884, 64.437073, 59.176456, 65.521278),
    *(61.399822, 58.144047, 57.004543, 64.126297, 54.311001, 61.114979, 55.077751, 56.849335, 55.628868),
    *(53.137054, 54.985844, 79.546974),
)
# Power at the threshold of hearing.
_THRESHOLD = (
    *(51286152.0, 2454709.5, 70794.59375, 4897.788574, 1174.897705, 389.045166, 104.712860, 45.708820),
    *(17.782795, 9.772372, 4.897789, 3.090296, 1.905461, 1.258925, 0.977237, 0.724436, 0.562341, 0.457088),
    *(0.389045, 0.331131, 0.295121, 0.269153, 0.257040, 0.251189, 0.251189, 0.251189, 0.251189, 0.263027),
    *(0.288403, 0.309030, 0.338844, 0.371535, 0.398107, 0.436516, 0.467735, 0.489779, 0.501187, 0.501187),
    *(0.512861, 0.524807, 0.524807, 0.524807, 0.512861, 0.478630, 0.426580, 0.371535, 0.363078, 0.416869),
    0.537032,
)
_POWER_SCALE = 6.910853e-6
_LOUDNESS_SCALE = 0.1866055
_ZWICKER = 0.23
_FRAME_S = 0.032
_USED_BINS = 256
_LEVEL = 1e7
_LEVEL_BAND_HZ = (325.0, 3250.0)
# Low cut of P.862.2, at 16 kHz.
_LOW_CUT = ((2.740826, -5.4816519, 2.740826), (1.0, -1.9444777, 0.94597794))
_LOW_CUT_RATE = 16_000.0
_LARGEST = 45.0
# Frames of the sixth-power norm over time: 0.32 s, half overlapping.
_STRETCH, _STRETCH_HOP = 20, 10
_TINY = 1e-12


class PerceptualLoss(nn.Module):
    """Disturbance between an estimate and its target: 0 for none, about 3.4 where PESQ would be 1.1.

    Args:
        sample_rate: Hz, 16 kHz or more; only what lies below 8 kHz counts.
    """

    window: Tensor
    low_cut: Tensor
    level_band: Tensor
    bands: Tensor
    width: Tensor
    threshold: Tensor
    exponent: Tensor

    def __init__(self, sample_rate: float) -> None:
        super().__init__()
        if sample_rate < 2 * _USED_BINS / _FRAME_S:
            raise ValueError(
                f"loss.perceptual needs data.sample_rate 16000 Hz or more (got {sample_rate:g}): set "
                "loss.perceptual to 0."
            )
        self.frame = round(sample_rate * _FRAME_S)
        frequency = torch.arange(_USED_BINS) / _FRAME_S
        turn = torch.exp(-2j * math.pi * frequency[:, None] / _LOW_CUT_RATE * torch.arange(3))
        numerator, denominator = (turn @ torch.tensor(one, dtype=turn.dtype) for one in _LOW_CUT)
        low, high = _LEVEL_BAND_HZ
        bands = torch.zeros(_USED_BINS, len(_BINS))
        first = 0
        for band, count in enumerate(_BINS):
            bands[first : first + count, band] = _CORRECTION[band] * _POWER_SCALE
            first += count
        centre = torch.tensor(_CENTRE)
        between = (centre[1:] + centre[:-1]) / 2.0
        edges = torch.cat([torch.zeros(1), between, 2.0 * centre[-1:] - between[-1:]])
        self.register_buffer("window", torch.hann_window(self.frame))
        self.register_buffer("low_cut", (numerator / denominator).abs().square())
        self.register_buffer("level_band", ((frequency >= low) & (frequency <= high)).float())
        self.register_buffer("bands", bands)
        self.register_buffer("width", edges.diff())
        self.register_buffer("threshold", torch.tensor(_THRESHOLD))
        self.register_buffer("exponent", (6.0 / (centre + 2.0)).clamp(1.0, 2.0) ** 0.15 * _ZWICKER)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Map waveforms (batch, samples), 0.3 s or longer, to losses (batch,)."""
        self.to(estimate.device)
        with torch.autocast(estimate.device.type, enabled=False):
            return self._disturbance(self._powers(estimate.float()), self._powers(target.float()))

    def _powers(self, audio: Tensor) -> Tensor:
        """Power in every band at PESQ's level and after its low cut: (batch, frames, bands)."""
        spectrum = torch.stft(
            audio, self.frame, self.frame // 2, window=self.window, center=False, return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(-1)[:, :_USED_BINS].transpose(1, 2)
        # P.862's frames have 512 samples whatever the rate is here.
        power = power * (2.0 * _USED_BINS / self.frame) ** 2
        mean_square = 2.0 * (power * self.level_band).sum(-1) / (2 * _USED_BINS) / (0.375 * 2 * _USED_BINS)
        level = mean_square.mean(-1)[:, None, None]
        return torch.matmul(power * self.low_cut * (_LEVEL / (level + _TINY)), self.bands)

    def _disturbance(self, estimate: Tensor, target: Tensor) -> Tensor:
        silent = self._audible(target, 100.0) < 1e7
        heard = [
            (one * (one > self.threshold * 100.0) * ~silent[..., None]).mean(1) for one in (estimate, target)
        ]
        # Constant filtering disturbs little: compensate for it in the target by up to 20 dB.
        colour = ((heard[0] + 1e3) / (heard[1] + 1e3)).clamp(0.01, 100.0)
        target = target * colour[:, None]
        gain = (self._audible(target, 1.0) + 5e3) / (self._audible(estimate, 1.0) + 5e3)
        gain = torch.cat([gain[:, :1], 0.8 * gain[:, 1:] + 0.2 * gain[:, :-1]], dim=1).clamp(3e-4, 5.0)
        estimate = estimate * gain[..., None]

        loud = self._loudness(estimate), self._loudness(target)
        difference = loud[0] - loud[1]
        masked = 0.25 * torch.minimum(*loud)
        difference = difference.sign() * (difference.abs() - masked).clamp(min=0.0)
        # Added components disturb more than missing ones.
        added = ((estimate + 50.0) / (target + 50.0)) ** 1.2
        added = torch.where(added < 3.0, 0.0, added.clamp(max=12.0))
        weight = ((self._audible(target, 1.0) + 1e5) / 1e7) ** 0.04
        width, total = self.width[1:], self.width[1:].sum()
        both = (difference[..., 1:] * width).square().sum(-1).clamp(min=_TINY).sqrt() * total.sqrt()
        extra = (difference * added)[..., 1:].abs().mul(width).sum(-1)
        both, extra = ((one / weight).clamp(max=_LARGEST) for one in (both, extra))
        return 0.1 * _over_time(both) + 0.0309 * _over_time(extra)

    def _audible(self, power: Tensor, factor: float) -> Tensor:
        return (power * (power > self.threshold * factor)).sum(-1)

    def _loudness(self, power: Tensor) -> Tensor:
        """Zwicker's loudness of each band, in sone."""
        scale = (2.0 * self.threshold) ** self.exponent
        loudness = scale * ((0.5 + 0.5 * power / self.threshold) ** self.exponent - 1.0)
        return loudness.clamp(min=0.0) * _LOUDNESS_SCALE


def _over_time(disturbance: Tensor) -> Tensor:
    """Norm of exponent 6 of each stretch, then of exponent 2 of them: (batch, frames) to (batch,)."""
    size = min(_STRETCH, disturbance.shape[-1])
    stretches = disturbance.unfold(-1, size, _STRETCH_HOP) + _TINY
    # Normalize first: sixth powers of small numbers underflow in float32.
    top = stretches.detach().amax(-1, keepdim=True)
    mean = ((stretches / top) ** 6).mean(-1) ** (1.0 / 6.0) * top[..., 0]
    return mean.square().mean(-1).clamp(min=_TINY).sqrt()
