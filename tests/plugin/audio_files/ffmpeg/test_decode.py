"""A file that FFmpeg reads is whole, or said not to be."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="needs the extra formats")

import av

from hushgate import AudioFileError
from hushgate.audio_files.file_reader import FileReader
from tests.helpers.sound_files.films import RATE, copy_packets, film_sound, make_film

NUM_SAMPLES = 4 * RATE


class Pipe:
    """A file that cannot seek, as a live stream has none: its headers name no sizes and no duration."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.name = str(path)
        self.write = self._file.write
        self.close = self._file.close


def make_sound(
    path: Path,
    encoder: str,
    kind: str,
    num_samples: int = NUM_SAMPLES,
    *,
    live: bool = False,
    options: dict[str, str] | None = None,
) -> None:
    """Write sound; `kind` is the encoder's sample format."""
    target: Any = Pipe(path) if live else str(path)
    with av.open(target, "w", options=options or {}) as container:
        stream: Any = container.add_stream(encoder, rate=RATE)
        stream.codec_context.layout, stream.codec_context.format = "stereo", kind
        stream.codec_context.bit_rate = 128_000
        container.start_encoding()
        size = stream.codec_context.frame_size or 1024
        for start in range(0, num_samples, size):
            block = film_sound(start, min(size, num_samples - start))
            if kind.startswith("s16"):
                block = np.rint(block * 32_767).astype(np.int16)
            shaped = block if kind.endswith("p") else block.T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(shaped), format=kind, layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def read(path: Path, *, allow_truncated: bool = False) -> tuple[np.ndarray, list[str]]:
    with FileReader(path, allow_truncated=allow_truncated) as reader:
        sound = np.concatenate(list(reader.blocks()), axis=1)
    return sound, reader.warnings


@pytest.mark.parametrize(
    ("name", "encoder", "kind", "options"),
    [
        ("take.mka", "flac", "s16", {}),
        ("take.webm", "libopus", "flt", {}),
        ("take.avi", "libmp3lame", "fltp", {}),
        ("take.m4a", "aac", "fltp", {"movflags": "+faststart"}),
        ("take.mp4", "aac", "fltp", {"movflags": "frag_keyframe+empty_moov", "frag_duration": "500000"}),
        ("take.wma", "wmav2", "fltp", {}),
    ],
)
def test_a_cut_file_is_refused_by_its_sizes(
    tmp_path: Path, name: str, encoder: str, kind: str, options: dict[str, str]
) -> None:
    path = tmp_path / name
    make_sound(path, encoder, kind, options=options)
    whole, warnings = read(path)
    assert abs(whole.shape[1] - NUM_SAMPLES) < 3_000  # without marks of padding in AVI and WMA
    assert warnings == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 5])
    with pytest.raises(
        AudioFileError, match=rf"{name} is cut short: its header announces \d+ bytes, \d+ are"
    ):
        read(path)
    part, warnings = read(path, allow_truncated=True)
    assert RATE < part.shape[1] < 0.6 * NUM_SAMPLES
    assert "is cut short" in warnings[0]


def test_a_cut_film_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    make_film(path, 4.0, muxer="matroska", encoder="aac")
    path.write_bytes(path.read_bytes()[:-5_000])
    with pytest.raises(AudioFileError, match=r"film.mkv is cut short"):
        read(path)


def test_bytes_behind_the_end_are_no_damage(tmp_path: Path) -> None:
    for name, encoder, kind in (("take.mka", "flac", "s16"), ("take.m4a", "aac", "fltp")):
        make_sound(tmp_path / name, encoder, kind)
        with (tmp_path / name).open("ab") as file:
            file.write(bytes(100) + b"TAG" + b"\xff" * 125)
        sound, warnings = read(tmp_path / name)
        assert sound.shape[1] == NUM_SAMPLES
        assert warnings == []


def test_a_hole_that_ends_the_sound_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "take.webm"
    make_sound(path, "libopus", "flt")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = b"\xa5" * 500
    path.write_bytes(content)
    with pytest.raises(
        AudioFileError, match=r"take.webm is damaged or cut short after \d+ of 192\d+ samples"
    ):
        read(path)
    part, warnings = read(path, allow_truncated=True)
    assert part.shape[1] < 0.7 * NUM_SAMPLES
    assert "is damaged or cut short after" in warnings[0]


@pytest.mark.parametrize(
    ("name", "encoder", "kind"),
    [
        ("live.mka", "pcm_s16le", "s16"),
        ("live.mka", "libmp3lame", "fltp"),
        ("live.webm", "libopus", "flt"),
        ("live.mka", "flac", "s16"),
    ],
)
def test_a_live_recording_that_announces_nothing_is_whole(
    tmp_path: Path, name: str, encoder: str, kind: str
) -> None:
    make_sound(tmp_path / name, encoder, kind, 15 * RATE, live=True)
    sound, warnings = read(tmp_path / name)
    assert abs(sound.shape[1] - 15 * RATE) < 3_000
    assert warnings == []


def test_sound_shorter_than_the_pictures_is_whole(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.mkv", tmp_path / "film.mkv"
    make_film(whole, 4.0, muxer="matroska", encoder="libopus")
    copy_packets(
        whole, path, is_kept=lambda packet: packet.stream.type == "video" or (packet.pts or 0) < 2000
    )
    sound, warnings = read(path)
    assert abs(sound.shape[1] - 2 * RATE) < 2_000
    assert warnings == []


@pytest.mark.parametrize(
    ("name", "encoder", "kind"),
    [("take.mka", "flac", "s16"), ("take.wv", "wavpack", "s16p"), ("take.tta", "tta", "s16")],
)
def test_one_wrong_byte_of_lossless_sound_is_noticed(
    tmp_path: Path, name: str, encoder: str, kind: str
) -> None:
    path = tmp_path / name
    make_sound(path, encoder, kind)
    whole, warnings = read(path)
    assert warnings == []
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"has a damaged packet at \d\.\d\d s"):
        read(path)
    part, warnings = read(path, allow_truncated=True)
    assert any("has a damaged packet" in warning for warning in warnings)
    assert np.abs(part).max() <= np.abs(whole).max()
