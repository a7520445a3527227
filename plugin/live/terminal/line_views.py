"""Views of a session as lines of text or JSON."""

from __future__ import annotations

import json
import math
from types import TracebackType
from typing import Protocol, Self, TextIO

from hushgate.live.processing.status import Status
from hushgate.measuring.wording import sound_lines
from hushgate.printable import printable

_LINE_PERIOD_S = 5.0
_JSON_PERIOD_S = 1.0


class View(Protocol):
    """Shows a session. It is entered before the first `show` and left after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, status: Status) -> None:
        """Show a status; called about 20 times a second."""


class NoView:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, status: Status) -> None:
        """Nothing."""


class LineView(NoView):
    """One line every five seconds, and one whenever something happens.

    Args:
        stream: Text stream to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._due_s = 0.0
        self._last: Status | None = None

    def show(self, status: Status) -> None:
        """Write a line when one is due or something has happened."""
        if self._last is None:
            self._write(describe_connection(status))
        happened = _news(self._last, status)
        for line in happened:
            self._write(f"{status.elapsed_s:7.1f} s  {line}")
        if status.elapsed_s >= self._due_s:
            self._write(f"{status.elapsed_s:7.1f} s  {describe_sound(status)}")
            self._due_s = status.elapsed_s + _LINE_PERIOD_S
        self._last = status

    def _write(self, line: str) -> None:
        print(printable(line), file=self._stream, flush=True)


class JsonView(NoView):
    """One JSON object per line and second, as `Status.to_dict` makes it.

    Args:
        stream: Text stream to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._due_s = 0.0

    def show(self, status: Status) -> None:
        """Write an object when one is due."""
        if status.elapsed_s >= self._due_s:
            print(json.dumps(status.to_dict()), file=self._stream, flush=True)
            self._due_s = status.elapsed_s + _JSON_PERIOD_S


def describe_connection(status: Status) -> str:
    """Devices, format and latency in one line."""
    channels = {1: "mono", 2: "stereo"}.get(status.num_channels, f"{status.num_channels} channels")
    return (
        f"{status.input_name} -> {status.output_name}, {status.sample_rate:g} Hz, {channels}, "
        f"blocks of {status.block_size}, {describe_latency(status)}"
    )


def describe_latency(status: Status) -> str:
    """The delay and its parts in one line.

    The part of the devices is the one that the audio system reports, which may be too small.
    """
    return (
        f"latency {status.latency_ms:.1f} ms (effect {status.effect_latency_ms:.1f}, "
        f"devices {status.device_latency_ms:.1f})"
    )


def describe_sound(status: Status) -> str:
    """Levels, reduction, load and dropouts in one line."""
    parts = [f"in {format_level(status.input_dbfs)}", f"out {format_level(status.output_dbfs)}"]
    if status.gain_reduction_db is not None and status.presence is not None:
        parts += [f"reduction {status.gain_reduction_db:.1f} dB", f"presence {100.0 * status.presence:.0f} %"]
    parts += [f"load {100.0 * status.load:.0f} %", f"dropouts {status.num_dropouts}"]
    if word := state_word(status):
        parts.append(word)
    return ", ".join(parts)


def state_word(status: Status) -> str:
    """The unusual state of the output in a word or two; empty for none."""
    if status.state != "running":
        return "OVERLOAD: dry signal" if status.state == "overload" else "dry signal, coming back"
    if status.is_bypassed:
        return "bypass"
    return "residual" if status.output == "residual" else ""


def summarize(status: Status) -> list[str]:
    """Summary at the end, one line each."""
    lines = [
        f"{status.elapsed_s:.1f} s, {describe_latency(status)}",
        f"callback load: median {100.0 * status.load_median:.1f} %, "
        f"99th percentile {100.0 * status.load_p99:.1f} %",
        f"dropouts {status.num_dropouts}, late blocks {status.num_late}, overloads {status.num_overloads}",
    ]
    if (figures := status.figures) is not None:
        lines += [f"{name} {text}" for name, text in sound_lines(figures, status.num_clipped)]
    if status.recording is not None and status.record_error is None:
        lines.append(f"recorded to {status.recording}")
    return lines


def warnings_of(status: Status) -> list[str]:
    """Warnings at the end, one sentence each."""
    found = []
    if status.num_unrecorded:
        found.append(
            f"{status.num_unrecorded} samples are missing in {status.recording}: the disk was too slow."
        )
    if status.num_clipped:
        found.append(f"{status.num_clipped} samples were beyond full scale and were clipped.")
    if status.num_nonfinite:
        found.append(f"{status.num_nonfinite} samples were not finite and became silence.")
    if status.num_gaps:
        found.append(f"the effect returned too few samples {status.num_gaps} times; the latency has grown.")
    return found


def format_level(dbfs: float) -> str:
    """A level, or "-inf" for silence.

    >>> format_level(-12.34), format_level(-math.inf)
    ('-12.3 dBFS', '-inf dBFS')
    """
    return f"{dbfs:.1f} dBFS" if math.isfinite(dbfs) else "-inf dBFS"


def _news(before: Status | None, now: Status) -> list[str]:
    lines = []
    state = before.state if before else "running"
    if now.num_overloads > (before.num_overloads if before else 0):
        lines.append("overload: the effect takes too long here, the output is dry")
    elif state == "overload" and now.state == "returning":
        lines.append("the effect is coming back")
    if state != "running" and now.state == "running":
        lines.append("the effect is back")
    if now.record_error is not None and (before is None or before.record_error is None):
        lines.append(f"the recording has ended: {now.record_error}")
    return lines
