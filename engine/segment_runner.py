"""From spectra to denoised spectra through models that need whole segments, with constant memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.mask_runner import combine_channels
from hushgate.engine.model_files.model import Model
from hushgate.engine.signal.framing import analysis_window, spectrum_scale
from hushgate.engine.signal.segment_crossfade import crossfade_weights, upper_gains

# Beyond this (60 dB over the loudest sample that counts as sound) an answer is a fault.
_LARGEST_ANSWER = 1e15
_Spectra = NDArray[np.complex64]


class SegmentRunner:
    """Run a segment model over the spectra of one stream: cut segments, cross-fade the answers.

    A segment ends every `hop_frames` frames, counted from the start of the stream; what came before it is
    silence. A frame is due when every segment that covers it has been answered, `num_frames - 1` frames after
    it came in at the latest, and always given back that late. So a block that completes a segment takes as
    long as the model does, and the blocks between take no time: fine for files, too uneven for live sound.

    Digital silence stays silent, whatever the model makes of it: frames without sound give none, and segments
    without sound are not computed.

    Args:
        model: The model; may be shared.
        num_channels: Channels of the spectra.
        num_bins: Bins of the spectra, from 0 Hz to half the sample rate. Where the model has more bins it
            sees zeros there; bins above the model's get its mean gain of the range below them.

    Memory: three segments of all bins per channel. State: the last segment of input, the open sums of the
    answers. Segments for which the model's answer is not finite are muted, and `num_faulty_frames` counts
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
        self._heard = np.zeros(shape, dtype=np.complex64)
        self._sums = np.zeros(shape, dtype=np.complex64)
        self._due = np.zeros((num_channels, self._hop, num_bins), dtype=np.complex64)
        self._window_scale = spectrum_scale(analysis_window(2 * info.num_bins))
        self.presence: float | None = None
        self.num_faulty_frames = 0
        self.reset()

    def reset(self) -> None:
        """Forget all sound."""
        for buffer in (self._heard, self._sums, self._due):
            buffer[:] = 0.0
        # Frames of the open hop that have come in.
        self._filled = 0
        self.num_faulty_frames = 0

    def apply(self, spectra: _Spectra, delayed: _Spectra, target: _Spectra, *, linked: bool) -> None:
        """Take new frames and write the frames that are due.

        Args:
            spectra: New frames, complex64 (channels, frames, bins).
            delayed: Not needed: the answers hold the sound itself.
            target: Receives the denoised frames that belong to the new frames' places, delayed.
            linked: One answer for all channels, shared out by what each has of them, or one for each.
        """
        hop, done = self._hop, 0
        while done < spectra.shape[1]:
            count = min(hop - self._filled, spectra.shape[1] - done)
            first = self._heard.shape[1] - hop + self._filled
            self._heard[:, first : first + count] = spectra[:, done : done + count]
            self._filled += count
            # Frame k of a hop makes frame k + 1 of the last segment's finished ones due, and the last frame
            # of a hop the first one of the segment that it completes.
            waiting = count - (self._filled == hop)
            position = self._filled - count + 1
            target[:, done : done + waiting] = self._due[:, position : position + waiting]
            if self._filled == hop:
                self._answer(linked)
                target[:, done + waiting] = self._due[:, 0]
            done += count

    def _answer(self, linked: bool) -> None:
        """Run the model on the last segment, add its answer to the open sums, and move on by a hop."""
        hop, sums, heard = self._hop, self._sums, self._heard
        sums += self._estimate(linked) * self._weights
        self._due[:] = sums[:, :hop]
        for buffer in (sums, heard):
            buffer[:, :-hop] = buffer[:, hop:]
            buffer[:, -hop:] = 0.0
        self._filled = 0

    def _estimate(self, linked: bool) -> _Spectra:
        """The denoised segment, complex64 (channels, frames, bins)."""
        bins = self._shared_bins
        channels = self._heard[:, :, :bins]
        common = combine_channels(channels) if linked else channels
        sounding: NDArray[np.bool_] = common.any(axis=2, keepdims=True)  # type: ignore[assignment]
        estimate = np.zeros_like(self._heard)
        rows = sounding[:, :, 0].any(axis=1)
        if not rows.any():
            return estimate
        answer = np.zeros_like(common)
        answer[rows] = self._run(common[rows])
        answer *= sounding
        if not np.abs(answer).max() <= _LARGEST_ANSWER:  # also catches NaN
            self.num_faulty_frames += self._hop
            return estimate
        gains = upper_gains(common, answer, self._upper_from)
        if linked and len(channels) > 1:
            # The common spectrum has the channels' RMS magnitude: no share exceeds the root of their number.
            share = np.divide(channels, common, out=np.zeros_like(channels), where=common != 0.0)
            estimate[:, :, :bins] = share * answer
        else:
            estimate[:, :, :bins] = answer
        estimate[:, :, bins:] = self._heard[:, :, bins:] * gains
        return estimate

    def _run(self, spectra: _Spectra) -> _Spectra:
        """The model's answer to segments of its own bins, complex64 (batch, frames, shared bins)."""
        batch, num_frames, bins = spectra.shape
        model_bins = self._model.info.num_bins
        inputs = np.zeros((batch, num_frames, model_bins + (self._kind == "waveform")), dtype=np.complex64)
        inputs[:, :, :bins] = spectra
        if self._kind == "waveform":
            scale = np.float32(self._window_scale)
            window = np.fft.irfft(inputs[:, 0], n=2 * model_bins) / scale
            answer = self._model.run_segments(window.astype(np.float32, copy=False))
            output = np.fft.rfft(answer)[:, None, :bins] * scale
            return output.astype(np.complex64, copy=False)
        parts = inputs.view(np.float32).reshape(batch, num_frames, model_bins, 2)
        answer = np.ascontiguousarray(self._model.run_segments(parts))
        estimate: _Spectra = answer.reshape(batch, num_frames, -1).view(np.complex64)
        return estimate[:, :, :bins]
