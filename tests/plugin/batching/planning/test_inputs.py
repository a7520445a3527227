"""Input files: folders, patterns, lists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hushgate.batching.planning.inputs import find_inputs, read_list
from hushgate.batching.planning.storage import LocalStore


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "a.wav",
        "B.FLAC",
        "notes.txt",
        "deep/c.mp3",
        "deep/er/d_vox.wav",
        ".hidden.wav",
        ".git/e.wav",
    ):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    return tmp_path / "in"


def names(folder: Path, **options: object) -> list[str]:
    return sorted(source.name for source in find_inputs([str(folder)], **options).sources)  # type: ignore[arg-type]


def test_folders_are_searched_as_asked(tree: Path) -> None:
    assert names(tree) == ["B.FLAC", "a.wav"]
    assert names(tree, recursive=True) == ["B.FLAC", "a.wav", "deep/c.mp3", "deep/er/d_vox.wav"]
    assert names(tree, recursive=True, globs=["*_vox.wav"]) == ["deep/er/d_vox.wav"]
    assert names(tree, recursive=True, globs=["deep/*.mp3", "*.txt"]) == ["deep/c.mp3", "notes.txt"]
    assert len(find_inputs([str(tree)]).ignored) == 1  # notes.txt; hidden files do not count


def test_outputs_in_the_input_folder_are_no_inputs(tree: Path) -> None:
    assert names(tree, recursive=True, output_dir=str(tree / "deep")) == ["B.FLAC", "a.wav"]


def test_listed_files_keep_their_relative_path(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    listing = tmp_path / "list.txt"
    listing.write_bytes(
        b"\xef\xbb\xbfdeep/c.mp3\r\n\n# a comment\n./a.wav\n../in/B.FLAC\n" + b"bad\xff.wav\n"
    )
    assert read_list(str(listing))[3] == os.fsdecode(b"bad\xff.wav")
    found = find_inputs([], lists=[str(listing)])
    assert [source.name for source in found.sources][:3] == ["deep/c.mp3", "a.wav", "B.FLAC"]
    based = find_inputs(["a.wav", str(tree / "deep")], base=str(tree.parent), recursive=True)
    assert [source.name for source in based.sources] == ["in/a.wav", "in/deep/c.mp3", "in/deep/er/d_vox.wav"]
    with pytest.raises(ValueError, match="base must be a folder that holds every input"):
        find_inputs(["a.wav"], base=str(tree / "deep"))


def test_a_missing_input_is_refused_by_name() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        find_inputs(["nowhere/to/be/found.wav"])
    assert caught.value.filename == "nowhere/to/be/found.wav"


def test_files_left_alone_are_named_with_the_reason(tree: Path) -> None:
    found = find_inputs([str(tree)], recursive=True, exclude=["*_vox.wav", "deep/*.mp3"])
    assert [source.name for source in found.sources] == ["B.FLAC", "a.wav"]
    assert {os.path.relpath(path, tree): reason for path, reason in found.ignored} == {
        "notes.txt": "not the extension of a sound file",
        "deep/c.mp3": 'matches exclude="deep/*.mp3"',
        "deep/er/d_vox.wav": 'matches exclude="*_vox.wav"',
    }
    found = find_inputs([str(tree)], globs=["a*"])
    assert [reason for _, reason in found.ignored] == ["matches none of globs=..."] * 2


def test_outputs_of_earlier_runs_are_no_inputs_unless_named(tree: Path) -> None:
    key = LocalStore().key(str(tree / "a.wav"))
    found = find_inputs([str(tree)], outputs=[key])
    assert [source.name for source in found.sources] == ["B.FLAC"]
    assert (str(tree / "a.wav"), "output of an earlier run") in found.ignored
    assert len(find_inputs([str(tree / "a.wav")], outputs=[key]).sources) == 1
