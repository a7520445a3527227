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
