"""Input files of a batch: files, folders, lists."""

from __future__ import annotations

import errno
import fnmatch
import os
import posixpath
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hushgate.audio_files.formats.containers import AUDIO_SUFFIXES
from hushgate.batching.planning.storage import Store, local_path, store_for

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
        ignored: Files in folders that are left alone, and the reasons. Hidden files are not listed.
    """

    sources: list[Source] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)


def find_inputs(
    paths: Iterable[str],
    *,
    lists: Iterable[str] = (),
    recursive: bool = False,
    globs: Sequence[str] = (),
    exclude: Sequence[str] = (),
    base: str | None = None,
    output_dir: str | None = None,
    outputs: Collection[str] = (),
    copies: Collection[str] = (),
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
        exclude: Patterns of files in folders to leave out, compared like `globs`.
        output_dir: Folder to leave out, in case it is inside an input folder.
        outputs: Keys (`Store.key`) of files in folders to leave out: the outputs of earlier runs.
        copies: Local folders to leave out: they hold the sounds of the pages of reports.

    Raises:
        FileNotFoundError: A path that does not exist. (Missing files of a list fail when they are opened.)
        ValueError: A file that does not lie under `base`.
        OSError: A list that cannot be read.
    """
    found = Inputs()
    for path in paths:
        store = store_for(path)
        if store.is_folder(path):
            search = _Search(recursive, globs, exclude, base, output_dir, outputs, copies)
            search.run(path, store, found)
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
    return [local_path(line) for line in lines if line.strip() and not line.startswith(_LIST_COMMENT)]


@dataclass(frozen=True)
class _Search:
    """Rules for the files of a folder; see `find_inputs`."""

    recursive: bool
    globs: Sequence[str]
    exclude: Sequence[str]
    base: str | None
    output_dir: str | None
    outputs: Collection[str]
    copies: Collection[str]

    def run(self, folder: str, store: Store, found: Inputs) -> None:
        """Add the files of a folder to `found`."""
        excluded = [store.key(copy) for copy in self.copies] if store.is_local else []
        if self.output_dir is not None and store_for(self.output_dir).is_local == store.is_local:
            key = store.key(self.output_dir)
            # If output and input folder are the same, make_plan compares file by file.
            excluded += [] if _is_under(store.key(folder), key) else [key]

        def report(error: OSError) -> None:
            found.problems.append((str(error.filename or folder), error.strerror or str(error)))

        for name in store.walk(folder, self.recursive, report):
            path = store.join(folder, name)
            if any(_is_under(store.key(path), left_out) for left_out in excluded):
                continue
            if reason := self._reason_to_ignore(name, store.key(path)):
                found.ignored.append((path, reason))
            else:
                found.sources.append(Source(path, _name(path, name, self.base)))

    def _reason_to_ignore(self, name: str, key: str) -> str | None:
        for glob in self.exclude:
            if _matches(name, glob):
                return f'matches exclude="{glob}"'
        if self.globs:
            if not any(_matches(name, glob) for glob in self.globs):
                return "matches none of globs=..."
        elif posixpath.splitext(name)[1].lower() not in AUDIO_SUFFIXES:
            return "not the extension of a sound file"
        return "output of an earlier run" if key in self.outputs else None


def _matches(name: str, glob: str) -> bool:
    return fnmatch.fnmatchcase(name if "/" in glob else posixpath.basename(name), glob)


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
