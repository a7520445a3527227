"""Channels of CAF and AIFF files reach the loudspeakers that their layout chunk names."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.audio_files.chunk_edits import append_chunk
from hushgate.audio_files.container_chunks import read_chunks
from hushgate.audio_files.formats.apple_layouts import apple_speakers
from hushgate.audio_files.formats.channel_layouts import mask_for
from hushgate.audio_files.open_audio import open_input, open_output

RATE = 8_000
# Values of the channels, in the order of SPEAKERS.
VALUES = {"FL": 0.1, "FR": 0.2, "FC": 0.3, "LFE": 0.4, "BL": 0.5, "BR": 0.6, "BC": 0.7, "SL": 0.8, "SR": 0.9}


def tag(number: int, num_channels: int) -> bytes:
    return struct.pack(">III", number << 16 | num_channels, 0, 0)


def described(*labels: int) -> bytes:
    return struct.pack(">III", 0, 0, len(labels)) + b"".join(
        struct.pack(">II3f", label, 0, 0.0, 0.0, 0.0) for label in labels
    )


def write(path: Path, values: list[float], layout: bytes) -> None:
    soundfile.write(path, np.tile(values, (500, 1)), RATE, subtype="PCM_24")
    append_chunk(path, b"chan" if path.suffix == ".caf" else b"CHAN", layout)


def read(path: Path) -> tuple[list[float], int | None, list[str]]:
    with open_input(path) as reader:
        sound = np.concatenate(list(reader.blocks()), axis=1)
    return [round(float(value), 4) for value in sound[:, 99]], reader.format.channel_mask, reader.warnings


@pytest.mark.parametrize("suffix", [".caf", ".aiff"])
@pytest.mark.parametrize(
    ("layout", "stored"),
    [
        (tag(122, 6), "FL FR BL BR FC LFE"),
        (tag(123, 6), "FL FC FR BL BR LFE"),
        (tag(120, 5), "FC FL FR BL BR"),
        (tag(142, 7), "FC FL FR BL BR BC LFE"),
        (tag(128, 8), "FL FR FC LFE SL SR BL BR"),
        (tag(101, 2), "FL FR"),
        (described(2, 1), "FR FL"),
        (described(3, 1, 2, 33, 34, 5, 6), "FC FL FR BL BR SL SR"),
    ],
)
def test_channels_are_sorted_by_their_loudspeakers(
    tmp_path: Path, suffix: str, layout: bytes, stored: str
) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write(source, [VALUES[name] for name in stored.split()], layout)
    assert apple_speakers(layout) == stored.split()
    expected = [value for name, value in VALUES.items() if name in stored.split()]
    assert read(source) == (expected, mask_for(stored), [])
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    found, mask, _ = read(target)
    assert (found, mask or mask_for(stored)) == (expected, mask_for(stored))


def test_a_layout_that_is_not_known_is_said_and_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "a.caf", tmp_path / "b.caf"
    write(source, [0.1, 0.2, 0.3], tag(145, 3))
    values, mask, warnings = read(source)
    assert (values, mask) == ([0.1, 0.2, 0.3], None)
    assert ["its channel layout is not known" in warning for warning in warnings] == [True]
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    with target.open("rb") as file:
        layout = read_chunks(file)
    assert layout is not None
    assert layout.find(b"chan") is not None
    assert read(target)[0] == values


@pytest.mark.parametrize("layout", [described(1, 1), described(1, 400), described(1, 2)[:-1], tag(122, 5)])
def test_a_damaged_layout_names_no_loudspeakers(layout: bytes) -> None:
    assert apple_speakers(layout) is None


@pytest.mark.parametrize("layout", [tag(147, 4), struct.pack(">III", 0xFFFF0004, 0, 0)])
def test_channels_without_loudspeakers_are_no_fault(layout: bytes) -> None:
    assert apple_speakers(layout) == []
