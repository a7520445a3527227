"""Journal: crashes, locks, changed settings."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from hushgate.batching.planning.journal import Journal, changed_settings, earlier_outputs

RESULT = {"source": "/in/a.wav", "name": "a.wav", "status": "done", "settings_hash": "h"}


def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.plan({"a.wav": "/in/a.wav", "b.wav": "/in/b.wav"}, "h", {"mix": 1.0})
        journal.done("a.wav", source_print=[1, 2], prints=[[3, 4]], result=RESULT)
    with path.open("ab") as file:
        file.write(b'{"type": "done", "output": "b.w')
    with Journal(path) as journal:
        assert journal.entries["a.wav"].done
        assert not journal.entries["b.wav"].done
        journal.done("b.wav", source_print=[1, 2], prints=[[3, 4]], result=RESULT)
    with Journal(path) as journal:
        assert journal.entries["b.wav"].done
        assert journal.settings == {"h": {"mix": 1.0}}


def test_two_batches_never_share_a_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal"), pytest.raises(RuntimeError, match="another batch is writing"):
        Journal(tmp_path / "journal")
    Journal(tmp_path / "journal").__exit__()


def test_changed_settings_are_named() -> None:
    before = {"dither": True, "effect": {"mix": 1.0, "model": "sha256:1"}}
    assert changed_settings(before, {"dither": False, "effect": {"mix": 1.0, "model": "sha256:2"}}) == [
        "dither",
        "model",
    ]


FIRST = '{"type": "run", "version": 1, "settings_hash": "h", "settings": {}}'
GOOD = {
    "type": "done",
    "output": "a.wav",
    "source": "/in/a.wav",
    "settings_hash": "h",
    "source_print": [1, 2],
    "prints": [[3, "x"]],
    "result": RESULT,
}


@pytest.mark.parametrize(
    "change",
    [
        {"output": None},
        {"output": 3},
        {"output": "../a.wav"},
        {"output": "/etc/a.wav"},
        {"output": ""},
        {"source": None},
        {"source": ["x"]},
        {"settings_hash": 1},
        {"source_print": "12"},
        {"source_print": [[1]]},
        {"prints": None},
        {"prints": [3]},
        {"result": None},
        {"result": {}},
        {"result": {**RESULT, "status": "<script>"}},
        {"result": {**RESULT, "duration_s": "long"}},
        {"result": {**RESULT, "duration_s": math.inf}},
        {"result": {**RESULT, "num_samples": 1.5}},
        {"result": {**RESULT, "num_clipped": True}},
        {"result": {**RESULT, "warnings": "x"}},
        {"result": {**RESULT, "picture_before": 7}},
        {"type": "finished"},
    ],
)
def test_a_record_with_a_wrong_field_is_ignored(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "journal"
    lines = [
        FIRST,
        json.dumps({**GOOD, **change}),
        json.dumps({**GOOD, "output": "b.wav"}),
        "[]",
        "7",
        "null",
    ]
    path.write_text("\n".join(lines) + "\n")
    with Journal(path) as journal:
        assert list(journal.entries) == ["b.wav"]
        assert journal.entries["b.wav"].done


def test_outputs_of_earlier_runs_are_known_with_their_residuals(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    assert earlier_outputs(path, str(tmp_path)) == set()
    path.write_text(
        json.dumps({**GOOD, "type": "plan"}) + "\n" + json.dumps({**GOOD, "output": "../b.wav"}) + "\n"
    )
    names = [os.path.basename(key) for key in earlier_outputs(path, str(tmp_path))]
    assert sorted(names) == ["a.residual.wav", "a.wav"]


@pytest.mark.parametrize(
    "content",
    [
        b"shopping list\n",
        b"RIFF\0\0\0\0WAVE",
        b"[1, 2]\n",
        b'{"type": "run", "version": 1}\n',
        b'{"type": "login", "settings_hash": "h"}\n',
        b'{"type": "note"',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_journal_is_left_unchanged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes").write_bytes(content)
    with pytest.raises(ValueError, match="is not a journal of a batch"):
        Journal(tmp_path / "notes")
    assert (tmp_path / "notes").read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes"]


def test_the_lock_is_gone_after_the_batch(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal"):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["journal"]


def test_a_journal_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text(FIRST + "\n")
    (tmp_path / "journal").symlink_to(tmp_path / "target")
    with pytest.raises(ValueError, match="is a link, a folder or a device"):
        Journal(tmp_path / "journal")
    assert (tmp_path / "target").read_text() == FIRST + "\n"
    assert earlier_outputs(tmp_path / "journal", str(tmp_path)) == set()


def test_a_journal_without_end_is_not_read(tmp_path: Path) -> None:
    assert earlier_outputs(Path("/dev/zero"), str(tmp_path)) == set()
    with pytest.raises(ValueError, match="is a link, a folder or a device"):
        Journal(Path("/dev/zero"))


def test_a_journal_knows_the_runs_before_it(tmp_path: Path) -> None:
    runs: list[str] = []
    for _ in range(2):
        with Journal(tmp_path / "journal") as journal:
            assert journal.earlier_runs == set(runs)
            journal.plan({"a.wav": "/in/a.wav"}, "h", {})
            runs.append(journal.run)
    assert len(set(runs)) == 2
