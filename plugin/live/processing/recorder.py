"""Recording of the output, in a thread of its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from hushgate.audio_files.file_writer import FileWriter
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.output_format import output_format
from hushgate.live.processing.tap import Tap

# Most sound that may wait for a slow disk, and the period of the writing thread.
_CAPACITY_S = 20.0
_PERIOD_S = 0.05


class _NoSoundError(Exception):
    """No sound has come, so no file is kept."""


class Recorder:
    """Record from a `Tap` that the audio callback fills; the callback never waits for the disk.

    Use it in a `with` statement. However it is left, by Ctrl-C too, the sound so far is kept: its
    temporary file gets the final name. If no sound has come or the disk fails, no file is left and an
    old file stays as it is; after a failure `error` holds the reason.

    Args:
        path: File to write. The extension decides the container; 24 bits where it has them.
        sample_rate: Hz, a whole number.
        num_channels: 1 or more.
        overwrite: Replace an existing file.

    Attributes:
        tap: Takes the sound.
        error: Failure that ended the recording; None without.

    Raises:
        ValueError: A fractional rate, or a container that cannot hold this format.
        OSError: See `FileWriter`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sample_rate: float,
        num_channels: int,
        overwrite: bool = False,
    ) -> None:
        if sample_rate != int(sample_rate):
            raise ValueError(f"sample_rate must be a whole number of Hz to record (got {sample_rate}).")
        source = AudioFormat(int(sample_rate), num_channels, None, "WAV", "PCM_24")
        target = Path(path)
        self.tap = Tap(num_channels, round(_CAPACITY_S * sample_rate))
        self.error: Exception | None = None
        self._writer = FileWriter(
            target,
            output_format(source, None, target, None),
            overwrite=overwrite,
            source_rate=source.sample_rate,
        )
        self._has_sound = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hushgate-live-recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    @property
    def num_lost(self) -> int:
        """Samples that are missing because the disk was too slow."""
        return self.tap.num_lost

    def _run(self) -> None:
        try:
            with self._writer:
                while not self._done.wait(_PERIOD_S):
                    self._write()
                self._write()
                if not self._has_sound:
                    raise _NoSoundError
        except _NoSoundError:
            pass  # the writer has removed its file
        except Exception as error:  # the session reports it; the sound continues
            self.error = error

    def _write(self) -> None:
        block = self.tap.read()
        if block.shape[1]:
            self._has_sound = True
            self._writer.write(block)
