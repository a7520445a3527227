"""The same sound under the same name gives the same bytes, whenever it is written."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat

FORMS = [
    ("WAV", "FLOAT"),
    ("WAVEX", "FLOAT"),
    ("AIFF", "FLOAT"),
    ("RF64", "FLOAT"),
    ("CAF", "FLOAT"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
    ("FLAC", "PCM_24"),
]


def write_all(folder: Path) -> dict[tuple[str, str], bytes]:
    sound = np.random.default_rng(0).standard_normal((2, 20_000)).astype(np.float32) * 0.1
    written = {}
    for container, subtype in FORMS:
        path = folder / f"{container}.{subtype}"
        with FileWriter(path, AudioFormat(48_000, 2, 20_000, container, subtype), overwrite=True) as writer:
            writer.write(sound)
        written[container, subtype] = path.read_bytes()
    return written


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_all(tmp_path)
    time.sleep(1.1)  # time stamps in seconds must have moved on
    second = write_all(tmp_path)
    assert [form for form in FORMS if first[form] != second[form]] == []


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_files_of_other_names_have_other_stream_numbers(tmp_path: Path, subtype: str) -> None:
    sound = np.random.default_rng(0).standard_normal((1, 20_000)).astype(np.float32) * 0.1
    serials = []
    for name in ("a.ogg", "b.ogg"):
        with FileWriter(tmp_path / name, AudioFormat(48_000, 1, 20_000, "OGG", subtype)) as writer:
            writer.write(sound)
        serials.append((tmp_path / name).read_bytes()[14:18])
        assert len(soundfile.read(tmp_path / name)[0]) == 20_000  # page checksums are right
    assert serials[0] != serials[1]


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("MP4", "AAC"), ("MP4", "ALAC_16"), ("MATROSKA", "OPUS"), ("MATROSKA", "FLAC_16"), ("OGG", "FLAC_16")],
)
def test_what_ffmpeg_writes_twice_has_the_same_bytes(tmp_path: Path, container: str, subtype: str) -> None:
    pytest.importorskip("av", reason="needs the extra formats")
    sound = np.random.default_rng(0).standard_normal((2, 20_000)).astype(np.float32) * 0.1
    contents = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "a.sound"
        with FileWriter(path, AudioFormat(48_000, 2, 20_000, container, subtype)) as writer:
            writer.write(sound)
        contents.append(path.read_bytes())
        time.sleep(1.1)
    assert contents[0] == contents[1]
