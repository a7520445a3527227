"""A film keeps its pictures byte for byte; its sound is replaced, in place to the sample."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("av", reason="needs the extra formats")

import av

from hushgate import AudioFileError
from hushgate.audio_files.open_audio import AudioWriter, Excerpt, open_input, open_output
from tests.helpers.sound_files.films import (
    RATE,
    copy_packets,
    decoded_sound,
    film_sound,
    lag,
    make_film,
    video_packets,
)

KINDS = [
    ("mp4", "aac", "mp4"),
    ("mp4", "libopus", "mp4"),
    ("matroska", "aac", "mkv"),
    ("matroska", "libopus", "mkv"),
    ("mov", "aac", "mov"),
    ("webm", "libopus", "webm"),
]


def copy_film(source: Path, target: Path) -> AudioWriter:
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    return writer


@pytest.mark.parametrize("offset_s", [0.0, 0.5])
@pytest.mark.parametrize(("muxer", "encoder", "extension"), KINDS)
def test_pictures_are_untouched_and_sound_stays_in_place(
    tmp_path: Path, muxer: str, encoder: str, extension: str, offset_s: float
) -> None:
    source, target = tmp_path / f"film.{extension}", tmp_path / f"out.{extension}"
    pictures = "libvpx" if extension == "webm" else "mpeg4"
    make_film(source, 20.0, muxer=muxer, encoder=encoder, offset_s=offset_s, pictures=pictures)
    writer = copy_film(source, target)
    assert writer.warnings == []
    assert video_packets(target) == video_packets(source)
    old, old_start = decoded_sound(source)
    new, new_start = decoded_sound(target)
    # Some encoders put silence in front; players place the first sample by its time. Matroska's times are
    # whole milliseconds, so a start other than 0 may move by one.
    shift = round(float(old_start - new_start) * RATE)
    tolerance = 1 if offset_s == 0.0 or extension in ("mp4", "mov") else RATE // 1000
    assert -tolerance <= shift <= 1024 + tolerance
    assert abs(lag(old, new[:, max(0, shift) :]) - max(0, -shift)) <= tolerance
    assert offset_s > 0.0 or abs(new.shape[1] - old.shape[1]) < 1024
    with av.open(str(target)) as container:
        assert container.metadata["title"] == "A film"


def test_the_sound_alone_can_be_written(tmp_path: Path) -> None:
    source, target = tmp_path / "film.mp4", tmp_path / "voice.wav"
    make_film(source, 4.0, muxer="mp4", encoder="aac")
    copy_film(source, target)
    sound, rate = soundfile.read(target, always_2d=True, dtype="float32")
    assert rate == RATE
    assert sound.shape == (4 * RATE, 2)
    assert lag(film_sound(0, 4 * RATE), sound.T) == 0


def test_an_excerpt_of_a_film_is_sound_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "film.mkv", tmp_path / "out.mkv"
    make_film(source, 4.0, muxer="matroska", encoder="libopus")
    excerpt = Excerpt(1.0, 2.0)
    with open_input(source, excerpt=excerpt) as reader:
        with pytest.raises(AudioFileError, match="films are not cut"):
            open_output(target, reader.format, source, excerpt=excerpt)
        with open_output(tmp_path / "part.wav", reader.format, source, excerpt=excerpt) as writer:
            for block in reader.blocks():
                writer.write(block)
    sound = soundfile.read(tmp_path / "part.wav", always_2d=True, dtype="float32")[0]
    assert len(sound) == RATE
    assert lag(film_sound(RATE, RATE), sound.T) == 0


def test_a_hole_in_the_sound_becomes_silence_of_the_same_length(tmp_path: Path) -> None:
    whole, holed = tmp_path / "whole.mkv", tmp_path / "holed.mkv"
    make_film(whole, 4.0, muxer="matroska", encoder="libopus")
    copy_packets(
        whole,
        holed,
        is_kept=lambda packet: packet.stream.type != "audio" or not 50 <= (packet.pts or 0) / 20 < 75,
    )
    with open_input(holed) as reader:
        sound = np.concatenate(list(reader.blocks()), axis=1)
    assert sound.shape[1] == 4 * RATE
    assert "0.500 s are missing after 1.01 s; silence was put in" in reader.warnings[0]
    assert lag(film_sound(2 * RATE, RATE), sound[:, 2 * RATE : 3 * RATE]) == 0


def test_a_second_sound_track_is_copied_and_named(tmp_path: Path) -> None:
    film, source, target = tmp_path / "one.mkv", tmp_path / "two.mkv", tmp_path / "out.mkv"
    make_film(film, 2.0, muxer="matroska", encoder="libopus")
    with av.open(str(film)) as old, av.open(str(source), "w", format="matroska") as new:
        places = [old.streams[0], old.streams[1], old.streams[1]]
        copies = [new.add_stream_from_template(stream, opaque=True) for stream in places]
        for packet in old.demux():
            if packet.size:
                index, data = packet.stream.index, bytes(packet)
                for copy in copies[index : index + 1] if index == 0 else copies[1:]:
                    double = av.Packet(data)
                    double.pts, double.dts, double.time_base = packet.pts, packet.dts, packet.time_base
                    double.duration, double.is_keyframe = packet.duration or 0, packet.is_keyframe
                    double.stream = copy
                    new.mux(double)
    with open_input(source) as reader:
        assert "has 2 sound tracks; track 1 was processed" in reader.warnings[0]
    copy_film(source, target)

    def second_track(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.audio[1]) if packet.size]

    assert second_track(target) == second_track(source)
    assert len(second_track(target)) > 50


def test_a_missing_library_is_named_with_its_pip_line(tmp_path: Path) -> None:
    make_film(tmp_path / "film.mp4", 1.0, muxer="mp4", encoder="aac")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "av.py").write_text("raise ModuleNotFoundError(name='av')")
    script = textwrap.dedent(
        """
        import sys
        sys.path.insert(0, "without")
        from hushgate.audio_files.open_audio import open_input
        try:
            open_input("film.mp4")
        except Exception as error:
            print(type(error).__name__, error)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (
        "AudioFileError film.mp4 cannot be read without FFmpeg's libraries. "
        "Install them: pip install 'hushgate[formats]'"
    )


def test_hushgate_does_not_load_ffmpeg_before_a_file_needs_it() -> None:
    script = "import sys, hushgate, hushgate.audio_files.open_audio; print('av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.level(10)
@pytest.mark.parametrize(("muxer", "encoder", "extension"), KINDS[:4])
def test_ten_minutes_in_constant_memory(tmp_path: Path, muxer: str, encoder: str, extension: str) -> None:
    source, target = tmp_path / f"film.{extension}", tmp_path / f"out.{extension}"
    make_film(source, 20.0, muxer=muxer, encoder=encoder)
    copy_film(source, tmp_path / f"short.{extension}")
    make_film(source, 600.0, muxer=muxer, encoder=encoder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    copy_film(source, target)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # kB; its sound takes 230,000
    assert video_packets(target) == video_packets(source)
    old, new = decoded_sound(source)[0], decoded_sound(target)[0]
    for start in (0, 300 * RATE, 590 * RATE):
        assert abs(lag(old[:, start : start + 5 * RATE], new[:, start : start + 5 * RATE])) <= 1
