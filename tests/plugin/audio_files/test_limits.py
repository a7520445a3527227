"""What a header claims costs neither memory nor time."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import hushgate
from hushgate.audio_files import limits
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.limits import MAX_SAMPLE_RATE, is_within
from hushgate.errors import AudioFileError
from hushgate.pictures.overview import SpectrogramOverview


def wav(num_channels: int, rate: int) -> bytes:
    """A short WAV file of 16 bits."""
    data = bytes(2 * num_channels * 30)
    form = struct.pack(
        "<HHIIHH", 1, num_channels, rate, rate * 2 * num_channels & 0xFFFFFFFF, 2 * num_channels, 16
    )
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(("num_channels", "rate"), [(1, 2**31 - 1), (256, 1_000_000), (2, 4_000_001)])
def test_formats_that_cost_gigabytes_are_refused(tmp_path: Path, num_channels: int, rate: int) -> None:
    assert not is_within(num_channels, rate)
    (tmp_path / "a.wav").write_bytes(wav(num_channels, rate))
    with pytest.raises(AudioFileError, match=rf"got {num_channels} channels at {rate} Hz"):
        FileReader(tmp_path / "a.wav")


@pytest.mark.parametrize(("num_channels", "rate"), [(256, 192_000), (16, 4_000_000), (1, 1)])
def test_the_largest_formats_are_read(tmp_path: Path, num_channels: int, rate: int) -> None:
    (tmp_path / "a.wav").write_bytes(wav(num_channels, rate))
    with FileReader(tmp_path / "a.wav") as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 30


def test_a_spectrogram_does_not_depend_on_how_many_frames_come_at_once() -> None:
    sound = np.random.default_rng(1).normal(size=(1, 30_000)).astype(np.float32)
    whole, pieces = (SpectrogramOverview(30_000, 8_000, columns=40, rows=12) for _ in range(2))
    whole.update(sound)
    for first in range(0, 30_000, 500):
        pieces.update(sound[:, first : first + 500])
    assert np.array_equal(whole.decibels(), pieces.decibels())


def test_the_latency_of_a_rate_that_is_none_is_an_error() -> None:
    chain = hushgate.Chain([hushgate.Denoiser("voice")])
    for rate in (1e19, float("inf"), float("nan"), 2.0 * MAX_SAMPLE_RATE):
        with pytest.raises(ValueError, match="sample_rate must be"):
            chain(np.zeros(100, np.float32), rate)


def test_the_page_about_security_has_the_numbers_of_the_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "security.md").read_text()
    for row in (
        f"| channels | {limits.MAX_CHANNELS} |",
        f"| sample rate | {limits.MAX_SAMPLE_RATE:,} Hz |",
        f"| channels times rate | {limits.MAX_VALUES_PER_S:,} |",
        f"| chunks of a RIFF-like file that are listed | {limits.MAX_NUM_CHUNKS:,} |",
        f"| one tag, picture or text that is carried over | {limits.MAX_METADATA_BYTES >> 20} MiB |",
        f"| one ID3v2 tag before the sound | {limits.MAX_TAG_BYTES >> 20} MiB |",
        f"| tags one behind the other | {limits.MAX_NUM_TAGS} |",
        f"| a chunk before the sound in a pipe | {limits.MAX_PIPE_CHUNK_BYTES >> 20} MiB |",
        f"| streams one behind the other | {limits.MAX_NUM_STREAMS:,} |",
        f"| junk between two MPEG frames | {limits.MAX_RESYNC_BYTES >> 10} KiB |",
    ):
        assert row in page
