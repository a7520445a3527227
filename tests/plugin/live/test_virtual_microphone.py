"""`hushgate live --virtual-mic` in a private PulseAudio: recorded by another process, gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.live import DeviceError
from hushgate.live.devices.virtual_microphone import VirtualMicrophone
from tests.helpers.live_room import RATE, Room, find_offset, read_raw, why_not
from tests.helpers.waiting import wait_for_file

EXAMPLE = Path(__file__).parents[3] / "examples" / "noisy_speech.flac"

REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


def pactl(room: Room, *words: str) -> str:
    done = subprocess.run(
        ["pactl", *words], env=room.environment, capture_output=True, timeout=30, check=True
    )
    return done.stdout.decode()


def sources(room: Room) -> set[str]:
    return {line.split("\t")[1] for line in pactl(room, "list", "short", "sources").splitlines()}


def wait_until_sources(room: Room, expected: set[str], *, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while (found := sources(room)) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def gain_in(piece: np.ndarray, heard: np.ndarray) -> float:
    """How loud a piece of sound is where it is found in what was heard; 0.0 if it is not found."""
    offset = find_offset(piece, heard)
    found = heard[max(0, offset) : max(0, offset) + len(piece)]
    if offset < 0 or len(found) < len(piece) or not found.any() or np.corrcoef(found, piece)[0, 1] < 0.98:
        return 0.0
    return float(np.dot(found, piece) / np.dot(piece, piece))


@pytest.fixture
def before(room: Room) -> set[str]:
    return sources(room)


def start(room: Room, *arguments: str) -> subprocess.Popen[bytes]:
    """A virtual microphone that is listed and carries sound."""
    process = room.hushgate("live", "--virtual-mic", "--json", *arguments)
    assert process.stdout is not None
    assert process.stdout.readline(), process.communicate()
    assert "hushgate" in sources(room)
    return process


def test_another_process_records_the_cleaned_sound(
    room: Room, models: Path, before: set[str], tmp_path: Path
) -> None:
    speech, rate = soundfile.read(EXAMPLE, dtype="float32")
    assert rate == RATE
    speech = speech[: 3 * RATE]
    (tmp_path / "speech.raw").write_bytes(speech.tobytes())
    process = start(room, "--model", str(models / "half.onnx"))
    recording = tmp_path / "recorded" / "all.raw"
    recording.parent.mkdir()
    command = [
        "parec",
        "--raw",
        "--format=float32le",
        f"--rate={RATE}",
        "--channels=1",
        "--device=hushgate",
        "--latency-msec=100",
    ]
    with subprocess.Popen([*command, str(recording)], env=room.environment) as recorder:
        wait_for_file(recording.parent)
        room.play(tmp_path / "speech.raw").wait(30)
        time.sleep(1.5)
        recorder.terminate()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    # The model halves everything. A busy machine loses samples of virtual devices: so piece by piece.
    gains = [gain_in(piece, read_raw(recording)) for piece in np.array_split(speech, 12)]
    assert np.count_nonzero(np.abs(np.array(gains) - 0.5) < 0.02) >= 6, gains
    wait_until_sources(room, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_is_gone_however_the_process_ends(
    room: Room, identity: str, before: set[str], number: signal.Signals
) -> None:
    process = start(room, "--model", identity)
    assert "hushgate" in sources(room)
    process.send_signal(number)
    process.communicate(timeout=60)
    wait_until_sources(room, before)
    # The default microphone is the one from before.
    assert pactl(room, "get-default-source").strip() in before


def test_after_a_kill_that_nobody_watched_the_next_start_removes_it(
    room: Room, identity: str, before: set[str]
) -> None:
    process = start(room, "--model", identity)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    process.kill()
    process.communicate(timeout=60)
    time.sleep(1.0)
    assert sources(room) > before  # nobody was left to remove it
    again = start(room, "--model", identity)
    assert len(sources(room)) == len(before) + 2  # the source and its sink's monitor
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=60)
    wait_until_sources(room, before)


def test_two_have_two_names(room: Room, identity: str, before: set[str]) -> None:
    first = start(room, "--model", identity)
    refused = room.hushgate("live", "--virtual-mic", "--model", identity)
    _, error = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert b"there is a source 'hushgate' already. Choose another --virtual-mic NAME." in error
    second = room.hushgate("live", "--virtual-mic=studio", "--json", "--model", identity, "--duration=0.5")
    _, error = second.communicate(timeout=60)
    assert second.returncode == 0, error
    assert "hushgate" in sources(room)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    wait_until_sources(room, before)


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'none'}")


@pytest.mark.usefixtures("no_server")
def test_without_a_sound_server_the_error_says_so() -> None:
    with pytest.raises(DeviceError, match="Is PulseAudio or PipeWire"), VirtualMicrophone():
        pass


def test_a_name_that_the_server_would_take_apart_is_refused() -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        VirtualMicrophone("a b=c")
