"""Opus packets of WebSocket frames, through FFmpeg's libraries (extra `formats`)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.serving.request_fields import RequestError

_RATE = 48_000
_FRAME_SIZE = 960  # 20 ms
_BIT_RATE = 64_000
_MAX_PACKET_SAMPLES = 5_760  # 120 ms, the longest of RFC 6716


class OpusCodec:
    """One packet per WebSocket frame, decoded and encoded.

    Args:
        sample_rate: Must be 48,000 Hz.
        num_channels: 1 or 2.

    Attributes:
        latency_samples: Delay of the encoder. Packets of other lengths than 20 ms wait until one is full.

    Raises:
        RequestError: Another rate or number of channels, or PyAV is not installed.
    """

    def __init__(self, sample_rate: int, num_channels: int) -> None:
        if sample_rate != _RATE or num_channels > 2:
            raise RequestError(
                f"opus needs rate=48000 and at most 2 channels (got {sample_rate} and {num_channels})."
            )
        try:
            import av
        except ImportError as error:
            raise RequestError("this server has no Opus. Use format=s16le.", 501) from error
        self._av: Any = av
        layout = "mono" if num_channels == 1 else "stereo"
        self._decoder: Any = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate = _RATE
        self._decoder.layout = layout
        self._encoder: Any = av.CodecContext.create("libopus", "w")
        self._encoder.sample_rate = _RATE
        self._encoder.layout = layout
        self._encoder.format = "flt"
        self._encoder.bit_rate = _BIT_RATE * num_channels
        self._encoder.time_base = Fraction(1, _RATE)
        self._encoder.options = {"application": "audio", "frame_duration": "20"}
        self._encoder.open()
        self._layout = layout
        self._num_channels = num_channels
        self._waiting = np.zeros((num_channels, 0), np.float32)
        self._num_encoded = 0
        # The pre-skip of the header that the encoder writes (RFC 7845, section 5.1).
        self.latency_samples = int.from_bytes((self._encoder.extradata or bytes(12))[10:12], "little")

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """float32 (channels, samples) of one packet.

        Raises:
            ValueError: Not an Opus packet.
        """
        try:
            frames = self._decoder.decode(self._av.Packet(data)) if data else []
        except self._av.FFmpegError as error:
            raise ValueError("a frame must hold one Opus packet.") from error
        blocks = [np.zeros((self._num_channels, 0), np.float32)]
        for frame in frames:
            array = np.asarray(frame.to_ndarray())
            if not frame.format.is_planar:
                array = array.reshape(-1, len(frame.layout.channels)).T
            if array.dtype.kind == "i":
                array = array / 2.0 ** (8 * array.dtype.itemsize - 1)
            blocks.append(array[: self._num_channels].astype(np.float32))
        return np.concatenate(blocks, axis=1)[:, :_MAX_PACKET_SAMPLES]

    def encode(self, block: NDArray[np.float32]) -> list[bytes]:
        """Whole packets of 20 ms; samples that fill none wait for the next call."""
        self._waiting = np.concatenate([self._waiting, block], axis=1)
        packets: list[bytes] = []
        while self._waiting.shape[1] >= _FRAME_SIZE:
            part, self._waiting = self._waiting[:, :_FRAME_SIZE], self._waiting[:, _FRAME_SIZE:]
            interleaved = np.ascontiguousarray(np.clip(part, -1.0, 1.0).T.reshape(1, -1))
            frame = self._av.AudioFrame.from_ndarray(interleaved, format="flt", layout=self._layout)
            frame.sample_rate = _RATE
            frame.pts = self._num_encoded
            frame.time_base = Fraction(1, _RATE)
            self._num_encoded += _FRAME_SIZE
            packets += [bytes(packet) for packet in self._encoder.encode(frame)]
        return packets

    def finish(self) -> list[bytes]:
        """The last packets, the samples that wait filled up with silence."""
        num_missing = -self._waiting.shape[1] % _FRAME_SIZE
        packets = self.encode(np.zeros((self._num_channels, num_missing), np.float32)) if num_missing else []
        return packets + [bytes(packet) for packet in self._encoder.encode(None)]
