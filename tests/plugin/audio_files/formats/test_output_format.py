"""Formats of outputs: what stays, and what is named because it could not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.output_format import describe_changes, output_format
from hushgate.errors import AudioFileError


@pytest.mark.parametrize(
    ("container", "subtype", "suffix", "instead"),
    [
        ("WEBM", "VORBIS", ".webm", "OPUS"),
        ("MATROSKA", "DTS", ".mkv", "OPUS"),
        ("WAV", "MPEG_LAYER_III", ".wav", "PCM_16"),
        ("MP3", "MPEG_LAYER_II", ".mp3", "MPEG_LAYER_III"),
    ],
)
def test_a_codec_that_cannot_be_written_is_named(
    container: str, subtype: str, suffix: str, instead: str
) -> None:
    source = AudioFormat(48_000, 2, None, container, subtype)
    target = output_format(source, Path(f"a{suffix}"), Path(f"b{suffix}"), None)
    assert target.subtype == instead
    named = f"{subtype} cannot be written into {container}: {instead} instead."
    assert named in describe_changes(source, target)


@pytest.mark.parametrize(
    ("container", "subtype", "suffix"), [("MP4", "AAC", ".m4a"), ("WAV", "PCM_24", ".wav")]
)
def test_what_stays_is_not_named(container: str, subtype: str, suffix: str) -> None:
    source = AudioFormat(48_000, 2, None, container, subtype)
    target = output_format(source, Path(f"a{suffix}"), Path(f"b{suffix}"), None)
    assert describe_changes(source, target) == []


@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "MPEG_LAYER_III"), (".mp3", "MPEG_LAYER_II")])
def test_what_libsndfile_lists_and_does_not_write_is_refused(suffix: str, subtype: str) -> None:
    source = AudioFormat(48_000, 2, None, "FLAC", "PCM_16")
    with pytest.raises(AudioFileError, match=f"has no sample format {subtype}"):
        output_format(source, None, Path(f"b{suffix}"), subtype)
