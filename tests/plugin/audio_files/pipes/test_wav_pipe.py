"""WAV through pipes."""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import AudioFileError
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.open_audio import open_input, open_output
from hushgate.audio_files.pipes.wav_pipe import PIPE_SUBTYPES, WavStreamReader, WavStreamWriter, pipe_format
from tests.helpers.seeded_noise import noise

PLACEHOLDERS = [0, 0xFFFFFFFF, 0x7FFFF000]


class Trickle(io.BytesIO):
    """A pipe that gives a few bytes at a time and cannot seek."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(min(size or 0, 1000))

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation("seek")


def wav(sound: np.ndarray, subtype: str, container: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound.T, 48_000, format=container, subtype=subtype)
    return file.getvalue()


def read_all(content: bytes, **options: bool) -> tuple[np.ndarray, WavStreamReader]:
    reader = WavStreamReader(Trickle(content), "standard input", **options)
    return np.concatenate([*reader.blocks(700), np.zeros((reader.format.num_channels, 0))], axis=1), reader


@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("subtype", PIPE_SUBTYPES)
def test_reads_what_libsndfile_wrote(subtype: str, channels: int, container: str) -> None:
    content = wav(noise(channels, 3001), subtype, container)
    read, reader = read_all(content)
    expected = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)[0].T
    np.testing.assert_array_equal(read, expected)
    # libsndfile names the loudspeakers that files with so many channels usually have.
    mask = {1: 0x4, 2: 0x3, 6: 0x3F}[channels] if container == "WAVEX" else None
    assert reader.format == AudioFormat(48_000, channels, 3001, "WAV", subtype, channel_mask=mask)


@pytest.mark.parametrize("num_samples", [3001, None])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", PIPE_SUBTYPES)
def test_libsndfile_reads_what_was_written(subtype: str, channels: int, num_samples: int | None) -> None:
    sound = noise(channels, 3001)
    pipe = io.BytesIO()
    writer = WavStreamWriter(pipe, AudioFormat(48_000, channels, num_samples, "WAV", subtype))
    for block in np.array_split(sound, 4, axis=1):
        writer.write(block)
    writer.finish()
    expected = soundfile.read(io.BytesIO(wav(sound, subtype)), dtype="float32", always_2d=True)[0]
    written, rate = soundfile.read(io.BytesIO(pipe.getvalue()), dtype="float32", always_2d=True)
    assert rate == 48_000
    # Rounding halves may differ by one step of the sample format.
    step = 0.0 if subtype in ("FLOAT", "DOUBLE") else 2.0 ** -{"PCM_U8": 7, "PCM_16": 15}.get(subtype, 22)
    np.testing.assert_allclose(written, expected, atol=step)
    if num_samples is not None:
        length = struct.unpack_from("<I", pipe.getvalue(), 4)[0]
        assert length + 8 == len(pipe.getvalue())


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_samples_survive_a_round_trip_bit_for_bit(subtype: str) -> None:
    content = wav(noise(2, 3001, scale=0.4), subtype)
    sound, reader = read_all(content)
    pipe = io.BytesIO()
    writer = WavStreamWriter(pipe, reader.format)
    writer.write(sound.astype(np.float32))
    writer.finish()
    np.testing.assert_array_equal(read_all(pipe.getvalue())[0], sound)


def test_samples_beyond_full_scale_are_limited_and_counted() -> None:
    pipe = io.BytesIO()
    writer = WavStreamWriter(pipe, AudioFormat(48_000, 1, 5, "WAV", "PCM_16"))
    writer.write(np.array([[0.5, 1.5, -1.0, -2.0, 1.0]], np.float32))
    writer.finish()
    assert writer.num_clipped == 2
    np.testing.assert_array_equal(
        soundfile.read(io.BytesIO(pipe.getvalue()), dtype="int16")[0], [16384, 32767, -32768, -32768, 32767]
    )


@pytest.mark.parametrize("size", PLACEHOLDERS)
def test_an_open_length_is_read_to_the_end(size: int) -> None:
    content = bytearray(wav(noise(2, 3001), "PCM_16"))
    at = content.index(b"data") + 4
    content[at : at + 4] = size.to_bytes(4, "little")
    sound, reader = read_all(bytes(content))
    assert reader.format.num_samples is None
    assert sound.shape == (2, 3001)


def test_rf64_carries_lengths_beyond_4_gib() -> None:
    content = bytearray(wav(noise(2, 3001), "PCM_16", "RF64"))
    assert content[:4] in (b"RF64", b"RIFF")  # type: ignore[comparison-overlap]
    assert read_all(bytes(content))[0].shape == (2, 3001)


def test_chunks_before_and_after_the_sound_are_skipped() -> None:
    content = wav(noise(2, 3001), "PCM_16")
    odd = b"LIST" + (5).to_bytes(4, "little") + b"INFOx" + b"\0"
    content = content[:12] + odd + content[12:] + odd
    assert read_all(content)[0].shape == (2, 3001)


def test_a_stream_cut_short_is_noticed() -> None:
    content = wav(noise(2, 3001), "PCM_16")[:-6]
    with pytest.raises(AudioFileError, match="standard input ends after 2999 of 3001 samples"):
        read_all(content)
    sound, reader = read_all(content, allow_truncated=True)
    assert sound.shape == (2, 2999)
    assert reader.warnings == ["standard input ends after 2999 of 3001 samples."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "standard input is empty"),
        (b"fLaC" + bytes(100), "standard input is FLAC, not WAV"),
        (b"\1\2\3\4" + bytes(100), r"standard input is not WAV \(its first bytes are 01 02 03 04\)"),
        (b"RIFF\0\0\0\0WAVE", "WAV without sound"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "WAV without sound"),
        (b"RIFF\0\0\0\0WAVEfmt \4\0\0\0abcd", "damaged WAV header"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff", "WAV without sound"),
        (
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0",
            r"unsupported WAV format \(code 7, 8 bits",
        ),
    ],
)
def test_what_is_no_wav_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(AudioFileError, match=message) as caught:
        read_all(content)
    assert "\n" not in str(caught.value)


def test_a_named_pipe_is_read_like_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    content = wav(noise(2, 100_000), "PCM_24")
    feeder = threading.Thread(target=path.write_bytes, args=(content,))
    feeder.start()
    with open_input(path) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 100_000
    feeder.join()


def test_a_pipe_carries_wav_alone_and_says_what_it_does_not() -> None:
    for container in ("WAV", "WAVEX", "RF64"):
        found, changes = pipe_format(AudioFormat(48_000, 6, None, container, "PCM_24"), None)
        assert (found.container, found.subtype, changes) == ("WAV", "PCM_24", [])
    source = AudioFormat(8_000, 1, None, "WAV", "ULAW")
    found, changes = pipe_format(source, None)
    assert (found.subtype, changes) == ("PCM_16", ["a pipe cannot carry ULAW: PCM_16 instead."])
    with pytest.raises(
        AudioFileError, match=r"a pipe cannot carry ULAW\. Use subtype=\.\.\. with one of PCM_U8"
    ):
        pipe_format(source, "ULAW")


@pytest.mark.parametrize(("bits", "subtype"), [(24, "PCM_32"), (20, "PCM_24"), (12, "PCM_16")])
def test_samples_in_more_bytes_than_they_need_are_read(bits: int, subtype: str) -> None:
    plain = wav(noise(2, 3001), subtype)
    content = bytearray(plain)
    content[34:36] = struct.pack("<H", bits)
    sound, reader = read_all(bytes(content))
    assert reader.format.subtype == subtype
    np.testing.assert_array_equal(sound, read_all(plain)[0])


@pytest.mark.parametrize(("bits", "frame_bytes"), [(24, 4), (16, 7), (32, 2), (0, 4)])
def test_a_header_that_contradicts_itself_is_refused(bits: int, frame_bytes: int) -> None:
    content = bytearray(wav(noise(2, 3001), "PCM_16"))
    content[32:36] = struct.pack("<HH", frame_bytes, bits)
    with pytest.raises(AudioFileError, match=f"{bits} bits, 2 channels, {frame_bytes} bytes per sample"):
        read_all(bytes(content))


def test_a_producer_gets_rid_of_what_follows_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    written = []
    content = wav(noise(2, 3001), "PCM_16") + b"LIST" + struct.pack("<I", 300_000) + bytes(300_000)
    feeder = threading.Thread(target=lambda: written.append(path.write_bytes(content)))
    feeder.start()
    with open_input(path) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 3001
    feeder.join()
    assert written == [len(content)]


def test_a_file_with_a_header_is_not_taken_for_raw_samples_in_silence(tmp_path: Path) -> None:
    (tmp_path / "take.wav").write_bytes(wav(noise(2, 3001), "PCM_16"))
    with open_input(tmp_path / "take.wav", raw="48000,2,s16le") as reader:
        assert [" looks like WAV, and is read as" in warning for warning in reader.warnings] == [True]


def test_raw_samples_have_no_tags_to_lose(tmp_path: Path) -> None:
    (tmp_path / "take.raw").write_bytes(noise(1, 2000).tobytes()[:-3])
    with (
        open_input(tmp_path / "take.raw", raw="48000,1,f32le") as reader,
        open_output(tmp_path / "out.wav", reader.format, tmp_path / "take.raw") as writer,
    ):
        for block in reader.blocks():
            writer.write(block)
    assert str(reader.format).startswith("RAW FLOAT")
    assert (writer.format.container, writer.format.subtype, writer.warnings) == ("WAV", "FLOAT", [])
    assert reader.warnings == [f"{tmp_path / 'take.raw'} ends within a sample: 1 byte was left out."]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    monkeypatch.setattr(sys, "stdout", types.SimpleNamespace(buffer=full))
    with (
        pytest.raises(OSError, match="No space left on device: 'standard output'"),
        open_output("-", AudioFormat(48_000, 1, None, "WAV", "PCM_16"), "-") as writer,
    ):
        writer.write(noise(1, 100_000))
