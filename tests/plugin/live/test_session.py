"""`hushgate.live.run` and `Session` from devices to recordings, on an audio system without hardware."""

from __future__ import annotations

import gc
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
import soundfile

from hushgate import Chain, Denoiser, live
from hushgate.live import session
from hushgate.live.processing import recovery
from hushgate.live.processing.event_log import EventLog
from tests.helpers.live_fakes import RATE, FakeBackend, LateEffect, ScriptedKeys, make_status
from tests.helpers.seeded_noise import noise

FADE = 960


def steady(status: live.Status) -> slice:
    return slice(FADE, round(status.elapsed_s * RATE) - FADE)


# -- sound --------------------------------------------------------------------------------------


def test_run_gives_the_offline_result_and_ends_after_its_duration(stateful: str) -> None:
    sound = noise(1, 2 * RATE)
    backend = FakeBackend(sound)
    status = live.run(Denoiser(stateful), duration_s=1.5, backend=backend)
    assert status.elapsed_s == 1.5
    latency = round(status.effect_latency_ms * RATE / 1000.0)
    expected = np.concatenate([np.zeros((1, latency), np.float32), Denoiser(stateful)(sound, RATE)], axis=1)
    played = backend.played
    assert played.shape[0] == 2  # one channel goes to both ears
    np.testing.assert_array_equal(played[0], played[1])
    part = steady(status)
    np.testing.assert_allclose(played[0, part], expected[0, part], atol=1e-5)
    assert not played[:, round(1.5 * RATE) :].any()


def test_run_takes_anything_with_pedalboards_calls() -> None:
    sound = noise(2, RATE)
    backend = FakeBackend(sound)
    board = pedalboard.Pedalboard([pedalboard.Gain(-6.0)])
    status = live.run(board, duration_s=0.5, num_channels=2, backend=backend)
    np.testing.assert_allclose(
        backend.played[:, steady(status)], sound[:, steady(status)] * 10 ** (-6 / 20), atol=1e-6
    )
    assert status.gain_reduction_db is None


def test_latency_is_known_before_the_first_sample_and_adds_up() -> None:
    with live.Session(LateEffect(480), backend=FakeBackend()) as running:
        status = running.status()
    assert status.effect_latency_ms == pytest.approx(10.0)
    assert status.device_latency_ms == pytest.approx(10.0)
    assert status.latency_ms == pytest.approx(20.0)


def test_tap_gets_what_goes_out_while_it_runs() -> None:
    sound = noise(1, RATE)
    backend = FakeBackend(sound)
    running = live.Session(LateEffect(0), duration_s=0.5, backend=backend)
    tap = running.add_tap(seconds=2.0)
    with running:
        while not running.is_finished:
            time.sleep(0.01)
    np.testing.assert_array_equal(tap.read(), backend.played[:1, : RATE // 2])


# -- recording ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "subtype"), [("take.wav", "PCM_24"), ("take.flac", "PCM_24")])
def test_recording_is_what_went_out(tmp_path: Path, name: str, subtype: str) -> None:
    backend = FakeBackend(noise(2, RATE))
    target = tmp_path / name
    status = live.run(LateEffect(10), duration_s=0.8, num_channels=2, record=target, backend=backend)
    recorded, rate = soundfile.read(target, dtype="float32", always_2d=True)
    assert (rate, soundfile.info(target).subtype, len(recorded)) == (RATE, subtype, round(0.8 * RATE))
    np.testing.assert_allclose(recorded.T, backend.played[:, : len(recorded)], atol=2**-23)
    assert status.num_unrecorded == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_recording_of_an_interrupted_run_is_kept(tmp_path: Path) -> None:
    def interrupt() -> None:
        if len(backend.blocks) > 50:
            raise KeyboardInterrupt

    backend = FakeBackend(noise(1, RATE), pause_s=0.001)
    target = tmp_path / "take.wav"
    with pytest.raises(KeyboardInterrupt):
        live.run(LateEffect(), keys=ScriptedKeys("", interrupt), record=target, backend=backend)
    assert soundfile.info(target).frames >= 50 * 256
    assert backend.num_open == 0


def test_existing_recording_is_not_touched_before_overwrite_is_given(tmp_path: Path) -> None:
    target = tmp_path / "take.wav"
    target.write_bytes(b"precious")
    backend = FakeBackend()
    with pytest.raises(FileExistsError):
        live.run(LateEffect(), duration_s=0.2, record=target, backend=backend)
    assert target.read_bytes() == b"precious"
    assert backend.num_open == 0
    live.run(LateEffect(), duration_s=0.2, record=target, overwrite=True, backend=backend)
    assert soundfile.info(target).frames == round(0.2 * RATE)


def test_disk_that_fails_ends_the_recording_not_the_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "take.wav")

    monkeypatch.setattr("hushgate.audio_files.file_writer.FileWriter.write", fail)
    backend = FakeBackend(noise(1, RATE), pause_s=0.001)
    view = Recorded()
    with pytest.raises(OSError, match="No space left"):
        live.run(LateEffect(), duration_s=1.0, view=view, record=tmp_path / "take.wav", backend=backend)
    assert view.shown[-1].record_error is not None
    assert len(backend.blocks) >= RATE // 256
    assert not list(tmp_path.iterdir())


# -- devices ------------------------------------------------------------------------------------


def test_devices_and_format_are_asked_for_as_told() -> None:
    backend = FakeBackend()
    live.run(
        LateEffect(),
        input="desk",
        output=1,
        sample_rate=32_000,
        block_size=128,
        num_channels=2,
        device_latency_ms=40.0,
        duration_s=0.1,
        backend=backend,
    )
    (request,) = backend.requests
    assert (request.input.index, request.output.index) == (0, 1)
    assert (request.sample_rate, request.block_size, request.device_latency_s) == (32_000, 128, 0.04)
    assert (request.num_inputs, request.num_outputs) == (2, 2)


@pytest.mark.parametrize(
    ("rates", "expected"), [(None, 48_000), ([44_100], 44_100), ([44_100, 48_000], 48_000)]
)
def test_rate_is_48_khz_where_there_is_a_choice(rates: list[int] | None, expected: int) -> None:
    assert live.Session(LateEffect(), backend=FakeBackend(rates=rates)).sample_rate == expected


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"sample_rate": 47_999.0}, ValueError, r"sample_rate must be one that .*Desk.*got 47999 Hz"),
        ({"sample_rate": 0}, ValueError, "sample_rate must be above 0.0 Hz"),
        ({"sample_rate": float("nan")}, ValueError, "sample_rate must be"),
        ({"block_size": 8}, ValueError, "block_size must be between 16 and 16384 samples"),
        ({"block_size": 256.5}, TypeError, "block_size must be a whole number"),
        ({"num_channels": 3}, ValueError, "num_channels must be at most 2, as many as 'Desk Microphone' has"),
        ({"num_channels": 0}, ValueError, "num_channels must be between 1 and 8"),
        ({"device_latency_ms": 0.0}, ValueError, "device_latency_ms must be between"),
        ({"duration_s": -1.0}, ValueError, "duration_s must be between"),
        ({"input": "guitar"}, live.DeviceError, "'guitar' is no input device"),
        ({"output": 0}, live.DeviceError, "'0' is no output device"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_opened(
    options: dict[str, Any], error: type[Exception], text: str
) -> None:
    backend = FakeBackend(rates=[44_100, 48_000])
    with pytest.raises(error, match=text):
        live.run(LateEffect(), backend=backend, **options)
    assert not backend.requests


def test_busy_device_is_an_error_and_leaves_everything_as_it_was(tmp_path: Path) -> None:
    new, old = tmp_path / "new.wav", tmp_path / "old.wav"
    old.write_bytes(b"precious")
    for target in (new, old):
        with pytest.raises(live.DeviceError, match="busy"):
            live.run(LateEffect(), record=target, overwrite=True, backend=FakeBackend(is_busy=True))
    assert [path.name for path in tmp_path.iterdir()] == ["old.wav"]
    assert old.read_bytes() == b"precious"


def test_device_that_disappears_ends_the_run_with_an_error_and_keeps_the_recording(tmp_path: Path) -> None:
    backend = FakeBackend(noise(1, RATE), gone_after=100)
    with pytest.raises(live.DeviceError, match="'Desk Microphone' with 'Headphones' stopped"):
        live.run(LateEffect(), record=tmp_path / "take.wav", backend=backend)
    assert backend.num_open == 0
    assert soundfile.info(tmp_path / "take.wav").frames == 100 * 256


def test_device_that_falls_silent_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_SILENT_DEVICE_S", 0.2)
    backend = FakeBackend(silent_after=20)
    with pytest.raises(live.DeviceError, match=r"delivered no sound for 0\.2 s"):
        live.run(LateEffect(), backend=backend)
    assert backend.num_open == 0


def test_dropouts_of_the_device_are_counted() -> None:
    backend = FakeBackend(lost_blocks=[3, 150, 151, 180])
    assert live.run(LateEffect(), duration_s=1.2, backend=backend).num_dropouts == 2


def test_effect_that_fails_ends_the_run_with_its_reason() -> None:
    class Failing(LateEffect):
        def process(self, *args: Any, **options: Any) -> Any:
            if self.num_resets > 2:  # after the trial run
                raise ValueError("out of order")
            return super().process(*args, **options)

    with pytest.raises(RuntimeError, match="the effect failed: out of order"):
        live.run(Failing(), backend=FakeBackend())


def test_interpreter_is_as_before_afterwards() -> None:
    before = sys.getswitchinterval()
    frozen = gc.get_freeze_count()
    with live.Session(LateEffect(), backend=FakeBackend()):
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before
    assert gc.get_freeze_count() == frozen


# -- overload -----------------------------------------------------------------------------------


def test_overload_is_shown_and_the_effect_comes_back_when_it_can(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hushgate.live")
    monkeypatch.setattr(recovery, "_FIRST_WAIT_S", 0.05)

    class Stalling(LateEffect):
        is_slow = False

        def process(self, *args: Any, **options: Any) -> Any:
            if self.is_slow:
                time.sleep(0.05)
            return super().process(*args, **options)

    class Press(ScriptedKeys):
        """Slow from the start; quick once the overload has been seen; quits when it is back."""

        def read(self, timeout_s: float) -> str:
            time.sleep(0.01)
            states.append(running.processor.state)
            effect.is_slow = running.processor.num_overloads == 0
            return "q" if "overload" in states and states[-1] == "running" else ""

    effect, states = Stalling(100), []  # type: ignore[var-annotated]
    out = io.StringIO()
    sound = 0.5 * np.minimum(np.arange(10 * RATE) / 9600.0, 1.0).astype(np.float32)[None]
    backend = FakeBackend(sound, pause_s=0.002)
    with live.Session(effect, backend=backend) as running:
        view, keys = live.LineView(out), Press("")
        deadline = time.monotonic() + 30.0
        while not running.is_finished and time.monotonic() < deadline:
            running.check()
            view.show(running.status())
            for key in keys.read(0.0):
                running.controls.press(key)
    assert "overload" in states
    assert states[-1] == "running"
    text = out.getvalue()
    assert "overload: the effect takes too long here, the output is dry" in text
    steps = np.abs(np.diff(backend.played[0]))
    assert steps.max() < 1.1 / 256
    logged = [record.getMessage() for record in caplog.records]
    assert "overload: the effect takes too long; the output is dry" in logged
    assert any(message.startswith("trial run after an overload: load ") for message in logged)


def test_a_reserve_that_grows_and_an_effect_that_falls_behind_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "hushgate.live")
    with live.Session(LateEffect(), backend=FakeBackend()) as running:
        processor = running.processor
    events = EventLog()
    events.update(processor, (0.010, 0.010))
    events.update(processor, (0.010, 0.010))
    assert not caplog.records
    processor.num_gaps, processor.latency_samples = 1, 300
    events.update(processor, (0.015, 0.010))
    assert [record.getMessage() for record in caplog.records] == [
        "the effect returned too few samples; its latency grew to 300 samples",
        "the reserve of the devices grew; their delay is now 25.0 ms",
    ]


def test_a_session_that_was_not_entered_says_so() -> None:
    outside = live.Session(LateEffect(), backend=FakeBackend())
    for use in (lambda: outside.processor, lambda: outside.controls, outside.check, outside.status):
        with pytest.raises(RuntimeError, match="has not been entered"):
            use()


# -- settings and views -------------------------------------------------------------------------


class Recorded(live.NoView):
    """Keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[live.Status] = []

    def show(self, status: live.Status) -> None:
        self.shown.append(status)


def test_keys_change_what_they_say(identity: str) -> None:
    effect = Denoiser(identity)
    view = Recorded()
    keys = ScriptedKeys("--+<>>.r?b\x1bq")
    live.run(Chain([pedalboard.Gain(0.0), effect]), view=view, keys=keys, backend=FakeBackend(pause_s=0.001))
    assert effect.mix == pytest.approx(0.95)
    assert effect.gate_threshold_db == -56.0
    assert effect.output == "residual"
    assert view.shown[-1].is_bypassed
    assert view.shown[-1].output == "residual"


def test_threshold_goes_off_below_its_range_and_stays_within_it(identity: str) -> None:
    effect = Denoiser(identity, gate_threshold_db=-99.0)
    with live.Session(effect, backend=FakeBackend(pause_s=0.001)) as running:
        controls = running.controls
        controls.press("<")
        assert effect.gate_threshold_db == -np.inf
        controls.press("<")
        assert effect.gate_threshold_db == -np.inf
        for _ in range(100):
            controls.press(">")
        assert effect.gate_threshold_db == 0.0
        for _ in range(100):
            controls.press("-")
        assert effect.mix == 0.0


def test_an_effect_that_cannot_run_block_by_block_is_refused() -> None:
    backend = FakeBackend()
    with pytest.raises(ValueError, match="must run block by block"):
        live.run(Chain([pedalboard.PitchShift(2.0)]), backend=backend)
    assert not backend.requests


def test_keys_without_a_denoiser_do_no_harm() -> None:
    backend = FakeBackend(pause_s=0.001)
    status = live.run(LateEffect(), keys=ScriptedKeys("-+<>rbq"), backend=backend)
    assert status.is_bypassed
    assert status.mix is None


def test_status_shows_levels_reduction_and_presence(stateful: str) -> None:
    backend = FakeBackend(np.full((1, 5 * RATE), 0.5, np.float32))
    view = Recorded()
    live.run(Denoiser(stateful), view=view, duration_s=4.0, backend=backend)
    seen = [status for status in view.shown if 0.5 < status.elapsed_s < 3.9]
    if not seen:
        seen = view.shown[-1:]
    status = seen[-1]
    assert status.presence is not None
    assert status.gain_reduction_db is not None
    assert 0.0 <= status.presence <= 1.0
    assert status.gain_reduction_db > 1.0
    assert status.load_p99 >= status.load_median >= 0.0


def test_line_view_writes_a_line_now_and_then_and_at_once_when_something_happens() -> None:
    out = io.StringIO()
    view = live.LineView(out)
    for tick in range(121):
        view.show(make_status(elapsed_s=tick / 10, num_overloads=int(tick >= 33), num_dropouts=tick))
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("Desk -> Head, 48000 Hz, mono, blocks of 256, latency 42.0 ms")
    assert len([line for line in lines if ", load" in line]) == 3
    (overload,) = [line for line in lines if "overload:" in line]
    assert overload.strip().startswith("3.3 s")


def test_json_view_writes_one_object_per_second_without_infinities() -> None:
    out = io.StringIO()
    view = live.JsonView(out)
    for tick in range(31):
        view.show(make_status(elapsed_s=tick / 10, input_dbfs=-np.inf))
    objects = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(objects) in (3, 4)
    assert objects[0]["input_dbfs"] is None
    assert objects[0]["latency_ms"] == pytest.approx(42.0)


@pytest.mark.parametrize(("encoding", "width"), [("utf-8", 100), ("ascii", 100), ("utf-8", 40)])
def test_terminal_view_shows_everything_in_any_terminal(encoding: str, width: int) -> None:
    from rich.console import Console

    from hushgate.live.terminal.meter_view import TerminalView

    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding), width=width, force_terminal=True)
    view = TerminalView(console, title="voice", has_keys=True)
    with view, console.capture() as captured:
        console.print(view.draw(make_status(state="overload", record_error="disk full")))
    text = captured.get()
    text.encode(encoding)
    for word in (
        "voice",
        "input",
        "output",
        "reduction",
        "presence",
        "load",
        "latency",
        "OVERLOAD",
        "disk full",
    ):
        assert word in " ".join(text.split())
    if width == 100:
        assert "b bypass" in text
