"""A decoder or encoder that crashes is an error that names the file; it ends nothing else."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hushgate import AudioFileError
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.isolation import helper_process
from hushgate.audio_files.isolation.calls import call_isolated

MP3 = AudioFormat(44_100, 1, None, "MP3", "MPEG_LAYER_III")
SIGNALS = [signal.SIGSEGV, signal.SIGABRT] if os.name == "posix" else []


@pytest.fixture
def song(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "song.mp3"
    soundfile.write(path, 0.1 * rng.standard_normal(441_000), 44_100)
    return path


def crash(owner: Any, number: int) -> None:
    """End the helper of a decoder or encoder as a fault in it would."""
    os.kill(owner._helper._process.pid, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_decoder_that_crashes_is_an_error_that_names_the_file(song: Path, number: signal.Signals) -> None:
    with FileReader(song) as reader:
        blocks = reader.blocks(1024)
        next(blocks)
        crash(reader._decoder, number)
        with pytest.raises(
            AudioFileError, match=rf"song.mp3 cannot be read: the decoder crashed \({number.name}\)"
        ):
            list(blocks)
    with FileReader(song) as reader:  # the next file gets a new helper
        assert sum(block.shape[1] for block in reader.blocks()) == 441_000


@pytest.mark.parametrize("number", SIGNALS)
def test_an_encoder_that_crashes_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    target = tmp_path / "out.mp3"
    block = np.zeros((1, 4096), np.float32)

    def write_and_crash() -> None:
        with FileWriter(target, MP3) as writer:
            writer.write(block)
            crash(writer._encoder, number)
            writer.write(block)
            writer.write(block)

    with pytest.raises(AudioFileError, match=rf"the encoder crashed \({number.name}\)"):
        write_and_crash()
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_libvorbis_ends_nothing(tmp_path: Path) -> None:
    # 256 channels are a segmentation fault in libsndfile 1.2.2; `output_format` lets nobody come here.
    format = AudioFormat(48_000, 256, None, "OGG", "VORBIS")

    def write() -> None:
        with FileWriter(tmp_path / "out.ogg", format) as writer:
            writer.write(np.zeros((256, 1024), np.float32))

    with pytest.raises(AudioFileError, match=r"out\.ogg cannot be written"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_an_isolated_decoder_gives_the_same_samples(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(source: Any, start: int) -> np.ndarray:
        with FileReader(source) as reader:
            return np.concatenate(list(reader.blocks(5000, start=start)), axis=1)

    isolated = [read(song, 0), read(song, 12_345), read(io.BytesIO(song.read_bytes()), 0)]
    monkeypatch.setattr("hushgate.audio_files.file_reader.can_isolate", lambda: False)
    np.testing.assert_array_equal(isolated[0], read(song, 0))
    np.testing.assert_array_equal(isolated[1], read(song, 12_345))
    np.testing.assert_array_equal(isolated[2], isolated[0])


def test_blocks_can_be_read_again_after_an_end_in_the_middle(song: Path) -> None:
    with FileReader(song) as reader:
        first = next(reader.blocks(1024))
        np.testing.assert_array_equal(next(reader.blocks(1024)), first)
        assert sum(block.shape[1] for block in reader.blocks()) == 441_000


def test_plain_samples_and_flac_need_no_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_process.HelperProcess, "take", None)
    for extension, subtype in [("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", "PCM_16"), ("aiff", "PCM_16")]:
        path = tmp_path / f"take.{extension}"
        soundfile.write(path, np.zeros((100, 2)), 48_000, subtype=subtype)
        target = tmp_path / f"out.{extension}"
        with FileReader(path) as reader, FileWriter(target, reader.format, overwrite=True) as writer:
            for block in reader.blocks():
                writer.write(block)


def test_an_encoder_never_sees_samples_that_make_it_abort(tmp_path: Path) -> None:
    loud = np.full((1, 4096), 1e9, np.float32)
    with FileWriter(tmp_path / "loud.mp3", MP3) as writer:
        writer.write(loud)
    assert writer.num_clipped == 4096
    assert np.abs(soundfile.read(tmp_path / "loud.mp3")[0]).max() < 2.0
    for value in (np.nan, np.inf):
        with (
            pytest.raises(ValueError, match="samples must be finite"),
            FileWriter(tmp_path / "not.mp3", MP3) as writer,
        ):
            writer.write(np.full((1, 4096), value, np.float32))
    assert not (tmp_path / "not.mp3").exists()


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    soundfile.write(path, np.zeros(48_000), 48_000)
    with FileReader(path) as reader:
        blocks = reader.blocks(1024)
        next(blocks)
        with path.open("ab") as file:
            file.write(bytes(2000))
        with pytest.raises(AudioFileError, match=r"take.wav changed while it was read"):
            list(blocks)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_helpers_end_with_the_process_that_started_them(song: Path) -> None:
    script = (
        "import os, sys; from hushgate.audio_files.file_reader import FileReader; "
        f"FileReader({str(song)!r}).close(); "
        "from hushgate.audio_files.isolation import helper_process; "
        "print(helper_process._idle[0]._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    status = Path(f"/proc/{int(done.stdout)}/status")
    deadline = time.monotonic() + 10.0
    while status.exists() and "zombie" not in status.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not status.exists() or "zombie" in status.read_text()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_helpers_of_its_own(song: Path) -> None:
    with FileReader(song) as reader:
        blocks = reader.blocks(1024)
        num_samples = next(blocks).shape[1]
        child = os.fork()
        if child == 0:
            with FileReader(song) as other:
                os._exit(0 if sum(block.shape[1] for block in other.blocks()) == 441_000 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert num_samples + sum(block.shape[1] for block in blocks) == 441_000


def test_relative_names_belong_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = np.zeros((1, 4096), np.float32)
    for name in ("one", "two"):  # the second helper is the first again
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with FileWriter(Path(f"{name}.mp3"), MP3) as writer:
            writer.write(block)
        assert call_isolated("inspect", Path(f"{name}.mp3")) is not None
        assert [path.name for path in (tmp_path / name).iterdir()] == [f"{name}.mp3"]


@pytest.mark.skipif(os.name != "posix", reason="only POSIX removes the current folder")
def test_absolute_names_need_no_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with FileWriter(tmp_path / "out.mp3", MP3) as writer:
        writer.write(np.zeros((1, 4096), np.float32))
    assert (tmp_path / "out.mp3").exists()
