"""Formats of outputs: what stays, and what is named because it could not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.output_format import describe_changes, output_format


@pytest.mark.parametrize(
    ("container", "subtype", "suffix", "instead"),
    [
        ("WEBM", "VORBIS", ".webm", "OPUS"),
        ("MATROSKA", "DTS", ".mkv", "OPUS"),
        ("WAV", "MPEG_LAYER_III", ".wav", "PCM_16"),
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
