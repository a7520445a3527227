"""Copies for browsers: what is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.pictures.listening.browser_sounds import browser_plays, write_browser_copy
from tests.helpers.seeded_noise import noise


@pytest.mark.parametrize(("num_channels", "expected"), [(1, 1), (2, 2), (6, 6), (12, 1)])
def test_copies_keep_the_sound_and_at_most_eight_channels(
    tmp_path: Path, num_channels: int, expected: int
) -> None:
    sound = 0.5 * noise(4000, num_channels)
    soundfile.write(tmp_path / "a.aiff", sound, 44_100, subtype="PCM_24")
    write_browser_copy(tmp_path / "a.aiff", tmp_path / "a.flac")
    copy, rate = soundfile.read(tmp_path / "a.flac", always_2d=True)
    assert rate == 44_100
    assert copy.shape == (4000, expected)
    assert np.allclose(copy, sound if expected == num_channels else sound.mean(1, keepdims=True), atol=1e-4)


def test_an_original_is_not_replaced(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.aiff", noise(400), 44_100)
    soundfile.write(tmp_path / "a.flac", noise(400), 44_100)
    with pytest.raises(ValueError, match=r"a\.flac"):
        write_browser_copy(tmp_path / "a.aiff", tmp_path / "a.flac", [str(tmp_path / "a.flac")])


@pytest.mark.parametrize(
    ("name", "container", "subtype", "channels", "expected"),
    [
        ("a.wav", "WAV", "PCM_16", 2, True),
        ("a.wav", "WAV", "DOUBLE", 2, False),
        ("a.flac", "FLAC", "PCM_24", 12, False),
        ("a.mkv", "MATROSKA", "AAC", 2, False),
        ("a.m4a", "MP4", "ALAC_16", 2, False),
        ("a.MP3", None, None, None, True),
        ("a.aif", None, None, None, False),
    ],
)
def test_only_what_every_browser_plays_is_linked(
    name: str, container: str | None, subtype: str | None, channels: int | None, expected: bool
) -> None:
    assert browser_plays(name, container, subtype, channels) is expected
