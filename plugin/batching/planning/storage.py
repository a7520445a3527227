"""Storage of sound files: folders of this machine, or URLs that fsspec can open."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import posixpath
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from hushgate.audio_files.atomic_write import PART_SUFFIX

# Prefix of a batch's temporary files. The next batch into the same folder removes those that a crash left.
PART_PREFIX = ".hushgate-batch-"
_log = logging.getLogger("hushgate.batching")
_URL_MARK = "://"
_RESIDUAL_MARK = ".residual"
_READ_BYTES = 2**20

Fingerprint = list[int | str]
"""Size and version of a file: it changes when the file is written."""


class Store(Protocol):
    """A kind of storage. Paths are the user's own, or made from them by `join`."""

    is_local: bool

    def join(self, folder: str, name: str) -> str:
        """The path of `name` (with `/` between folders) under `folder`."""

    def folder_of(self, path: str) -> str:
        """The folder of a file."""

    def absolute(self, path: str) -> str:
        """The same path, independent of the current folder."""

    def key(self, path: str) -> str:
        """A text that is equal for two paths to the same file, existing or not."""

    def is_folder(self, path: str) -> bool:
        """True if the path is a folder."""

    def exists(self, path: str) -> bool:
        """True if the path exists."""

    def fingerprint(self, path: str) -> Fingerprint:
        """The fingerprint of a file. Raises OSError for a missing one."""

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
        """See `Store`. Links are followed; on macOS and Windows names that differ only in case are equal."""
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
                    _log.info("removed %s, which an interrupted batch left", entry.path)


_IGNORES_CASE = os.name == "nt" or os.uname().sysname == "Darwin"


class RemoteStore:
    """URLs that fsspec can open: s3://, gs://, sftp://, memory://, file://.

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
        """Download a file.

        Returns:
            sha256 of its bytes, hexadecimal.

        Raises:
            OSError: It cannot be read, or fewer bytes arrived than it has.
        """
        size = self._fs.size(path)
        self._fs.get_file(path, str(copy))
        if size is not None and copy.stat().st_size != size:
            raise OSError(errno.EIO, f"arrived incomplete ({copy.stat().st_size} of {size} bytes)", path)
        _log.info("fetched %s (%d bytes)", path, copy.stat().st_size)
        return checksum(copy)

    def publish(self, copy: Path, path: str, *, overwrite: bool) -> str:
        """Upload a file under a temporary name, compare checksums, rename it.

        Returns:
            sha256 of its bytes, hexadecimal.

        Raises:
            FileExistsError: The file exists and `overwrite` is False.
            OSError: It cannot be written, or the checksums differ.
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
            with contextlib.suppress(OSError):  # after a rename it no longer exists
                self._fs.rm_file(part)
        _log.info("published %s (%d bytes, sha256 %s)", path, copy.stat().st_size, wanted)
        return wanted

    def _rename(self, part: str, place: str) -> None:
        if "file" in (self._fs.protocol, *self._fs.protocol):
            os.replace(part, place)
        else:  # object stores copy in one step, so that the new name is complete or absent
            self._fs.cp_file(part, place)

    def _remote_checksum(self, path: str) -> str:
        digest = hashlib.sha256()
        with self._fs.open(path, "rb") as file:
            while part := file.read(_READ_BYTES):
                digest.update(part)
        return digest.hexdigest()


_VERSION_KEYS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "created")


def residual_name(target: str) -> str:
    """Name of the residual that belongs to an output.

    >>> residual_name("cleaned/a.wav")
    'cleaned/a.residual.wav'
    """
    stem, extension = os.path.splitext(target)
    return f"{stem}{_RESIDUAL_MARK}{extension}"


def checksum(path: Path) -> str:
    """sha256 of a file on this machine, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_size(path: str) -> int:
    """Size of a local file, bytes; 0 for a missing or remote one."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
