"""A full-band example as a network hears it: the sound up to its bins, and levels above them."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

from hushgate.engine.signal.framing import analysis_window, frame_size_for, spectrum_scale
from hushgate.engine.signal.upper_bands import UpperLevels
from hushgate.training.models import HushConfig

Audio = NDArray[np.float32]


class BandSplit:
    """Split mixtures at `mix_rate` into sound at `sample_rate` and the levels of the bands above.

    Args:
        sample_rate: Rate of the sound that the network and its loss see, Hz.
        mix_rate: Rate of the mixtures, Hz, a multiple of it; with bands above, one whose frames are the same
            multiple as long.
        shape: The network's framing and its upper bands; None for a network without such bands, whose
            examples are the sound at `sample_rate` alone.

    Raises:
        ValueError: The rates do not fit together.
    """

    def __init__(self, sample_rate: int, mix_rate: int, shape: HushConfig | None) -> None:
        self.shape, self.factor = shape, mix_rate // sample_rate
        if self.factor < 1 or mix_rate % sample_rate:
            raise ValueError(
                f"data.mix_rate must be a multiple of data.sample_rate, {sample_rate} Hz (got {mix_rate})."
            )
        if shape is None:
            return
        self.frame = frame_size_for(mix_rate, shape.frame_ms, shape.overlap)
        low_frame = frame_size_for(sample_rate, shape.frame_ms, shape.overlap)
        if self.factor < 2 or self.frame != self.factor * low_frame:
            raise ValueError(
                f"data.mix_rate must be a multiple of data.sample_rate, {sample_rate} Hz, with frames as "
                f"many times as long (got {mix_rate})."
            )
        self.hop = self.frame // shape.overlap
        window = analysis_window(self.frame)
        self._window = window * np.float32(spectrum_scale(window))

    def __call__(self, noisy: Audio, clean: Audio, top_hz: float) -> tuple[Audio, ...]:
        """Return the mixture and the target at the lower rate, and with bands above (frames, bands, 4).

        Args:
            noisy, clean: (samples,) at the mixtures' rate.
            top_hz: Up to where the recording reaches; bands above are unknown.

        The four values are those of `training.models.upper_head.upper_loss`.
        """
        shape = self.shape
        if shape is None:
            return self._lower(noisy), self._lower(clean)
        bins = min(self.frame // 2 + 1, int(top_hz * shape.frame_ms / 1000.0 + 1e-6) + 1)
        levels = UpperLevels(shape.upper_edges_hz, shape.upper_top_hz, shape.frame_ms, shape.num_bins, bins)
        mixed, wanted = self._spectra(noisy), self._spectra(clean)
        above = np.zeros((len(mixed), len(shape.upper_edges_hz), 4), dtype=np.float32)
        above[..., :2] = levels.levels(mixed)
        above[..., 2] = levels.products(wanted, wanted)
        above[..., 3] = levels.products(mixed, wanted)
        return self._lower(noisy), self._lower(clean), above

    def _lower(self, audio: Audio) -> Audio:
        """Keep what lies below half the lower rate, all of it: no resampler's roll-off."""
        count = len(audio) // self.factor
        spectrum = fft.rfft(audio[: count * self.factor])[: count // 2 + 1]
        return np.asarray(fft.irfft(spectrum, count) * np.float32(1.0 / self.factor), np.float32)

    def _spectra(self, audio: Audio) -> NDArray[np.complex64]:
        """Spectra (frames, bins), in the places of `torch_framing.Framing`."""
        lead = self.frame - self.hop
        padded = np.pad(audio, (lead, -len(audio) % self.hop + lead))
        frames = sliding_window_view(padded, self.frame)[:: self.hop] * self._window
        return np.asarray(fft.rfft(frames, axis=-1), np.complex64)
