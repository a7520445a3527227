"""What goes along with the sound of a film, and what the output's container cannot hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av", reason="needs the extra formats")

import av

from hushgate.audio_files.open_audio import open_input, open_output
from tests.helpers.sound_files.films import make_film, video_packets

FONT = b"FONTDATA"


def enrich(plain: Path, target: Path, muxer: str, *, subtitles: str = "", attachment: bool = False) -> None:
    """A film with two chapters and a time code, and with subtitles and a font where a codec is named."""
    with av.open(str(plain)) as source, av.open(str(target), "w", format=muxer) as film:
        copies = {stream: film.add_stream_from_template(stream, opaque=True) for stream in source.streams}
        copies[source.streams.video[0]].metadata["timecode"] = "01:02:03:04"
        texts: Any = film.add_mux_stream(subtitles) if subtitles else None
        if attachment:
            film.add_attachment("font.ttf", "application/x-truetype-font", FONT)
        clock = Fraction(1, 1000)
        film.set_chapters(
            [
                {"id": 1, "start": 0, "end": 900, "time_base": clock, "metadata": {"title": "One"}},
                {"id": 2, "start": 900, "end": 2000, "time_base": clock, "metadata": {"title": "Two"}},
            ]
        )
        film.start_encoding()
        if texts is not None:
            packet = av.Packet(b"\x00\x05Hello" if subtitles == "mov_text" else b"0,0,Default,,0,0,0,,Hello")
            packet.stream, packet.time_base = texts, Fraction(1, 1000)
            packet.pts = packet.dts = packet.duration = 500
            film.mux(packet)
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream]
                film.mux(packet)


def clean(source: Path, target: Path) -> list[str]:
    """Copy a film through reader and writer; the warnings."""
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    return writer.warnings


def kinds(path: Path) -> list[str]:
    with av.open(str(path)) as film:
        return [stream.type for stream in film.streams]


def titles(path: Path) -> list[tuple[float, str]]:
    with av.open(str(path)) as film:
        return [(float(c["start"] * c["time_base"]), c["metadata"]["title"]) for c in film.chapters()]  # type: ignore[operator]


@pytest.mark.parametrize("extension", ["mp4", "mov"])
def test_chapters_and_a_time_code_are_written_anew(tmp_path: Path, extension: str) -> None:
    source, target = tmp_path / f"film.{extension}", tmp_path / f"out.{extension}"
    make_film(tmp_path / "plain.mp4", 2.0, muxer="mp4", encoder="aac")
    enrich(tmp_path / "plain.mp4", source, extension)
    assert kinds(source).count("data") == 2
    for _ in range(2):  # our own output can be read again
        assert clean(source, target) == []
        assert titles(target) == [(0.0, "One"), (0.9, "Two")]
        assert video_packets(target) == video_packets(source)
        with av.open(str(target)) as film:
            assert film.streams.video[0].metadata["timecode"] == "01:02:03:04"
        source, target = target, tmp_path / f"again.{extension}"


@pytest.mark.parametrize("extension", ["mp4", "mov", "webm"])
def test_what_a_container_cannot_hold_is_left_out_and_named(tmp_path: Path, extension: str) -> None:
    pictures = "libvpx" if extension == "webm" else "mpeg4"
    make_film(tmp_path / "plain.mkv", 2.0, muxer="matroska", encoder="libopus", pictures=pictures)
    enrich(tmp_path / "plain.mkv", tmp_path / "film.mkv", "matroska", subtitles="ass", attachment=True)
    name = extension.upper()
    assert clean(tmp_path / "film.mkv", tmp_path / f"out.{extension}")[-2:] == [
        f"film.mkv: subtitle track 3 was left out ({name} cannot hold ssa).",
        f"film.mkv: attachment track 4 was left out ({name} cannot hold it).",
    ]
    assert kinds(tmp_path / f"out.{extension}")[:2] == ["video", "audio"]


def test_subtitles_and_attachments_stay_where_they_fit(tmp_path: Path) -> None:
    make_film(tmp_path / "plain.mkv", 2.0, muxer="matroska", encoder="libopus")
    enrich(tmp_path / "plain.mkv", tmp_path / "film.mkv", "matroska", subtitles="ass", attachment=True)
    assert clean(tmp_path / "film.mkv", tmp_path / "out.mkv") == []
    with av.open(str(tmp_path / "out.mkv")) as film:
        assert [stream.type for stream in film.streams] == ["video", "audio", "subtitle", "attachment"]
        assert film.streams[3].data == FONT  # type: ignore[attr-defined]
        assert b"Hello" in b"".join(bytes(packet) for packet in film.demux(film.streams[2]))
    make_film(tmp_path / "plain.mp4", 2.0, muxer="mp4", encoder="aac")
    enrich(tmp_path / "plain.mp4", tmp_path / "film.mp4", "mp4", subtitles="mov_text")
    assert clean(tmp_path / "film.mp4", tmp_path / "out.mp4") == []
    assert "subtitle" in kinds(tmp_path / "out.mp4")
