"""Protocol of an audio system: devices, streams, requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hushgate.errors import HushgateError

AudioCallback = Callable[[NDArray[np.float32], NDArray[np.float32], bool], None]
"""Called with input (samples, channels), output to fill (samples, channels), and True if sound was lost."""


class DeviceError(HushgateError, RuntimeError):
    """A device is missing, busy, has gone, or refuses a request."""


@dataclass(frozen=True)
class Device:
    """A device of an audio system: input, output, or both.

    Attributes:
        index: Its number.
        name: Its name in the audio system.
        system: Its audio system, such as "ALSA" or "Core Audio".
        num_inputs, num_outputs: Channels; 0 for none.
        sample_rate: Its usual rate, Hz.
        is_default_input, is_default_output: True for the system's default.
    """

    index: int
    name: str
    system: str
    num_inputs: int
    num_outputs: int
    sample_rate: float
    is_default_input: bool = False
    is_default_output: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class StreamRequest:
    """Request for a stream from an input through a callback to an output.

    Attributes:
        input, output: Devices.
        num_inputs, num_outputs: Channels to open.
        sample_rate: Hz.
        block_size: Samples per callback.
        device_latency_s: Buffering to ask of the devices, seconds; None for the least that they suggest.
    """

    input: Device
    output: Device
    num_inputs: int
    num_outputs: int
    sample_rate: float
    block_size: int
    device_latency_s: float | None = None

    @property
    def reserve_s(self) -> float:
        """Time that a callback may lose before the devices run out of samples: at least a block."""
        block_s = self.block_size / self.sample_rate
        return max(block_s, (self.device_latency_s or 0.0) - block_s)

    @property
    def device_names(self) -> str:
        """Names of both devices, or of the one that is both, for messages."""
        if self.input.index == self.output.index:
            return repr(self.input.name)
        return f"{self.input.name!r} with {self.output.name!r}"


class Stream(Protocol):
    """An open stream. The callback runs in a thread of the audio system."""

    @property
    def latency_s(self) -> tuple[float, float]:
        """Delay of input and of output as the system reports it, seconds."""

    @property
    def is_active(self) -> bool:
        """True while callbacks come; False once the devices have stopped by themselves."""

    def start(self) -> None:
        """Start the callbacks.

        Raises:
            DeviceError: The devices do not start.
        """

    def close(self) -> None:
        """Close the stream, without exception and in bounded time, also when the devices have gone."""


class Backend(Protocol):
    """An audio system."""

    def devices(self) -> Sequence[Device]:
        """All devices; may be empty.

        Raises:
            DeviceError: The audio system itself is missing.
        """

    def offers(self, request: StreamRequest) -> bool:
        """True if the devices have the requested rate and channels, as far as the system reports it."""

    def open(self, request: StreamRequest, callback: AudioCallback) -> Stream:
        """Open a stream.

        Raises:
            DeviceError: A device is missing, busy, or refuses; the message names it.
        """


def choose_device(devices: Sequence[Device], wanted: int | str | None, *, side: str) -> Device:
    """The device for an index, a name or None.

    Args:
        devices: All devices.
        wanted: Index, name or part of a name (in any case); None for the default.
        side: "input" or "output".

    Raises:
        DeviceError: No device fits, several fit, or the device lacks that side.

    >>> mixer = Device(3, "USB Mixer", "ALSA", 2, 2, 48_000.0)
    >>> choose_device([mixer], "usb", side="input").index
    3
    """
    usable = [device for device in devices if (device.num_inputs if side == "input" else device.num_outputs)]
    if not usable:
        raise DeviceError(f"there is no {side} device. Connect one, or start the sound server.")
    if wanted is None:
        is_default = "is_default_input" if side == "input" else "is_default_output"
        return next((device for device in usable if getattr(device, is_default)), usable[0])
    if isinstance(wanted, int) or wanted.strip().isdecimal():
        matches = [device for device in usable if device.index == int(wanted)]
    else:
        word = wanted.casefold()
        matches = [device for device in usable if device.name.casefold() == word]
        matches = matches or [device for device in usable if word in device.name.casefold()]
    if len(matches) == 1:
        return matches[0]
    what = f"fits {len(matches)} devices" if matches else f"is no {side} device"
    known = ", ".join(f"{device.index} {device.name!r}" for device in (matches or usable))
    raise DeviceError(f"{side} {str(wanted)!r} {what}. {'Choose' if matches else 'There is'}: {known}.")
