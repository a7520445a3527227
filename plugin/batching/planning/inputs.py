"""Input files of a batch: files, folders, lists."""

from __future__ import annotations

import errno
import fnmatch
import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hushgate.audio_files.formats import AUDIO_SUFFIXES
from hushgate.batching.planning.storage import Store, store_for

_LIST_COMMENT = "#"


@dataclass(frozen=True)
class Source:
    """A file to clean.

    Attributes:
        path: Path or URL to open.
        name: Its relative path under the output folder, with `/` between folders.
    """

    path: str
    name: str


@dataclass
class Inputs:
    """The files that were found.

    Attributes:
        sources: Files in the order given, those of a folder sorted.
        problems: Folders that could not be read, and the reasons.
        num_ignored: Files in folders that were not asked for.
    """

    sources: list[Source] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    num_ignored: int = 0


def find_inputs(
    paths: Iterable[str],
    *,
    lists: Iterable[str] = (),
    recursive: bool = False,
    globs: Sequence[str] = (),
    base: str | None = None,
    exclude: str | None = None,
) -> Inputs:
    """Find every file to clean.

    A folder's files keep their relative path; a file that is named itself keeps its name only; a file from
    a list keeps the relative path of the list. With `base`, every file keeps its path relative to that.

    Args:
        paths: Files and folders, paths or URLs.
        lists: Text files with one path per line; empty lines and lines that begin with # are
            skipped. Relative paths are relative to the current folder.
        recursive: Also search the folders in folders.
        globs: Patterns; a file in a folder must match one of them with its name, or, where a pattern has
            a `/`, with its relative path. Without patterns, the usual extensions of sound files.
        base: Folder that the paths under the output folder are relative to.
        exclude: Folder to leave out: the output folder, in case it lies in an input folder.

    Raises:
        FileNotFoundError: A path that does not exist. (Missing files of a list fail when they are opened.)
        ValueError: A file that does not lie under `base`.
        OSError: A list that cannot be read.
    """
    found = Inputs()
    for path in paths:
        store = store_for(path)
        if store.is_folder(path):
            _search(path, store, found, recursive, globs, base, exclude)
        elif store.exists(path):
            found.sources.append(Source(path, _name(path, posixpath.basename(_slashed(path)), base)))
        else:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    for listing in lists:
        for path in read_list(listing):
            found.sources.append(Source(path, _name(path, _listed_name(path), base)))
    return found


def read_list(path: str) -> list[str]:
    """The paths in a text file, one per line.

    Raises:
        OSError: The file cannot be read.
    """
    # File names may hold any bytes.
    text = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
    lines = (line.rstrip("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip() and not line.startswith(_LIST_COMMENT)]


def _search(
    folder: str,
    store: Store,
    found: Inputs,
    recursive: bool,
    globs: Sequence[str],
    base: str | None,
    exclude: str | None,
) -> None:
    excluded = None
    if exclude is not None and store_for(exclude).is_local == store.is_local:
        key = store.key(exclude)
        # If output and input folder are the same, make_plan raises.
        excluded = None if _is_under(store.key(folder), key) else key

    def report(error: OSError) -> None:
        found.problems.append((str(error.filename or folder), error.strerror or str(error)))

    for name in store.walk(folder, recursive, report):
        path = store.join(folder, name)
        if excluded is not None and _is_under(store.key(path), excluded):
            continue
        if _matches(name, globs):
            found.sources.append(Source(path, _name(path, name, base)))
        else:
            found.num_ignored += 1


def _matches(name: str, globs: Sequence[str]) -> bool:
    own = posixpath.basename(name)
    if not globs:
        return posixpath.splitext(own)[1].lower() in AUDIO_SUFFIXES
    return any(fnmatch.fnmatchcase(name if "/" in glob else own, glob) for glob in globs)


def _name(path: str, name: str, base: str | None) -> str:
    if base is None:
        return name
    store = store_for(path)
    own, root = _slashed(store.absolute(path)), _slashed(store_for(base).absolute(base)).rstrip("/")
    if not _is_under(own, root) or own == root:
        raise ValueError(f"base must be a folder that holds every input (got {base!r}, which lacks {path}).")
    return own[len(root) :].lstrip("/")


def _is_under(path: str, folder: str) -> bool:
    path, folder = _slashed(path), _slashed(folder).rstrip("/")
    return path == folder or path.startswith(folder + "/")


def _listed_name(path: str) -> str:
    """The relative path of a listed file: as listed if it leads downwards, otherwise its name."""
    parts = posixpath.normpath(_slashed(path)).split("/")
    if "://" in path or os.path.isabs(path) or parts[0] == "..":
        return parts[-1]
    return "/".join(parts)


def _slashed(path: str) -> str:
    return path.replace(os.sep, "/") if os.sep != "/" else path
