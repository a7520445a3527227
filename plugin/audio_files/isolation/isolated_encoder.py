"""An encoder in a helper process, seen from this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.isolation.helper_process import HelperProcess
from hushgate.audio_files.metadata.leading_parts import LeadingParts

Block = NDArray[np.float32]


class IsolatedEncoder:
    """Encode into a file in a helper process.

    Args:
        part: The file that is written.
        path: What to call it in errors.
        target: What to write.
        film: A film whose other streams go along, or None.
        parts: Texts, chapters and pictures that the container needs before the sound.

    Attributes:
        warnings: What the user should know, once the file is complete.

    Raises:
        AudioFileError: The format cannot be written.
        OSError: The disk is full or fails, or the system starts no process.
    """

    def __init__(
        self,
        part: Path,
        path: Path,
        target: AudioFormat,
        film: Path | None = None,
        parts: LeadingParts | None = None,
    ) -> None:
        self.warnings: list[str] = []
        self._name = str(path)
        self._helper: HelperProcess | None = HelperProcess.take()
        self._is_answered = False
        self._helper.start("encode", (part, path, target, film, parts))
        self._answer()

    def write(self, block: Block) -> None:
        """Append float32 (channels, samples).

        Raises:
            AudioFileError: The encoder crashed.
            OSError: The disk is full or fails.
        """
        self._answer()  # to the block before: the helper encodes that while this process makes the next
        self._ask({"do": "write", "shape": block.shape}, np.ascontiguousarray(block, np.float32))

    def close(self) -> None:
        """Finish the file.

        Raises:
            AudioFileError: The encoder crashed.
            OSError: The disk is full or fails.
        """
        self._answer()
        self._ask({"do": "close"})
        self.warnings += self._answer()["warnings"]
        if self._helper is not None:
            self._helper.release()
            self._helper = None

    def abort(self) -> None:
        """Give up the helper, and the file with it unless it is complete."""
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.kill()

    def _ask(self, message: dict[str, Any], data: Any = b"") -> None:
        assert self._helper is not None
        self._is_answered = False
        self._helper.send(message, data)

    def _answer(self) -> dict[str, Any]:
        if self._is_answered:
            return {}
        assert self._helper is not None
        try:
            message, _ = self._helper.receive(self._name, "written")
        except BaseException:
            self.abort()
            raise
        self._is_answered = True
        return message
