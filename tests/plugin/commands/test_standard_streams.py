"""Closed standard streams, and signals that end a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from tests.helpers.seeded_noise import noise

pytestmark = pytest.mark.skipif(os.name == "nt", reason="closes file descriptors in a shell, sends signals")


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / "take.wav"
    soundfile.write(path, noise(48_000), 48_000)
    return path


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"])
@pytest.mark.parametrize("command", ["denoise", "batch", "presets"])
def test_a_closed_stream_costs_nothing(
    command: str, closed: str, take: Path, tmp_path: Path, identity: str
) -> None:
    output = tmp_path / ("out.wav" if command == "denoise" else "out")
    arguments = {
        "denoise": f"denoise {take} -o {output} --model {identity}",
        "batch": f"batch {take} -o {output} --model {identity} --jobs 1",
        "presets": "presets",
    }[command]
    line = f"'{sys.executable}' -m hushgate {arguments} {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "hushgate: error" not in done.stdout + done.stderr
    if command != "presets":
        written = output if command == "denoise" else output / take.name
        assert soundfile.info(written).frames == 48_000


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_no_temporary_file(name: str, tmp_path: Path, identity: str) -> None:
    """The input is a pipe that stays open, so that the command is still at work when the signal comes."""
    number = getattr(signal, name)
    output = tmp_path / "out.wav"
    child = subprocess.Popen(
        [sys.executable, "-m", "hushgate", "denoise", "-", "-o", str(output), "--model", identity],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin is not None
    soundfile.write(tmp_path / "in.wav", noise(480_000), 48_000)
    content = (tmp_path / "in.wav").read_bytes()
    (tmp_path / "in.wav").unlink()
    child.stdin.write(content[: len(content) // 2])
    child.stdin.flush()
    deadline = time.monotonic() + 60.0
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(tmp_path.iterdir()), "no temporary file appeared"
    child.send_signal(number)
    _, printed = child.communicate(timeout=60)
    assert child.returncode == 128 + number
    assert b"Traceback" not in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("command", ["denoise", "plot"])
def test_a_command_that_ends_with_an_error_leaves_no_output(
    command: str, tmp_path: Path, identity: str
) -> None:
    if command == "plot":
        pytest.importorskip("matplotlib", reason="needs the extra plot")
    soundfile.write(tmp_path / "in.wav", noise(4800), 48_000)
    output = tmp_path / ("out.wav" if command == "denoise" else "out.png")
    words = [command, str(tmp_path / "in.wav"), "-o", str(output)]
    words += ["--model", identity] if command == "denoise" else []
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hushgate", *words], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2, done.stderr
    assert b"No space left on device" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]
