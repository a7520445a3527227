"""Storage of sound files: folders of this machine, or URLs that fsspec can open."""

from __future__ import annotations

import contextlib
import logging
import os
import unicodedata
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

from hushgate.batching.planning.remote_store import Fingerprint, RemoteStore
from hushgate.batching.planning.run_parts import is_part_of

_log = logging.getLogger("hushgate.batching")
_URL_MARK = "://"
_LOCAL_SCHEMES = ("file", "local")
_RESIDUAL_MARK = ".residual"


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

    def remove_parts(self, folder: str, runs: Collection[str]) -> None:
        """Remove the temporary files of some runs in a folder; those of other runs may be in use."""


def local_path(path: str) -> str:
    """A file:// URL as a path of this machine; anything else as it is.

    >>> local_path("file:///music/a%20b.wav"), local_path("s3://music/a.wav")
    ('/music/a b.wav', 's3://music/a.wav')
    """
    scheme, mark, _ = path.partition(_URL_MARK)
    if not mark or scheme.lower() not in _LOCAL_SCHEMES:
        return path
    place = urllib.parse.urlsplit(path)
    if place.netloc not in ("", "localhost"):
        raise ValueError(f"a file:// URL must have three slashes and a whole path (got {path!r}).")
    return urllib.request.url2pathname(path.partition(_URL_MARK)[2].removeprefix("localhost"))


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

    def remove_parts(self, folder: str, runs: Collection[str]) -> None:
        """See `Store`."""
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if is_part_of(entry.name, runs):
                    os.unlink(entry.path)
                    _log.info("removed %s, which an interrupted batch left", entry.path)


_IGNORES_CASE = os.name == "nt" or os.uname().sysname == "Darwin"


def residual_name(target: str) -> str:
    """Name of the residual that belongs to an output.

    >>> residual_name("cleaned/a.wav")
    'cleaned/a.residual.wav'
    """
    stem, extension = os.path.splitext(target)
    return f"{stem}{_RESIDUAL_MARK}{extension}"


def file_size(path: str) -> int:
    """Size of a local file, bytes; 0 for a missing or remote one."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
