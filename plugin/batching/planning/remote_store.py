"""Storage behind URLs that fsspec can open."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import posixpath
import secrets
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from hushgate.audio_files.part_files import PART_SUFFIX
from hushgate.batching.planning.run_parts import is_part_of, part_prefix

_log = logging.getLogger("hushgate.batching")
_READ_BYTES = 2**20
# After Ctrl-C nothing waits longer for a store that hangs.
INTERRUPTED_CLEANUP_S = 0.4
_VERSION_KEYS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "created")

Fingerprint = list[int | str]
"""Size and version of a file: it changes when the file is written."""


class RemoteStore:
    """URLs that fsspec can open: s3://, gs://, sftp://, memory://.

    Errors of a driver's own kinds come out as OSError with the path.

    Args:
        url: Any path of the store.
    """

    is_local = False

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        with _plain_errors(url):
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
        place = self._fs._strip_protocol(path)
        innermost = self._fs
        while (inner := getattr(innermost, "fs", None)) is not None:  # a cache in front of another store
            innermost = inner
        if _is_local(innermost):
            return os.path.realpath(str(place))
        return str(self._fs.unstrip_protocol(posixpath.normpath(place)))

    def is_folder(self, path: str) -> bool:
        """See `Store`."""
        with _plain_errors(path):
            return bool(self._fs.isdir(path))

    def exists(self, path: str) -> bool:
        """See `Store`."""
        with _plain_errors(path):
            return bool(self._fs.exists(path))

    def fingerprint(self, path: str) -> Fingerprint:
        """See `Store`."""
        with _plain_errors(path):
            info = self._fs.info(path)
            version = next((info[key] for key in _VERSION_KEYS if info.get(key) is not None), "")
            return [int(info["size"]), str(version)]

    def walk(self, folder: str, recursive: bool, on_error: Callable[[OSError], None]) -> Iterator[str]:
        """See `Store`."""
        root = self._fs._strip_protocol(folder).rstrip("/")
        try:
            with _plain_errors(folder):
                found = self._fs.find(root, maxdepth=None if recursive else 1)
        except OSError as error:
            on_error(error)
            return
        names = sorted(path[len(root) :].lstrip("/") for path in found)
        yield from (name for name in names if not any(_is_hidden(part) for part in name.split("/")))

    def remove_parts(self, folder: str, runs: Collection[str]) -> None:
        """See `Store`."""
        with contextlib.suppress(Exception):  # as in `_remove`
            for path in self._fs.ls(folder, detail=False):
                if is_part_of(posixpath.basename(path), runs):
                    self._remove(path)

    def fetch(self, path: str, copy: Path) -> str:
        """Download a file.

        Returns:
            sha256 of its bytes, hexadecimal.

        Raises:
            OSError: It cannot be read, or fewer bytes arrived than it has.
        """
        with _plain_errors(path):
            size = self._fs.size(path)
            self._fs.get_file(path, str(copy))
        if size is not None and copy.stat().st_size != size:
            raise OSError(errno.EIO, f"arrived incomplete ({copy.stat().st_size} of {size} bytes)", path)
        _log.info("fetched %s (%d bytes)", path, copy.stat().st_size)
        return checksum(copy)

    def publish(self, copy: Path, path: str, *, overwrite: bool, run: str) -> str:
        """Upload a file under a temporary name, compare checksums, rename it.

        Returns:
            sha256 of its bytes, hexadecimal.

        Raises:
            FileExistsError: The file exists and `overwrite` is False.
            OSError: It cannot be written, or the checksums differ.
        """
        place = self._fs._strip_protocol(path)
        folder = posixpath.dirname(place)
        part = f"{folder}/{part_prefix(run)}{secrets.token_hex(6)}{PART_SUFFIX}"
        wanted = checksum(copy)
        try:
            with _plain_errors(path):
                self._fs.makedirs(folder, exist_ok=True)
                self._fs.put_file(str(copy), part)
                if self._remote_checksum(part) != wanted:
                    raise OSError(errno.EIO, "arrived damaged: its checksum differs", path)
                if not overwrite and self._fs.exists(place):
                    raise FileExistsError(
                        errno.EEXIST, "exists already (pass overwrite=True to replace it)", path
                    )
                self._rename(part, place)
        except BaseException as error:
            if isinstance(error, Exception):
                self._remove(part)
            else:
                within(INTERRUPTED_CLEANUP_S, lambda: self._remove(part))
            raise
        self._remove(part)  # after a rename it no longer exists
        _log.info("published %s (%d bytes, sha256 %s)", path, copy.stat().st_size, wanted)
        return wanted

    def _remove(self, part: str) -> None:
        with contextlib.suppress(Exception):  # what a driver raises is its own affair
            self._fs.rm_file(part)

    def _rename(self, part: str, place: str) -> None:
        if _is_local(self._fs):
            os.replace(part, place)
        else:  # object stores copy in one step, so that the new name is complete or absent
            self._fs.cp_file(part, place)

    def _remote_checksum(self, path: str) -> str:
        digest = hashlib.sha256()
        with self._fs.open(path, "rb") as file:
            while part := file.read(_READ_BYTES):
                digest.update(part)
        return digest.hexdigest()


def within(limit_s: float, work: Callable[[], None]) -> None:
    """Do what may hang, and wait for it no longer than `limit_s` seconds."""
    is_done = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            is_done.set()

    threading.Thread(target=run, name="hushgate store", daemon=True).start()
    is_done.wait(limit_s)


@contextlib.contextmanager
def _plain_errors(path: str) -> Iterator[None]:
    """Raise a driver's own errors, such as botocore's, as OSError."""
    try:
        yield
    except (OSError, ImportError, MemoryError):
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        raise OSError(errno.EIO, f"{type(error).__name__}: {text}".rstrip(": "), path) from error


def _is_local(system: Any) -> bool:
    return "file" in ((system.protocol,) if isinstance(system.protocol, str) else system.protocol)


def _is_hidden(part: str) -> bool:
    return part.startswith(".") and part not in (".", "..")


def checksum(path: Path) -> str:
    """sha256 of a file on this machine, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
