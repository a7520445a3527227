"""Chapters of audio books and covers in Matroska: what must be written before the sound."""

from __future__ import annotations

import io
from pathlib import Path

import mutagen.flac
import numpy as np
import pytest
import soundfile

pytest.importorskip("av", reason="needs the extra formats")

import av

from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.metadata.common_fields import Chapter
from hushgate.audio_files.metadata.leading_parts import LeadingParts
from hushgate.audio_files.open_audio import Excerpt, open_input, open_output
from tests.helpers.sound_files.films import copy_packets, make_film

RATE = 48_000
CHAPTERS = (Chapter(0.0, 0.5, "One"), Chapter(0.5, 1.25, "Two"), Chapter(1.25, 2.0, "Ümlaut"))
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
JPEG = b"\xff\xd8\xff\xe0" + bytes(64)
FORMATS = {
    "m4b": ("MP4", "AAC"),
    "m4a": ("MP4", "ALAC_16"),
    "mp4": ("MP4", "AAC"),
    "mov": ("MOV", "AAC"),
    "mka": ("MATROSKA", "FLAC_16"),
    "webm": ("WEBM", "OPUS"),
}


def make_book(path: Path) -> Path:
    """Two seconds of silence with three chapters."""
    form = AudioFormat(RATE, 2, None, *FORMATS[path.suffix[1:]])
    with FileWriter(path, form, parts=LeadingParts(chapters=CHAPTERS)) as writer:
        writer.write(np.zeros((2, 2 * RATE), np.float32))
    return path


def copied(source: Path, target: Path, excerpt: Excerpt | None = None) -> list[str]:
    """The warnings about a copy."""
    with (
        open_input(source, excerpt=excerpt) as reader,
        open_output(target, reader.format, source, excerpt=excerpt, overwrite=True) as writer,
    ):
        for block in reader.blocks():
            writer.write(block)
    return writer.warnings


def chapters(path: Path | io.BytesIO) -> tuple[Chapter, ...]:
    with av.open(str(path) if isinstance(path, Path) else path) as container:
        found = [
            (float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), c["metadata"]["title"])  # type: ignore[operator]
            for c in container.chapters()
        ]
    return tuple(Chapter(round(start, 3), round(end, 3), title) for start, end, title in found)


def pictures(path: Path) -> list[tuple[str, bytes]]:
    """Names and contents of covers in Matroska."""
    with av.open(str(path)) as container:
        covers = [stream for stream in container.streams.video if stream.metadata.get("filename")]
        packets = [packet for packet in container.demux(covers) if packet.size] if covers else []
        return [(packet.stream.metadata["filename"], bytes(packet)) for packet in packets]


@pytest.mark.parametrize("extension", list(FORMATS))
def test_chapters_of_sound_files_survive(tmp_path: Path, extension: str) -> None:
    source, target = make_book(tmp_path / f"book.{extension}"), tmp_path / f"out.{extension}"
    assert chapters(source) == CHAPTERS
    assert copied(source, target) == []
    assert chapters(target) == CHAPTERS


@pytest.mark.parametrize("extension", ["m4b", "mka"])
def test_chapters_of_an_excerpt_move_with_it(tmp_path: Path, extension: str) -> None:
    source, target = make_book(tmp_path / f"book.{extension}"), tmp_path / f"out.{extension}"
    assert copied(source, target, Excerpt(0.75, 1.5)) == []
    assert chapters(target) == (Chapter(0.0, 0.5, "Two"), Chapter(0.5, 0.75, "Ümlaut"))
    assert copied(source, target, Excerpt(1.0)) == []
    assert chapters(target) == (Chapter(0.0, 0.25, "Two"), Chapter(0.25, 1.0, "Ümlaut"))


def test_damaged_chapters_do_not_cost_the_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_book(tmp_path / "book.mka")
    found = [
        (1.0, 2.0, "Two"),
        (-3.0, 1.0, "One"),
        (1.5, 0.5, "Back"),
        (1.75, 1.75, "Mark"),
        (1e15, 2e15, "Far"),
    ]
    monkeypatch.setattr("hushgate.audio_files.isolation.calls.call_isolated", lambda *_: ([], [], found))
    assert copied(source, tmp_path / "out.mka") == []
    assert chapters(tmp_path / "out.mka") == (
        Chapter(0.0, 1.0, "One"),
        Chapter(1.0, 2.0, "Two"),
        Chapter(1.75, 1.75, "Mark"),
    )


def test_chapters_change_their_container_or_are_named_as_lost(tmp_path: Path) -> None:
    source = make_book(tmp_path / "book.m4b")
    assert copied(source, tmp_path / "out.mka") == []
    assert chapters(tmp_path / "out.mka") == CHAPTERS
    for name in ("out.mp3", "out.flac", "out.wav"):
        assert [w.rpartition(": ")[2] for w in copied(source, tmp_path / name)] == ["chapters."]


def test_chapters_go_to_file_objects_too(tmp_path: Path) -> None:
    source, target = make_book(tmp_path / "book.mka"), io.BytesIO()
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    assert chapters(io.BytesIO(target.getvalue())) == CHAPTERS


def test_covers_become_attached_files_in_matroska(tmp_path: Path) -> None:
    source = tmp_path / "song.flac"
    soundfile.write(source, np.zeros((RATE, 2)), RATE)
    flac = mutagen.flac.FLAC(source)
    for number, data in enumerate((PNG, JPEG)):
        picture = mutagen.flac.Picture()
        picture.data, picture.mime, picture.type = data, "image/wrong" if number else "image/png", 3
        flac.add_picture(picture)
    flac.save()
    expected = [("cover.png", PNG), ("cover_2.jpg", JPEG)]
    assert copied(source, tmp_path / "out.mka") == []
    assert pictures(tmp_path / "out.mka") == expected
    once = (tmp_path / "out.mka").read_bytes()
    assert copied(source, tmp_path / "out.mka") == []
    assert (tmp_path / "out.mka").read_bytes() == once
    assert copied(tmp_path / "out.mka", tmp_path / "again.mka") == []
    assert pictures(tmp_path / "again.mka") == expected
    assert copied(tmp_path / "out.mka", tmp_path / "back.flac") == []
    assert [picture.data for picture in mutagen.flac.FLAC(tmp_path / "back.flac").pictures] == [PNG, JPEG]
    (warning,) = [w for w in copied(source, tmp_path / "out.webm") if "pictures" in w]
    assert warning.endswith("WebM cannot hold some tags: pictures.")


def test_the_cover_of_a_film_stays(tmp_path: Path) -> None:
    make_film(tmp_path / "plain.mkv", 1.0, muxer="matroska", encoder="libopus")
    copy_packets(tmp_path / "plain.mkv", tmp_path / "film.mkv", attachment=("cover.png", "image/png", PNG))
    assert copied(tmp_path / "film.mkv", tmp_path / "out.mkv") == []
    assert pictures(tmp_path / "out.mkv") == [("cover.png", PNG)]
