"""Files written under a temporary name and renamed when they are complete."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from hushgate.audio_files.part_files import PART_PREFIX, forget_part, make_part

# A path, or the number of an open file.
Original = str | os.PathLike[str] | int


class AtomicFile:
    """A temporary file beside `path` that takes its name in one step.

    Use it in a `with` statement: leaving it normally renames the file, leaving it by an exception (Ctrl-C
    too) removes it. A file that is replaced hands its permissions on, so that a private file stays private; a
    new file gets the user's usual ones. A link is followed.

    Args:
        path: The final name.
        overwrite: Replace a file that exists.
        part_prefix: How the temporary name begins.
        originals: Files that are never replaced, whatever their names: see `check_target`.

    Attributes:
        path: As given.
        target: The file that is written, links resolved.
        part: The temporary file; it exists and is empty.

    Raises:
        FileExistsError: The file exists and `overwrite` is False, now or when it is to be renamed.
        ValueError: The target is one of the originals, now or when the file is to be renamed.
        OSError: The folder is missing or not writable, or the target is not a regular file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        part_prefix: str = PART_PREFIX,
        originals: Iterable[Original] = (),
    ) -> None:
        self.path = Path(path)
        self.target = Path(os.path.realpath(self.path))
        self._overwrite = overwrite
        self._originals = tuple(originals)
        check_target(self.path, overwrite=overwrite, originals=self._originals)
        self._old = _status(self.target)
        # Never more open than the file that it replaces, from the first byte on.
        mode = 0o600 if self._old else 0o666
        try:
            self.part = make_part(self.target.parent, part_prefix, mode)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()

    def commit(self) -> None:
        """Make the bytes durable and rename the file.

        Raises:
            FileExistsError: A file has appeared under the name and `overwrite` is False.
            ValueError: The name leads to an original now.
            OSError: The disk fails.
        """
        with self.part.open("rb+") as written:
            if self._old is not None:
                _copy_permissions(self._old, written.fileno())
            os.fsync(written.fileno())
        check_target(self.path, overwrite=self._overwrite, originals=self._originals)
        if self._overwrite or not self._link():
            os.replace(self.part, self.target)
        _sync_folder(self.target.parent)

    def discard(self) -> None:
        """Remove the temporary file; after `commit` there is none."""
        self.part.unlink(missing_ok=True)
        forget_part(self.part)

    def _link(self) -> bool:
        """Give the file its name only if no other has it; False where the file system has no hard links."""
        try:
            os.link(self.part, self.target)
        except FileExistsError as error:
            raise _exists(self.path) from error
        except (OSError, AttributeError):  # Python has no os.link on every system
            return False
        return True


def write_atomically(
    path: str | os.PathLike[str],
    content: str | bytes,
    *,
    overwrite: bool = True,
    part_prefix: str = PART_PREFIX,
    originals: Iterable[Original] = (),
    on_written: Callable[[], object] = lambda: None,
) -> None:
    """Write a small file in one step: complete, or as it was before.

    Args:
        path: Where to write. A link is followed.
        content: Text is written as UTF-8 without changing its line ends.
        overwrite: Replace a file that exists.
        part_prefix: How the temporary name begins.
        originals: Files that are never replaced, see `check_target`.
        on_written: Called before the complete file gets its name; if it raises, there is no file.

    Raises:
        FileExistsError: The file exists and `overwrite` is False.
        ValueError: It is one of the originals.
        OSError: It cannot be written.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    with AtomicFile(path, overwrite=overwrite, part_prefix=part_prefix, originals=originals) as file:
        try:
            file.part.write_bytes(data)
        except OSError as error:  # a full disk is reported without a name
            raise OSError(error.errno, error.strerror, str(path)) from error
        on_written()


def check_target(
    path: str | os.PathLike[str], *, overwrite: bool, originals: Iterable[Original] = ()
) -> None:
    """Refuse a target that cannot or must not be written, before any work is done.

    Args:
        path: The target.
        overwrite: Replace a file that exists.
        originals: Files that are never replaced. They are compared by device and number of the file: another
            hard link of an original, or its folder mounted in a second place, is the same file.

    Raises:
        FileExistsError: The file exists and `overwrite` is False.
        ValueError: It is one of the originals.
        OSError: A folder, a device or a pipe; or its folder is missing or not writable.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file", str(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "is not a regular file (use - for a pipe)", str(path))
    refuse_originals(path, target, originals)
    if target.exists() and not overwrite:
        raise _exists(path)
    given = Path(path)
    folder = target.parent if given.is_symlink() else given.parent  # in the user's own words
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"the folder {folder} does not exist", str(path))
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, f"the folder {folder} is not writable", str(path))


def refuse_originals(path: Original, target: Original, originals: Iterable[Original]) -> None:
    """Refuse to write a file that is an original under any name.

    Args:
        path: The target as the user knows it, for the message.
        target: The file that would be written.
        originals: Files that are never written.

    Raises:
        ValueError: It is one of them.
    """
    identity = file_identity(target)
    if identity is None:
        return
    for original in originals:
        if identity == file_identity(original):
            raise ValueError(f"{path} is both input and output. Name another output.")


def file_identity(file: Original) -> tuple[int, int] | None:
    """Device and number of a file, equal for all its names; None for one that is missing."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    return status.st_dev, status.st_ino


def _exists(path: str | os.PathLike[str]) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "exists already (pass overwrite=True to replace it)", str(path))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _copy_permissions(old: os.stat_result, handle: int) -> None:
    """Give a new file the owner and permissions of the file that it replaces, as far as the system allows."""
    if not hasattr(os, "fchmod"):  # Windows before Python 3.13: permissions come from the folder
        return
    with contextlib.suppress(OSError):
        if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode) & 0o777)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Windows and some file systems cannot open a folder; there it is left to them."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
