"""Plans for reading: joined files, tags in front."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import AudioFileError
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from tests.helpers.seeded_noise import noise


def encoded(container: str, num_channels: int, sample_rate: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, noise(9_000, num_channels), sample_rate, format=container)
    return file.getvalue()


@pytest.mark.parametrize("container", ["FLAC", "OGG", "MP3"])
@pytest.mark.parametrize(("num_channels", "sample_rate"), [(2, 48_000), (1, 44_100)])
def test_joined_files_of_different_formats_are_refused(
    tmp_path: Path, container: str, num_channels: int, sample_rate: int
) -> None:
    first, second = encoded(container, 1, 48_000), encoded(container, num_channels, sample_rate)
    (tmp_path / "a").write_bytes(first + second)
    with pytest.raises(AudioFileError, match=f"48000 Hz 1 ch, .* {sample_rate} Hz {num_channels} ch"):
        FileReader(tmp_path / "a")


@pytest.mark.parametrize("tag_size", [1_000, 200_000])
def test_ogg_flac_is_read_behind_a_tag_of_any_size(tmp_path: Path, tag_size: int) -> None:
    pytest.importorskip("av", reason="needs the extra formats")
    with FileWriter(tmp_path / "a.oga", AudioFormat(48_000, 1, None, "OGG", "FLAC_16")) as writer:
        writer.write(noise(1, 48_000))
    size = bytes(tag_size >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\4\0\0" + size + bytes(tag_size)
    (tmp_path / "b.oga").write_bytes(tag + (tmp_path / "a.oga").read_bytes())
    with FileReader(tmp_path / "a.oga") as plain, FileReader(tmp_path / "b.oga") as tagged:
        expected, sound = (np.concatenate(list(file.blocks()), axis=1) for file in (plain, tagged))
    np.testing.assert_array_equal(sound, expected)


def flac(num_samples: int) -> tuple[bytes, np.ndarray]:
    file = io.BytesIO()
    soundfile.write(file, noise(1, num_samples).T, 48_000, format="FLAC")
    file.seek(0)
    return file.getvalue(), soundfile.read(file, dtype="float32", always_2d=True)[0].T


@pytest.mark.parametrize("behind", [bytes(3), bytes(512), b"TAG" + bytes(125), b"junk" * 100])
def test_what_lies_behind_the_last_frame_of_flac_takes_no_sound_with_it(
    tmp_path: Path, behind: bytes
) -> None:
    content, expected = flac(20_001)
    (tmp_path / "a.flac").write_bytes(content + behind)
    with FileReader(tmp_path / "a.flac") as reader:
        sound = np.concatenate(list(reader.blocks()), axis=1)
    np.testing.assert_array_equal(sound, expected)
    assert reader.warnings == []


def test_every_whole_frame_of_flac_that_is_cut_short_is_salvaged(tmp_path: Path) -> None:
    content, expected = flac(4 * 4096 + 700)
    (tmp_path / "a.flac").write_bytes(content[:-1])
    with FileReader(tmp_path / "a.flac", allow_truncated=True) as reader:
        sound = np.concatenate(list(reader.blocks()), axis=1)
    np.testing.assert_array_equal(sound, expected[:, : 4 * 4096])
    assert ["cut short after 16384 of 17084" in warning for warning in reader.warnings] == [True]
