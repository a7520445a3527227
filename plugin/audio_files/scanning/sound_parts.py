"""The plan for reading a file: its parts, the decoder, and what is wrong with it."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from hushgate.audio_files.container_chunks import (
    Chunk,
    ChunkList,
    is_open_size,
    is_zero,
    read_chunks,
)
from hushgate.audio_files.scanning.file_region import from_place
from hushgate.audio_files.scanning.flac_frames import find_flac_streams
from hushgate.audio_files.scanning.mpeg_frames import (
    MpegStream,
    find_streams,
    length_header,
    parse_frame,
)
from hushgate.audio_files.scanning.ogg_pages import find_ogg_streams
from hushgate.audio_files.scanning.outer_tags import find_tags, tags_behind
from hushgate.audio_files.scanning.riff_header import (
    announced_length,
    corrected_header,
    frame_bytes,
    has_plain_samples,
    long_header,
)
from hushgate.audio_files.scanning.stored_format import read_stored_format
from hushgate.errors import AudioFileError

# Bytes at a place, and the FFmpeg demuxer for such a file. No other demuxer is ever used: those for
# playlists open further files and addresses.
_FFMPEG_MAGIC = (
    (4, b"ftyp", "mov"),
    (4, b"moov", "mov"),
    (4, b"mdat", "mov"),
    (4, b"wide", "mov"),
    (4, b"free", "mov"),
    (4, b"skip", "mov"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "asf"),
    (0, b"#!AMR", "amr"),
    (0, b"wvpk", "wv"),
    (0, b"MAC ", "ape"),
    (0, b"TTA1", "tta"),
    (0, b"MPCK", "mpc8"),
    (0, b"MP+", "mpc"),
    (0, b"tBaK", "tak"),
    (0, b"DSD ", "dsf"),
    (0, b"FRM8", "iff"),
    (0, b"FLV\x01", "flv"),
    (0, b".RMF", "rm"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"\x0b\x77", "ac3"),
    (0, b"\x7f\xfe\x80\x01", "dts"),
    (0, b"#!SILK", ""),
)
_FAMILY_DEMUXERS = {"RIFF": "wav", "AIFF": "aiff", "CAF": "caf", "W64": "w64"}
_MPEG_SUFFIXES = (".mp3", ".mp2", ".mp1", ".mpa", ".mpga", ".m2a")
_MPEG_SUBTYPES = {1: "MPEG_LAYER_I", 2: "MPEG_LAYER_II", 3: "MPEG_LAYER_III"}
_MPEG_CODES = (0x50, 0x55)
# Fewer bytes than this behind the last frame are the rest of a frame; more are damage.
_LARGEST_FRAME = 4608
_UNKNOWN_LAYOUT = "its channel layout is not known: its channels stay in their order, without names"


@dataclass(frozen=True)
class SoundPart:
    """Bytes that are one sound file to libsndfile.

    Attributes:
        start, size: Place in the file.
        prefix: Bytes to put in front.
        pattern, num_behind: Bytes to put behind; see `FileRegion`.
        num_samples: Its exact length, samples per channel; None to take the decoder's word.
        max_padding: The decoder may give up to so many samples more, which are the padding of the last block.
        is_file: Whether this is the whole file unchanged, so that the decoder can open it by name.
    """

    start: int
    size: int
    prefix: bytes = b""
    pattern: bytes = b""
    num_behind: int = 0
    num_samples: int | None = None
    max_padding: int = 0
    is_file: bool = False


@dataclass
class SoundPlan:
    """How to read a file.

    Attributes:
        parts: For libsndfile; empty if FFmpeg must read the file.
        demuxer: FFmpeg's name of the container, where it can read it; "" otherwise.
        shortfall: What is missing at the end; "" if nothing.
        warnings: What else is wrong, without the file's name.
        container, subtype: Instead of libsndfile's names; "" for its own.
        channel_mask: Loudspeakers that the header names.
        channel_order: Which of them, in the order of SPEAKERS, each stored channel is; None where they are
            stored in that order, or in the one that the format fixes.
        start: Where the file begins behind a tag that was put in front of it, bytes.
        is_plain: FLAC, or samples that are stored as they are (PCM, floating point) under a sane header:
            there is nothing in it that a decoder could stumble over.
    """

    parts: list[SoundPart] = field(default_factory=list)
    demuxer: str = ""
    shortfall: str = ""
    warnings: list[str] = field(default_factory=list)
    container: str = ""
    subtype: str = ""
    channel_mask: int | None = None
    channel_order: list[int] | None = None
    start: int = 0
    is_plain: bool = False


def plan_reading(file: BinaryIO, suffix: str) -> SoundPlan:
    """Look through a file and say how to read it whole.

    Args:
        file: Open for reading, seekable.
        suffix: Extension of its name, lower case, with the point.

    Raises:
        AudioFileError: Without the file's name: nothing that holds sound, or parts that do not belong
            together.
    """
    file_size = file.seek(0, os.SEEK_END)
    tags = find_tags(file)
    start = tags[-1][1] if tags else 0
    file.seek(start)
    head = file.read(64)
    if head[:4] == b"fLaC":
        return _plan_flac(file, start)
    if head[:4] == b"OggS":
        return _plan_ogg(file, start, file_size)
    if plan := _plan_container(file, head, start, file_size):
        return plan
    if demuxer := _demuxer(file, head, start):
        return SoundPlan(demuxer=demuxer, start=start)
    if tags or suffix in _MPEG_SUFFIXES or parse_frame(head) is not None:
        plan = _plan_mpeg(file, start, file_size, is_plain=len(tags) < 2)
        if plan is not None:
            return plan
        if suffix in _MPEG_SUFFIXES:
            raise AudioFileError("cannot be read as audio (format not recognised)")
    return SoundPlan([SoundPart(0, file_size, is_file=True)])


def _plan_container(file: BinaryIO, head: bytes, start: int, file_size: int) -> SoundPlan | None:
    """A plan for files of chunks, and AU; a tag in front of them is passed over."""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return SoundPlan(demuxer="avi", start=start)
    body = from_place(file, start)
    layout = read_chunks(body)
    if layout is not None:
        plan = _plan_chunks(body, layout, file_size - start)
    elif head[:4] in (b".snd", b"dns.") and len(head) >= 24:
        plan = _plan_au(body, head, file_size - start)
    else:
        return None
    if start:
        plan.start = start
        plan.parts = [replace(part, start=part.start + start, is_file=False) for part in plan.parts]
    return plan


def _demuxer(file: BinaryIO, head: bytes, start: int) -> str:
    for place, magic, name in _FFMPEG_MAGIC:
        if head[place : place + len(magic)] == magic:
            return name
    if (
        len(head) > 7 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    ):  # AAC in ADTS frames: one follows the other
        size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        file.seek(start + size)
        following = file.read(2)
        if size > 7 and (not following or (following[0] == 0xFF and following[-1] & 0xF6 == 0xF0)):
            return "aac"
    if head[:1] == b"G":  # an MPEG transport stream: packets of 188 bytes
        file.seek(start + 188)
        second = file.read(189)
        if len(second) == 189 and second[0] == second[188] == 0x47:
            return "mpegts"
    return ""


def _plan_flac(file: BinaryIO, start: int) -> SoundPlan:
    plan = SoundPlan(is_plain=True)
    streams = find_flac_streams(file, start)
    if not streams:
        raise AudioFileError("is FLAC without sound: its header is damaged or ends early")
    _check_equal([("flac", s.sample_rate, s.num_channels) for s in streams])
    for stream in streams:
        prefix, place = b"", stream.start
        num_samples = None
        end = tags_behind(file, stream.end) if stream is streams[-1] else stream.end
        if stream.announced is None or (stream.found is not None and stream.found > stream.announced):
            prefix, place = stream.open_header, stream.start + len(stream.header)
            num_samples = stream.found
            if stream.announced is not None:
                plan.warnings.append(
                    f"its header announces {stream.announced} samples, {stream.found} are there; "
                    "all were read"
                )
        is_file = len(streams) == 1 and start == 0 and not prefix and end == stream.end
        plan.parts.append(SoundPart(place, end - place, prefix, num_samples=num_samples, is_file=is_file))
    return plan


def _plan_ogg(file: BinaryIO, start: int, file_size: int) -> SoundPlan:
    streams = find_ogg_streams(file, start)
    if not streams:
        raise AudioFileError("is Ogg without a beginning: the first page of its stream is missing")
    if any(stream.is_multiplexed or stream.codec not in ("VORBIS", "OPUS") for stream in streams):
        return SoundPlan(demuxer="ogg", start=start)
    _check_equal([(s.codec.lower(), s.sample_rate, s.num_channels) for s in streams])
    plan = SoundPlan()
    for stream in streams:
        is_file = len(streams) == 1 and start == 0 and stream.start == 0
        plan.parts.append(SoundPart(stream.start, stream.end - stream.start, is_file=is_file))
        if not stream.has_end:
            plan.shortfall = "the end mark of its Ogg stream is missing"
    return plan


def _plan_mpeg(
    file: BinaryIO, start: int, end: int, *, is_plain: bool, container: str = ""
) -> SoundPlan | None:
    streams = find_streams(file, start, end)
    if not streams:
        return None
    _check_equal([(f"layer {s.frame.layer}", s.frame.sample_rate, s.frame.num_channels) for s in streams])
    subtype = _MPEG_SUBTYPES[streams[0].frame.layer]
    plan = SoundPlan(container=container, subtype=subtype if container else "")
    for stream in streams:
        plan.parts.append(_mpeg_part(file, stream, is_plain and len(streams) == 1 and stream.start == start))
        announced = stream.info.num_frames if stream.info else None
        if announced is not None and announced > stream.num_frames:
            plan.shortfall = (
                f"its header announces {announced} frames of sound, {stream.num_frames} are there"
            )
        if stream.num_skipped:
            plan.warnings.append(f"{stream.num_skipped} bytes between its frames are damaged")
    rest = end - streams[-1].end
    if rest > _LARGEST_FRAME and not _is_tag_or_zero(file, streams[-1].end):
        plan.shortfall = f"there are no frames in its last {rest} bytes"
    return plan


def _mpeg_part(file: BinaryIO, stream: MpegStream, is_plain: bool) -> SoundPart:
    size = stream.end - stream.start
    if stream.frame.layer != 3:
        # A decoder estimates their length from the bit rate of the first frame: silent frames behind the
        # sound make sure that it does not stop early.
        file.seek(stream.start)
        silent = file.read(4).ljust(stream.frame.size, b"\0")
        num_behind = max(0, stream.num_frames * stream.frame.size - size) + 64 * stream.frame.size
        return SoundPart(
            stream.start, size, pattern=silent, num_behind=num_behind, num_samples=stream.num_samples
        )
    info = stream.info
    is_right = info is not None and info.num_frames == stream.num_frames and not stream.num_skipped
    if is_right and info is not None and info.num_bytes is not None:
        is_right = abs(info.num_bytes - size) * 100 <= size  # mpg123 complains about more
    if is_right:
        return SoundPart(stream.start, size, is_file=is_plain)
    file.seek(stream.start)
    head = file.read(4)
    place = stream.start + (stream.frame.size if info is not None else 0)
    num_samples = stream.num_samples - (info.delay + 529 if info is not None and info.delay else 0)
    size = stream.end - place
    return SoundPart(place, size, length_header(stream, head, size), num_samples=num_samples)


def _plan_chunks(file: BinaryIO, layout: ChunkList, file_size: int) -> SoundPlan:
    data = layout.data
    demuxer = _FAMILY_DEMUXERS[layout.dialect.family]
    if data is None:
        return SoundPlan([SoundPart(0, file_size, is_file=True)])
    stored = read_stored_format(file, layout)
    code, padding = stored.code, stored.max_padding
    if code in _MPEG_CODES:
        plan = _plan_mpeg(file, data.start, data.start + data.size, is_plain=False, container="WAV")
        if plan is not None:
            return plan
    plan = SoundPlan(
        demuxer=demuxer,
        warnings=[] if stored.is_layout_known else [_UNKNOWN_LAYOUT],
        channel_mask=stored.channel_mask,
        channel_order=stored.channel_order,
        is_plain=has_plain_samples(file, layout, code),
    )
    announced = layout.announced_bytes
    if announced is not None and announced > data.size:
        plan.shortfall = f"its header announces {announced} bytes of sound, {data.size} are there"
    elif announced is not None and announced < data.size:
        plan.warnings.append(
            f"its header announces {announced} bytes of sound, {data.size} are there; all were read"
        )
    if layout.num_ignored_bytes:
        kind = "zero bytes" if is_zero(file, data.start + data.size) else "bytes"
        plan.warnings.append(f"{layout.num_ignored_bytes} {kind} behind the sound were left out")
    length = announced_length(file, layout) if code not in (0, 1, 3) else None
    if not layout.is_regular and announced != data.size:
        data = _without_pad_byte(file, data, frame_bytes(file, layout), file_size)
    header = None if layout.is_regular else corrected_header(file, layout, data)
    if plan.is_plain and (converted := long_header(file, layout, data)) is not None:
        plan.container = "AIFF" if layout.dialect.family == "AIFF" else "WAV"
        header, data = converted
        plan.parts = [SoundPart(data.start, data.size, header)]
    elif header is None:
        plan.parts = [SoundPart(0, file_size, num_samples=length, max_padding=padding, is_file=True)]
    else:
        plan.parts = [SoundPart(data.start, data.size, header, num_samples=length, max_padding=padding)]
        if header[:4] == b"RF64" and layout.magic == b"RIFF":
            plan.container = "WAV"
    return plan


def _without_pad_byte(file: BinaryIO, data: Chunk, frame_size: int | None, file_size: int) -> Chunk:
    """A data chunk up to the end of the file, without a pad byte that looks like a sample."""
    if frame_size != 1 or data.size % 2 or data.start + data.size != file_size:
        return data
    file.seek(file_size - 1)
    return replace(data, size=data.size - 1) if file.read(1) == b"\0" else data


def _plan_au(file: BinaryIO, head: bytes, file_size: int) -> SoundPlan:
    """AU files: an offset and a size of the sound in the header, nothing behind the sound."""
    order = ">" if head[:4] == b".snd" else "<"
    offset, announced = struct.unpack_from(f"{order}II", head, 4)
    available = file_size - offset
    if offset < 24 or available <= 0 or announced == available:
        return SoundPlan([SoundPart(0, file_size, is_file=True)])
    plan, size = SoundPlan(), available
    if not is_open_size(announced):
        if announced > available:
            plan.shortfall = f"its header announces {announced} bytes of sound, {available} are there"
        elif is_zero(file, offset + announced):
            plan.warnings.append(f"{available - announced} zero bytes behind the sound were left out")
            size = announced
        else:
            plan.warnings.append(
                f"its header announces {announced} bytes of sound, {available} are there; all were read"
            )
    header = head[:4] + struct.pack(f"{order}II", 24, min(size, 2**32 - 1)) + head[12:24]
    plan.parts = [SoundPart(offset, size, header)]
    return plan


def _check_equal(formats: list[tuple[str, int, int]]) -> None:
    if len(set(formats)) > 1:
        names = ", ".join(
            f"{name} {rate} Hz {channels} ch" for name, rate, channels in dict.fromkeys(formats)
        )
        raise AudioFileError(
            f"holds {len(formats)} streams one behind the other in different formats ({names}). "
            "Split the file into its streams first"
        )


def _is_tag_or_zero(file: BinaryIO, position: int) -> bool:
    file.seek(position)
    start = file.read(32)
    return start[:3] in (b"TAG", b"ID3") or start[:8] in (b"APETAGEX", b"LYRICSBE") or not start.strip(b"\0")
