"""Journal: crashes, locks, changed settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushgate.batching.planning.journal import Journal, changed_settings


def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.plan({"a.wav": "/in/a.wav", "b.wav": "/in/b.wav"}, "h", {"mix": 1.0})
        journal.done("a.wav", source_print=[1, 2], prints=[[3, 4]], result={"x": 1})
    with path.open("ab") as file:
        file.write(b'{"type": "done", "output": "b.w')
    with Journal(path) as journal:
        assert journal.entries["a.wav"].done
        assert not journal.entries["b.wav"].done
        journal.done("b.wav", source_print=[1, 2], prints=[[3, 4]], result={})
    with Journal(path) as journal:
        assert journal.entries["b.wav"].done
        assert journal.settings == {"h": {"mix": 1.0}}


def test_two_batches_never_share_a_journal(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="this system has no file locks")
    with Journal(tmp_path / "journal"), pytest.raises(RuntimeError, match="another batch is writing"):
        Journal(tmp_path / "journal")
    Journal(tmp_path / "journal").__exit__()


def test_changed_settings_are_named() -> None:
    before = {"dither": True, "effect": {"mix": 1.0, "model": "sha256:1"}}
    assert changed_settings(before, {"dither": False, "effect": {"mix": 1.0, "model": "sha256:2"}}) == [
        "dither",
        "model",
    ]
