"""WAV and raw samples through pipes, read and written from front to back."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from dataclasses import replace
from io import BufferedIOBase

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.container_chunks import is_open_size
from hushgate.audio_files.dither import Quantizer
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.channel_layouts import plain_mask, usable_mask
from hushgate.audio_files.formats.sample_formats import count_clipped
from hushgate.audio_files.limits import MAX_PIPE_CHUNK_BYTES, describe_within, is_within
from hushgate.audio_files.pipes.known_formats import NUM_HEAD_BYTES, known_format
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
_BITS = {subtype: bits for subtype, (_, bits) in _CODES.items()} | {"PCM_S8": 8}
UNKNOWN_SIZE = 0xFFFFFFFF
_SKIPPED_BYTES = 2**16
# The end of the GUIDs of PCM and floating point; the format code comes before it.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


RAW_FORMATS = {
    f"{kind}{order}": (subtype, endian)
    for kind, subtype in (
        ("s16", "PCM_16"),
        ("s24", "PCM_24"),
        ("s32", "PCM_32"),
        ("f32", "FLOAT"),
        ("f64", "DOUBLE"),
    )
    for order, endian in (("", "LITTLE"), ("le", "LITTLE"), ("be", "BIG"))
} | {"u8": ("PCM_U8", "LITTLE"), "s8": ("PCM_S8", "LITTLE")}


def parse_raw_format(text: str) -> AudioFormat:
    """Read RATE,CHANNELS,FORMAT, the description of samples without a header.

    Args:
        text: Hz, a number and one of RAW_FORMATS; without "be" at the end the low byte comes first.

    Raises:
        ValueError: Not three parts, or one of them out of range.

    >>> parse_raw_format("48000,2,s16le").subtype
    'PCM_16'
    """
    parts = [part.strip().lower() for part in text.split(",")]
    if len(parts) != 3 or not parts[0].isdecimal() or not parts[1].isdecimal() or parts[2] not in RAW_FORMATS:
        names = ", ".join(name for name in RAW_FORMATS)
        raise ValueError(
            f"raw must be RATE,CHANNELS,FORMAT, like 48000,2,s16le (got {text!r}); FORMAT: {names}."
        )
    rate, num_channels = int(parts[0]), int(parts[1])
    if not is_within(num_channels, rate):
        raise ValueError(f"raw {describe_within(num_channels, rate)}.")
    subtype, endian = RAW_FORMATS[parts[2]]
    return AudioFormat(rate, num_channels, None, "RAW", subtype, endian)


def pipe_format(format: AudioFormat, subtype: str | None) -> tuple[AudioFormat, list[str]]:
    """The same format in the one container that a pipe carries: WAV, whose length may be unknown.

    Args:
        format: What a WAV file would have.
        subtype: The sample format that the user chose. The recording's own becomes PCM_16 where WAV in a pipe
            does not carry it.

    Returns:
        The format, and what had to be changed, one sentence each.

    Raises:
        AudioFileError: WAV in a pipe does not carry the chosen sample format.
    """
    format = replace(format, container="WAV")
    if format.subtype in PIPE_SUBTYPES:
        return format, []
    if subtype is not None:
        raise AudioFileError(
            f"a pipe cannot carry {format.subtype}. Use subtype=... with one of {', '.join(PIPE_SUBTYPES)}."
        )
    return replace(format, subtype="PCM_16"), [f"a pipe cannot carry {format.subtype}: PCM_16 instead."]


class RawStreamReader:
    """Read samples without a header, block by block.

    Args:
        stream: Binary, need not be seekable. Not closed.
        name: What to call it in errors.
        format: What the samples are; a length of None reads to the end.
        allow_truncated: Take what is there of a stream that ends before its announced length.

    Attributes:
        format: As given; in what is written from it the byte order is the container's own.
        warnings: What was wrong and let pass.
    """

    def __init__(
        self, stream: BufferedIOBase, name: str, format: AudioFormat, *, allow_truncated: bool = False
    ) -> None:
        self._stream = stream
        self._name = name
        self._allow_truncated = allow_truncated
        self._is_big_endian = format.endian == "BIG"
        self.warnings: list[str] = []
        self.format = replace(format, endian="FILE")

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE) -> Iterator[NDArray[np.float32]]:
        """Yield float32 (channels, samples) of at most `block_size` samples until the data ends.

        Raises:
            AudioFileError: The stream ends before its announced length, or within a sample.
        """
        format = self.format
        frame_bytes = format.num_channels * (_BITS[format.subtype] // 8)
        num_read = 0
        while format.num_samples is None or num_read < format.num_samples:
            wanted = (
                block_size if format.num_samples is None else min(block_size, format.num_samples - num_read)
            )
            data = self._read(wanted * frame_bytes)
            count = len(data) // frame_bytes
            if count:
                num_read += count
                samples = _decode(data[: count * frame_bytes], format.subtype, big_endian=self._is_big_endian)
                yield np.ascontiguousarray(samples.reshape(-1, format.num_channels).T)
            if count < wanted:
                if format.num_samples is None and (rest := len(data) - count * frame_bytes):
                    left_out = "1 byte was" if rest == 1 else f"{rest} bytes were"
                    self.warnings.append(f"{self._name} ends within a sample: {left_out} left out.")
                break
        if format.num_samples is not None and num_read < format.num_samples:
            message = f"{self._name} ends after {num_read} of {format.num_samples} samples"
            if not self._allow_truncated:
                raise AudioFileError(f"{message}. Pass allow_truncated=True to take what is there.")
            self.warnings.append(f"{message}.")

    def skip_rest(self) -> None:
        """Read what follows the sound, and throw it away."""
        while self._stream.read1(_SKIPPED_BYTES):
            pass

    def _read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end: a pipe gives what it has, not what was asked."""
        parts = []
        # read1 returns after each system call, so that a signal is seen before the next one blocks.
        while size > 0 and (part := self._stream.read1(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class WavStreamReader(RawStreamReader):
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
        super().__init__(stream, name, self._read_header(), allow_truncated=allow_truncated)

    def _read_header(self) -> AudioFormat:
        start = self._read(NUM_HEAD_BYTES)
        if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
            what = f"is not WAV (its first bytes are {start[:4].hex(' ')})" if start else "is empty"
            if start[:4] == b"RIFX":
                what = "is big-endian WAV, not WAV"
            elif kind := known_format(start):
                what = f"is {kind}, not WAV"
            raise AudioFileError(
                f"{self._name} {what}. A pipe must carry WAV; name a file for other formats."
            )
        layout: tuple[int, int, str, int | None] | None = None
        long_size: int | None = None
        while len(header := self._read(8)) == 8:
            chunk, size = header[:4], int.from_bytes(header[4:], "little")
            if chunk == b"data":
                if layout is None:
                    break
                num_channels, sample_rate, subtype, mask = layout
                if long_size is not None and size == UNKNOWN_SIZE:
                    size = long_size
                frame_bytes = num_channels * (_CODES[subtype][1] // 8)
                num_samples = None if is_open_size(size) else size // frame_bytes
                return AudioFormat(sample_rate, num_channels, num_samples, "WAV", subtype, channel_mask=mask)
            if size > MAX_PIPE_CHUNK_BYTES:
                break
            body = self._read(size + size % 2)[:size]
            if chunk == b"fmt ":
                layout = self._parse_format(body)
            elif chunk == b"ds64" and size >= 16:
                long_size = int.from_bytes(body[8:16], "little")
        raise AudioFileError(f"{self._name} is WAV without sound: its header is damaged or ends early.")

    def _parse_format(self, body: bytes) -> tuple[int, int, str, int | None]:
        if len(body) < 16:
            raise AudioFileError(f"{self._name} has a damaged WAV header ({len(body)} bytes of format).")
        code, num_channels, sample_rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
        mask = None
        if code == _EXTENSIBLE and len(body) >= 26:
            mask, code = struct.unpack_from("<IH", body, 20)
        if not is_within(num_channels, sample_rate):
            raise AudioFileError(f"{self._name} {describe_within(num_channels, sample_rate)}.")
        frame_bytes = frame_bytes or num_channels * (bits // 8)
        # PCM of 20 or 24 bits may lie in the upper bits of more bytes than it needs.
        stored_bits = 8 * frame_bytes // num_channels
        subtype = _SUBTYPES.get((code, stored_bits))
        is_consistent = stored_bits * num_channels == 8 * frame_bytes and (
            bits == stored_bits or (code == _PCM and 0 < bits < stored_bits)
        )
        if subtype is None or not is_consistent:
            raise AudioFileError(
                f"{self._name} has an unsupported WAV format (code {code}, {bits} bits, {num_channels} "
                f"channels, {frame_bytes} bytes per sample of all channels, {sample_rate} Hz). "
                "A pipe may carry PCM or floating point."
            )
        return num_channels, sample_rate, subtype, usable_mask(mask, num_channels)


class WavStreamWriter:
    """Write WAV to a pipe, block by block.

    The header, written first, has the exact length where `format.num_samples` is known; otherwise the
    placeholder that ffmpeg uses too, which readers of streams understand. If the stream turns out to be a
    file (`... > out.wav`), its header is put right at the end.

    Args:
        stream: Binary, need not be seekable. Not closed.
        format: Sample rate, channels, sample format (one of `PIPE_SUBTYPES`), length if known.
        dither_seed: Dither PCM of 8 to 24 bits, from this start of the random sequence. None rounds.

    Attributes:
        num_clipped: Samples so far that did not fit the sample format and were limited.
        warnings: What else the user should know.
    """

    def __init__(
        self, stream: BufferedIOBase, format: AudioFormat, *, dither_seed: int | None = None
    ) -> None:
        self._stream = stream
        self.format = format
        self.num_clipped = 0
        self.warnings: list[str] = []
        self._quantize = None if dither_seed is None else Quantizer(format.subtype, dither_seed=dither_seed)
        code, bits = _CODES[format.subtype]
        self._frame_bytes = format.num_channels * (bits // 8)
        self._layout = _format_chunk(format, code, bits)
        self._num_bytes = 0
        self._start = _position(stream)
        size = None if format.num_samples is None else format.num_samples * self._frame_bytes
        self._announced = size
        stream.write(self._header(size))

    def write(self, block: NDArray[np.float32]) -> None:
        """Append float32 (channels, samples)."""
        self.num_clipped += count_clipped(block, self.format.subtype)
        if self._quantize is not None:
            block = self._quantize(block)
        data = _encode(np.ascontiguousarray(block.T), self.format.subtype)
        self._num_bytes += len(data)
        self._stream.write(data)

    def complete(self) -> None:
        """See `AudioWriter`: a stream has no name to get."""

    def finish(self) -> None:
        """End the stream: pad the data chunk to an even length, put a file's header right."""
        self._stream.write(b"\0" * (self._num_bytes % 2))
        self._stream.flush()
        if self._start is not None and self._num_bytes != self._announced:
            end = self._stream.tell()
            self._stream.seek(self._start)
            self._stream.write(self._header(self._num_bytes))
            self._stream.seek(end)
            self._stream.flush()

    def _header(self, size: int | None) -> bytes:
        body = b"WAVEfmt " + struct.pack("<I", len(self._layout)) + self._layout + b"data"
        if size is None or size >= UNKNOWN_SIZE - 128:
            return b"RIFF" + struct.pack("<I", UNKNOWN_SIZE) + body + struct.pack("<I", UNKNOWN_SIZE)
        total = len(body) + 4 + size + size % 2
        return b"RIFF" + struct.pack("<I", total) + body + struct.pack("<I", size)


def _format_chunk(format: AudioFormat, code: int, bits: int) -> bytes:
    """The body of `fmt `, extensible if the loudspeakers are not those of mono or stereo."""
    num_channels, rate = format.num_channels, format.sample_rate
    frame_bytes = num_channels * (bits // 8)
    is_plain = format.channel_mask in (None, plain_mask(num_channels))
    fields = (num_channels, rate, rate * frame_bytes, frame_bytes, bits)
    if is_plain:
        return struct.pack("<HHIIHH", code, *fields)
    plain = struct.pack("<HHIIHH", _EXTENSIBLE, *fields)
    return plain + struct.pack("<HHIH", 22, bits, format.channel_mask, code) + _GUID_TAIL


def _position(stream: BufferedIOBase) -> int | None:
    """Position of a stream that can seek; None of pipes and files opened for appending."""
    try:
        if not stream.seekable():
            return None
        with contextlib.suppress(OSError, ImportError):
            import fcntl

            if fcntl.fcntl(stream.fileno(), fcntl.F_GETFL) & os.O_APPEND:
                return None
        return stream.tell()
    except OSError:
        return None


def _decode(data: bytes, subtype: str, *, big_endian: bool = False) -> NDArray[np.float32]:
    order = ">" if big_endian else "<"
    if subtype in ("FLOAT", "DOUBLE"):
        return np.frombuffer(data, f"{order}f4" if subtype == "FLOAT" else f"{order}f8").astype(np.float32)
    if subtype == "PCM_U8":
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    if subtype == "PCM_24":
        # Three bytes to the top of four: the value is scaled by 256, the lowest byte is zero.
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        part = np.frombuffer(data, np.uint8).reshape(-1, 3)
        padded[:, 1:] = part[:, ::-1] if big_endian else part
        return (padded.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    bits = _BITS[subtype]
    return (np.frombuffer(data, f"{order}i{bits // 8}") / 2.0 ** (bits - 1)).astype(np.float32)


def _encode(samples: NDArray[np.float32], subtype: str) -> bytes:
    if subtype in ("FLOAT", "DOUBLE"):
        return samples.astype("<f4" if subtype == "FLOAT" else "<f8").tobytes()
    bits = _BITS[subtype]
    scale = 2.0 ** (bits - 1)
    codes = np.clip(np.rint(samples.astype(np.float64) * scale), -scale, scale - 1.0)
    if subtype == "PCM_U8":
        return (codes + 128.0).astype(np.uint8).tobytes()
    if subtype == "PCM_24":
        return codes.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return codes.astype(f"<i{bits // 8}").tobytes()
