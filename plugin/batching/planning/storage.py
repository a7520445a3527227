"""Where sound files lie: this machine's folders, or anything that fsspec reaches by URL."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import posixpath
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from hushgate.audio_files.atomic_write import PART_SUFFIX

# How temporary files of a batch begin: the next batch into the same folder removes what a crash left.
PART_PREFIX = ".hushgate-batch-"
_URL_MARK = "://"
_READ_BYTES = 2**20

Fingerprint = list[int | str]
"""Size and version of a file: equal as long as nobody has written to it."""


class Store(Protocol):
    """A kind of place. Paths are those that the user gave, or made of them by `join`."""

    is_local: bool

    def join(self, folder: str, name: str) -> str:
        """The path of `name` (with `/` between folders) under `folder`."""

    def folder_of(self, path: str) -> str:
        """The folder a file lies in."""

    def absolute(self, path: str) -> str:
        """The same path, independent of the working folder."""

    def key(self, path: str) -> str:
        """Equal for two paths that lead to the same file, whether it exists or not."""

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""

    def exists(self, path: str) -> bool:
        """Whether there is anything."""

    def fingerprint(self, path: str) -> Fingerprint:
        """Of a file. Raises an OSError when there is none."""

    def walk(self, folder: str, recursive: bool, on_error: Callable[[OSError], None]) -> Iterator[str]:
        """Names of the files under a folder, relative to it, sorted, with `/` between folders."""

    def remove_parts(self, folder: str) -> None:
        """Remove temporary files that an interrupted batch left in a folder."""


def store_for(path: str) -> Store:
    """The store that a path belongs to.

    Raises:
        ModuleNotFoundError: A URL, and fsspec is not installed.
        ValueError: A URL of a kind that fsspec does not know.
    """
    return RemoteStore(path) if _URL_MARK in path else LocalStore()


class LocalStore:
    """Folders of this machine."""

    is_local = True

    def join(self, folder: str, name: str) -> str:
        """See `Store`."""
        return os.path.join(folder, *name.split("/"))

    def folder_of(self, path: str) -> str:
        """See `Store`."""
        return os.path.dirname(path) or os.curdir

    def absolute(self, path: str) -> str:
        """See `Store`."""
        return os.path.abspath(path)

    def key(self, path: str) -> str:
        """See `Store`. Links are followed; macOS and Windows take names for equal that differ in case."""
        real = os.path.normcase(os.path.realpath(path))
        return unicodedata.normalize("NFC", real).casefold() if _IGNORES_CASE else real

    def is_folder(self, path: str) -> bool:
        """See `Store`."""
        return os.path.isdir(path)

    def exists(self, path: str) -> bool:
        """See `Store`."""
        return os.path.lexists(path)

    def fingerprint(self, path: str) -> Fingerprint:
        """See `Store`."""
        status = os.stat(path)
        return [status.st_size, status.st_mtime_ns]

    def walk(self, folder: str, recursive: bool, on_error: Callable[[OSError], None]) -> Iterator[str]:
        """See `Store`. Hidden files and folders are left out; links to folders are not followed."""
        for place, folders, names in os.walk(folder, onerror=on_error):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            relative = os.path.relpath(place, folder)
            prefix = "" if relative == os.curdir else relative.replace(os.sep, "/") + "/"
            yield from (prefix + name for name in sorted(names) if not name.startswith("."))
            if not recursive:
                return

    def remove_parts(self, folder: str) -> None:
        """See `Store`."""
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(PART_PREFIX) and entry.name.endswith(PART_SUFFIX):
                    os.unlink(entry.path)


_IGNORES_CASE = os.name == "nt" or os.uname().sysname == "Darwin"


class RemoteStore:
    """Anything fsspec reaches: s3://, gs://, sftp://, memory://, file://.

    Args:
        url: Any path of the store.
    """

    is_local = False

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        self._fs: Any = url_to_fs(url)[0]

    def join(self, folder: str, name: str) -> str:
        """See `Store`."""
        return f"{folder.rstrip('/')}/{name}"

    def folder_of(self, path: str) -> str:
        """See `Store`."""
        return path.rpartition("/")[0]

    def absolute(self, path: str) -> str:
        """See `Store`."""
        return path

    def key(self, path: str) -> str:
        """See `Store`."""
        return str(self._fs.unstrip_protocol(posixpath.normpath(self._fs._strip_protocol(path))))

    def is_folder(self, path: str) -> bool:
        """See `Store`."""
        return bool(self._fs.isdir(path))

    def exists(self, path: str) -> bool:
        """See `Store`."""
        return bool(self._fs.exists(path))

    def fingerprint(self, path: str) -> Fingerprint:
        """See `Store`."""
        info = self._fs.info(path)
        version = next((info[key] for key in _VERSION_KEYS if info.get(key) is not None), "")
        return [int(info["size"]), str(version)]

    def walk(self, folder: str, recursive: bool, on_error: Callable[[OSError], None]) -> Iterator[str]:
        """See `Store`."""
        root = self._fs._strip_protocol(folder).rstrip("/")
        try:
            found = self._fs.find(root, maxdepth=None if recursive else 1)
        except OSError as error:
            on_error(error)
            return
        names = sorted(path[len(root) :].lstrip("/") for path in found)
        yield from (name for name in names if not any(part.startswith(".") for part in name.split("/")))

    def remove_parts(self, folder: str) -> None:
        """See `Store`."""
        with contextlib.suppress(OSError):
            for path in self._fs.ls(folder, detail=False):
                name = posixpath.basename(path)
                if name.startswith(PART_PREFIX) and name.endswith(PART_SUFFIX):
                    self._fs.rm_file(path)

    def fetch(self, path: str, copy: Path) -> str:
        """Copy a file here.

        Returns:
            sha256 of its bytes, hexadecimal.

        Raises:
            OSError: It cannot be read, or arrived shorter than it is.
        """
        size = self._fs.size(path)
        self._fs.get_file(path, str(copy))
        if size is not None and copy.stat().st_size != size:
            raise OSError(errno.EIO, f"arrived incomplete ({copy.stat().st_size} of {size} bytes)", path)
        return checksum(copy)

    def publish(self, copy: Path, path: str, *, overwrite: bool) -> str:
        """Put a file in place: upload it under a temporary name, compare checksums, rename.

        Returns:
            sha256 of its bytes, hexadecimal.

        Raises:
            FileExistsError: There is a file and `overwrite` is False.
            OSError: It cannot be written, or arrived damaged.
        """
        place = self._fs._strip_protocol(path)
        folder = posixpath.dirname(place)
        part = f"{folder}/{PART_PREFIX}{secrets.token_hex(6)}{PART_SUFFIX}"
        self._fs.makedirs(folder, exist_ok=True)
        wanted = checksum(copy)
        try:
            self._fs.put_file(str(copy), part)
            if self._remote_checksum(part) != wanted:
                raise OSError(errno.EIO, "arrived damaged: its checksum differs", path)
            if not overwrite and self._fs.exists(place):
                raise FileExistsError(errno.EEXIST, "exists already (pass --overwrite to replace it)", path)
            self._rename(part, place)
        finally:
            with contextlib.suppress(OSError):  # after a rename it is gone
                self._fs.rm_file(part)
        return wanted

    def _rename(self, part: str, place: str) -> None:
        if "file" in (self._fs.protocol, *self._fs.protocol):
            os.replace(part, place)
        else:  # object stores copy in one step: the new name never shows half a file
            self._fs.cp_file(part, place)

    def _remote_checksum(self, path: str) -> str:
        digest = hashlib.sha256()
        with self._fs.open(path, "rb") as file:
            while part := file.read(_READ_BYTES):
                digest.update(part)
        return digest.hexdigest()


_VERSION_KEYS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "created")


def checksum(path: Path) -> str:
    """sha256 of a file on this machine, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_size(path: str) -> int:
    """Bytes of a file on this machine; 0 for one that is missing or elsewhere."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
