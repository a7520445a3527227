"""Whatever a file holds, a search through it reads each byte a few times at most, and keeps little."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hushgate.audio_files.container_chunks import read_chunks
from hushgate.audio_files.limits import MAX_NUM_CHUNKS
from hushgate.audio_files.scanning.flac_frames import find_flac_streams
from hushgate.audio_files.scanning.mpeg_frames import find_streams
from hushgate.audio_files.scanning.ogg_pages import find_ogg_streams
from hushgate.audio_files.scanning.outer_tags import find_tags
from hushgate.audio_files.scanning.sound_parts import plan_reading
from hushgate.errors import AudioFileError
from tests.helpers.sound_files.corpus import id3, sndfile_bytes

SIZE = 2**20


class CountingFile(io.BytesIO):
    """Counts the bytes that were read."""

    num_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.num_read += len(data)
        return data


def random_bytes(size: int = SIZE) -> bytes:
    return np.random.default_rng(0).bytes(size)


def sync_words() -> bytes:
    """Frame headers of MPEG audio without frames."""
    return b"\xff\xfb\x90\xc4" * (SIZE // 4)


def pages_with_junk() -> bytes:
    """Ogg pages without content, each with a few bytes behind it that belong to none."""
    page = b"OggS\0\2" + bytes(8) + b"\1\0\0\0" + bytes(8) + b"\1\0"
    return b"OggS\0\2" + bytes(20) + b"\0" + (page + b"x") * (SIZE // (len(page) + 1))


def tiny_chunks() -> bytes:
    """A WAV file of empty chunks."""
    body = b"WAVE" + b"abcd\0\0\0\0" * (SIZE // 8)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def zeros_behind_wav() -> bytes:
    wav = sndfile_bytes("WAV", "PCM_16", 1_000)
    return wav + bytes(SIZE)


def flac_marks() -> bytes:
    """A FLAC file full of the marks of others."""
    return sndfile_bytes("FLAC", "PCM_16", 1_000) + (b"fLaC\0\0\0\x22" + bytes(34)) * (SIZE // 42)


CONTENTS: dict[str, Callable[[], bytes]] = {
    "random.mp3": random_bytes,
    "zeros.mp3": lambda: bytes(SIZE),
    "ones.mp3": lambda: b"\xff" * SIZE,
    "sync.mp3": sync_words,
    "pages.ogg": pages_with_junk,
    "chunks.wav": tiny_chunks,
    "tail.wav": zeros_behind_wav,
    "id3.mp3": lambda: id3() * (SIZE // 310),
    "tail.flac": lambda: sndfile_bytes("FLAC", "PCM_16", 1_000) + bytes(SIZE),
}


@pytest.mark.parametrize("name", list(CONTENTS))
def test_planning_reads_each_byte_a_few_times_at_most(name: str) -> None:
    file = CountingFile(CONTENTS[name]())
    tracemalloc.start()
    try:
        plan_reading(file, Path(name).suffix)
    except AudioFileError:
        pass  # refused: also an answer
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert file.num_read < 24 * SIZE
    assert peak < 40 * 2**20


def test_marks_of_flac_inside_of_flac_are_looked_at_in_bounds() -> None:
    file = CountingFile(flac_marks())
    assert find_flac_streams(file)
    assert file.num_read < 80 * SIZE


def test_chunks_are_counted() -> None:
    layout = read_chunks(io.BytesIO(tiny_chunks()))
    assert layout is not None
    assert len(layout.chunks) == MAX_NUM_CHUNKS


def test_searches_agree_with_what_was_written() -> None:
    mp3 = sndfile_bytes("MP3", "MPEG_LAYER_III", 30_000)
    (stream,) = find_streams(io.BytesIO(id3() + mp3), len(id3()))
    assert stream.info is not None
    assert stream.num_frames == stream.info.num_frames
    assert (stream.start, stream.end) == (len(id3()), len(id3()) + len(mp3))
    assert find_tags(io.BytesIO(id3() + id3(200) + mp3)) == [(0, 310), (310, 520)]
    ogg = sndfile_bytes("OGG", "VORBIS", 30_000)
    assert [(one.start, one.end) for one in find_ogg_streams(io.BytesIO(ogg + ogg))] == [
        (0, len(ogg)),
        (len(ogg), 2 * len(ogg)),
    ]
    flac = sndfile_bytes("FLAC", "PCM_16", 30_000)
    (one,) = find_flac_streams(io.BytesIO(flac))
    assert (one.announced, one.found) == (30_000, 30_000)


def test_a_header_is_not_believed_about_memory() -> None:
    """Sizes of gibibytes in files of a few bytes."""
    wav = sndfile_bytes("WAV", "PCM_16", 100)
    place = wav.index(b"data")
    for kind in (b"LIST", b"id3 ", b"bext"):
        lying = wav[:place] + kind + struct.pack("<I", 2**31) + wav[place:]
        tracemalloc.start()
        layout = read_chunks(io.BytesIO(lying))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert layout is not None
        assert layout.data is None
        assert peak < 2**22
