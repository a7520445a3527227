"""Where the sound of a WAV file ends, whatever its sizes say."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from hushgate.audio_files.container_chunks import read_chunks
from hushgate.audio_files.file_reader import FileReader
from tests.helpers.seeded_noise import noise
from tests.helpers.sound_files.corpus import chunk, put, sndfile_bytes

COUNT = 9_001
TAIL = chunk(b"cue ", bytes(4)) + chunk(b"LIST", b"INFO") + chunk(b"odd ", b"abcd")


def read(path: Path, content: bytes) -> tuple[int, list[str]]:
    path.write_bytes(content)
    with FileReader(path) as reader:
        num_samples = sum(block.shape[1] for block in reader.blocks())
    return num_samples, [warning.partition(": ")[2] for warning in reader.warnings]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 1000])
@pytest.mark.parametrize(
    ("container", "kind", "tail"),
    [
        ("WAV", b"data", TAIL),
        ("AIFF", b"SSND", chunk(b"MARK", bytes(2), ">") + chunk(b"odd ", bytes(4), ">")),
    ],
)
def test_chunks_behind_a_sound_of_unknown_size_are_kept_and_not_played(
    tmp_path: Path, container: str, kind: bytes, tail: bytes, size: int
) -> None:
    content = sndfile_bytes(container, "PCM_16", COUNT)
    stored = struct.pack("<I" if container == "WAV" else ">I", size)
    content = put(content, content.index(kind) + 4, stored) + tail
    num_samples, warnings = read(tmp_path / "a", content)
    assert num_samples == COUNT
    assert ["all were read" in warning for warning in warnings] == [True] * (size == 1000)
    layout = read_chunks(io.BytesIO(content))
    assert layout is not None
    assert layout.extras[1][-1].kind == b"odd "


def test_a_name_of_a_chunk_within_the_sound_does_not_end_it(tmp_path: Path) -> None:
    content = sndfile_bytes("WAV", "FLOAT", COUNT)
    start = content.index(b"data") + 4
    content = put(content, start, bytes(4))
    content = put(content, start + 4_000, b"LIST" + bytes(4) + b"cue ")
    assert read(tmp_path / "a.wav", content)[0] == COUNT


def test_sound_behind_sizes_that_agree_is_kept(tmp_path: Path) -> None:
    """Recorders update both sizes now and then; after a crash there is more than they say."""
    content = sndfile_bytes("WAV", "PCM_16", COUNT)
    sound = np.random.default_rng(1).bytes(3_000)
    count, warnings = read(tmp_path / "a.wav", content + sound)
    assert count == COUNT + 1_500
    assert len(warnings) == 1


def test_rf64_whose_long_size_was_never_filled_in_is_read(tmp_path: Path) -> None:
    sound = noise(1, COUNT).astype("<f4").tobytes()
    body = chunk(b"ds64", bytes(28)) + chunk(b"fmt ", struct.pack("<HHIIHH", 3, 1, 48_000, 192_000, 4, 32))
    content = b"RF64" + struct.pack("<I", 2**32 - 1) + b"WAVE" + body + chunk(b"data", sound)
    assert read(tmp_path / "a.wav", content) == (COUNT, [])
