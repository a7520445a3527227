"""An audio system, keys and effects without any hardware, for the tests of live processing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.live import Device, DeviceError, NoKeys, Status, StreamRequest
from hushgate.live.devices.backend import AudioCallback

Audio = NDArray[np.float32]
RATE = 48_000

MICROPHONE = Device(0, "Desk Microphone", "Fake", 2, 0, 44_100.0, is_default_input=True)
HEADPHONES = Device(1, "Headphones", "Fake", 0, 2, 48_000.0, is_default_output=True)


class FakeBackend:
    """Plays `sound` (channels, samples) into the microphone and keeps what the headphones get.

    Args:
        sound: What is played, followed by silence.
        lost_blocks: Numbers of blocks before which the device reports a gap.
        gone_after: The device disappears after so many blocks.
        silent_after: The device stops calling after so many blocks, without saying so.
        rates: What it offers; everything without.
        is_busy: Opening is refused.
    """

    def __init__(
        self,
        sound: Audio | None = None,
        *,
        lost_blocks: Sequence[int] = (),
        gone_after: int | None = None,
        silent_after: int | None = None,
        rates: Sequence[float] | None = None,
        is_busy: bool = False,
        pause_s: float = 0.0,
    ) -> None:
        self.sound = np.zeros((1, 0), np.float32) if sound is None else sound
        self.lost_blocks = frozenset(lost_blocks)
        self.gone_after, self.silent_after = gone_after, silent_after
        self.rates, self.is_busy, self.pause_s = rates, is_busy, pause_s
        self.requests: list[StreamRequest] = []
        self.blocks: list[Audio] = []
        self.num_open = 0

    @property
    def played(self) -> Audio:
        """Everything that went out, (channels, samples)."""
        return np.concatenate(self.blocks).T

    def devices(self) -> Sequence[Device]:
        return [MICROPHONE, HEADPHONES]

    def offers(self, request: StreamRequest) -> bool:
        return self.rates is None or request.sample_rate in self.rates

    def open(self, request: StreamRequest, callback: AudioCallback) -> FakeStream:
        self.requests.append(request)
        if self.is_busy:
            raise DeviceError(f"{request.device_names} is busy.")
        self.num_open += 1
        return FakeStream(self, request, callback)


class FakeStream:
    """Calls back from a thread of its own, as fast as it can."""

    latency_s = (0.004, 0.006)

    def __init__(self, backend: FakeBackend, request: StreamRequest, callback: AudioCallback) -> None:
        self._backend, self._request, self._callback = backend, request, callback
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self.is_active = False

    def start(self) -> None:
        self.is_active = True
        self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        self.is_active = False
        self._backend.num_open -= 1

    def _play(self) -> None:
        backend, size, number = self._backend, self._request.block_size, 0
        while not self._stopped.is_set():
            if number == backend.gone_after:
                self.is_active = False
                return
            if number == backend.silent_after:
                self._stopped.wait()
                return
            played = backend.sound[:, number * size : (number + 1) * size]
            block = np.zeros((size, self._request.num_inputs), np.float32)
            block[: played.shape[1], : played.shape[0]] = played.T
            output = np.full((size, self._request.num_outputs), np.nan, np.float32)
            self._callback(block, output, number in backend.lost_blocks)
            backend.blocks.append(output)
            number += 1
            time.sleep(backend.pause_s)  # 0 lets other threads have a turn


class ScriptedKeys(NoKeys):
    """Presses `keys`, one each time it is asked."""

    is_available = True

    def __init__(self, keys: str, before: Callable[[], object] = lambda: None) -> None:
        self._keys, self._before = list(keys), before

    def read(self, timeout_s: float) -> str:
        time.sleep(0.002)
        self._before()
        return self._keys.pop(0) if self._keys else ""


class LateEffect:
    """A gain of -1 that holds back `latency` samples, as pedalboard's plugins do."""

    def __init__(self, latency: int = 0) -> None:
        self.latency = latency
        self.num_resets = 0
        self.clear()

    def clear(self) -> None:
        self._held: Audio | None = None

    def reset(self) -> None:
        self.num_resets += 1
        self.clear()

    def process(
        self, input_array: Any, sample_rate: float, buffer_size: int = 8192, reset: bool = True
    ) -> Audio:
        held = input_array if self._held is None else np.concatenate([self._held, input_array], axis=1)
        ready = max(0, held.shape[1] - self.latency)
        self._held = held[:, ready:]
        return -held[:, :ready]


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SlowEffect(LateEffect):
    """Takes `cost_s` of a `Clock` for every block."""

    def __init__(self, clock: Clock, cost_s: float = 0.0, latency: int = 0) -> None:
        super().__init__(latency)
        self.clock, self.cost_s = clock, cost_s
        self.num_calls = 0

    def process(
        self, input_array: Any, sample_rate: float, buffer_size: int = 8192, reset: bool = True
    ) -> Audio:
        self.num_calls += 1
        self.clock.now += self.cost_s
        return super().process(input_array, sample_rate, buffer_size, reset)


def make_status(**changes: Any) -> Status:
    """A status of a running session, with changes."""
    values: dict[str, Any] = {
        "input_name": "Desk",
        "output_name": "Head",
        "sample_rate": 48_000.0,
        "block_size": 256,
        "num_channels": 1,
        "elapsed_s": 1.0,
        "state": "running",
        "is_bypassed": False,
        "input_dbfs": -12.0,
        "output_dbfs": -18.0,
        "gain_reduction_db": 6.0,
        "presence": 0.7,
        "mix": 1.0,
        "gate_threshold_db": -np.inf,
        "output": "denoised",
        "effect_latency_ms": 32.0,
        "device_latency_ms": 10.0,
        "load": 0.1,
        "load_median": 0.08,
        "load_p99": 0.3,
        "num_dropouts": 0,
        "num_late": 0,
        "num_overloads": 0,
        "num_gaps": 0,
        "num_clipped": 0,
        "num_nonfinite": 0,
        "recording": None,
        "num_unrecorded": 0,
        "record_error": None,
    }
    return Status(**{**values, **changes})
