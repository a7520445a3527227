"""Discriminator of spectrograms at three resolutions, and the adversarial losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

_WINDOWS_S = (0.016, 0.032, 0.064)
_LEAK = 0.2
_TINY = 1e-8
# Compressed like the denoisers' features; linear magnitudes would be dominated by the loudest partials.
_COMPRESSION = 0.3


class SpectrogramDiscriminator(nn.Module):
    """Judge patches of a power-compressed magnitude spectrogram.

    Shapes: waveform (batch, samples) to a list of feature maps, the last of which holds the verdicts.
    """

    window: Tensor

    def __init__(self, window_samples: int, channels: int) -> None:
        super().__init__()
        self.window_samples = window_samples
        self.register_buffer("window", torch.hann_window(window_samples), persistent=False)
        layers = [nn.Conv2d(1, channels, (3, 9), padding=(1, 4))]
        layers += [nn.Conv2d(channels, channels, (3, 9), stride=(1, 2), padding=(1, 4)) for _ in range(3)]
        layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, 1, 3, padding=1)]
        self.layers = nn.ModuleList([weight_norm(layer) for layer in layers])

    def forward(self, waveform: Tensor) -> list[Tensor]:
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                waveform.float(),
                self.window_samples,
                self.window_samples // 4,
                window=self.window,
                normalized=True,
                return_complex=True,
            )
            power = torch.view_as_real(spectrum).square().sum(-1) + _TINY
            x = power.pow(_COMPRESSION / 2.0).transpose(1, 2)[:, None]
        features = []
        for number, layer in enumerate(self.layers, 1):
            x = layer(x)
            if number < len(self.layers):
                x = functional.leaky_relu(x, _LEAK)
            features.append(x.float())
        return features


class Discriminator(nn.Module):
    """Three spectrogram discriminators with windows of 16, 32 and 64 ms (as in Jang et al. 2021, UnivNet).

    Args:
        sample_rate: Hz.
        channels: Width of each.

    Shapes: waveform (batch, samples) at a level around full scale, to one list of feature maps each.
    """

    def __init__(self, sample_rate: float, channels: int) -> None:
        super().__init__()
        windows = [4 * round(seconds * sample_rate / 4) for seconds in _WINDOWS_S]
        self.parts = nn.ModuleList([SpectrogramDiscriminator(window, channels) for window in windows])

    def forward(self, waveform: Tensor) -> list[list[Tensor]]:
        return [part(waveform) for part in self.parts]


def discriminator_loss(
    of_targets: Sequence[Sequence[Tensor]], of_estimates: Sequence[Sequence[Tensor]], kind: str
) -> Tensor:
    """Loss of the discriminator: hinge (Lim and Ye 2017) or least squares (Mao et al. 2017).

    Args:
        of_targets, of_estimates: The discriminator's output for the one and the other.
        kind: "hinge" or "least_squares".
    """
    losses = []
    for real, made in zip(of_targets, of_estimates, strict=True):
        if kind == "hinge":
            losses.append((1.0 - real[-1]).relu().mean() + (1.0 + made[-1]).relu().mean())
        else:
            losses.append((1.0 - real[-1]).square().mean() + made[-1].square().mean())
    return torch.stack(losses).mean()


def generator_loss(of_estimates: Sequence[Sequence[Tensor]], kind: str) -> Tensor:
    """Loss of the denoiser against the discriminator; arguments as in `discriminator_loss`."""
    if kind == "hinge":
        return torch.stack([-made[-1].mean() for made in of_estimates]).mean()
    return torch.stack([(1.0 - made[-1]).square().mean() for made in of_estimates]).mean()


def feature_distance(
    of_targets: Sequence[Sequence[Tensor]], of_estimates: Sequence[Sequence[Tensor]]
) -> Tensor:
    """Mean absolute distance of the discriminator's inner features, relative to their size."""
    distances = [
        (a - b.detach()).abs().mean() / (b.detach().abs().mean() + _TINY)
        for made, real in zip(of_estimates, of_targets, strict=True)
        for a, b in zip(made[:-1], real[:-1], strict=True)
    ]
    return torch.stack(distances).mean()
