"""A decoder in a helper process, seen from this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.isolation.helper_process import HelperProcess
from hushgate.audio_files.scanning.sound_parts import SoundPlan

Block = NDArray[np.float32]


class IsolatedDecoder:
    """Decode a file in a helper process, which asks for the file's bytes and opens nothing itself.

    Args:
        file: Open for reading, seekable. Not closed.
        path: What to call it in errors.
        plan: See `plan_reading`.
        allow_truncated: Take what is there of sound that is cut short, and warn.

    Attributes:
        format: Sample rate, channels, container, sample format, length.
        expected_samples: An estimate of the length, samples per channel; None where there is none.
        warnings: What was wrong and let pass, one sentence each.

    Raises:
        AudioFileError: As the decoder says, or it crashed.
        OSError: The system starts no process.
    """

    def __init__(self, file: BinaryIO, path: Path, plan: SoundPlan, allow_truncated: bool) -> None:
        self._file = file
        self._name = str(path)
        self._size = file.seek(0, os.SEEK_END)
        self._arguments = path, plan, allow_truncated
        self._helper: HelperProcess | None = None
        self._is_streaming = False
        opened = self._open()
        self.format = AudioFormat(*opened["format"])
        self.warnings: list[str] = opened["warnings"]
        self.expected_samples: int | None = opened["expected_samples"]

    def close(self) -> None:
        """Give up the helper."""
        helper, self._helper = self._helper, None
        if helper is None:
            return
        if helper.has_failed:
            helper.release()
        elif self._is_streaming:
            helper.kill()
        else:
            helper.send({"do": "close"})
            helper.release()

    def blocks(self, block_size: int, start: int = 0) -> Iterator[Block]:
        """Yield float32 (channels, samples) in the order of SPEAKERS, from sample `start` to the end.

        Raises:
            AudioFileError: As the decoder says, or it crashed.
        """
        if self._helper is None or self._is_streaming:
            self.close()
            self._open()
        assert self._helper is not None
        self._helper.send({"do": "blocks", "block_size": block_size, "start": start})
        self._is_streaming = True
        while True:
            message, data = self._next()
            if "end" in message:
                self._is_streaming = False
                self.warnings = message["warnings"]
                return
            yield np.frombuffer(data, np.float32).reshape(message["shape"])

    def _open(self) -> dict[str, Any]:
        self._helper = HelperProcess.take()
        self._helper.start("decode", self._arguments, size=self._size)
        self._is_streaming = True  # until it answers
        message, _ = self._next()
        self._is_streaming = False
        return message

    def _next(self) -> tuple[dict[str, Any], bytearray]:
        """The next message that is not a question for bytes of the file."""
        assert self._helper is not None
        while True:
            try:
                message, data = self._helper.receive(self._name, "read")
            except BaseException:
                self.close()
                raise
            if "read" not in message:
                return message, data
            self._file.seek(message["read"])
            self._helper.send({}, self._file.read(message["size"]))
