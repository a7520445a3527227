"""The runner of segment models: spectra in, denoised spectra out, with constant memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.mask_runner import combine_channels
from hushgate.engine.model_files.model import Model
from hushgate.engine.signal.framing import analysis_window, spectrum_scale
from hushgate.engine.signal.segment_crossfade import crossfade_weights, upper_gains

# An estimate beyond this (60 dB over the largest sample that counts as sound) is a fault of the model.
_LARGEST_ESTIMATE = 1e15
_Spectra = NDArray[np.complex64]


class SegmentRunner:
    """Run a segment model over the spectra of one stream: cut segments, cross-fade the estimates.

    A segment ends every `hop_frames` frames, counted from the start of the stream; silence precedes the
    stream. A frame is complete when every segment that covers it has been estimated, at most `num_frames - 1`
    frames after it came in, and it is always returned with that delay. A block that completes a segment takes
    as long as the model does, and the blocks between take no time: fine for files, too uneven for live sound.

    Digital silence stays silent for every model: silent frames give silence, and silent segments are not
    computed.

    Args:
        model: The model; may be shared.
        num_channels: Channels of the spectra.
        num_bins: Bins of the spectra, from 0 Hz to half the sample rate. Where the model has more bins it
            gets zeros there; bins above the model's get its mean gain of the range below them.

    Memory: three segments of all bins per channel. State: the last segment of input, the open sums of the
    estimates. Segments for which the model's estimate is not finite are muted, and `num_faulty_frames` counts
    their new frames.
    """

    def __init__(self, model: Model, num_channels: int, num_bins: int) -> None:
        info = model.info
        assert info.segment is not None
        self._model = model
        self._kind = info.segment.kind
        self._hop = info.segment.hop_frames
        self._shared_bins = min(num_bins, info.num_bins)
        self._upper_from = min(
            round(info.segment.upper_from_hz * info.frame_ms / 1000.0), self._shared_bins - 1
        )
        weights = crossfade_weights(info.segment.num_frames, self._hop)
        self._weights = weights[None, :, None]
        shape = (num_channels, info.segment.num_frames, num_bins)
        self._input = np.zeros(shape, dtype=np.complex64)
        self._sums = np.zeros(shape, dtype=np.complex64)
        self._due = np.zeros((num_channels, self._hop, num_bins), dtype=np.complex64)
        self._window_scale = spectrum_scale(analysis_window(2 * info.num_bins))
        self.presence: float | None = None
        self.num_faulty_frames = 0
        self.reset()

    def reset(self) -> None:
        """Forget all sound."""
        for buffer in (self._input, self._sums, self._due):
            buffer[:] = 0.0
        # Frames of the current hop that have come in.
        self._filled = 0
        self.num_faulty_frames = 0

    def apply(self, spectra: _Spectra, delayed: _Spectra, target: _Spectra, *, linked: bool) -> None:
        """Take new frames and write the frames that are due.

        Args:
            spectra: New frames, complex64 (channels, frames, bins).
            delayed: Not used: the estimates hold the sound itself.
            target: Receives the denoised frames that belong to the new frames' places, delayed.
            linked: One estimate for all channels, divided by each channel's share, or one for each.
        """
        hop, done = self._hop, 0
        while done < spectra.shape[1]:
            count = min(hop - self._filled, spectra.shape[1] - done)
            first = self._input.shape[1] - hop + self._filled
            self._input[:, first : first + count] = spectra[:, done : done + count]
            self._filled += count
            # `_due` holds the finished frames of the last segment. Frame k of a hop releases frame k + 1 of
            # them; the last frame of a hop completes a segment and releases the first frame of that one.
            waiting = count - (self._filled == hop)
            position = self._filled - count + 1
            target[:, done : done + waiting] = self._due[:, position : position + waiting]
            if self._filled == hop:
                self._finish_segment(linked)
                target[:, done + waiting] = self._due[:, 0]
            done += count

    def _finish_segment(self, linked: bool) -> None:
        """Run the model on the last segment, add its estimate to the open sums, and advance by a hop."""
        hop, sums, frames = self._hop, self._sums, self._input
        sums += self._estimate(linked) * self._weights
        self._due[:] = sums[:, :hop]
        for buffer in (sums, frames):
            buffer[:, :-hop] = buffer[:, hop:]
            buffer[:, -hop:] = 0.0
        self._filled = 0

    def _estimate(self, linked: bool) -> _Spectra:
        """The denoised segment, complex64 (channels, frames, bins)."""
        bins = self._shared_bins
        channels = self._input[:, :, :bins]
        common = combine_channels(channels) if linked else channels
        sounding: NDArray[np.bool_] = common.any(axis=2, keepdims=True)  # type: ignore[assignment]
        estimate = np.zeros_like(self._input)
        rows = sounding[:, :, 0].any(axis=1)
        if not rows.any():
            return estimate
        denoised = np.zeros_like(common)
        denoised[rows] = self._run(common[rows])
        denoised *= sounding
        if not np.abs(denoised).max() <= _LARGEST_ESTIMATE:  # also catches NaN
            self.num_faulty_frames += self._hop
            return estimate
        gains = upper_gains(common, denoised, self._upper_from)
        if linked and len(channels) > 1:
            # The common spectrum has the channels' RMS magnitude: no share exceeds the root of their number.
            share = np.divide(channels, common, out=np.zeros_like(channels), where=common != 0.0)
            estimate[:, :, :bins] = share * denoised
        else:
            estimate[:, :, :bins] = denoised
        estimate[:, :, bins:] = self._input[:, :, bins:] * gains
        return estimate

    def _run(self, spectra: _Spectra) -> _Spectra:
        """The model's estimate for segments of its own bins, complex64 (batch, frames, shared bins)."""
        batch, num_frames, bins = spectra.shape
        model_bins = self._model.info.num_bins
        inputs = np.zeros((batch, num_frames, model_bins + (self._kind == "waveform")), dtype=np.complex64)
        inputs[:, :, :bins] = spectra
        if self._kind == "waveform":
            scale = np.float32(self._window_scale)
            window = np.fft.irfft(inputs[:, 0], n=2 * model_bins) / scale
            denoised = self._model.run_segments(window.astype(np.float32, copy=False))
            output = np.fft.rfft(denoised)[:, None, :bins] * scale
            return output.astype(np.complex64, copy=False)
        parts = inputs.view(np.float32).reshape(batch, num_frames, model_bins, 2)
        values = np.ascontiguousarray(self._model.run_segments(parts))
        estimate: _Spectra = values.reshape(batch, num_frames, -1).view(np.complex64)
        return estimate[:, :, :bins]
