"""The short-time Fourier transform around a model, for blocks of any size at any sample rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.mask_runner import MaskRunner
from hushgate.engine.model_files.model import Model
from hushgate.engine.segment_runner import SegmentRunner
from hushgate.engine.signal.framing import analysis_window, spectrum_scale
from hushgate.engine.signal.input_checks import check_block, check_stream_format

# More frames per call are not faster, and with these the buffers of a mono stream stay in the cache.
MAX_FRAMES_PER_CALL = 32
# Bounds the memory of models with frames of a second.
_MAX_SAMPLES_PER_CALL = 1 << 18
# numpy's forward FFT slows down threefold when its output passes about 256 kB.
_FFT_BYTES = 160_000

FrameGain = Callable[[NDArray[np.complex64], NDArray[np.complex64]], NDArray[np.float32] | None]


class SpectralStream:
    """Run a model over a stream of sound: frames, FFT, mask, inverse FFT, overlap-add.

    Frames have a fixed length in ms, so the model works at every sample rate without resampling.
    All frames that a block completes go through the model in one call (in several, of
    `MAX_FRAMES_PER_CALL` each, when the block is very large).

    Args:
        model: The model; may be shared with other streams.
        channel_link: "linked" computes one mask from all channels and applies it to each,
            "independent" one mask for each channel. May be set while sound runs.

    Shapes: `process` maps float32 (channels, samples) to a new array of the same shape; samples
    may be 0. Values must be finite. Latency: `latency_samples`, a frame and the model's lookahead.
    State: the last frame of input, the sum of overlapping frames, the model's state.

    >>> stream = SpectralStream(load_model("voice"))
    >>> stream.prepare(48_000, max_block_size=480, num_channels=2)
    >>> stream.process(np.zeros((2, 480), np.float32)).shape
    (2, 480)
    """

    def __init__(self, model: Model, *, channel_link: str = "linked") -> None:
        self.model = model
        self.channel_link = channel_link
        self.sample_rate = 0.0
        self.num_channels = 0
        self.frame_size = 0
        self.hop_size = 0
        self.latency_samples = 0

    def prepare(self, sample_rate: float, max_block_size: int, num_channels: int) -> None:
        """Allocate for a format. Keeps the sound when rate and channel count stay the same.

        Args:
            sample_rate: Hz, 1,000 to 1,000,000.
            max_block_size: Largest block to expect, samples, 1 or more. Larger ones are accepted.
            num_channels: 1 to 256.

        Raises:
            ValueError, TypeError: An argument out of range; the old format stays in use.
        """
        check_stream_format(sample_rate, max_block_size, num_channels)
        if sample_rate == self.sample_rate and num_channels == self.num_channels:
            return
        self.num_channels = 0  # should memory run out, the stream is not prepared
        self._allocate(float(sample_rate), num_channels)
        self.sample_rate, self.num_channels = float(sample_rate), int(num_channels)
        self.reset()

    @property
    def presence(self) -> float | None:
        """The model's estimate of its target's presence in the last frame, 0 to 1; None if it has none."""
        return self._masks.presence if self.num_channels else None

    @property
    def num_faulty_frames(self) -> int:
        """Frames muted since `reset` because the model gave no finite mask."""
        return self._masks.num_faulty_frames if self.num_channels else 0

    def reset(self) -> None:
        """Forget all sound: the output is that of a new object."""
        if not self.num_channels:
            return
        self._input[:] = 0.0
        self._output[:] = 0.0
        self._spectra[:] = 0.0
        self._masks.reset()
        self._pending = 0
        self._read = 0
        self._ready = self.hop_size

    def process(self, block: NDArray[np.float32], frame_gain: FrameGain | None = None) -> NDArray[np.float32]:
        """The next samples of output, as many as come in.

        Args:
            block: float32 (channels, samples), as prepared.
            frame_gain: Called with the spectra of the frames before and after the mask, complex64
                (channels, frames, bins), where a sine of amplitude 1.0 reads 1.0 in its bin. Returns
                gains (channels or 1, frames) for the frames, or None to leave them as they are. It is an
                argument here, as a stream that kept a method of its owner would tie both into a cycle.

        Raises:
            RuntimeError: `prepare` has not been called.
            ValueError, TypeError: Not float (channels, samples) as prepared.
        """
        block = check_block(block, self.num_channels)
        num_samples = block.shape[1]
        out = np.empty((self.num_channels, num_samples), dtype=np.float32)
        capacity = self._max_frames * self.hop_size
        done = 0
        while done < num_samples:
            count = min(num_samples - done, capacity - self._pending)
            self._process_part(block[:, done : done + count], out[:, done : done + count], frame_gain)
            done += count
        return out

    def _allocate(self, sample_rate: float, channels: int) -> None:
        overlap, lookahead = self.model.info.overlap, self.model.info.lookahead_frames
        size = self.frame_size = self.model.frame_size(sample_rate)
        hop = self.hop_size = size // overlap
        self.latency_samples = self.model.latency_samples(sample_rate)
        frames = self._max_frames = min(MAX_FRAMES_PER_CALL, max(1, _MAX_SAMPLES_PER_CALL // size))
        bins = size // 2 + 1
        window = analysis_window(size)
        scale = spectrum_scale(window)
        # Frames are multiplied by the window w before the FFT and after its inverse. Copies of w^2, one hop
        # apart, add up to overlap / 2, so with the factor 2 / overlap a mask of 1 gives the input
        # back. `scale` makes a full-scale sine read 1.0 in its bin, and the synthesis takes it out again.
        self._analysis = window * np.float32(scale)
        self._synthesis = window * np.float32(2.0 / overlap / scale)
        self._lookahead = lookahead
        # Input: the samples that the next frame shares with the last one, then new samples.
        self._input = np.zeros((channels, size - hop + frames * hop), dtype=np.float32)
        # Output: finished samples (from _read to _ready), then open sums of frames that still overlap.
        self._output = np.zeros((channels, hop + frames * hop + size - hop), dtype=np.float32)
        # Spectra of frames whose masks a model with lookahead has not given yet.
        self._spectra = np.zeros((channels, lookahead + frames, bins), dtype=np.complex64)
        self._frames = np.empty(channels * frames * size, dtype=np.float32)
        self._target = np.empty(channels * frames * bins, dtype=np.complex64)
        runner = MaskRunner if self.model.info.segment is None else SegmentRunner
        self._masks: MaskRunner | SegmentRunner = runner(self.model, channels, bins)

    def _process_part(
        self, block: NDArray[np.float32], out: NDArray[np.float32], frame_gain: FrameGain | None
    ) -> None:
        """Process what fits the buffers: at most `_max_frames` frames become complete."""
        hop, shared = self.hop_size, self.frame_size - self.hop_size
        count = block.shape[1]
        start = shared + self._pending
        self._input[:, start : start + count] = block
        self._pending += count
        num_frames = self._pending // hop
        if num_frames:
            # Move unread samples and open sums to the front, so that the new frames have room.
            if self._read:
                used = self._ready - self._read + shared
                self._output[:, :used] = self._output[:, self._read : self._read + used]
                self._ready -= self._read
                self._read = 0
            self._process_frames(num_frames, frame_gain)
            self._pending -= num_frames * hop
            keep = shared + self._pending
            self._input[:, :keep] = self._input[:, num_frames * hop : num_frames * hop + keep]
        out[:] = self._output[:, self._read : self._read + count]
        self._read += count

    def _process_frames(self, num_frames: int, frame_gain: FrameGain | None) -> None:
        channels, size, hop = self.num_channels, self.frame_size, self.hop_size
        overlap, lookahead, bins = size // hop, self._lookahead, size // 2 + 1
        frames = self._frames[: channels * num_frames * size].reshape(channels, num_frames, size)
        # A view of all frames at once: frame k of a channel starts k hops into the input, so consecutive
        # frames share frame_size - hop samples without a copy.
        strides = (self._input.strides[0], hop * self._input.itemsize, self._input.itemsize)
        overlapping = np.ndarray((channels, num_frames, size), np.float32, self._input, 0, strides)
        np.multiply(overlapping, self._analysis, out=frames)
        spectra = self._spectra[:, lookahead : lookahead + num_frames]
        self._forward(frames, spectra)
        delayed = self._spectra[:, :num_frames]
        target = self._target[: channels * num_frames * bins].reshape(channels, num_frames, bins)
        self._masks.apply(spectra, delayed, target, linked=self.channel_link == "linked")
        if frame_gain is not None:
            gains = frame_gain(delayed, target)
            if gains is not None:
                target *= gains[:, :, None]
        np.fft.irfft(target, n=size, axis=-1, out=frames)  # type: ignore[arg-type]  # float32 is right
        frames *= self._synthesis
        self._overlap_add(frames.reshape(channels, num_frames, overlap, hop))
        if lookahead:
            self._spectra[:, :lookahead] = self._spectra[:, num_frames : num_frames + lookahead]

    def _forward(self, frames: NDArray[np.float32], spectra: NDArray[np.complex64]) -> None:
        size = self.frame_size
        step = max(1, _FFT_BYTES // (4 * size * self.num_channels))
        for first in range(0, frames.shape[1], step):
            part = slice(first, first + step)
            np.fft.rfft(frames[:, part], axis=-1, out=spectra[:, part])  # type: ignore[arg-type]

    def _overlap_add(self, hops: NDArray[np.float32]) -> None:
        """Add frames, cut into hops (channels, frames, overlap, hop), to the open sums."""
        # Sample block m of the output is the sum of hop p of frame m - p, for p from 0 to overlap - 1. So the
        # hops with number p of all frames are one contiguous stretch of the output, p hops further on, and
        # `overlap` vector additions suffice. Blocks before `_ready` are then complete.
        channels, num_frames, overlap, hop = hops.shape
        self._output[:, self._ready + self.frame_size - hop :][:, : num_frames * hop] = 0.0
        total = num_frames + overlap - 1
        sums = self._output[:, self._ready : self._ready + total * hop].reshape(channels, total, hop)
        for part in range(overlap):
            sums[:, part : part + num_frames] += hops[:, :, part]
        self._ready += num_frames * hop
