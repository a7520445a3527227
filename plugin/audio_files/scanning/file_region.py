"""A part of a file, with bytes in front, that reads like a file of its own."""

from __future__ import annotations

import io
import os
from typing import BinaryIO, cast


class SizedFile(io.RawIOBase):
    """A file for reading whose size is known; a subclass gives the bytes at `_position` in `readinto`.

    Args:
        size: Bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place; beyond the end there is nothing to read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position


class FileRegion(SizedFile):
    """Read `prefix`, then `size` bytes of `file` from `start` on.

    It presents a decoder with a sound file that has a correct header, without copying the sound. The
    region seeks `file` before each read, so that several regions can share one.

    Args:
        file: Open for reading, seekable. Not closed.
        start, size: Place of the bytes in `file`.
        prefix: Bytes to put in front.
        pattern, num_behind: Bytes to put behind, repeated up to so many, for decoders that estimate a length
            from the size and read no further.
    """

    def __init__(
        self,
        file: BinaryIO,
        start: int,
        size: int,
        prefix: bytes = b"",
        *,
        pattern: bytes = b"",
        num_behind: int = 0,
    ) -> None:
        super().__init__(len(prefix) + size + num_behind)
        self._file = file
        self._start = start
        self._prefix = prefix
        self._sound_end = len(prefix) + size
        self._pattern = pattern

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as the region goes; returns the number of bytes."""
        num_done = 0
        wanted = min(len(buffer), max(0, self._size - self._position))
        if self._position < len(self._prefix):
            part = self._prefix[self._position : self._position + wanted]
            buffer[: len(part)] = part
            num_done = len(part)
        sound = min(wanted, self._sound_end - self._position)
        if num_done < sound:
            self._file.seek(self._start + self._position + num_done - len(self._prefix))
            while num_done < sound and (part := self._file.read(sound - num_done)):
                buffer[num_done : num_done + len(part)] = part
                num_done += len(part)
        if num_done == max(0, sound) < wanted:
            offset = (self._position + num_done - self._sound_end) % len(self._pattern)
            count = wanted - num_done
            repeated = self._pattern * ((offset + count) // len(self._pattern) + 1)
            buffer[num_done:wanted] = repeated[offset : offset + count]
            num_done = wanted
        self._position += num_done
        return num_done


def from_place(file: BinaryIO, start: int) -> BinaryIO:
    """A file from byte `start` on, as a file of its own; the same file where that is its beginning."""
    if start == 0:
        return file
    return cast(BinaryIO, FileRegion(file, start, file.seek(0, os.SEEK_END) - start))
