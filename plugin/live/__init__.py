"""Live processing: an effect between the sound devices of the machine.

>>> from hushgate import live
>>> sorted(live.__all__)[:3]
['Backend', 'DEFAULT_BLOCK_SIZE', 'Device']

`run` runs a whole session; `Session` is for programs with a loop of their own. PortAudio, from the
extra `live`, opens the devices.
"""

from __future__ import annotations

from hushgate.live.devices.backend import Backend, Device, DeviceError, Stream, StreamRequest
from hushgate.live.processing.status import Status
from hushgate.live.processing.tap import Tap
from hushgate.live.run_loop import run
from hushgate.live.session import DEFAULT_BLOCK_SIZE, Session, list_devices
from hushgate.live.terminal.keyboard import Keys, NoKeys, keys_of_terminal
from hushgate.live.terminal.line_views import JsonView, LineView, NoView, View, summarize, warnings_of

__all__ = [
    "DEFAULT_BLOCK_SIZE",
    "Backend",
    "Device",
    "DeviceError",
    "JsonView",
    "Keys",
    "LineView",
    "NoKeys",
    "NoView",
    "Session",
    "Status",
    "Stream",
    "StreamRequest",
    "Tap",
    "View",
    "keys_of_terminal",
    "list_devices",
    "run",
    "summarize",
    "warnings_of",
]
