"""A part of a recording: its description, and a reader of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.errors import AudioFileError
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BLOCK_SIZE


@dataclass(frozen=True)
class Excerpt:
    """A part of a recording.

    Attributes:
        start_s: Where it begins, seconds, 0.0 or more.
        end_s: Where it ends, seconds; None for the end of the recording.

    Raises:
        ValueError: The end is not after the start, or the start lies before the recording.
    """

    start_s: float = 0.0
    end_s: float | None = None

    def __post_init__(self) -> None:
        if not self.start_s >= 0.0:
            raise ValueError(f"start must be 0 s or more (got {self.start_s}).")
        if self.end_s is not None and not self.end_s > self.start_s:
            raise ValueError(f"end must be behind start, {self.start_s} s (got {self.end_s}).")


def parse_time(text: str) -> float:
    """Seconds from a text like 90, 1:30 or 1:02:03.5.

    Raises:
        ValueError: Not a time.

    >>> parse_time("1:02:03.5"), parse_time("90")
    (3723.5, 90.0)
    """
    parts = text.strip().split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    is_time = 1 <= len(numbers) <= 3 and all(0.0 <= number < float("inf") for number in numbers)
    if not is_time or any(number >= 60.0 for number in numbers[1:]) or not all(map(_is_whole, numbers[:-1])):
        raise ValueError(
            "a time must be seconds or h:mm:ss with minutes and seconds below 60, like 90, 1:30 or 1:02:03.5 "
            f"(got {text!r})."
        )
    return sum(number * 60.0**place for place, number in enumerate(reversed(numbers)))


def given_excerpt(start: str | None, end: str | None) -> Excerpt | None:
    """The excerpt between two times as text; None where neither is given.

    Raises:
        ValueError: Not a time, or the end is not behind the start.
    """
    if start is None and end is None:
        return None
    return Excerpt(parse_time(start or "0"), None if end is None else parse_time(end))


def _is_whole(number: float) -> bool:
    return number == int(number)


class ExcerptReader:
    """A part of what another reader gives."""

    def __init__(self, reader: Any, excerpt: Excerpt, name: str) -> None:
        self._reader = reader
        rate, length = reader.format.sample_rate, reader.format.num_samples
        self._start = round(excerpt.start_s * rate)
        self._end = None if excerpt.end_s is None else round(excerpt.end_s * rate)
        self._name = name
        self.warnings: list[str] = reader.warnings
        if length is not None:
            if self._start >= length:
                raise AudioFileError(
                    f"{name} is {length / rate:.2f} s long; start_s must lie before its end "
                    f"(got {excerpt.start_s} s)."
                )
            length = min(length, self._end or length) - self._start
        self.format: AudioFormat = replace(reader.format, num_samples=length)

    def __enter__(self) -> Self:
        self._reader.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._reader.__exit__(*details)

    def blocks(self, block_size: int = DEFAULT_BLOCK_SIZE) -> Iterator[NDArray[np.float32]]:
        """See `AudioReader`."""
        position = 0
        blocks = self._reader.blocks(block_size)
        if isinstance(self._reader, FileReader):
            blocks, position = self._reader.blocks(block_size, start=self._start), self._start
        has_sound = False
        for block in blocks:
            first = max(0, self._start - position)
            last = block.shape[1] if self._end is None else self._end - position
            position += block.shape[1]
            if (part := block[:, first:last]).shape[1]:
                has_sound = True
                yield part
            if self._end is not None and position >= self._end:
                if isinstance(self._reader, FileReader):
                    self._reader.check_unchanged()
                break
        if not has_sound:
            raise AudioFileError(f"{self._name} ends before the start of the excerpt.")
