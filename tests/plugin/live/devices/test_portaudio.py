"""PortAudio backend: calls of sounddevice and its errors, with a fake of the module."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hushgate.live import Device, DeviceError, StreamRequest
from hushgate.live.devices import portaudio
from hushgate.live.devices.portaudio import PortAudioBackend

SIZE = 64


class PortAudioError(Exception):
    pass


class FakeStream:
    """An `InputStream`, `OutputStream` or `Stream` of the fake."""

    opened: list[FakeStream]
    fails_at = -1
    error: tuple[Any, ...] = ()

    def __init__(self, *, callback: Callable[..., None], **options: Any) -> None:
        if len(self.opened) == FakeStream.fails_at:
            raise PortAudioError(*FakeStream.error)
        self.options, self.callback = options, callback
        self.active = False
        self.calls: list[str] = []
        self.latency: Any = 0.01
        self.opened.append(self)

    def start(self) -> None:
        self.active = True

    def abort(self, ignore_errors: bool = True) -> None:
        self.calls.append("abort")

    def close(self, ignore_errors: bool = True) -> None:
        self.calls.append("close")
        self.active = False


class InputStream(FakeStream):
    pass


class OutputStream(FakeStream):
    pass


class DuplexStream(FakeStream):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.latency = (0.01, 0.02)


class Flags:
    def __init__(self, **flags: bool) -> None:
        self.input_overflow = flags.get("input_overflow", False)
        self.output_underflow = flags.get("output_underflow", False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[FakeStream]:
    """Streams in the order of opening; `sounddevice` is the fake, thread priorities stay."""
    module: Any = types.ModuleType("sounddevice")
    module.PortAudioError = PortAudioError
    module.Stream, module.InputStream, module.OutputStream = DuplexStream, InputStream, OutputStream
    module.query_hostapis = lambda: [{"name": "ALSA"}]
    module.default = types.SimpleNamespace(device=[0, 1])
    entry = {"hostapi": 0, "max_output_channels": 2, "default_samplerate": 44_100.0}
    module.query_devices = lambda: [
        {"name": "in", "max_input_channels": 2, **entry},
        {"name": "out", "max_input_channels": 0, **entry},
    ]
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr(portaudio, "raise_thread_priority", lambda: None)
    monkeypatch.setattr(FakeStream, "opened", [], raising=False)
    monkeypatch.setattr(FakeStream, "fails_at", -1)
    return FakeStream.opened


def request(system: str, **changes: Any) -> StreamRequest:
    values: dict[str, Any] = {
        "input": Device(0, "in", system, 2, 0, 44_100.0),
        "output": Device(1, "out", system, 0, 2, 48_000.0),
        "num_inputs": 1,
        "num_outputs": 2,
        "sample_rate": 48_000.0,
        "block_size": SIZE,
    }
    return StreamRequest(**{**values, **changes})


def copy(calls: list[bool]) -> Callable[..., None]:
    def callback(input_block: np.ndarray, output_block: np.ndarray, is_lost: bool) -> None:
        output_block[:] = input_block
        calls.append(is_lost)

    return callback


def test_devices_carry_what_portaudio_knows(opened: list[FakeStream]) -> None:
    first, second = PortAudioBackend().devices()
    assert first == Device(0, "in", "ALSA", 2, 2, 44_100.0, is_default_input=True)
    assert (second.num_inputs, second.is_default_input, second.is_default_output) == (0, False, True)


def test_one_duplex_stream_where_the_system_is_not_alsa(opened: list[FakeStream]) -> None:
    calls: list[bool] = []
    stream = PortAudioBackend().open(request("Core Audio"), copy(calls))
    (only,) = opened
    assert only.options == {
        "device": (0, 1),
        "channels": (1, 2),
        "samplerate": 48_000.0,
        "blocksize": SIZE,
        "dtype": "float32",
        "latency": "low",
    }
    assert not stream.is_active
    stream.start()
    assert stream.is_active
    block = np.full((SIZE, 1), 0.5, np.float32)
    out = np.zeros((SIZE, 2), np.float32)
    for flags in (Flags(), Flags(input_overflow=True), Flags(output_underflow=True)):
        only.callback(block, out, SIZE, None, flags)
    assert calls == [False, True, True]
    assert (out == 0.5).all()
    assert stream.latency_s == (0.01, 0.02)
    stream.close()
    assert only.calls == ["abort", "close"]


def test_two_streams_and_a_bridge_on_alsa(opened: list[FakeStream]) -> None:
    calls: list[bool] = []
    stream = PortAudioBackend().open(request("ALSA", device_latency_s=0.04), copy(calls))
    source, sink = opened
    assert (type(source), source.options["device"], source.options["channels"]) == (InputStream, 0, 1)
    assert (type(sink), sink.options["device"], sink.options["channels"]) == (OutputStream, 1, 2)
    assert source.options["latency"] == sink.options["latency"] == 0.04
    stream.start()
    assert stream.is_active
    out = np.zeros((SIZE, 2), np.float32)
    # A reserve of half of what was asked for: 960 samples, 15 blocks.
    for number in range(20):
        source.callback(np.full((SIZE, 1), 0.5, np.float32), SIZE, None, Flags(input_overflow=number == 18))
        sink.callback(out, SIZE, None, Flags(output_underflow=number == 19))
    assert (out == 0.5).all()
    assert calls == [False] * 18 + [True, True]
    assert stream.latency_s == pytest.approx((0.01 + 960 / 48_000, 0.01))
    source.active = False
    assert not stream.is_active
    stream.close()
    assert source.calls == sink.calls == ["abort", "close"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            ("Invalid sample rate", -9997),
            r"sample_rate must be a rate that 'in' with 'out' offers",
        ),
        (("Invalid number of channels", -9998), "does not offer 1 inputs with 2 outputs"),
        (("Device unavailable", -9985), "'in' with 'out' is busy or has gone"),
        (
            ("Unanticipated host error", -9999, (0, -111, "Connection refused")),
            r"cannot be opened \(Unanticipated host error: Connection refused\)",
        ),
        ((), r"cannot be opened \(PortAudioError\)"),
    ],
)
@pytest.mark.parametrize(("system", "fails_at"), [("ALSA", 0), ("ALSA", 1), ("Core Audio", 0)])
def test_refusals_are_put_clearly_and_leave_nothing_open(
    opened: list[FakeStream], system: str, fails_at: int, error: tuple[Any, ...], text: str
) -> None:
    FakeStream.fails_at, FakeStream.error = fails_at, error
    with pytest.raises(DeviceError, match=text):
        PortAudioBackend().open(request(system), copy([]))
    assert all(stream.calls == ["close"] for stream in opened)


def test_driver_that_hangs_with_its_device_does_not_hang_us(
    opened: list[FakeStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portaudio, "_CLOSE_TIMEOUT_S", 0.05)
    released = threading.Event()
    monkeypatch.setattr(DuplexStream, "abort", lambda *_, **__: released.wait(30.0))
    stream = PortAudioBackend().open(request("Core Audio"), copy([]))
    stream.close()
    assert "close" not in opened[0].calls
    released.set()
