"""WAV through pipes: read and write it front to back, without ever seeking."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BufferedIOBase

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.formats import AudioFormat, count_clipped
from hushgate.audio_files.truncation import UNKNOWN_SIZE, is_unknown_size
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_SUBTYPES = {
    (_PCM, 8): "PCM_U8",
    (_PCM, 16): "PCM_16",
    (_PCM, 24): "PCM_24",
    (_PCM, 32): "PCM_32",
    (_FLOAT, 32): "FLOAT",
    (_FLOAT, 64): "DOUBLE",
}
_CODES = {subtype: code for code, subtype in _SUBTYPES.items()}
PIPE_SUBTYPES = tuple(_CODES)
_MAX_CHUNK_BYTES = 2**24


class WavStreamReader:
    """Read WAV from a pipe, block by block.

    Args:
        stream: Binary, need not be seekable. Not closed.
        name: What to call it in errors.
        allow_truncated: Take what is there of a stream that ends before its announced length.

    Attributes:
        format: Sample rate, channels, sample format; length None when the header leaves it open.
        warnings: What was wrong and let pass.

    Raises:
        AudioFileError: Not WAV, or with a sample format other than PCM and floating point.
    """

    def __init__(self, stream: BufferedIOBase, name: str, *, allow_truncated: bool = False) -> None:
        self._stream = stream
        self._name = name
        self._allow_truncated = allow_truncated
        self.warnings: list[str] = []
        self.format = self._read_header()

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE) -> Iterator[NDArray[np.float32]]:
        """Yield float32 (channels, samples) of at most `block_size` samples until the data ends.

        Raises:
            AudioFileError: The stream ends before its announced length.
        """
        form = self.format
        frame_bytes = form.num_channels * (_CODES[form.subtype][1] // 8)
        num_read = 0
        while form.num_samples is None or num_read < form.num_samples:
            wanted = block_size if form.num_samples is None else min(block_size, form.num_samples - num_read)
            data = self._read(wanted * frame_bytes)
            count = len(data) // frame_bytes
            if count:
                num_read += count
                samples = _decode(data[: count * frame_bytes], form.subtype)
                yield np.ascontiguousarray(samples.reshape(-1, form.num_channels).T)
            if count < wanted:
                break
        if form.num_samples is not None and num_read < form.num_samples:
            message = f"{self._name} ends after {num_read} of {form.num_samples} samples"
            if not self._allow_truncated:
                raise AudioFileError(
                    f"{message}. Pass --allow-truncated (allow_truncated=True) to take what is there."
                )
            self.warnings.append(f"{message}.")

    def _read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end: a pipe gives what it has, not what was asked."""
        parts = []
        # read1 returns after each system call, so that a signal is seen before the next one blocks.
        while size > 0 and (part := self._stream.read1(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _read_header(self) -> AudioFormat:
        start = self._read(12)
        if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
            what = "is empty" if not start else f"is not WAV (it starts with {start[:4]!r})"
            raise AudioFileError(
                f"{self._name} {what}. A pipe must carry WAV; name a file for other formats."
            )
        layout: tuple[int, int, str] | None = None
        long_size: int | None = None
        while len(header := self._read(8)) == 8:
            chunk, size = header[:4], int.from_bytes(header[4:], "little")
            if chunk == b"data":
                if layout is None:
                    break
                num_channels, sample_rate, subtype = layout
                if long_size is not None and size == UNKNOWN_SIZE:
                    size = long_size
                frame_bytes = num_channels * (_CODES[subtype][1] // 8)
                num_samples = None if is_unknown_size(size) else size // frame_bytes
                return AudioFormat(sample_rate, num_channels, num_samples, "WAV", subtype)
            if size > _MAX_CHUNK_BYTES:
                break
            body = self._read(size + size % 2)[:size]
            if chunk == b"fmt ":
                layout = self._parse_format(body)
            elif chunk == b"ds64" and size >= 16:
                long_size = int.from_bytes(body[8:16], "little")
        raise AudioFileError(f"{self._name} is WAV without sound: its header is damaged or ends early.")

    def _parse_format(self, body: bytes) -> tuple[int, int, str]:
        if len(body) < 16:
            raise AudioFileError(f"{self._name} has a damaged WAV header ({len(body)} bytes of format).")
        code, num_channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
        if code == _EXTENSIBLE and len(body) >= 26:
            code = int.from_bytes(body[24:26], "little")
        subtype = _SUBTYPES.get((code, bits))
        if subtype is None or not num_channels or not sample_rate:
            raise AudioFileError(
                f"{self._name} has an unsupported WAV format (code {code}, {bits} bits, {num_channels} "
                f"channels, {sample_rate} Hz). A pipe may carry PCM or floating point."
            )
        return num_channels, sample_rate, subtype


class WavStreamWriter:
    """Write WAV to a pipe, block by block.

    The header, written first, has the exact length where `form.num_samples` is known; otherwise
    the placeholder that ffmpeg uses too, which readers of streams understand.

    Args:
        stream: Binary, need not be seekable. Not closed.
        form: Sample rate, channels, sample format (one of `PIPE_SUBTYPES`), length if known.

    Attributes:
        num_clipped: Samples so far that did not fit the sample format and were limited.
        warnings: What else the user should know: nothing.
    """

    def __init__(self, stream: BufferedIOBase, form: AudioFormat) -> None:
        self._stream = stream
        self.format = form
        self.num_clipped = 0
        self.warnings: list[str] = []
        code, bits = _CODES[form.subtype]
        frame_bytes = form.num_channels * (bits // 8)
        size = UNKNOWN_SIZE if form.num_samples is None else form.num_samples * frame_bytes
        size = size if size < UNKNOWN_SIZE - 64 else UNKNOWN_SIZE
        num_channels, sample_rate = form.num_channels, form.sample_rate
        byte_rate = sample_rate * frame_bytes
        layout = struct.pack("<HHIIHH", code, num_channels, sample_rate, byte_rate, frame_bytes, bits)
        body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", size)
        self._padding = size % 2 if size != UNKNOWN_SIZE else 0
        total = UNKNOWN_SIZE if size == UNKNOWN_SIZE else len(body) + size + self._padding
        stream.write(b"RIFF" + struct.pack("<I", total) + body)

    def write(self, block: NDArray[np.float32]) -> None:
        """Append float32 (channels, samples)."""
        self.num_clipped += count_clipped(block, self.format.subtype)
        self._stream.write(_encode(np.ascontiguousarray(block.T), self.format.subtype))

    def finish(self) -> None:
        """End the stream: everything is handed over, and the data chunk has an even length."""
        self._stream.write(b"\0" * self._padding)
        self._stream.flush()


def _decode(data: bytes, subtype: str) -> NDArray[np.float32]:
    if subtype in ("FLOAT", "DOUBLE"):
        return np.frombuffer(data, "<f4" if subtype == "FLOAT" else "<f8").astype(np.float32)
    if subtype == "PCM_U8":
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    if subtype == "PCM_24":
        # Three bytes to the top of four: the value is scaled by 256, the lowest byte is zero.
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return (padded.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    bits = _CODES[subtype][1]
    return (np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)).astype(np.float32)


def _encode(samples: NDArray[np.float32], subtype: str) -> bytes:
    if subtype in ("FLOAT", "DOUBLE"):
        return samples.astype("<f4" if subtype == "FLOAT" else "<f8").tobytes()
    bits = _CODES[subtype][1]
    scale = 2.0 ** (bits - 1)
    codes = np.clip(np.rint(samples.astype(np.float64) * scale), -scale, scale - 1.0)
    if subtype == "PCM_U8":
        return (codes + 128.0).astype(np.uint8).tobytes()
    if subtype == "PCM_24":
        return codes.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return codes.astype(f"<i{bits // 8}").tobytes()
