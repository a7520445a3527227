"""Each channel reaches its loudspeaker, through every pair of formats, or the loss is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra formats")

from hushgate.audio_files.formats.channel_layouts import layout_name, mask_for
from hushgate.audio_files.open_audio import AudioFormat, AudioWriter, open_input, open_output
from tests.helpers.sound_files.corpus import USUAL, strongest_tones, tone_hz, tones

FORMATS = [
    "a.wav",
    "a.rf64",
    "a.flac",
    "a.ogg",
    "a.opus",
    "a.aiff",
    "a.caf",
    "a.m4a",
    "a.mka",
    "a.w64",
    "a.au",
]
LAYOUTS = [
    *(USUAL[number] for number in range(1, 9)),
    "FL FR LFE",
    "FL FR SL SR",
    "FL FR FC BC",
    "FL FR FC LFE SL SR",
    "FL FR FC SL SR",
    "FL FR FC LFE BC",
]
RATE = 48_000


def write(path: Path, speakers: str) -> AudioWriter:
    sound = tones(RATE // 4, RATE, speakers).T
    source = AudioFormat(
        RATE, sound.shape[0], sound.shape[1], "WAVEX", "PCM_24", channel_mask=mask_for(speakers)
    )
    with open_output(path, source, "-") as writer:
        writer.write(sound)
    return writer


def read(path: Path) -> tuple[np.ndarray, AudioFormat]:
    with open_input(path) as reader:
        return np.concatenate(list(reader.blocks()), axis=1), reader.format


def check(path: Path, writer: AudioWriter, speakers: str) -> None:
    """The channels hold their tones in the old order; another layout is named."""
    sound, format = read(path)
    expected = tone_hz(speakers)
    found = strongest_tones(sound, RATE, speakers)
    is_kept = format.channel_mask == mask_for(speakers) or (
        format.channel_mask is None and len(expected) <= 2
    )
    if is_kept:
        assert found == expected
        assert writer.warnings == []
    else:
        # An encoder may cut off what it takes for a bass channel; all others must be where they were.
        assert sum(one != other for one, other in zip(found, expected, strict=True)) <= 1
        assert any(f"has no layout {layout_name(mask_for(speakers))}" in text for text in writer.warnings)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("speakers", LAYOUTS, ids=lambda text: text.replace(" ", ""))
def test_a_layout_survives_a_format_or_the_loss_is_named(tmp_path: Path, speakers: str, name: str) -> None:
    check(tmp_path / name, write(tmp_path / name, speakers), speakers)


@pytest.mark.parametrize("speakers", ["FL FR FC LFE BL BR", "FL FR LFE", "FL FR FC"])
@pytest.mark.parametrize("second", FORMATS)
@pytest.mark.parametrize("first", FORMATS)
def test_a_layout_survives_every_pair_of_formats(
    tmp_path: Path, first: str, second: str, speakers: str
) -> None:
    source, target = tmp_path / first, tmp_path / f"b{Path(second).suffix}"
    check(source, write(source, speakers), speakers)
    before, format = read(source)
    with open_output(target, format, source) as writer:
        writer.write(before)
    after, written = read(target)
    used = speakers if format.channel_mask in (None, mask_for(speakers)) else USUAL[len(before)]
    assert strongest_tones(after, RATE, speakers) == strongest_tones(before, RATE, speakers) or (
        used != speakers or written.channel_mask != format.channel_mask
    )
    if format.channel_mask is not None and written.channel_mask != format.channel_mask:
        assert any("has no layout" in text for text in writer.warnings)
