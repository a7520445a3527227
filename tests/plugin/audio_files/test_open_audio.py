"""Conversions, excerpts, raw samples, file objects and standard output."""

from __future__ import annotations

import io
import os
import resource
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hushgate import AudioFileError
from hushgate.audio_files.container_chunks import read_chunks
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.containers import output_suffix, writable_suffix
from hushgate.audio_files.open_audio import AudioWriter, Excerpt, open_input, open_output, parse_time
from hushgate.audio_files.pipes.wav_pipe import WavStreamWriter
from tests.helpers.seeded_noise import noise


def copy(source: Path, target: Path, **options: Any) -> AudioWriter:
    with open_input(source) as reader, open_output(target, reader.format, source, **options) as writer:
        for block in reader.blocks(4096):
            writer.write(block)
    return writer


def tone(num_samples: int, rate: int) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440.0 * np.arange(num_samples) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("rate", "name", "written"),
    [(44_100, "a.opus", 48_000), (96_000, "a.mp3", 48_000), (11_025, "a.opus", 12_000)],
)
def test_a_rate_that_an_encoder_lacks_is_converted_and_named(
    tmp_path: Path, rate: int, name: str, written: int
) -> None:
    pytest.importorskip("soxr", reason="needs the extra formats")
    soundfile.write(tmp_path / "a.wav", tone(2 * rate + 1, rate), rate)
    writer = copy(tmp_path / "a.wav", tmp_path / name)
    assert f"has no {rate} Hz: converted to {written} Hz." in writer.warnings[0]
    with open_input(tmp_path / name) as reader:
        sound = np.concatenate(list(reader.blocks()), axis=1)[0]
    assert reader.format.sample_rate == written
    assert len(sound) == (2 * (2 * rate + 1) * written + rate) // (2 * rate)
    middle = slice(written // 2, 3 * written // 2)
    assert np.abs(sound[middle] - tone(len(sound), written)[middle]).max() < 0.02


@pytest.mark.parametrize("subtype", ["MPEG_LAYER_II", "MPEG_LAYER_III"])
def test_mpeg_in_wav_is_written_as_the_nearest_wav(tmp_path: Path, subtype: str) -> None:
    source = AudioFormat(44_100, 2, 9_000, "WAV", subtype)
    with open_output(tmp_path / "b.wav", source, tmp_path / "a.wav") as writer:
        writer.write(noise(9_000, 2).T)
    assert soundfile.info(tmp_path / "b.wav").subtype == "PCM_16"


@pytest.mark.parametrize(
    ("container", "subtype", "name", "suffix"),
    [
        ("AMR", "AMRNB", "memo.amr", ".m4a"),
        ("ASF", "WMAV2", "song.wma", ".m4a"),
        ("APE", "APE_16", "song.ape", ".flac"),
        ("MP3", "MPEG_LAYER_II", "radio.mp2", ".mp3"),
        ("FLV", "AAC", "web.flv", ".mkv"),
        ("MP4", "AAC", "film.mp4", ".mp4"),
        ("WAV", "PCM_16", "take.WAV", ".WAV"),
    ],
)
def test_the_default_output_is_the_nearest_format_that_can_be_written(
    container: str, subtype: str, name: str, suffix: str
) -> None:
    assert writable_suffix(AudioFormat(44_100, 1, None, container, subtype), Path(name)) == suffix


@pytest.mark.parametrize(
    ("suffix", "written"),
    [
        (".amr", ".m4a"),
        (".wv", ".flac"),
        (".mp2", ".mp3"),
        (".avi", ".mkv"),
        (".MP3", ".MP3"),
        (".txt", ".txt"),
    ],
)
def test_a_plan_names_outputs_before_files_are_opened(suffix: str, written: str) -> None:
    assert output_suffix(suffix) == written


@pytest.mark.parametrize("name", ["b.wav", "b.flac", "b.aiff", "b.caf"])
def test_a_shorter_word_is_dithered(tmp_path: Path, name: str) -> None:
    quiet = np.full(48_000, 0.3 / 32_768)
    soundfile.write(tmp_path / "a.wav", quiet, 48_000, subtype="PCM_24")
    copy(tmp_path / "a.wav", tmp_path / name, subtype="PCM_16")
    written = soundfile.read(tmp_path / name)[0] * 32_768
    assert written.mean() == pytest.approx(0.3, abs=0.02)  # rounding would have made it silent
    copy(tmp_path / "a.wav", tmp_path / f"plain-{name}", subtype="PCM_16", dither=False)
    assert not soundfile.read(tmp_path / f"plain-{name}")[0].any()


def test_an_equal_word_is_not_dithered(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(9_000, 1), 48_000, subtype="PCM_16")
    copy(tmp_path / "a.wav", tmp_path / "b.flac")
    assert np.array_equal(soundfile.read(tmp_path / "a.wav")[0], soundfile.read(tmp_path / "b.flac")[0])


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3", "caf"])
@pytest.mark.parametrize(("start", "end"), [(0.5, None), (0.0, 1.0), (0.25, 0.75), (0.9, 9.0)])
def test_an_excerpt_has_the_samples_between_its_ends(
    tmp_path: Path, extension: str, start: float, end: float | None
) -> None:
    path = tmp_path / f"a.{extension}"
    soundfile.write(path, tone(48_001, 48_000), 48_000)
    with open_input(path) as reader:
        whole = np.concatenate(list(reader.blocks()), axis=1)
    with open_input(path, excerpt=Excerpt(start, end)) as reader:
        part = np.concatenate(list(reader.blocks(1000)), axis=1)
        assert reader.format.num_samples == part.shape[1]
    stop = None if end is None else round(end * 48_000)
    np.testing.assert_array_equal(part, whole[:, round(start * 48_000) : stop])


def test_an_excerpt_beyond_the_end_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(48_000, 48_000), 48_000)
    with pytest.raises(AudioFileError, match=r"a\.wav is 1\.00 s long; start_s must lie before its end"):
        open_input(tmp_path / "a.wav", excerpt=Excerpt(1.0))
    with pytest.raises(ValueError, match=r"end must be behind start, 2\.0 s \(got 1\.0\)"):
        Excerpt(2.0, 1.0)


def test_the_time_reference_moves_with_the_start(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(48_000, 48_000), 48_000)
    bext = bytearray(610)
    struct.pack_into("<Q", bext, 338, 1_000_000)
    content = path.read_bytes() + b"bext" + struct.pack("<I", 610) + bytes(bext)
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    excerpt = Excerpt(0.5)
    with open_input(path, excerpt=excerpt) as reader:
        copied = open_output(tmp_path / "b.wav", reader.format, path, excerpt=excerpt)
        with copied as writer:
            for block in reader.blocks():
                writer.write(block)
    with (tmp_path / "b.wav").open("rb") as file:
        layout = read_chunks(file)
        chunk = layout.find(b"bext") if layout is not None else None
        assert chunk is not None
        file.seek(chunk.start + 338)
        assert struct.unpack("<Q", file.read(8))[0] == 1_024_000


@pytest.mark.parametrize(("text", "seconds"), [("90", 90.0), ("1:30.5", 90.5), ("2:00:01", 7201.0)])
def test_times_are_seconds_or_hours_minutes_seconds(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "a", "1:60", "1:2:3:4", "-1", "nan", "inf", "1.5:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a time must be seconds or h:mm:ss"):
        parse_time(text)


@pytest.mark.parametrize(
    "name", ["u8", "s8", "s16le", "s16be", "s24le", "s24be", "s32be", "f32le", "f32be", "f64"]
)
def test_raw_samples_are_read_in_both_byte_orders(tmp_path: Path, name: str) -> None:
    kind, order = name.rstrip("leb"), "BIG" if name.endswith("be") else "LITTLE"
    subtypes = {
        "u8": "PCM_U8",
        "s8": "PCM_S8",
        "s16": "PCM_16",
        "s24": "PCM_24",
        "s32": "PCM_32",
        "f32": "FLOAT",
        "f64": "DOUBLE",
    }
    sound = np.stack([tone(5_000, 48_000), -tone(5_000, 48_000)])
    path = tmp_path / "a.raw"
    subtype = subtypes[kind]
    soundfile.write(path, sound.T, 48_000, format="RAW", subtype=subtype, endian=order)
    with open_input(path, raw=f"48000,2,{name}") as reader:
        read = np.concatenate(list(reader.blocks(700)), axis=1)
    step = {"u8": 2.0**-7, "s8": 2.0**-7, "s16": 2.0**-15}.get(kind, 2.0**-22)
    np.testing.assert_allclose(read, sound, atol=step)


@pytest.mark.parametrize("raw", ["48000", "48000,2", "48000,2,s12", "0,1,s16", "48000,0,s16", "a,b,c"])
def test_what_does_not_describe_raw_samples_is_refused(tmp_path: Path, raw: str) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(100))
    with pytest.raises(ValueError, match="raw must"):
        open_input(tmp_path / "a.raw", raw=raw)


@pytest.mark.parametrize(("container", "subtype"), [("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("WAV", "FLOAT")])
def test_file_objects_are_read_and_written(container: str, subtype: str) -> None:
    source = io.BytesIO()
    soundfile.write(source, tone(20_001, 48_000), 48_000, format=container, subtype=subtype)
    source.seek(0)
    target = io.BytesIO()
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    target.seek(0)
    info = soundfile.info(target)
    assert (info.format, info.subtype, info.frames) == (container, subtype, 20_001)
    assert not source.closed


@pytest.mark.parametrize("num_samples", [None, 5_000])
def test_the_header_of_a_file_on_standard_output_is_put_right(num_samples: int | None) -> None:
    stream = io.BytesIO(b"before")
    stream.seek(6)
    writer = WavStreamWriter(stream, AudioFormat(48_000, 1, num_samples, "WAV", "PCM_16"))
    writer.write(tone(3_001, 48_000)[None])
    writer.finish()
    content = stream.getvalue()
    assert content[:6] == b"before"
    assert struct.unpack_from("<I", content, 6 + 4)[0] == len(content) - 6 - 8
    assert soundfile.info(io.BytesIO(content[6:])).frames == 3_001


def test_a_shell_can_append_to_a_file(tmp_path: Path) -> None:
    """`>> out` opens a file in which nothing can be corrected: it is written like a pipe."""
    script = (
        "import sys, numpy as np\n"
        "from hushgate.audio_files.open_audio import AudioFormat, open_output\n"
        "with open_output('-', AudioFormat(48_000, 1, None, 'WAV', 'PCM_16'), '-') as writer:\n"
        "    writer.write(np.zeros((1, 1000), np.float32))\n"
    )
    with (tmp_path / "out").open("ab") as out:
        out.write(b"before")
        out.flush()
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True)
    content = (tmp_path / "out").read_bytes()
    assert content[:10] == b"beforeRIFF"
    assert struct.unpack_from("<I", content, 10)[0] == 0xFFFFFFFF


def sparse(path: Path, container: str, num_bytes: int) -> None:
    """A file of 16-bit zeros with a second of sound at its end, and on disk hardly more than that."""
    start = io.BytesIO()
    soundfile.write(start, np.zeros((1, 2)), 48_000, format=container, subtype="PCM_16")
    header = bytearray(start.getvalue()[:-4])
    if container == "RF64":
        place = header.index(b"ds64") + 8
        struct.pack_into("<QQQ", header, place, len(header) + num_bytes - 8, num_bytes, num_bytes // 4)
    else:
        struct.pack_into("<I", header, 4, (len(header) + num_bytes - 8) % 2**32)
        struct.pack_into("<I", header, header.index(b"data") + 4, num_bytes % 2**32)
    with path.open("wb") as file:
        file.write(header)
        file.seek(len(header) + num_bytes - 192_000)
        file.write(np.full(96_000, 1000, "<i2").tobytes())


@pytest.mark.level(10)
@pytest.mark.parametrize("container", ["WAV", "RF64"])
def test_five_gibibytes_are_handled_to_their_end_in_constant_memory(tmp_path: Path, container: str) -> None:
    size = 5 * 2**30
    path, target = tmp_path / "a.wav", tmp_path / "b.wav"
    sparse(path, container, size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    last = np.zeros((2, 0), np.float32)
    with open_input(path) as reader:
        assert reader.format.num_samples == size // 4
        with open_output(target, reader.format, path) as writer:
            for block in reader.blocks(2**20):
                writer.write(block)
                last = block
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    assert np.all(last[:, -48_000:] == np.float32(1000 / 32_768))
    info = soundfile.info(target)
    assert (info.format, info.frames) == ("RF64", size // 4)
    os.unlink(target)


def test_blocks_may_be_shorter_than_what_the_resampler_waits_for(tmp_path: Path) -> None:
    pytest.importorskip("soxr", reason="needs the extra formats")
    source = AudioFormat(44_100, 1, 4_410, "WAV", "PCM_16")
    with open_output(tmp_path / "a.opus", source, "-") as writer:
        for block in np.split(tone(4_410, 44_100), 441):
            writer.write(block[None])
    with open_input(tmp_path / "a.opus") as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 4_800


def test_clips_of_the_resamplers_last_samples_are_counted_for_file_objects() -> None:
    pytest.importorskip("soxr", reason="needs the extra formats")
    source = AudioFormat(44_100, 1, None, "OGG", "OPUS")
    with open_output(io.BytesIO(), source, "-") as writer:
        writer.write(np.full((1, 100), 2.0, np.float32))  # all of it waits in the resampler
        assert writer.num_clipped == 0
        writer.complete()
    assert writer.num_clipped > 50


@pytest.mark.parametrize("container", ["WAVEX", "RF64"])
def test_a_file_object_without_a_name_gets_the_container_of_the_source(container: str) -> None:
    target = io.BytesIO()
    with open_output(target, AudioFormat(48_000, 2, 100, container, "PCM_24"), "-") as writer:
        writer.write(noise(2, 100))
    target.seek(0)
    assert soundfile.info(target).format == container
