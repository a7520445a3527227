"""Sound in FFmpeg's containers comes back as long as it was, and in its place."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra formats")

import av

from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from tests.helpers.sound_files.films import film_sound, lag

NUM_SAMPLES = 50_001


def read(path: Path) -> np.ndarray:
    with FileReader(path) as reader:
        return np.concatenate(list(reader.blocks()), axis=1)


@pytest.mark.parametrize(
    ("extension", "container", "subtype", "sample_rate"),
    [
        ("m4a", "MP4", "AAC", 44_100),
        ("m4a", "MP4", "ALAC_16", 44_100),
        ("mp4", "MP4", "AC3", 44_100),
        ("mp4", "MP4", "OPUS", 48_000),
        ("mov", "MOV", "AAC", 44_100),
        ("mka", "MATROSKA", "AAC", 44_100),
        ("mka", "MATROSKA", "AC3", 44_100),
        ("mka", "MATROSKA", "MPEG_LAYER_III", 44_100),
        ("mka", "MATROSKA", "FLAC_16", 44_100),
        ("webm", "WEBM", "OPUS", 48_000),
    ],
)
def test_what_is_written_is_as_long_as_what_came(
    tmp_path: Path, extension: str, container: str, subtype: str, sample_rate: int
) -> None:
    path = tmp_path / f"take.{extension}"
    sound = film_sound(0, NUM_SAMPLES)
    with FileWriter(path, AudioFormat(sample_rate, 2, NUM_SAMPLES, container, subtype)) as writer:
        for start in range(0, NUM_SAMPLES, 7_000):
            writer.write(sound[:, start : start + 7_000])
    found = read(path)
    assert found.shape == sound.shape
    assert lag(sound, found) == 0


@pytest.mark.parametrize("num_samples", [1536 * 20, 1536 * 20 - 100, 1536 * 20 + 1])
@pytest.mark.parametrize(("extension", "container"), [("mp4", "MP4"), ("mka", "MATROSKA")])
def test_the_last_samples_of_ac3_are_not_left_in_the_encoder(
    tmp_path: Path, extension: str, container: str, num_samples: int
) -> None:
    path = tmp_path / f"take.{extension}"
    with FileWriter(path, AudioFormat(48_000, 2, None, container, "AC3")) as writer:
        writer.write(film_sound(0, num_samples))
    assert read(path).shape[1] == num_samples


def test_mp3_in_mp4_ends_where_the_table_of_durations_says(tmp_path: Path) -> None:
    path, rate = tmp_path / "take.mp4", 44_100
    sound = film_sound(0, NUM_SAMPLES)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libmp3lame", rate=rate)
        codec = stream.codec_context
        codec.layout, codec.format, codec.time_base = "stereo", "fltp", Fraction(1, rate)
        for start in range(0, NUM_SAMPLES, 1152):
            block = np.ascontiguousarray(sound[:, start : start + 1152])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = read(path)
    assert found.shape == sound.shape
    assert lag(sound, found) == 0


@pytest.mark.parametrize("extension", ["m4a", "mka"])
def test_the_length_is_known_roughly_before_the_sound_is_read(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"take.{extension}"
    container = "MP4" if extension == "m4a" else "MATROSKA"
    with FileWriter(path, AudioFormat(48_000, 2, None, container, "AAC")) as writer:
        writer.write(film_sound(0, NUM_SAMPLES))
    with FileReader(path) as reader:
        assert reader.expected_samples == pytest.approx(NUM_SAMPLES, abs=2 * 1024)


def test_a_disk_that_is_full_from_the_start_is_named_as_such(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import resource, signal
        from hushgate.audio_files.open_audio import AudioFormat, open_output
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))  # stands for it
        try:
            open_output("out.m4a", AudioFormat(48_000, 2, None, "WAV", "PCM_16"), "-")
        except OSError as error:
            print("OSError", error.strerror, error.filename)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "OSError File too large out.m4a"
    assert list(tmp_path.iterdir()) == []
