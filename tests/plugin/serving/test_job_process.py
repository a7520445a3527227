"""Formats of results: what is refused, and what a recording without a name becomes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.errors import AudioFileError
from hushgate.serving.files.job_process import _suffix_like, _write_stream


def test_a_sample_format_that_a_stream_does_not_carry_is_refused() -> None:
    no_loop: Any = None
    sink = io.BytesIO()
    with pytest.raises(AudioFileError, match="a pipe cannot carry ULAW"):
        _write_stream(no_loop, AudioFormat(48_000, 1, None, "WAV", "PCM_16"), "ULAW", sink)
    assert not sink.getvalue()


@pytest.mark.parametrize(
    ("container", "subtype", "name", "suffix"),
    [
        ("OGG", "OPUS", "input", ".opus"),
        ("OGG", "VORBIS", "input", ".ogg"),
        ("RF64", "PCM_24", "input", ".wav"),
        ("MP4", "AAC", "input", ".m4a"),
        ("AMR", "AMRNB", "input", ".m4a"),
        ("WAV", "PCM_16", "input.W64", ".W64"),
    ],
)
def test_a_result_has_the_format_of_the_recording(
    container: str, subtype: str, name: str, suffix: str
) -> None:
    assert _suffix_like(AudioFormat(48_000, 2, None, container, subtype), name) == suffix
