"""Sound files: everything libsndfile knows, in the form it came in, complete or not at all."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import AudioFileError
from hushgate.audio_files.formats.containers import container_for
from hushgate.audio_files.open_audio import AudioFormat, FileReader, FileWriter, open_input, open_output
from tests.helpers.seeded_noise import noise

# Container, sample format, extension, sample rate, channels.
FORMS = [
    ("WAV", "PCM_U8", ".wav", 8_000, 1),
    ("WAV", "PCM_16", ".wav", 44_100, 2),
    ("WAV", "PCM_24", ".wav", 48_000, 2),
    ("WAV", "PCM_32", ".wav", 48_000, 1),
    ("WAV", "FLOAT", ".wav", 96_000, 2),
    ("WAV", "DOUBLE", ".wav", 48_000, 1),
    ("WAV", "ULAW", ".wav", 8_000, 1),
    ("WAV", "IMA_ADPCM", ".wav", 22_050, 1),
    ("WAVEX", "PCM_24", ".wav", 48_000, 6),
    ("RF64", "PCM_16", ".rf64", 48_000, 2),
    ("W64", "PCM_24", ".w64", 48_000, 2),
    ("AIFF", "PCM_16", ".aiff", 44_100, 2),
    ("AIFF", "PCM_24", ".aif", 48_000, 6),
    ("AIFF", "FLOAT", ".aifc", 48_000, 1),
    ("AU", "PCM_16", ".au", 16_000, 1),
    ("CAF", "PCM_24", ".caf", 48_000, 2),
    ("FLAC", "PCM_S8", ".flac", 16_000, 1),
    ("FLAC", "PCM_16", ".flac", 44_100, 2),
    ("FLAC", "PCM_24", ".flac", 192_000, 6),
    ("OGG", "VORBIS", ".ogg", 44_100, 2),
    ("OGG", "OPUS", ".opus", 48_000, 2),
    ("OGG", "OPUS", ".ogg", 16_000, 1),
    ("MP3", "MPEG_LAYER_III", ".mp3", 44_100, 2),
    ("MP3", "MPEG_LAYER_III", ".mp3", 16_000, 1),
]
EXACT = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE")
# What libsndfile cannot see the end of is left out: ADPCM pads, CAF refuses to open.
TRUNCATABLE = [form for form in FORMS if form[1] != "IMA_ADPCM" and form[0] != "CAF"]


def make(folder: Path, form: tuple[str, str, str, int, int], num_samples: int = 30_001) -> Path:
    container, subtype, extension, rate, channels = form
    path = folder / f"original{extension}"
    sound = noise(num_samples, channels)
    soundfile.write(path, sound, rate, format=container, subtype=subtype)
    return path


def copy_through(source: Path, target: Path, **options: str) -> FileWriter:
    with open_input(source) as reader, open_output(target, reader.format, source, **options) as writer:  # type: ignore[arg-type]
        for block in reader.blocks(4096):
            writer.write(block)
    return writer  # type: ignore[return-value]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[1]}{form[2]}-{form[3]}-{form[4]}")
def test_a_copy_has_the_form_of_the_original(tmp_path: Path, form: tuple[str, str, str, int, int]) -> None:
    source = make(tmp_path, form)
    target = tmp_path / f"copy{form[2]}"
    copy_through(source, target)
    before, after = soundfile.info(source), soundfile.info(target)
    for fact in ("format", "subtype", "samplerate", "channels", "frames"):
        assert getattr(after, fact) == getattr(before, fact), fact
    if form[1] in EXACT:
        dtype = "float64" if form[1] == "DOUBLE" else "float32"
        np.testing.assert_array_equal(
            soundfile.read(target, dtype=dtype)[0], soundfile.read(source, dtype=dtype)[0]
        )
    assert {path.name for path in tmp_path.iterdir()} == {source.name, target.name}


def test_byte_order_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "rifx.wav"
    soundfile.write(source, noise(3000), 48_000, format="WAV", subtype="PCM_16", endian="BIG")
    copy_through(source, tmp_path / "copy.wav")
    assert (tmp_path / "copy.wav").read_bytes()[:4] == b"RIFX"


@pytest.mark.parametrize(
    ("subtype", "extension", "expected"),
    [
        ("PCM_24", ".flac", "PCM_24"),
        ("FLOAT", ".flac", "PCM_24"),
        ("DOUBLE", ".aiff", "DOUBLE"),
        ("PCM_U8", ".flac", "PCM_S8"),
        ("PCM_16", ".mp3", "MPEG_LAYER_III"),
        ("PCM_16", ".opus", "OPUS"),
        ("PCM_16", ".ogg", "VORBIS"),
        ("PCM_16", ".w64", "PCM_16"),
    ],
)
def test_another_extension_converts_to_the_nearest_form(
    tmp_path: Path, subtype: str, extension: str, expected: str
) -> None:
    source = tmp_path / "original.wav"
    soundfile.write(source, noise(9000), 48_000, subtype=subtype)
    copy_through(source, tmp_path / f"copy{extension}")
    assert soundfile.info(tmp_path / f"copy{extension}").subtype == expected


def test_the_sample_format_can_be_chosen(tmp_path: Path) -> None:
    source = make(tmp_path, ("WAV", "PCM_16", ".wav", 48_000, 1))
    copy_through(source, tmp_path / "copy.wav", subtype="pcm_24")
    assert soundfile.info(tmp_path / "copy.wav").subtype == "PCM_24"
    with pytest.raises(AudioFileError, match=r"WAV has no sample format VORBIS. It has .*PCM_16"):
        copy_through(source, tmp_path / "other.wav", subtype="VORBIS")


def test_the_extension_may_lie_about_the_container(tmp_path: Path) -> None:
    source = tmp_path / "really-flac.wav"
    soundfile.write(source, noise(9000), 48_000, format="FLAC", subtype="PCM_24")
    copy_through(source, tmp_path / "copy.wav")
    assert soundfile.info(tmp_path / "copy.wav").format == "FLAC"


@pytest.mark.parametrize("form", TRUNCATABLE, ids=lambda form: f"{form[1]}{form[2]}-{form[3]}-{form[4]}")
def test_a_file_cut_short_is_noticed(tmp_path: Path, form: tuple[str, str, str, int, int]) -> None:
    whole = make(tmp_path, form).read_bytes()
    cut = tmp_path / f"cut{form[2]}"
    cut.write_bytes(whole[: int(len(whole) * 0.7)])
    with (
        pytest.raises(AudioFileError, match=r"cut\.\w+ is (damaged or )?cut short") as caught,
        open_input(cut) as reader,
    ):
        list(reader.blocks())
    assert "\n" not in str(caught.value)

    with open_input(cut, allow_truncated=True) as reader:
        num_read = sum(block.shape[1] for block in reader.blocks())
    assert 10_000 < num_read < 30_000
    assert "cut short" in reader.warnings[0]


def test_lengths_that_programs_write_into_pipes_are_no_promise(tmp_path: Path) -> None:
    whole = make(tmp_path, ("WAV", "PCM_16", ".wav", 48_000, 2))
    content = bytearray(whole.read_bytes())
    at = content.index(b"data") + 4
    for size in (0xFFFFFFFF, 0x7FFFF000):
        content[at : at + 4] = size.to_bytes(4, "little")
        whole.write_bytes(content)
        with open_input(whole) as reader:
            assert sum(block.shape[1] for block in reader.blocks()) == 30_001


def test_trailing_metadata_is_no_damage(tmp_path: Path) -> None:
    whole = make(tmp_path, ("WAV", "PCM_16", ".wav", 48_000, 2))
    chunk = b"LIST" + (12).to_bytes(4, "little") + b"INFOISFT" + (0).to_bytes(4, "little")
    whole.write_bytes(whole.read_bytes() + chunk)
    with open_input(whole) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 30_001
    mp3 = make(tmp_path, ("MP3", "MPEG_LAYER_III", ".mp3", 44_100, 2))
    tag = b"ID3\x03\x00\x00" + bytes((0, 0, 2, 0)) + bytes(256)
    mp3.write_bytes(tag + mp3.read_bytes() + b"TAG" + bytes(125))
    with open_input(mp3) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 30_001


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.wav", b"", r"empty\.wav is empty \(0 bytes\)"),
        ("text.wav", b"This is a shopping list.\n" * 20, r"text\.wav cannot be read as audio"),
        ("text.mp3", b"This is a shopping list.\n" * 20, r"text\.mp3 cannot be read as audio"),
        ("header.wav", b"RIFF\x10\0\0\0WAVEfm", r"header\.wav cannot be read as audio"),
        ("take.raw", bytes(1000), r"take\.raw: raw samples have no header"),
    ],
)
def test_what_is_not_audio_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioFileError, match=message) as caught:
        open_input(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""  # libraries in C keep quiet too


def test_no_samples_are_refused(tmp_path: Path) -> None:
    for extension in (".wav", ".flac", ".aiff"):
        soundfile.write(tmp_path / f"none{extension}", np.zeros((0, 2)), 48_000)
        with pytest.raises(AudioFileError, match=r"none\.\w+ (holds no sound|is empty)"):
            open_input(tmp_path / f"none{extension}")


def test_missing_files_and_folders_are_the_systems_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.wav"):
        open_input(tmp_path / "nothing.wav")
    with pytest.raises(IsADirectoryError):
        open_input(tmp_path)


FORM = AudioFormat(48_000, 2, 3000, "WAV", "PCM_16")


@pytest.mark.parametrize(
    ("target", "kind", "message"),
    [
        ("folder", IsADirectoryError, "is a folder"),
        ("nowhere/out.wav", FileNotFoundError, "nowhere does not exist"),
        ("file.wav/out.wav", FileNotFoundError, "does not exist"),
        ("pipe", OSError, "not a regular file"),
        ("out.txt", AudioFileError, "cannot tell the format from the extension '.txt'"),
        ("out", AudioFileError, "cannot tell the format from the extension ''"),
        ("out.raw", AudioFileError, "cannot tell the format"),
        ("file.wav", FileExistsError, "exists already"),
    ],
)
def test_targets_that_cannot_be_written_are_refused_before_any_work(
    tmp_path: Path, target: str, kind: type[Exception], message: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.wav").write_bytes(b"mine")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(kind, match=message):
        open_output(tmp_path / target, FORM, "-")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "file.wav").read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="not writable"):
            open_output(tmp_path / "out.wav", FORM, "-")
    finally:
        tmp_path.chmod(0o700)


def test_a_form_the_container_cannot_hold_is_refused(tmp_path: Path) -> None:
    form = AudioFormat(44_100, 2, 3000, "OGG", "OPUS")  # Opus knows 48 kHz and its fractions only
    with pytest.raises(AudioFileError, match=r"out\.ogg cannot be written as OGG OPUS, 44100 Hz, stereo"):
        FileWriter(tmp_path / "out.ogg", form)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_in_a_wav_file_becomes_rf64(tmp_path: Path) -> None:
    source = AudioFormat(192_000, 6, 3 * 3600 * 192_000, "WAV", "PCM_24")
    with open_output(tmp_path / "out.wav", source, "-") as writer:
        writer.write(noise(6, 100))
    assert soundfile.info(tmp_path / "out.wav").format == "RF64"
    assert writer.warnings == [f"{tmp_path / 'out.wav'}: written as RF64, because WAV ends at 4 GiB."]


def test_input_and_output_must_differ_whatever_they_are_called(tmp_path: Path) -> None:
    source = make(tmp_path, ("WAV", "PCM_16", ".wav", 48_000, 1))
    os.link(source, tmp_path / "hard.wav")
    (tmp_path / "soft.wav").symlink_to(source)
    before = source.read_bytes()
    with open_input(source) as reader:
        for name in ("original.wav", "hard.wav", "soft.wav", "../" + tmp_path.name + "/original.wav"):
            with pytest.raises(ValueError, match="both input and output"):
                open_output(tmp_path / name, reader.format, source, overwrite=True)
    assert source.read_bytes() == before


def test_the_final_name_appears_only_when_the_file_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "out.wav"
    with FileWriter(target, FORM) as writer:
        writer.write(noise(2, 3000))
        assert not target.exists()
    assert soundfile.info(target).frames == 3000
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    target = tmp_path / "out.wav"
    target.write_bytes(b"the old one")

    def write_half() -> None:
        with FileWriter(target, FORM, overwrite=True) as writer:
            writer.write(noise(2, 100))
            raise interruption

    with pytest.raises(interruption):
        write_half()
    assert target.read_bytes() == b"the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


def test_permissions_are_the_users_usual_ones_and_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "link.wav").symlink_to(tmp_path / "place" / "real.wav")
    before = os.umask(0o027)
    try:
        with FileWriter(tmp_path / "link.wav", FORM) as writer:
            writer.write(noise(2, 3000))
    finally:
        os.umask(before)
    assert (tmp_path / "link.wav").is_symlink()
    assert stat.S_IMODE((tmp_path / "place" / "real.wav").stat().st_mode) == 0o640


@pytest.mark.parametrize("extension", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, extension: str) -> None:
    # A limit on the size of files stands for a full disk: writes fall short in the same way.
    script = textwrap.dedent(
        f"""
        import errno, resource, signal
        from pathlib import Path
        import numpy as np
        from hushgate.audio_files.open_audio import AudioFormat, open_output
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        noise = np.random.default_rng(0).standard_normal((2, 48_000)).astype(np.float32) * 0.1
        form = AudioFormat(48_000, 2, 20 * 48_000, "WAV", "PCM_16")
        try:
            with open_output("out{extension}", form, "-") as writer:
                for _ in range(20):
                    writer.write(noise)
        except OSError as error:
            print("OSError", error.filename, errno.errorcode[error.errno])
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == f"OSError out{extension} EFBIG", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_clipped_samples_are_counted_where_the_format_clips(tmp_path: Path) -> None:
    block = np.array([[0.5, 1.5, -1.0, -2.0, 1.0]], np.float32)
    for subtype, expected in (("PCM_16", 2), ("PCM_24", 2), ("FLOAT", 0), ("DOUBLE", 0)):
        with FileWriter(tmp_path / f"{subtype}.wav", AudioFormat(48_000, 1, 5, "WAV", subtype)) as writer:
            writer.write(block)
        assert writer.num_clipped == expected
    np.testing.assert_array_equal(
        soundfile.read(tmp_path / "PCM_16.wav", dtype="int16")[0], [16384, 32767, -32768, -32768, 32767]
    )


def test_reading_takes_constant_memory(tmp_path: Path) -> None:
    path = make(tmp_path, ("FLAC", "PCM_16", ".flac", 48_000, 2), num_samples=10)
    with FileReader(path) as reader, FileWriter(tmp_path / "long.flac", reader.format) as writer:
        silence = np.zeros((2, 480_000), np.float32)
        for _ in range(30):
            writer.write(silence)
    with FileReader(tmp_path / "long.flac") as reader:
        blocks = reader.blocks()
        next(blocks)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert sum(block.shape[1] for block in blocks) > 14_000_000
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB; it holds 115,000


@pytest.mark.parametrize("container", ["WAV", "W64"])
@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM"])
def test_adpcm_comes_back_as_long_as_it_was(tmp_path: Path, container: str, subtype: str) -> None:
    path = tmp_path / f"take.{container.lower()}"
    with FileWriter(path, AudioFormat(8_000, 1, None, container, subtype)) as writer:
        writer.write(np.zeros((1, 13_787), np.float32))
    with FileReader(path) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 13_787


@pytest.mark.parametrize("container", ["WAV", "W64"])
@pytest.mark.parametrize("num_samples", [600, 1_500, 5_000])
def test_short_adpcm_of_libsndfile_is_read_whole(tmp_path: Path, container: str, num_samples: int) -> None:
    path = tmp_path / "a"
    soundfile.write(path, np.zeros((num_samples, 2)), 48_000, format=container, subtype="IMA_ADPCM")
    with FileReader(path) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == soundfile.info(path).frames >= num_samples


def test_a_block_of_minutes_can_be_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "take.ogg"
    with FileWriter(path, AudioFormat(48_000, 1, None, "OGG", "VORBIS")) as writer:
        writer.write(np.zeros((1, 4_000_000), np.float32))  # a segmentation fault of libvorbis
    assert soundfile.info(path).frames == 4_000_000


@pytest.mark.parametrize(
    ("extension", "container", "subtype", "sample_rate"),
    [("wve", "WVE", "ALAW", 44_100), ("xi", "XI", "DPCM_16", 8_000), ("htk", "HTK", "PCM_16", 44_100)],
)
def test_a_container_that_changes_the_rate_is_refused(
    tmp_path: Path, extension: str, container: str, subtype: str, sample_rate: int
) -> None:
    def write() -> None:
        path = tmp_path / f"out.{extension}"
        with FileWriter(path, AudioFormat(sample_rate, 1, None, container, subtype)) as writer:
            writer.write(np.zeros((1, 1_000), np.float32))

    with pytest.raises(AudioFileError, match=r"1000 samples came back as \d+ Hz, 1 channels"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_container_of_two_files_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="SD2 keeps its header in a second file"):
        container_for(tmp_path / "out.sd2")


def test_mp3_becomes_wav(tmp_path: Path, rng: np.random.Generator) -> None:
    source, target = tmp_path / "song.mp3", tmp_path / "song.wav"
    soundfile.write(source, 0.1 * rng.standard_normal(10_000), 44_100)
    with open_input(source) as reader, open_output(target, reader.format, source) as writer:
        for block in reader.blocks():
            writer.write(block)
    info = soundfile.info(target)
    assert (info.format, info.subtype, info.frames) == ("WAV", "PCM_16", 10_000)
