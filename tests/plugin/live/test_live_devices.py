"""`hushgate live` between a virtual microphone and a virtual speaker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import Denoiser, available_models
from tests.helpers.live_room import RATE, Room, find_offset, read_raw, why_not
from tests.helpers.waiting import wait_for_file

# A recording of nothing leaves no file: sound is there when it is longer than any header.
HEADER_BYTES = 1000
EXAMPLE = Path(__file__).parents[3] / "examples" / "noisy_speech.flac"

REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=60)
    return process.returncode, out.decode(), error.decode()


def test_ten_seconds_through_virtual_devices_are_the_offline_result_sample_for_sample(
    room: Room, stateful: str, tmp_path: Path
) -> None:
    """One run may lose samples on a busy machine, two in a row are a fault."""
    speech, rate = soundfile.read(EXAMPLE, dtype="float32")
    assert rate == RATE
    # A stream that joins a virtual device loses its first milliseconds there: let it be silence.
    speech = np.concatenate([np.zeros(RATE // 2, np.float32), speech[: 6 * RATE]])
    (tmp_path / "speech.raw").write_bytes(speech.tobytes())
    model = "voice" if "voice" in available_models() else stateful
    for _ in range(2):
        shown = play_through(room, model, tmp_path)
        if shown.difference() <= 1e-5:
            break
    assert shown.difference() <= 1e-5, shown.summary
    # What was recorded is what came out of the speaker, too.
    assert shown.difference_to_speaker() <= 1e-6


@dataclass(frozen=True)
class PlayedThrough:
    """Ten seconds of `hushgate live`: what went in, what it recorded and said, what the speaker played."""

    model: str
    speech: np.ndarray
    recorded: np.ndarray
    heard: np.ndarray
    summary: dict[str, object]

    def difference(self) -> float:
        """Largest difference between the recording and the offline result, sample for sample.

        The recording begins with the first sample that came in, so the offline run gets the speech
        where the live one got it, and both cut their frames at the same places.
        """
        effect = Denoiser(self.model)
        latency = effect.latency_samples_at(RATE)
        start = find_offset(effect(self.speech, RATE), self.recorded) - latency
        if not 0 <= start <= len(self.recorded) - len(self.speech) - latency:
            return np.inf
        sound = np.zeros(len(self.recorded), np.float32)
        sound[start : start + len(self.speech)] = self.speech
        expected = np.concatenate([np.zeros(latency, np.float32), effect(sound, RATE)])[: len(sound)]
        fade = RATE // 50
        return float(np.abs(expected - self.recorded)[: len(sound) - fade].max())

    def difference_to_speaker(self) -> float:
        """Largest difference between the recording and what came out of the speaker."""
        start = find_offset(self.recorded, self.heard)
        first, last = max(0, start), min(len(self.heard), start + len(self.recorded))
        assert last - first > len(self.speech)
        return float(np.abs(self.heard[first:last] - self.recorded[first - start : last - start]).max())


def play_through(room: Room, model: str, folder: Path) -> PlayedThrough:
    listener = room.listen(folder / "heard.raw")
    # Large buffers everywhere: an overload would be answered by a fresh start of the effect, with its frames
    # at other places.
    options = ["--duration", "10", "--block-size", "512", "--device-latency-ms", "400", "--overwrite"]
    live = room.hushgate("live", "--model", model, "--record", folder / "take.wav", "--json", *options)
    assert live.stdout is not None
    first_line = live.stdout.readline()  # it runs
    time.sleep(2.0)  # and has found its pace
    player = room.play(folder / "speech.raw", latency_ms=2000)
    status, out, error = finish(live)
    assert (status, error) == (0, ""), (first_line, out, error)
    player.wait(timeout=30)
    listener.send_signal(signal.SIGINT)
    listener.wait(timeout=10)
    recorded, _ = soundfile.read(folder / "take.wav", dtype="float32")
    assert len(recorded) == 10 * RATE
    summary = json.loads(out.splitlines()[-1])
    heard = read_raw(folder / "heard.raw")
    return PlayedThrough(model, read_raw(folder / "speech.raw"), recorded, heard, summary)


def test_sound_server_that_dies_ends_it_with_one_line_and_keeps_the_recording(
    room: Room, stateful: str, tmp_path: Path
) -> None:
    take = tmp_path / "take.wav"
    live = room.hushgate("live", "--model", stateful, "--record", take, "--device-latency-ms", "50")
    assert live.stdout is not None
    live.stdout.readline()
    wait_for_file(tmp_path, HEADER_BYTES)
    room.server.kill()
    status, _, error = finish(live)
    assert status == 2
    assert error == "hushgate: error: 'default' stopped: the device or its sound server has gone.\n"
    assert soundfile.info(take).samplerate == RATE


def test_interrupt_ends_it_cleanly_and_keeps_the_recording(room: Room, stateful: str, tmp_path: Path) -> None:
    take = tmp_path / "take.wav"
    live = room.hushgate("live", "--model", stateful, "--record", take)
    assert live.stdout is not None
    live.stdout.readline()
    wait_for_file(tmp_path, HEADER_BYTES)
    live.send_signal(signal.SIGINT)
    status, _, error = finish(live)
    assert (status, error) == (130, "hushgate: interrupted\n")
    assert soundfile.info(take).samplerate == RATE


def test_rate_and_device_that_are_not_there_are_one_line(room: Room, stateful: str) -> None:
    options = ("live", "--model", stateful, "--duration", "1")
    status, _, error = finish(room.hushgate(*options, "--sample-rate", "500000"))
    assert status == 2
    assert error.startswith("hushgate: error: sample_rate must be one that 'default' offers (got 500000 Hz).")
    assert error.count("\n") == 1
    status, _, error = finish(room.hushgate(*options, "--input-device", "guitar"))
    assert (status, error.count("\n")) == (2, 1)
    assert "'guitar' is no input device" in error
    room.environment["PULSE_SOURCE"] = "unplugged"
    status, _, error = finish(room.hushgate(*options))
    assert (status, error.count("\n")) == (2, 1)
    assert error.startswith("hushgate: error: 'default' cannot be opened (")


@pytest.mark.level(10)
@pytest.mark.skipif("voice" not in available_models(), reason="the preset's model has not shipped yet")
def test_benchmark_measures_a_round_trip_longer_than_the_effect() -> None:
    script = Path(__file__).parents[3] / "benchmarks" / "live.py"
    options = "--presets voice --block-sizes 512 --seconds 3"
    command = [sys.executable, str(script), *options.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    cells = [cell.strip() for cell in done.stdout.splitlines()[-1].split("|")[1:-1]]
    assert cells[:2] == ["voice", "512"]
    assert float(cells[3]) == 32.0
    assert 32.0 < float(cells[2]) < 1000.0
