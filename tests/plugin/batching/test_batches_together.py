"""Batches at the same time, and what they and crashes leave behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import soundfile

from hushgate.batching import PlanError, batch
from hushgate.batching.planning.journal import JOURNAL_NAME
from hushgate.batching.planning.plan import Job
from hushgate.batching.planning.results import FileResult
from hushgate.batching.planning.run_parts import part_prefix, scratch_prefix
from hushgate.batching.progress_views import QuietView
from tests.helpers.seeded_noise import noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, place in enumerate(("", "sub")):
        (tmp_path / "in" / place).mkdir(exist_ok=True, parents=True)
        soundfile.write(tmp_path / "in" / place / f"{number}.wav", noise(4000, 1, seed=number), 16_000)
    return tmp_path / "in"


def visible(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.endswith(JOURNAL_NAME))


class Meanwhile(QuietView):
    """Runs a second batch when the work on the first file of another one has begun."""

    def __init__(self, inputs: Path, output: Path, model: str) -> None:
        self.batch = (inputs, output, model)
        self.parts: list[str] = []
        self.error: Exception | None = None
        self.results: list[FileResult] = []

    def progressed(self, job: Job, fraction: float) -> None:
        if self.results or self.error:
            return
        inputs, output, model = self.batch
        before = [path for path in Path(job.target).parent.iterdir() if path.name.endswith(".part")]
        assert before
        try:
            self.results += batch(inputs, output, model=model, jobs=0).files
        except Exception as error:
            self.error = error
        assert all(path.exists() for path in before)


@pytest.mark.parametrize("other", ["out/sub", "."])
def test_batches_into_nested_folders_leave_each_other_alone(
    folder: Path, tmp_path: Path, identity: str, other: str
) -> None:
    (tmp_path / "more").mkdir()
    soundfile.write(tmp_path / "more" / "more.wav", noise(4000, 1), 16_000)
    view = Meanwhile(tmp_path / "more", tmp_path / other, identity)
    result = batch(folder, tmp_path / "out", model=identity, recursive=True, jobs=0, view=view)
    assert view.error is None
    assert [file.status for file in (*view.results, *result.files)] == ["done"] * 3
    assert not [name for name in visible(tmp_path) if ".hushgate" in name]


def test_a_second_batch_into_the_same_folder_is_refused(folder: Path, tmp_path: Path, identity: str) -> None:
    view = Meanwhile(folder, tmp_path / "out", identity)
    result = batch(folder, tmp_path / "out", model=identity, recursive=True, jobs=0, view=view)
    assert isinstance(view.error, RuntimeError)
    assert "another batch is writing to this output folder" in str(view.error)
    assert [file.status for file in result.files] == ["done", "done"]
    assert visible(tmp_path / "out") == ["0.wav", "sub/1.wav"]


def test_only_what_ended_runs_left_is_removed(
    folder: Path, tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    out = tmp_path / "out"
    batch(folder, out, model=identity, jobs=0)
    run = (out / JOURNAL_NAME).read_text().partition('"run": "')[2][:8]
    left, foreign = out / f"{part_prefix(run)}1.part", out / f"{part_prefix('0badcafe')}1.part"
    for path in (left, foreign):
        path.write_bytes(b"half")
    (scratch / f"{scratch_prefix(run)}x" / "in").mkdir(parents=True)
    batch(folder, out, model=identity, jobs=0, resume=True)
    assert not left.exists()
    assert foreign.exists()  # of a run that may still be going on
    assert os.listdir(scratch) == []


def test_a_file_url_is_a_folder_of_this_machine(folder: Path, tmp_path: Path, identity: str) -> None:
    with pytest.raises(PlanError, match="would overwrite its own input"):
        batch(folder, folder.as_uri(), model=identity, jobs=0, overwrite=True)
    before = (folder / "0.wav").read_bytes()
    with pytest.raises(PlanError, match="would overwrite its own input"):
        batch(folder.as_uri(), f"simplecache::{folder.as_uri()}", model=identity, jobs=0, overwrite=True)
    assert (folder / "0.wav").read_bytes() == before
    out = tmp_path / "a b"
    result = batch((folder / "0.wav").as_uri(), out.as_uri(), model=identity, jobs=0)
    assert result.files[0].output == str(out / "0.wav")
    assert visible(out) == ["0.wav"]
