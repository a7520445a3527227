"""A room without a sound card: a private PulseAudio with a virtual microphone and speaker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
_PROGRAMS = ("pulseaudio", "pacat", "parec")
# Small enough to keep the virtual devices awake, large enough for a busy machine.
_LATENCY_MS = 100


FORM = f"rate={RATE} channels=1 format=float32le"


def why_not() -> str:
    """What is missing for a room, or nothing."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{' and '.join(missing)} not installed (Debian: pulseaudio, pulseaudio-utils)"
    code = "import sounddevice"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"{done.stderr.strip().splitlines()[-1]} (extra live; Debian: libportaudio2)"
    return ""


class Room:
    """A sound server of our own, in `folder`, with the sinks `room` and `speaker`.

    What is played into `room` is what the default microphone hears; the default output is
    `speaker`. Nothing outside is touched, and no server that is there is used.
    """

    microphone = "room.monitor"
    speaker_monitor = "speaker.monitor"
    modules = (f"module-null-sink sink_name=room {FORM}", f"module-null-sink sink_name=speaker {FORM}")
    num_monitored = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        private = {
            name: str(folder)
            for name in (
                "HOME",
                "XDG_RUNTIME_DIR",
                "XDG_CONFIG_HOME",
                "PULSE_RUNTIME_PATH",
                "PULSE_STATE_PATH",
                "PULSE_CONFIG_PATH",
            )
        }
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PULSE_", "ALSA_", "PIPEWIRE_", "DBUS_"))
        }
        self.environment = {
            **inherited,
            **private,
            "PULSE_SERVER": f"unix:{folder / 'native'}",
            "PULSE_SINK": "speaker",
            "PULSE_SOURCE": self.microphone,
        }

    def __enter__(self) -> Self:
        door = f"module-native-protocol-unix auth-anonymous=1 socket={self._folder / 'native'}"
        options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
        loads = [word for module in (door, *self.modules) for word in ("-L", module)]
        self.server = self._start(["pulseaudio", *options, *loads])
        deadline = time.monotonic() + 20.0
        while not (self._folder / "native").exists():
            if self.server.poll() is not None or time.monotonic() > deadline:
                log = (self._folder / "pulseaudio.log").read_text(errors="replace")
                self.__exit__(None, None, None)
                raise RuntimeError(f"PulseAudio does not start: {log}")
            time.sleep(0.05)
        # Silence that keeps both devices at a small latency; idle ones wake only every two seconds.
        self.play("/dev/zero")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def play(self, source: str | Path, latency_ms: int = _LATENCY_MS) -> subprocess.Popen[bytes]:
        """Play raw float32 mono into the room; with `latency_ms` of it waiting in the server."""
        return self._start(["pacat", *_form(1, latency_ms), "--device=room", str(source)])

    def listen(self, target: Path) -> subprocess.Popen[bytes]:
        """Record what the speaker plays to raw float32, until it is terminated."""
        form = _form(self.num_monitored, _LATENCY_MS)
        return self._start(["parec", *form, f"--device={self.speaker_monitor}", str(target)])

    def hushgate(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start `hushgate` in the room, standard output to a pipe."""
        command = [sys.executable, "-u", "-m", "hushgate", *map(str, arguments)]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._processes.append(process)
        return process

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._processes.append(process)
        return process


def _one_of(side: str) -> str:
    return f"channels=1 master_channel_map=front-{side} channel_map=mono remix=no"


class Desk(Room):
    """A room whose microphone and speaker are the two channels of one virtual device.

    What `listen` records has what was heard on the left and what was played on the right, on one
    clock, so the time between them is the round trip to the sample.
    """

    microphone = "microphone"
    speaker_monitor = "desk.monitor"
    num_monitored = 2
    modules = (  # type: ignore[assignment]
        f"module-null-sink sink_name=desk rate={RATE} channels=2 format=float32le",
        f"module-remap-sink master=desk sink_name=room {_one_of('left')}",
        f"module-remap-sink master=desk sink_name=speaker {_one_of('right')}",
        f"module-remap-source master=desk.monitor source_name=microphone {_one_of('left')}",
    )


def _form(num_channels: int, latency_ms: int) -> list[str]:
    form = f"--raw --format=float32le --rate={RATE} --channels={num_channels} --latency-msec={latency_ms}"
    return form.split()


def read_raw(path: Path) -> NDArray[np.float32]:
    """Samples of a raw float32 file, channel by channel within each."""
    return np.fromfile(path, dtype="<f4")


def find_offset(part: NDArray[np.float32], whole: NDArray[np.float32]) -> int:
    """Where in `whole` the sound of `part` begins, by cross-correlation; may be negative."""
    size = len(part) + len(whole)
    length = 1 << (size - 1).bit_length()
    spectrum = np.fft.rfft(whole.astype(np.float64), length)
    spectrum *= np.conj(np.fft.rfft(part.astype(np.float64), length))
    lag = int(np.argmax(np.fft.irfft(spectrum, length)))
    return lag if lag < len(whole) else lag - length
