"""Markers of an excerpt stand where they stood in the sound; tags of file objects go along."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import soundfile
from mutagen.flac import FLAC
from mutagen.id3 import ID3

from hushgate.audio_files.chunk_edits import append_chunk
from hushgate.audio_files.container_chunks import chunk_body, read_chunks
from hushgate.audio_files.open_audio import Excerpt, open_input, open_output

RATE = 8_000


def excerpt_of(source: Path, target: Path, excerpt: Excerpt) -> list[str]:
    with (
        open_input(source, excerpt=excerpt) as reader,
        open_output(target, reader.format, source, excerpt=excerpt) as writer,
    ):
        for block in reader.blocks():
            writer.write(block)
    return [warning.partition(": ")[2] for warning in writer.warnings]


def body_of(path: Path, kind: bytes) -> bytes:
    with path.open("rb") as file:
        layout = read_chunks(file)
        assert layout is not None
        assert layout.is_regular
        chunk = layout.find(kind)
        assert chunk is not None
        return chunk_body(file, chunk)


def test_cue_points_and_loops_of_wav_move_and_those_outside_go(tmp_path: Path) -> None:
    source, target = tmp_path / "take.wav", tmp_path / "out.wav"
    soundfile.write(source, np.zeros(4 * RATE), RATE)
    cues = [struct.pack("<II4sIII", n, at, b"data", 0, 0, at) for n, at in ((1, 5), (2, 9_000), (3, 30_000))]
    append_chunk(source, b"cue ", struct.pack("<I", 3) + b"".join(cues))
    loops = struct.pack("<12I", 1, 0, 8_500, 9_500, 0, 0, 2, 0, 100, 200, 0, 0)
    append_chunk(source, b"smpl", struct.pack("<9I", 0, 0, 0, 60, 0, 0, 0, 2, 0) + loops)
    warnings = excerpt_of(source, target, Excerpt(1.0, 2.0))
    assert body_of(target, b"cue ") == struct.pack("<III4sIII", 1, 2, 1_000, b"data", 0, 0, 1_000)
    assert body_of(target, b"smpl")[28:] == struct.pack("<II6I", 1, 0, 1, 0, 500, 1_500, 0, 0)
    assert soundfile.info(target).frames == RATE
    assert len(warnings) == 1
    assert warnings[0].endswith("removed: cue, smpl.")


def test_markers_of_aiff_move(tmp_path: Path) -> None:
    source, target = tmp_path / "take.aiff", tmp_path / "out.aiff"
    soundfile.write(source, np.zeros(4 * RATE), RATE)
    marks = [struct.pack(">HIB", 1, 3, 1) + b"a", struct.pack(">HIB", 2, 9_000, 2) + b"bb\0"]
    append_chunk(source, b"MARK", struct.pack(">H", 2) + b"".join(marks))
    assert len(excerpt_of(source, target, Excerpt(1.0, 2.0))) == 1
    assert body_of(target, b"MARK") == struct.pack(">HHIB", 1, 2, 1_000, 2) + b"bb\0"
    assert soundfile.info(target).frames == RATE


def test_chapters_in_comments_do_not_stay_with_an_excerpt(tmp_path: Path) -> None:
    source, target = tmp_path / "take.flac", tmp_path / "out.flac"
    soundfile.write(source, np.zeros(4 * RATE), RATE)
    flac = FLAC(source)
    flac["CHAPTER001"], flac["TITLE"] = "00:00:01.000", "Take"
    flac.save()
    assert excerpt_of(source, target, Excerpt(1.0))[0].endswith("removed: chapters.")
    assert FLAC(target).tags == [("TITLE", "Take")]


def test_tags_of_file_objects_go_along(tmp_path: Path) -> None:
    source, target = io.BytesIO(), io.BytesIO()
    soundfile.write(source, np.zeros(RATE), RATE, format="FLAC")
    (tmp_path / "tagged.flac").write_bytes(source.getvalue())
    flac = FLAC(tmp_path / "tagged.flac")
    flac["TITLE"] = "Take"
    flac.save()
    source = io.BytesIO((tmp_path / "tagged.flac").read_bytes())
    for output in (target, tmp_path / "out.mp3"):
        with open_input(source) as reader, open_output(output, reader.format, source) as writer:
            for block in reader.blocks():
                writer.write(block)
    target.seek(0)
    assert FLAC(target)["TITLE"] == ["Take"]
    assert ID3(tmp_path / "out.mp3")["TIT2"] == "Take"
