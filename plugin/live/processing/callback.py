"""Audio callback: effect, bypass, overload, fades and meters."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.signal.delay_line import DelayLine
from hushgate.engine.signal.gain_ramp import GainRamp
from hushgate.live.processing.load_meters import LoadMeter, PeakMeter, peak_of
from hushgate.live.processing.overload import OverloadGuard
from hushgate.live.processing.sample_fifo import SampleFifo
from hushgate.live.processing.tap import Tap
from hushgate.pedalboard_compat.effect_protocol import Effect

State = Literal["running", "overload", "returning"]

_FADE_MS = 20.0
# After an overload a model needs some sound before its output is usable.
_RETURN_S = 0.25
# Devices report gaps while they start; those do not count.
_START_S = 0.5


class Processor:
    """Process the blocks of an audio device, one call for each.

    The output is a cross-fade between the effect and the dry signal, both with the same delay. It is dry
    while `bypass` is set. It is dry without a call of the effect once the effect takes longer than the
    device can wait (`state` "overload"); another thread may then use the effect, until it calls `resume`.

    This class itself uses no lock and no file. The effect may: a `Denoiser` and a `Chain` hold a lock
    while they process, so the callback waits for another thread that changes their settings. Attributes
    are single values: other threads may set `bypass`, call `finish` and `resume`, and read everything at
    any time.

    Args:
        effect: Anything with pedalboard's `process` and `reset`, already reset.
        sample_rate: Hz.
        num_channels: Channels of the effect, 1 or more.
        block_size: Usual number of samples per call.
        reserve_s: Time that the devices cover when a call is late, seconds.
        latency_samples: Delay of the effect; see `run_trial`.
        taps: Get a copy of the output.
        comparison: Gets the dry signal and the output, aligned, as (2 * channels, samples), while the output
            is that of the effect alone.
        mute: Give the device silence; taps get the output all the same.
        num_samples: Length of the sound, with its fade-out at the end; None for no end.
        clock: Time in seconds.

    Attributes:
        bypass: Play the dry signal; the effect still gets the sound.
        state: "running", "overload" (dry), or "returning" (still dry, but the effect gets the sound again).
        error: Error of the effect, None without. After it the output stays dry.
        is_finished: True once everything up to the end has been played.
        latency_samples: Constant, unless an effect holds back more than it did in the trial run.
        num_processed: Samples per channel so far.
        num_dropouts: Gaps that the device reported since the first half second; neighbouring blocks
            count as one.
        num_overloads: Overloads so far.
        num_gaps: Blocks for which the effect returned too few samples.
        num_nonfinite: Samples, in or out, that were not finite and became 0.
        num_clipped: Samples that were beyond full scale and became +-1.0.
        input_meter, output_meter, load_meter: See there.

    Shapes: `process` reads float32 (samples, input channels) and fills (samples, output channels);
    see `_spread`. Latency: `latency_samples`.
    """

    def __init__(
        self,
        effect: Effect,
        *,
        sample_rate: float,
        num_channels: int,
        block_size: int,
        reserve_s: float,
        latency_samples: int,
        taps: Sequence[Tap] = (),
        comparison: Tap | None = None,
        mute: bool = False,
        num_samples: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._effect = effect
        self._sample_rate = sample_rate
        self._num_channels = num_channels
        self._taps = tuple(taps)
        self._comparison = comparison
        self._mute = mute
        self._clock = clock
        self._fade = max(1, round(sample_rate * _FADE_MS / 1000.0))
        self._end = num_samples
        self._finish = False
        block_s = block_size / sample_rate
        self._guard = OverloadGuard(reserve_s)
        self._fifo = SampleFifo(num_channels, latency_samples + 4 * block_size)
        self._fifo.restart(latency_samples)
        self._dry = DelayLine(latency_samples, num_channels)
        self._ramp = GainRamp((1.0,), self._fade)
        self._returning = 0
        self._was_dropout = False
        self._last = np.zeros((num_channels, 1), dtype=np.float32)
        self._start = round(_START_S * sample_rate)
        self.latency_samples = latency_samples
        self.bypass = False
        self.state: State = "running"
        self.error: Exception | None = None
        self.is_finished = False
        self.num_processed = 0
        self.num_dropouts = self.num_overloads = self.num_gaps = 0
        self.num_nonfinite = self.num_clipped = 0
        self.input_meter, self.output_meter = PeakMeter(block_s), PeakMeter(block_s)
        self.load_meter = LoadMeter(block_s)

    # -- called from other threads --------------------------------------------------------------

    def finish(self) -> None:
        """Fade out and finish, as at the end of the sound."""
        self._finish = True

    def resume(self) -> None:
        """Use the effect again after an overload; the caller has reset it.

        It gets sound for a moment and is then faded in. If it is too slow again, the next overload begins.
        """
        if self.state != "overload" or self.error is not None:
            return
        self._guard.reset()
        self._fifo.restart(self.latency_samples)
        self._returning = self.latency_samples + round(_RETURN_S * self._sample_rate)
        self.state = "returning"  # last, because from here on the callback uses the effect

    # -- the callback ---------------------------------------------------------------------------

    def process(
        self, input_block: NDArray[np.float32], output_block: NDArray[np.float32], is_dropout: bool = False
    ) -> None:
        """Process `input_block` into `output_block`.

        Args:
            input_block: float32 (samples, input channels); the first ones are used.
            output_block: float32 (samples, output channels), written to.
            is_dropout: True if the device lost sound before this block.
        """
        started = self._clock()
        num_samples = input_block.shape[0]
        if num_samples == 0:
            return
        if self.is_finished:
            output_block[:] = 0.0
            return
        if is_dropout and not self._was_dropout and self.num_processed >= self._start:
            self.num_dropouts += 1
        self._was_dropout = is_dropout
        block, peak = self._cleaned(np.array(input_block[:, : self._num_channels].T, np.float32, order="C"))
        self.input_meter.update(peak)
        wet = None if self.state == "overload" else self._run(block)
        dry = self._dry.process(block)
        out = dry if wet is None else self._faded(wet, dry)
        is_last = self._fade_edges(out)
        self._limit(out)
        if self._comparison is not None and self._ramp.settled and self._ramp.target == (1.0,):
            self._comparison.write(np.concatenate([dry, out]))
        if self._mute:
            output_block[:] = 0.0
        else:
            _spread(out, output_block)
        kept = out if self._end is None else out[:, : self._end - self.num_processed]
        for tap in self._taps:
            tap.write(kept)
        self.num_processed += kept.shape[1]
        self.is_finished = is_last
        self.load_meter.update((self._clock() - started) * self._sample_rate / num_samples)

    def _run(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The effect's next samples, as many as came in. May change `state`."""
        num_samples = block.shape[1]
        started = self._clock()
        try:
            ready = self._effect.process(block, self._sample_rate, reset=False)
            self._fifo.push(ready)
        except Exception as error:  # the output becomes dry; the session reports the error
            self.error = error
            self.state = "overload"
            return np.repeat(self._last, num_samples, axis=1)  # the start of the fade
        missing = num_samples - self._fifo.num_samples
        if missing > 0:
            self._delay_more(missing)
        wet, _ = self._cleaned(self._fifo.pull(num_samples))
        self._last[:] = wet[:, -1:]
        is_overload = self._guard.record(self._clock() - started, num_samples / self._sample_rate)
        if is_overload:
            self.num_overloads += 1
            self.state = "overload"
        elif self.state == "returning":
            self._returning -= num_samples
            if self._returning <= 0:
                self.state = "running"
        return wet

    def _faded(self, wet: NDArray[np.float32], dry: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cross-fade between effect and dry signal, aligned; may write to both."""
        num_samples = wet.shape[1]
        if self.state == "overload":
            # The effect has stopped; fade out over the samples already received.
            gain = self._ramp.step(num_samples)[0] * np.linspace(1.0, 0.0, num_samples, dtype=np.float32)
            self._ramp.jump_to((0.0,))
        else:
            self._ramp.go_to((0.0 if self.bypass or self.state == "returning" else 1.0,))
            if self._ramp.settled:
                return wet if self._ramp.target == (1.0,) else dry
            gain = self._ramp.step(num_samples)[0]
        wet *= gain
        dry *= 1.0 - gain
        wet += dry
        return wet

    def _fade_edges(self, out: NDArray[np.float32]) -> bool:
        """Fade in at the start and out at the end. True if this block holds the end."""
        first = self.num_processed
        num_samples: int = out.shape[1]
        if self._finish:
            earliest = first + self._fade
            self._end = earliest if self._end is None else min(self._end, earliest)
            self._finish = False
        if first < self._fade:
            out *= np.minimum((np.arange(first, first + num_samples) + 1) / self._fade, 1.0).astype(
                np.float32
            )
        if self._end is None or first + num_samples <= self._end - self._fade:
            return False
        left = self._end - np.arange(first, first + num_samples)
        out *= (np.clip(left - 1, 0, self._fade) / self._fade).astype(np.float32)
        return first + num_samples >= self._end

    def _delay_more(self, missing: int) -> None:
        """Count a gap and raise the latency by the samples that the effect now holds back in addition."""
        self.num_gaps += 1
        self.latency_samples += missing
        self._dry = DelayLine(self.latency_samples, self._num_channels)

    def _limit(self, out: NDArray[np.float32]) -> None:
        """Clip to full scale, because devices differ in how they treat larger samples."""
        peak = peak_of(out)
        self.output_meter.update(peak)
        if peak > 1.0:
            self.num_clipped += int(np.count_nonzero(np.abs(out) > 1.0))
            np.clip(out, -1.0, 1.0, out=out)

    def _cleaned(self, block: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        peak = peak_of(block)
        if not np.isfinite(peak):
            good = np.isfinite(block)
            self.num_nonfinite += block.size - int(np.count_nonzero(good))
            block = np.where(good, block, np.float32(0.0))
            peak = peak_of(block)
        return block, peak


def _spread(block: NDArray[np.float32], output: NDArray[np.float32]) -> None:
    """Write (channels, samples) to a device's (samples, channels).

    One channel goes to all outputs. With fewer outputs than channels every output gets the mean. Otherwise
    each channel goes to its own output, and further outputs stay silent.
    """
    num_channels, num_outputs = block.shape[0], output.shape[1]
    if num_channels == 1:
        output[:] = block.T
    elif num_outputs < num_channels:
        output[:] = block.mean(axis=0, dtype=np.float32)[:, None]
    else:
        output[:, :num_channels] = block.T
        output[:, num_channels:] = 0.0
