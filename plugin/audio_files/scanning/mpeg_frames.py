"""Frames and streams of MPEG audio files (MP1, MP2, MP3)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from hushgate.audio_files.limits import MAX_NUM_STREAMS, MAX_NUM_TAGS, MAX_RESYNC_BYTES, SCAN_BYTES
from hushgate.audio_files.scanning.outer_tags import ID3V1_BYTES, count_zeros, id3_size

# kbit/s by index (ISO 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3): MPEG-1 layers I to III, then MPEG-2.
_BIT_RATES = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
# Frames that must follow each other before bytes count as the beginning of a stream.
_NUM_CONFIRMING = 3
# Samples by which a layer III decoder is late; decoders count them in when they take out the encoder's delay.
_DECODER_DELAY = 529
_XING_BYTES, _LAME_BYTES = 16, 36
_LOOK_BACK_BYTES = 2**15


@dataclass(frozen=True)
class Frame:
    """One frame header.

    Attributes:
        size: Bytes, header included.
        num_samples: Samples per channel.
        sample_rate: Hz.
        num_channels: 1 or 2.
        layer: 1, 2 or 3.
        is_mpeg1: MPEG-1, or MPEG-2 and 2.5.
        has_crc: Whether a checksum follows the header.
    """

    size: int
    num_samples: int
    sample_rate: int
    num_channels: int
    layer: int
    is_mpeg1: bool
    has_crc: bool

    @property
    def info_offset(self) -> int:
        """Where a Xing or Info tag begins in a layer III frame."""
        sides = (
            (17 if self.num_channels == 1 else 32) if self.is_mpeg1 else (9 if self.num_channels == 1 else 17)
        )
        return 4 + 2 * self.has_crc + sides


@dataclass(frozen=True)
class InfoTag:
    """What the first frame of an MP3 stream says in its Xing, Info or VBRI tag.

    Attributes:
        num_frames: Frames behind the tag; None where it does not say.
        num_bytes: Bytes of the stream, the tag's frame included; None where it does not say.
        delay: Samples that the encoder put in front, 0 where it does not say.
    """

    num_frames: int | None
    num_bytes: int | None
    delay: int = 0


@dataclass(frozen=True)
class MpegStream:
    """Frames of one format, one behind the other.

    Attributes:
        start, end: Place in the file, bytes.
        frame: The header of the first frame.
        num_frames: Frames with sound: without that of the tag.
        info: Its Xing, Info or VBRI tag.
        num_skipped: Bytes of junk between frames.
    """

    start: int
    end: int
    frame: Frame
    num_frames: int
    info: InfoTag | None
    num_skipped: int = 0

    @property
    def num_samples(self) -> int:
        """Samples per channel, encoder delay and padding included."""
        return self.num_frames * self.frame.num_samples


def parse_frame(head: bytes) -> Frame | None:
    """Read four bytes as a frame header; None if they are none, or of a free bit rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate_index, bits_index = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or bits_index in (0, 15):
        return None
    is_mpeg1 = version == 3
    sample_rate = _SAMPLE_RATES[version][rate_index]
    bits = 1000 * _BIT_RATES[is_mpeg1, layer][bits_index]
    padding = head[2] >> 1 & 1
    num_samples = {1: 384, 2: 1152, 3: 1152 if is_mpeg1 else 576}[layer]
    if layer == 1:
        size = (12 * bits // sample_rate + padding) * 4
    else:
        size = num_samples // 8 * bits // sample_rate + padding
    num_channels = 1 if head[3] >> 6 == 3 else 2
    return Frame(size, num_samples, sample_rate, num_channels, layer, is_mpeg1, not head[1] & 1)


def find_streams(file: BinaryIO, start: int = 0, end: int | None = None) -> list[MpegStream]:
    """List the streams of an MPEG audio file: a file that programs joined has several.

    A new stream begins with a tag in the middle of the file, with a frame that carries a Xing or Info tag,
    and where layer, rate or channels change. Every byte is looked at once.

    Args:
        file: Open for reading, seekable.
        start, end: Where to look.

    Returns:
        In their order; empty if there are no frames.
    """
    size = file.seek(0, os.SEEK_END) if end is None else end
    walker = _Walker(file, start, size)
    return list(walker.streams())


def length_header(stream: MpegStream, head: bytes, num_bytes: int) -> bytes:
    """Frames to put in front of the sound of a layer III stream, so that a decoder knows its length.

    A frame with a Xing tag, and a silent one, which a decoder that takes the encoder delay out (mpg123)
    removes
    again: nothing but the delay that the stream's own tag names is taken from the sound.

    Args:
        stream: What to announce.
        head: The four bytes of its first frame header.
        num_bytes: Size of its frames with sound.
    """
    bits = bytearray(head[:4])
    bits[1] |= 1  # without a checksum
    frame = stream.frame
    for index in range(1, 15):
        bits[2] = bits[2] & 0x0D | index << 4
        frame = parse_frame(bytes(bits)) or frame
        if frame.size >= frame.info_offset + _XING_BYTES + _LAME_BYTES:
            break
    delay = (
        frame.num_samples
        - _DECODER_DELAY
        + (stream.info.delay + _DECODER_DELAY if stream.info and stream.info.delay else 0)
    )
    size = num_bytes + 2 * frame.size
    tag = b"Xing" + struct.pack(">III", 3, stream.num_frames + 1, size) + b"LAME3.100".ljust(21, b"\0")
    tag += (min(delay, 0xFFF) << 12 | _DECODER_DELAY).to_bytes(3, "big")
    silent = bytes(bits).ljust(frame.size, b"\0")
    return silent[: frame.info_offset] + tag + silent[frame.info_offset + len(tag) :] + silent


class _Window:
    """Bytes of a file around a moving position."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end
        self._start = 0
        self._bytes = b""

    def read(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position` on; fewer at the end."""
        offset = position - self._start
        is_inside = offset >= 0 and offset + min(size, max(0, self._end - position)) <= len(self._bytes)
        if not is_inside:
            # The walk looks some frames ahead and goes back: what lies just before stays in the window.
            self._start = max(0, position - _LOOK_BACK_BYTES)
            offset = position - self._start
            self._file.seek(self._start)
            wanted = offset + max(size, SCAN_BYTES)
            self._bytes = self._file.read(max(0, min(wanted, self._end - self._start)))
        return self._bytes[offset : offset + size]

    def find_sync(self, position: int, limit: int) -> int:
        """The next byte 0xFF from `position` on and before `limit`; `limit` if there is none."""
        while position < limit:
            part = self.read(position, min(4096, limit - position))
            if not part:
                break
            if (found := part.find(b"\xff")) >= 0:
                return position + found
            position += len(part)
        return limit


class _Walker:
    """Goes through a file frame by frame."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._window = _Window(file, end)
        self._position = start
        self._end = end
        self._file = file

    def streams(self) -> Iterator[MpegStream]:
        """Yield one stream after the other."""
        for _ in range(MAX_NUM_STREAMS):
            stream = self._next_stream()
            if stream is None:
                return
            if stream.num_frames:
                yield stream

    def _next_stream(self) -> MpegStream | None:
        self._pass_tags()
        first = self._resync(None, min(self._end, self._position + MAX_RESYNC_BYTES))
        if first is None:
            return None
        start = self._position
        info = _parse_info(self._window.read(start, first.size), first) if first.layer == 3 else None
        num_frames, num_skipped = 0, 0
        position = end = start
        if info is not None:
            position += first.size
            end = position
        while True:
            self._position = position
            frame = parse_frame(self._window.read(position, 4))
            if frame is None or not _same_kind(frame, first) or position + frame.size > self._end:
                if self._at_tag(position):
                    break
                frame = self._resync(first, min(self._end, position + MAX_RESYNC_BYTES))
                if frame is None or not _same_kind(frame, first):
                    break
                if self._position > position:
                    num_skipped += self._position - position
                    position = self._position
            if position > start and _is_info(self._window.read(position, frame.size), frame):
                break  # the next stream's
            position += frame.size
            num_frames += 1
            end = position
        self._position = end
        return MpegStream(start, end, first, num_frames, info, num_skipped)

    def _at_tag(self, position: int) -> bool:
        head = self._window.read(position, 10)
        return head[:3] == b"TAG" or head[:8] == b"APETAGEX" or id3_size(head) is not None

    def _pass_tags(self) -> None:
        """Pass over tags of any kind at the position: ID3v1, ID3v2 and APE."""
        for _ in range(4 * MAX_NUM_TAGS):
            head = self._window.read(self._position, 32)
            if head[:3] == b"TAG":
                self._position += ID3V1_BYTES
            elif head[:8] == b"APETAGEX" and len(head) == 32:
                is_header = bool(int.from_bytes(head[20:24], "little") & 2**29)
                self._position += 32 + (int.from_bytes(head[12:16], "little") if is_header else 0)
            elif size := id3_size(head):
                self._position += size
                self._position += count_zeros(self._file, min(self._position, self._end))
            else:
                return

    def _resync(self, like: Frame | None, limit: int) -> Frame | None:
        """Move to the next place before `limit` where frames follow each other; returns the first of them."""
        position = self._position
        while (position := self._window.find_sync(position, limit)) < limit:
            frame = parse_frame(self._window.read(position, 4))
            if (
                frame is not None
                and (like is None or _same_kind(frame, like))
                and self._confirm(position, frame)
            ):
                self._position = position
                return frame
            position += 1
        return None

    def _confirm(self, position: int, first: Frame) -> bool:
        """Whether more frames of the same kind follow, up to the end of the file or a tag."""
        place = position + first.size
        for _ in range(_NUM_CONFIRMING):
            if place > self._end:
                return False
            if place + 4 > self._end or self._at_tag(place):
                return True
            frame = parse_frame(self._window.read(place, 4))
            if frame is None or not _same_kind(frame, first):
                return False
            place += frame.size
        return True


def _same_kind(one: Frame, other: Frame) -> bool:
    return (one.layer, one.sample_rate, one.num_channels) == (
        other.layer,
        other.sample_rate,
        other.num_channels,
    )


def _is_info(data: bytes, frame: Frame) -> bool:
    if frame.layer != 3:
        return False
    # Some encoders write the tag as if there were no checksum.
    return any(
        data[at : at + 4] in (b"Xing", b"Info") for at in (frame.info_offset, frame.info_offset - 2)
    ) or (data[36:40] == b"VBRI")


def _parse_info(data: bytes, frame: Frame) -> InfoTag | None:
    if data[36:40] == b"VBRI" and len(data) >= 54:
        return InfoTag(int.from_bytes(data[50:54], "big"), int.from_bytes(data[46:50], "big"))
    for offset in (frame.info_offset, frame.info_offset - 2):
        tag = data[offset:]
        if tag[:4] not in (b"Xing", b"Info") or len(tag) < 8:
            continue
        flags = tag[7]
        fields = [int.from_bytes(tag[at : at + 4], "big") for at in (8, 12)]
        num_frames = fields.pop(0) if flags & 1 and len(tag) >= 12 else None
        num_bytes = fields[0] if flags & 2 and len(tag) >= 16 else None
        lame = 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2
        # Version (9 bytes), method, low-pass, peak and gains (11), flags, bit rate; then delay and padding.
        delay = (
            int.from_bytes(tag[lame + 21 : lame + 23], "big") >> 4 if tag[lame : lame + 1].isalpha() else 0
        )
        return InfoTag(num_frames, num_bytes, delay)
    return None
