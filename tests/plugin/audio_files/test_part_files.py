"""Temporary files go away however their process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hushgate.audio_files import part_files
from hushgate.audio_files.atomic_write import AtomicFile
from hushgate.audio_files.part_files import PART_PREFIX, make_part

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends signals")

# Makes a temporary file, says so, and waits; with a handler of its own where asked to.
SCRIPT = """
import signal, sys, time
from hushgate.audio_files.part_files import make_part
from pathlib import Path
if sys.argv[2] == "own":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
make_part(Path(sys.argv[1]), ".hushgate-", 0o600)
print("made", flush=True)
time.sleep(60)
"""


def ended(folder: Path, sent: signal.Signals, handler: str = "default") -> int:
    """Exit status of a process that holds a temporary file and gets a signal."""
    command = [sys.executable, "-c", SCRIPT, str(folder), handler]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        process.send_signal(sent)
        process.communicate(timeout=30)
    return process.returncode


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_process_as_before_and_leaves_nothing(tmp_path: Path, sent: signal.Signals) -> None:
    assert ended(tmp_path, sent) == -sent
    assert os.listdir(tmp_path) == []


def test_an_exit_by_an_exception_leaves_nothing(tmp_path: Path) -> None:
    assert ended(tmp_path, signal.SIGTERM, "own") == 7
    ended(tmp_path, signal.SIGINT)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_goes_with_the_next_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ended(tmp_path, signal.SIGKILL) == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    (tmp_path / f"{PART_PREFIX}notes.part").touch()  # not a name of ours
    with AtomicFile(tmp_path / "a") as file:
        assert not left.exists()
        monkeypatch.setattr(part_files, "_searched_folders", set())
        with AtomicFile(tmp_path / "b"):
            assert file.part.exists()  # locked: its process is alive
    assert sorted(os.listdir(tmp_path)) == [f"{PART_PREFIX}notes.part", "a", "b"]


def test_handlers_are_as_before_when_the_last_file_is_gone(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with AtomicFile(tmp_path / "a"):
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
            with AtomicFile(tmp_path / "b"):
                pass
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_part_that_is_taken_for_abandoned_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process looks between the making of the file and its lock."""
    lock, taken = part_files._lock, list[Path]()

    def late(handle: int) -> bool | None:
        if not taken:
            taken.extend(tmp_path.iterdir())
            taken[0].unlink()
        return lock(handle)

    monkeypatch.setattr(part_files, "_lock", late)
    part = make_part(tmp_path, PART_PREFIX, 0o600)
    assert part.exists()
    assert part != taken[0]
    part.unlink()
    part_files.forget_part(part)
