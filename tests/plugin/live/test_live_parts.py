"""Parts of live processing: queue, tap, bridge, meters, overload, trial run."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest

from hushgate.live import Device, DeviceError
from hushgate.live.devices.backend import StreamRequest, choose_device
from hushgate.live.devices.duplex_bridge import Bridge
from hushgate.live.processing.load_meters import LoadMeter, PeakMeter, peak_of
from hushgate.live.processing.overload import OverloadGuard
from hushgate.live.processing.sample_fifo import SampleFifo
from hushgate.live.processing.tap import Tap
from hushgate.live.processing.trial_run import run_trial
from tests.helpers.live_fakes import HEADPHONES, MICROPHONE, RATE, Clock, LateEffect, SlowEffect
from tests.helpers.seeded_noise import noise

BLOCK_S = 256 / RATE


# -- queues -------------------------------------------------------------------------------------


def test_fifo_gives_back_every_sample_in_order_however_it_is_asked(rng: np.random.Generator) -> None:
    sound = noise(2, 5000)
    fifo = SampleFifo(2, capacity=16)
    out, pushed = [], 0
    while pushed < sound.shape[1] or fifo.num_samples:
        count = int(rng.integers(0, 300))
        fifo.push(sound[:, pushed : pushed + count])
        pushed += count
        out.append(fifo.pull(min(fifo.num_samples, int(rng.integers(0, 320)))))
    np.testing.assert_array_equal(np.concatenate(out, axis=1), sound)


def test_fifo_puts_zeros_before_what_it_has_when_too_much_is_asked() -> None:
    fifo = SampleFifo(1, capacity=4)
    fifo.push(np.float32([[1.0, 2.0]]))
    assert fifo.pull(5).tolist() == [[0.0, 0.0, 0.0, 1.0, 2.0]]
    assert fifo.num_samples == 0


def test_tap_carries_every_sample_between_two_threads() -> None:
    sound = noise(2, 50_000)
    tap = Tap(2, capacity=1000)

    def write() -> None:
        for start in range(0, sound.shape[1], 333):
            while not tap.write(sound[:, start : start + 333]):
                time.sleep(0)

    writer = threading.Thread(target=write)
    writer.start()
    parts = []
    while writer.is_alive() or tap.num_waiting:
        parts.append(tap.read())
        time.sleep(0)
    writer.join()
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), sound)


def test_tap_leaves_out_and_counts_what_does_not_fit_and_continues() -> None:
    tap = Tap(1, capacity=10)
    assert tap.write(np.ones((1, 8), np.float32))
    assert not tap.write(np.full((1, 3), 2.0, np.float32))
    assert tap.num_lost == 3
    assert tap.read().tolist() == [[1.0] * 8]
    assert tap.write(np.full((1, 10), 3.0, np.float32))
    assert tap.read().tolist() == [[3.0] * 10]


# -- the bridge ---------------------------------------------------------------------------------


class Ends:
    """A bridge with a callback that copies, driven by hand."""

    def __init__(self, sound: np.ndarray, block_size: int = 64) -> None:
        self.lost: list[bool] = []
        self.out: list[np.ndarray] = []
        self.sound, self.size, self.position = sound, block_size, 0
        self.bridge = Bridge(self._copy, block_size=block_size, num_inputs=1, sample_rate=6400.0)

    def _copy(self, input_block: np.ndarray, output_block: np.ndarray, is_lost: bool) -> None:
        output_block[:] = input_block
        self.lost.append(is_lost)

    def put(self, times: int = 1, is_lost: bool = False) -> None:
        for _ in range(times):
            self.bridge.take_input(self.sound[:, self.position : self.position + self.size].T, is_lost)
            self.position += self.size

    def get(self, times: int = 1, is_lost: bool = False) -> None:
        for _ in range(times):
            block = np.full((self.size, 1), np.nan, np.float32)
            self.bridge.fill_output(block, is_lost)
            self.out.append(block)

    @property
    def played(self) -> np.ndarray:
        return np.concatenate(self.out)[:, 0]


def test_bridge_hands_everything_on_with_its_own_latency_once_it_has_begun() -> None:
    ends = Ends(noise(1, 64 * 50))
    ends.get(3)
    for _ in range(40):
        ends.put()
        ends.get()
    played = ends.played
    start = 64 * 4
    assert not played[:start].any()
    np.testing.assert_array_equal(played[start + 64 :], ends.sound[0, 64 : len(played) - start])
    assert ends.lost == [False] * 43
    assert ends.bridge.latency_samples == 64


def test_bridge_survives_bursts_of_input() -> None:
    ends = Ends(noise(1, 64 * 400))
    for _ in range(60):
        ends.put(4)
        ends.get(4)
    assert 1 <= sum(ends.lost) <= 6  # until the reserve fits the bursts
    assert not any(ends.lost[40:])
    played = ends.played[64 * 40 :]
    delay = next(n for n in range(0, 64 * 10, 64) if ends.sound[0, 64 * 40 - n] == played[0])
    np.testing.assert_array_equal(played, ends.sound[0, 64 * 40 - delay :][: len(played)])
    assert delay <= ends.bridge.latency_samples + 64 * 4


def test_bridge_fades_to_silence_and_back_and_reports_a_dropout_when_the_input_is_late() -> None:
    ends = Ends(np.full((1, 64 * 50), 0.5, np.float32))
    ends.put(2)
    ends.get(5)
    assert ends.lost == [False, False, True, False, False]
    assert not ends.played[-64:].any()
    ends.put(2)
    ends.get(2)
    assert ends.lost[-2:] == [False, False]
    assert ends.played[-64:].min() == 0.5
    assert np.abs(np.diff(ends.played)).max() < 1.1 * 0.5 / 64


def test_bridge_passes_on_what_either_device_lost() -> None:
    ends = Ends(noise(1, 64 * 50))
    ends.put(2, is_lost=True)
    ends.get()
    ends.put()
    ends.get(is_lost=True)
    ends.put()
    ends.get()
    assert ends.lost == [True, True, False]


def test_bridge_leaves_out_a_lasting_surplus_softly() -> None:
    """An output that lost time must not leave the delay larger for good."""
    time_s = np.arange(64 * 1000) / 6400.0
    sound = np.sin(2 * np.pi * 10.0 * time_s).astype(np.float32)[None]
    ends = Ends(sound)
    ends.put(12)
    ends.get()
    for _ in range(20):
        ends.put()
    for _ in range(320):
        ends.get()
        ends.put()
    played = ends.played
    largest_step = np.abs(np.diff(sound[0])).max()
    assert np.abs(np.diff(played)).max() < 4.0 * largest_step
    assert not any(ends.lost)
    # The delay of the last block: far below the 20 blocks that had piled up.
    last = played[-64:]
    delays = [n for n in range(32 * 64) if np.array_equal(last, sound[0, ends.position - 64 - n :][:64])]
    assert min(delays) <= 4 * 64


# -- overload and meters ------------------------------------------------------------------------


def test_guard_lets_work_that_comes_in_bursts_pass() -> None:
    guard = OverloadGuard(BLOCK_S)
    costs = [1.8 * BLOCK_S, 0.0, 0.0] * 1000
    assert not any(guard.record(cost, BLOCK_S) for cost in costs)


def test_guard_lets_a_single_hiccup_pass_however_long() -> None:
    guard = OverloadGuard(BLOCK_S)
    costs = [0.1 * BLOCK_S] * 500 + [0.5] + [0.1 * BLOCK_S] * 500
    assert not any(guard.record(cost, BLOCK_S) for cost in costs)


@pytest.mark.parametrize(("load", "longest_s"), [(1.1, 0.6), (1.5, 0.15), (3.0, 0.05), (200.0, 0.02)])
def test_guard_notices_lasting_overload_soon(load: float, longest_s: float) -> None:
    guard = OverloadGuard(BLOCK_S)
    sound_s = BLOCK_S
    while not guard.record(load * BLOCK_S, BLOCK_S):
        sound_s += BLOCK_S
        assert sound_s < longest_s
    guard.reset()
    assert not guard.record(load * BLOCK_S, BLOCK_S)


def test_guard_waits_for_as_long_as_the_devices_do() -> None:
    """Hiccups of 150 ms, four times: a device that holds 200 ms plays on, one that holds a block does not."""
    costs = ([0.15] + [0.05 * BLOCK_S] * 60) * 4
    assert not any(map(OverloadGuard(0.2).record, costs, [BLOCK_S] * len(costs)))
    assert any(map(OverloadGuard(BLOCK_S).record, costs, [BLOCK_S] * len(costs)))


def test_guard_forgets_what_is_long_ago() -> None:
    guard = OverloadGuard(BLOCK_S)
    costs = ([0.025] + [0.1 * BLOCK_S] * 600) * 5
    assert not any(guard.record(cost, BLOCK_S) for cost in costs)


def test_load_percentiles_come_from_all_blocks() -> None:
    meter = LoadMeter(BLOCK_S)
    assert meter.percentile(50.0) == 0.0
    for load in [0.1] * 98 + [0.7, 40.0]:
        meter.update(load)
    assert meter.percentile(50.0) == pytest.approx(0.1, abs=0.0026)
    assert meter.percentile(99.0) == pytest.approx(0.7, abs=0.0026)
    assert meter.percentile(100.0) >= 5.0
    assert meter.largest == 40.0
    assert meter.num_late == 1


def test_peak_meter_jumps_up_and_falls_by_24_db_per_second() -> None:
    meter = PeakMeter(0.01)
    assert meter.dbfs == -math.inf
    meter.update(1.0)
    assert meter.dbfs == pytest.approx(0.0)
    for _ in range(100):
        meter.update(0.0)
    assert meter.dbfs == pytest.approx(-24.0, abs=0.01)


def test_peak_shows_what_is_no_number() -> None:
    assert peak_of(np.float32([[0.5, -2.0]])) == 2.0
    assert math.isnan(peak_of(np.float32([[0.5, np.nan]])))
    assert peak_of(np.float32([[0.5, -np.inf]])) == math.inf
    assert peak_of(np.empty((1, 0), np.float32)) == 0.0


# -- trial run ----------------------------------------------------------------------------------


@pytest.mark.parametrize("latency", [0, 1, 255, 256, 1536, 30_000])
def test_a_trial_run_finds_the_latency(latency: int) -> None:
    effect = LateEffect(latency)
    shown = run_trial(effect, RATE, 1, 256, BLOCK_S)
    assert shown.latency_samples == latency
    assert effect.num_resets >= 2


def test_a_trial_run_measures_load_and_tells_overload() -> None:
    clock = Clock()
    shown = run_trial(SlowEffect(clock, 0.25 * BLOCK_S), RATE, 1, 256, BLOCK_S, clock)
    assert shown.load == pytest.approx(0.25)
    assert not shown.is_overload
    shown = run_trial(SlowEffect(clock, 1.5 * BLOCK_S), RATE, 1, 256, BLOCK_S, clock)
    assert shown.is_overload


def test_a_trial_run_of_a_hopelessly_slow_effect_ends_early() -> None:
    clock = Clock()
    effect = SlowEffect(clock, 2.0)
    assert run_trial(effect, RATE, 1, 256, BLOCK_S, clock).is_overload
    assert effect.num_calls < 6


def test_a_trial_run_refuses_an_effect_that_returns_ever_less() -> None:
    class Halving(LateEffect):
        def process(self, input_array, *_args, **_options):  # type: ignore[no-untyped-def]
            return input_array[:, ::2]

    with pytest.raises(RuntimeError, match="fewer samples"):
        run_trial(Halving(), RATE, 1, 1024, BLOCK_S)


# -- devices ------------------------------------------------------------------------------------

MIXER = Device(2, "USB Mixer", "Fake", 2, 2, 48_000.0)
OTHER = Device(3, "USB Mixer 2", "Fake", 2, 2, 48_000.0)
ALL = [MICROPHONE, HEADPHONES, MIXER, OTHER]


@pytest.mark.parametrize(("latency_s", "reserve_s"), [(None, 0.01), (0.005, 0.01), (0.2, 0.19)])
def test_devices_cover_a_block_or_what_was_asked_of_them(latency_s: float | None, reserve_s: float) -> None:
    request = StreamRequest(MICROPHONE, HEADPHONES, 1, 2, 48_000.0, 480, latency_s)
    assert request.reserve_s == pytest.approx(reserve_s)


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, 0), (2, 2), ("2", 2), ("desk", 0), ("USB Mixer", 2), ("usb mixer 2", 3)]
)
def test_device_is_found_by_number_name_or_part(wanted: int | str | None, index: int) -> None:
    assert choose_device(ALL, wanted, side="input").index == index


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("usb", "fits 2 devices. Choose: 2 'USB Mixer', 3 'USB Mixer 2'"),
        ("guitar", "'guitar' is no input device. There is: 0 'Desk Microphone'"),
        ("headphones", "is no input device"),
        (9, "'9' is no input device"),
    ],
)
def test_device_that_is_not_there_or_not_clear_is_refused_by_name(wanted: int | str, text: str) -> None:
    with pytest.raises(DeviceError, match=text):
        choose_device(ALL, wanted, side="input")


def test_no_device_at_all_is_a_clear_error() -> None:
    with pytest.raises(DeviceError, match="there is no input device"):
        choose_device([HEADPHONES], None, side="input")
    with pytest.raises(DeviceError, match="there is no output device"):
        choose_device([], "x", side="output")
