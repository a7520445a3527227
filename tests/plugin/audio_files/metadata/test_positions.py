"""Markers of an excerpt stand where they stood in the sound; tags of file objects go along."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
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


def entry(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def test_labels_of_cue_points_that_went_go_too(tmp_path: Path) -> None:
    source, target = tmp_path / "take.wav", tmp_path / "out.wav"
    soundfile.write(source, np.zeros(4 * RATE), RATE)
    cues = [struct.pack("<II4sIII", n, at, b"data", 0, 0, at) for n, at in ((1, 5), (2, 9_000), (3, 30_000))]
    append_chunk(source, b"cue ", struct.pack("<I", 3) + b"".join(cues))
    labels = [entry(b"labl", struct.pack("<I", n) + b"name %d\0" % n) for n in (1, 2, 3)]
    append_chunk(source, b"LIST", b"adtl" + b"".join(labels) + entry(b"note", struct.pack("<I", 3) + b"n\0"))
    append_chunk(source, b"LIST", b"INFO" + entry(b"INAM", b"Take\0"))
    excerpt_of(source, target, Excerpt(1.0, 2.0))
    assert body_of(target, b"LIST") == b"adtl" + labels[1]
    assert entry(b"INAM", b"Take\0") in target.read_bytes()
    assert soundfile.info(target).frames == RATE


def test_loops_of_an_aiff_instrument_go_with_their_markers(tmp_path: Path) -> None:
    source, target = tmp_path / "take.aiff", tmp_path / "out.aiff"
    soundfile.write(source, np.zeros(4 * RATE), RATE)
    marks = [struct.pack(">HIBx", n, at, 0) for n, at in ((1, 3), (2, 9_000), (3, 9_500))]
    append_chunk(source, b"MARK", struct.pack(">H", 3) + b"".join(marks))
    append_chunk(source, b"INST", bytes(8) + struct.pack(">6H", 1, 1, 2, 2, 2, 3))
    excerpt_of(source, target, Excerpt(1.0, 2.0))
    assert body_of(target, b"INST") == bytes(8) + struct.pack(">6H", 0, 0, 0, 2, 2, 3)


@pytest.mark.parametrize("time", [7, 4_000_000_000, 2**32 - 1])
def test_the_times_of_bext_and_ixml_agree(tmp_path: Path, time: int) -> None:
    source, target = tmp_path / "take.wav", tmp_path / "out.wav"
    soundfile.write(source, np.zeros(4 * RATE), RATE)
    append_chunk(source, b"bext", bytes(338) + struct.pack("<Q", time) + bytes(256))
    xml = (
        b"<BWFXML><SPEED><TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>%d</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>"
        b"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>%d</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED><BEXT>"
        b"<BWF_TIME_REFERENCE_LOW>%d</BWF_TIME_REFERENCE_LOW><BWF_TIME_REFERENCE_HIGH>%d"
        b"</BWF_TIME_REFERENCE_HIGH></BEXT></BWFXML>"
    )
    append_chunk(source, b"iXML", xml % (0, time, time, 0))
    assert excerpt_of(source, target, Excerpt(1.0, 2.0)) == []
    high, low = divmod(time + RATE, 2**32)
    assert body_of(target, b"bext")[338:346] == struct.pack("<Q", time + RATE)
    assert [int(number) for number in re.findall(rb"\d+", body_of(target, b"iXML"))] == [high, low, low, high]
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
