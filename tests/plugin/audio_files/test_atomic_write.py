"""Files appear complete under their name, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hushgate.audio_files.atomic_write import AtomicFile, check_target, write_atomically


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "a.txt") as file:
        file.part.write_bytes(b"new")
        assert not (tmp_path / "a.txt").exists()
        assert file.part.parent == tmp_path
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")

    def write_half() -> None:
        with AtomicFile(tmp_path / "a.txt", overwrite=True) as file:
            file.part.write_bytes(b"ne")
            raise interruption

    with pytest.raises(interruption):
        write_half()
    assert (tmp_path / "a.txt").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_refusal_of_the_written_file_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")

    def refuse() -> None:
        assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"new", b"old"]
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        write_atomically(tmp_path / "a.txt", b"new", on_written=refuse)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    path.chmod(mode)
    with AtomicFile(path, overwrite=True) as file:
        assert stat.S_IMODE(file.part.stat().st_mode) & 0o077 == 0  # private while it is written
        file.part.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_gets_the_users_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"

    def write() -> None:
        with AtomicFile(path) as file:
            file.part.write_bytes(b"mine")
            # After the last look at the target, before the rename.
            monkeypatch.setattr(
                "hushgate.audio_files.atomic_write.check_target",
                lambda *_, **__: path.write_bytes(b"theirs"),
            )

    with pytest.raises(FileExistsError, match="exists already"):
        write()
    assert path.read_bytes() == b"theirs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_without_hard_links_the_file_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError("this file system has no hard links")

    monkeypatch.setattr(os, "link", no_links)
    write_atomically(tmp_path / "a.txt", b"content", overwrite=False)
    assert (tmp_path / "a.txt").read_bytes() == b"content"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "real.txt").write_bytes(b"old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "place" / "real.txt")
    write_atomically(tmp_path / "link.txt", "new\n")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "place" / "real.txt").read_bytes() == b"new\n"
    assert [entry.name for entry in (tmp_path / "place").iterdir()] == ["real.txt"]


def test_a_run_can_name_its_temporary_files(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "a.txt", part_prefix=".run-7-") as file:
        assert file.part.name.startswith(".run-7-")
        assert file.part.name.endswith(".part")


def test_another_name_of_an_original_is_refused(tmp_path: Path) -> None:
    (tmp_path / "original").write_bytes(b"sound")
    os.link(tmp_path / "original", tmp_path / "hard link")
    (tmp_path / "soft link").symlink_to("original")
    (tmp_path / "folder").symlink_to(tmp_path)
    for name in ("original", "hard link", "soft link", "folder/original"):
        with pytest.raises(ValueError, match="is both input and output"):
            check_target(tmp_path / name, overwrite=True, originals=[tmp_path / "original"])
        with (tmp_path / "original").open("rb") as file, pytest.raises(ValueError, match="both input and"):
            write_atomically(tmp_path / name, b"new", originals=[file.fileno()])
    assert (tmp_path / "original").read_bytes() == b"sound"
    check_target(tmp_path / "other", overwrite=True, originals=[tmp_path / "original", tmp_path / "missing"])


def test_an_original_that_takes_the_name_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "original").write_bytes(b"sound")

    def write() -> None:
        with AtomicFile(tmp_path / "a", overwrite=True, originals=[tmp_path / "original"]) as file:
            file.part.write_bytes(b"new")
            os.link(tmp_path / "original", tmp_path / "a")

    with pytest.raises(ValueError, match="is both input and output"):
        write()
    assert (tmp_path / "original").read_bytes() == (tmp_path / "a").read_bytes() == b"sound"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "original"]
