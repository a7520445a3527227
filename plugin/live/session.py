"""Live session: an effect between the input and the output device."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from hushgate.live.devices.backend import Backend, Device, DeviceError, Stream
from hushgate.live.devices.stream_request import plan_stream
from hushgate.live.processing.callback import Processor
from hushgate.live.processing.event_log import EventLog
from hushgate.live.processing.realtime_priority import ReadyInterpreter
from hushgate.live.processing.recorder import Recorder
from hushgate.live.processing.recovery import Recovery
from hushgate.live.processing.status import Status
from hushgate.live.processing.tap import Tap
from hushgate.live.processing.trial_run import TrialRun, run_trial
from hushgate.live.terminal.controls import Controls
from hushgate.measuring.cleaning_meter import CleaningFigures, CleaningMeter
from hushgate.pedalboard_compat.effect_protocol import Effect
from hushgate.rendering import check_streamable

DEFAULT_BLOCK_SIZE = 256
# Without a callback for this long the devices count as gone. Idle virtual devices take two seconds to start.
_SILENT_DEVICE_S = 5.0
_LONGEST_CHECK_S = 0.5
_TAP_SECONDS = 2.0


class Session:
    """Run an effect live. Use it in a `with` statement; sound runs inside.

    Entering makes a trial run of the effect, opens the devices and starts. Leaving fades out, closes the
    devices and gives a recording its name, whatever the reason for leaving. In between call `check` a few
    times a second, and `status` as often as you like.

    Args:
        effect: A chain, a `Denoiser`, or anything with pedalboard's `process` and `reset`. The session
            alone may call those meanwhile; settings may be changed from any thread.
        input, output: Devices, by index, name or a part of it; None for the system's default.
        sample_rate: Hz; None for 48000 where both devices have it, otherwise the input's own.
        block_size: Samples per callback, 16 to 16384. Smaller is sooner and costs more.
        num_channels: Channels of the input to use, 1 to 8. One goes to all outputs.
        device_latency_ms: Buffering to ask of the devices, ms, 1 to 2000; None for the least they
            suggest. More survives a busier machine.
        duration_s: Length of the session, seconds, 0.1 to 1e7; None for no end.
        record: File to record the output to; None for no recording.
        overwrite: Replace an existing file.
        mute: Play silence; taps and recording get the output all the same.
        backend: Audio system; None for PortAudio.

    Raises:
        DeviceError: A device is missing, cannot be used, is busy, or has gone.
        ValueError, TypeError: An argument out of range, a rate that the devices do not offer, an
            effect that cannot run block by block.
        OSError: The recording cannot be written.
        ModuleNotFoundError: The extra `live` is not installed.
    """

    def __init__(
        self,
        effect: Effect,
        *,
        input: int | str | None = None,
        output: int | str | None = None,
        sample_rate: float | None = None,
        block_size: int = DEFAULT_BLOCK_SIZE,
        num_channels: int = 1,
        device_latency_ms: float | None = None,
        duration_s: float | None = None,
        record: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        mute: bool = False,
        backend: Backend | None = None,
    ) -> None:
        self._effect = effect
        self._mute = mute
        self._backend = _default_backend() if backend is None else backend
        self._request = plan_stream(
            self._backend,
            input=input,
            output=output,
            sample_rate=sample_rate,
            block_size=block_size,
            num_channels=num_channels,
            device_latency_ms=device_latency_ms,
        )
        check_streamable(effect)
        if duration_s is not None and not 0.1 <= duration_s <= 1e7:  # also catches NaN
            raise ValueError(f"duration_s must be between 0.1 and 1e7 s (got {duration_s}).")
        self._num_channels = num_channels
        self._duration_s = duration_s
        self._record, self._overwrite = record, overwrite
        self._taps: list[Tap] = []
        self._meter = CleaningMeter(self.sample_rate)
        self._comparison = Tap(2 * num_channels, round(_TAP_SECONDS * self.sample_rate))
        self._recorder: Recorder | None = None
        self._parts: _Parts | None = None
        self._silence = _SilenceWatch()
        self._events = EventLog()

    @property
    def controls(self) -> Controls:
        """Bypass, mix, threshold and output, for keys and programs. RuntimeError before entering."""
        return self._running.controls

    @property
    def processor(self) -> Processor:
        """The audio callback; see there for the attributes to read. RuntimeError before entering."""
        return self._running.processor

    @property
    def sample_rate(self) -> float:
        """Hz."""
        return self._request.sample_rate

    def add_tap(self, seconds: float = _TAP_SECONDS) -> Tap:
        """A copy of the output for another thread to read. Call it before entering the session.

        Args:
            seconds: Longest delay of the reader, seconds.
        """
        tap = Tap(self._num_channels, round(seconds * self.sample_rate))
        self._taps.append(tap)
        return tap

    def __enter__(self) -> Self:
        request = self._request
        with ExitStack() as stack:
            stack.enter_context(ReadyInterpreter())
            trial: Callable[[], TrialRun] = partial(
                run_trial,
                self._effect,
                self.sample_rate,
                self._num_channels,
                request.block_size,
                request.reserve_s,
            )
            first = trial()
            if self._record is not None:
                self._recorder = Recorder(
                    self._record,
                    sample_rate=self.sample_rate,
                    num_channels=self._num_channels,
                    overwrite=self._overwrite,
                )
                stack.enter_context(self._recorder)
            taps = [*self._taps, *([self._recorder.tap] if self._recorder else [])]
            duration_s = self._duration_s
            processor = Processor(
                self._effect,
                sample_rate=self.sample_rate,
                num_channels=self._num_channels,
                block_size=request.block_size,
                reserve_s=request.reserve_s,
                latency_samples=first.latency_samples,
                taps=taps,
                comparison=self._comparison,
                mute=self._mute,
                num_samples=None if duration_s is None else round(duration_s * self.sample_rate),
            )
            recovery = Recovery(processor, trial)
            stack.callback(recovery.close)
            stream = self._backend.open(request, processor.process)
            stack.callback(stream.close)
            controls = Controls(processor, self._effect)
            self._silence, self._events = _SilenceWatch(), EventLog()
            stream.start()
            stack.callback(_fade_out, processor, stream)
            self._parts = _Parts(processor, controls, recovery, stream, stack.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.open.close()
        if kind is None and self._recorder is not None and self._recorder.error is not None:
            raise self._recorder.error

    @property
    def is_finished(self) -> bool:
        """True when all sound has been played, or a request to quit has come."""
        return self.processor.is_finished or self.controls.is_quit

    def check(self) -> None:
        """Raise what went wrong, and start the trial runs after an overload.

        Raises:
            DeviceError: The devices have gone, or no longer deliver sound.
            RuntimeError: The effect failed.
        """
        running = self._running
        processor = running.processor
        running.recovery.check()
        self._events.update(processor, running.stream.latency_s)
        self._compare()
        for error in (processor.error, running.recovery.error):
            if error is not None:
                raise RuntimeError(f"the effect failed: {error}") from error
        silent_s = self._silence.update(processor.num_processed)
        if self.is_finished:
            return
        names = self._request.device_names
        if not running.stream.is_active and not processor.is_finished:
            raise DeviceError(f"{names} stopped: the device or its sound server has gone.")
        if silent_s > _SILENT_DEVICE_S:
            raise DeviceError(f"{names} has delivered no sound for {_SILENT_DEVICE_S:g} s.")

    def figures(self) -> CleaningFigures:
        """What the effect has done to the sound so far, while its output was "denoised" and not bypassed."""
        self._compare()
        return self._meter.figures()

    def _compare(self) -> None:
        both = self._comparison.read()
        if all(denoiser.output == "denoised" for denoiser in self.controls.denoisers):
            self._meter.update(both[: self._num_channels])
            self._meter.compare(both[self._num_channels :])

    def status(self, *, figures: bool = False) -> Status:
        """A snapshot of levels, load, settings and faults; with `figures` also what became of the sound."""
        processor, request = self.processor, self._request
        denoisers, recorder = self.controls.denoisers, self._recorder
        first = denoisers[0] if denoisers else None
        to_ms = 1000.0 / self.sample_rate
        return Status(
            input_name=request.input.name,
            output_name=request.output.name,
            sample_rate=self.sample_rate,
            block_size=request.block_size,
            num_channels=self._num_channels,
            elapsed_s=processor.num_processed / self.sample_rate,
            state=processor.state,
            is_bypassed=processor.bypass,
            input_dbfs=processor.input_meter.dbfs,
            output_dbfs=processor.output_meter.dbfs,
            gain_reduction_db=sum(denoiser.gain_reduction_db for denoiser in denoisers) if first else None,
            presence=first.presence if first else None,
            mix=first.mix if first else None,
            gate_threshold_db=first.gate_threshold_db if first else None,
            output=first.output if first else None,
            effect_latency_ms=processor.latency_samples * to_ms,
            device_latency_ms=1000.0 * sum(self._running.stream.latency_s),
            load=processor.load_meter.recent,
            load_median=processor.load_meter.percentile(50.0),
            load_p99=processor.load_meter.percentile(99.0),
            num_dropouts=processor.num_dropouts,
            num_late=processor.load_meter.num_late,
            num_overloads=processor.num_overloads,
            num_gaps=processor.num_gaps,
            num_clipped=processor.num_clipped,
            num_nonfinite=processor.num_nonfinite,
            recording=None if self._record is None else os.fspath(self._record),
            num_unrecorded=recorder.num_lost if recorder else 0,
            record_error=str(recorder.error) if recorder and recorder.error else None,
            figures=self.figures() if figures else None,
        )

    @property
    def _running(self) -> _Parts:
        if self._parts is None:
            raise RuntimeError("the session has not been entered. Use it in a `with` statement.")
        return self._parts


@dataclass(frozen=True)
class _Parts:
    """Parts of a session that has been entered, and the stack that closes them."""

    processor: Processor
    controls: Controls
    recovery: Recovery
    stream: Stream
    open: ExitStack


class _SilenceWatch:
    """Time since the last callback."""

    def __init__(self) -> None:
        self._num_seen = 0
        self._silent_s = 0.0
        self._checked_at = time.monotonic()

    def update(self, num_processed: int) -> float:
        """Seconds without a callback, given the samples processed so far."""
        now = time.monotonic()
        # While this program itself was stopped (Ctrl-Z), no callback was due: count half a second at most.
        self._silent_s += min(now - self._checked_at, _LONGEST_CHECK_S)
        self._checked_at = now
        if num_processed != self._num_seen:
            self._num_seen, self._silent_s = num_processed, 0.0
        return self._silent_s


def _fade_out(processor: Processor, stream: Stream) -> None:
    """Fade the last samples out and let the devices play them, if they still run."""
    if not stream.is_active:
        return
    processor.finish()
    deadline = time.monotonic() + 0.5
    while not processor.is_finished and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(min(0.5, stream.latency_s[1]))


def list_devices(backend: Backend | None = None) -> Sequence[Device]:
    """Every sound device of this machine.

    Raises:
        DeviceError: The audio system is missing.
        ModuleNotFoundError: The extra `live` is not installed.
    """
    return (_default_backend() if backend is None else backend).devices()


def _default_backend() -> Backend:
    from hushgate.live.devices.portaudio import PortAudioBackend

    return PortAudioBackend()
