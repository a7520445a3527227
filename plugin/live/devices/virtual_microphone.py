"""A virtual microphone on PulseAudio or PipeWire, which other programs list among their sources."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from hushgate.live.devices.backend import Device, DeviceError

_logger = logging.getLogger(__name__)

DEFAULT_NAME = "hushgate"
DEVICE = "pulse"
"""ALSA's device for PulseAudio: what is played into it goes where the variable PULSE_SINK says."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
_TIMEOUT_S = 10.0
# Waits for the end of its standard input, which comes when this process ends, however it does.
_WATCH = 'cat > /dev/null; for module in "$@"; do pactl unload-module "$module"; done'


class VirtualMicrophone:
    """A source that carries what this process plays.

    Use it in a `with` statement around the session. It is a null sink, which this process plays into, and a
    source with the sink's sound. Leaving removes both; so does a small process of its own when this one is
    killed. Should that be killed as well, the next one removes them.

    Args:
        name: Of the source; other programs show it as it is.
        sample_rate: Hz. Another one than the session's costs a conversion.
        num_channels: 1 or 2.

    Attributes:
        name: As given.

    Raises:
        DeviceError: Not Linux, no `pactl`, no sound server, or the name is taken.
        ValueError: Not a name.
    """

    def __init__(self, name: str = DEFAULT_NAME, *, sample_rate: int = 48_000, num_channels: int = 1) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"a virtual microphone's name must be letters, digits, - and _ (got {name!r}).")
        self.name = name
        self._sample_rate = sample_rate
        self._num_channels = num_channels
        self._modules: list[str] = []
        self._watcher: subprocess.Popen[bytes] | None = None
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        if not sys.platform.startswith("linux"):
            raise DeviceError(
                "a virtual microphone needs PulseAudio or PipeWire. "
                "On this system play into a virtual cable: docs/virtual-microphone.md."
            )
        if shutil.which("pactl") is None:
            raise DeviceError("pactl is missing. On Debian and Ubuntu: apt-get install pulseaudio-utils.")
        _remove_leftovers()
        if self.name in _column(1, "sources"):
            raise DeviceError(
                f"there is a source {self.name!r} already. Choose another VirtualMicrophone(NAME)."
            )
        # Before the new source is there: it may become the server's default.
        microphone = os.environ.get("PULSE_SOURCE") or _pactl("get-default-source").strip()
        sink = f"{_sink_prefix(self.name)}{os.getpid()}"
        properties = f"device.description={self.name}"
        try:
            self._load(
                "module-null-sink",
                f"sink_name={sink}",
                f"sink_properties={properties}-output",
                f"rate={self._sample_rate}",
                f"channels={self._num_channels}",
                "format=float32le",
            )
            self._load(
                "module-remap-source",
                f"master={sink}.monitor",
                f"source_name={self.name}",
                f"source_properties={properties}",
            )
        except BaseException:
            self._remove()
            raise
        self._watcher = subprocess.Popen(
            ["sh", "-c", _WATCH, "sh", *reversed(self._modules)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a signal to this process's group does not reach it
        )
        self._set_variable("PULSE_SINK", sink)
        if microphone and microphone != f"{sink}.monitor":
            self._set_variable("PULSE_SOURCE", microphone)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for variable, value in self._before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
        self._before.clear()
        self._remove()
        if self._watcher is not None:
            assert self._watcher.stdin is not None
            self._watcher.stdin.close()
            self._watcher.wait(_TIMEOUT_S)
            self._watcher = None

    def _load(self, *words: str) -> None:
        self._modules.append(_pactl("load-module", *words).strip())

    def _remove(self) -> None:
        for module in reversed(self._modules):
            with contextlib.suppress(DeviceError):  # the server may have gone
                _pactl("unload-module", module)
        self._modules.clear()

    def _set_variable(self, variable: str, value: str) -> None:
        self._before[variable] = os.environ.get(variable)
        os.environ[variable] = value


def check_device(devices: Sequence[Device]) -> str:
    """The name of the device to play into.

    Raises:
        DeviceError: There is none.
    """
    if any(device.name == DEVICE and device.num_outputs for device in devices):
        return DEVICE
    raise DeviceError(
        f"a virtual microphone needs ALSA's device {DEVICE!r}. "
        "On Debian and Ubuntu: apt-get install libasound2-plugins."
    )


def _sink_prefix(name: str) -> str:
    return f"{name}.hushgate."


def _remove_leftovers() -> None:
    """Remove the modules of processes that are dead and whose sinks nobody plays into."""
    states = dict(zip(_column(1, "sinks"), _column(-1, "sinks"), strict=True))
    for line in _pactl("list", "short", "modules").splitlines():
        number, _, rest = line.partition("\t")
        found = re.search(r"(?:sink_name|master)=(\S+?\.hushgate\.(\d+))(?:\.monitor)?(?:\s|$)", rest)
        if found and not _is_alive(int(found[2])) and states.get(found[1]) != "RUNNING":
            _logger.info("removing module %s of a process that has ended", number)
            with contextlib.suppress(DeviceError):  # gone with the sink
                _pactl("unload-module", number)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _column(place: int, kind: str) -> list[str]:
    lines = _pactl("list", "short", kind).splitlines()
    return [line.split("\t")[place].strip() for line in lines if line]


def _pactl(*words: str) -> str:
    """What `pactl` prints.

    Raises:
        DeviceError: It fails.
    """
    try:
        done = subprocess.run(
            ["pactl", *words],
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceError(f"the sound server does not answer ({error}).") from error
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise DeviceError(
            f"the sound server refuses {words[0]} ({reason}). "
            "Is PulseAudio or PipeWire (pipewire-pulse) running?"
        )
    return done.stdout.decode(errors="replace")
