"""Existing outputs: none of another origin is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushgate.batching.planning.existing_outputs import Policy, decide
from hushgate.batching.planning.inputs import Source
from hushgate.batching.planning.journal import Journal
from hushgate.batching.planning.plan import PlanError, make_plan
from hushgate.batching.planning.recipe import BatchSettings


def test_a_file_of_another_origin_never_counts_as_done(tmp_path: Path, settings: BatchSettings) -> None:
    (tmp_path / "a.wav").write_text("input")
    plan = make_plan([Source(str(tmp_path / "a.wav"), "a.wav")], str(tmp_path / "out"), settings)
    target = Path(plan.jobs[0].target)
    target.parent.mkdir()
    resume = Policy(resume=True)
    with Journal(tmp_path / "journal") as journal:
        assert decide(plan, journal, resume).pending == ((plan.jobs[0], False),)
        target.write_text("a stranger's")
        with pytest.raises(PlanError, match="already there"):
            decide(plan, journal, resume)
        journal.plan({"a.wav": str(tmp_path / "a.wav")}, settings.hash, settings.identity())
        assert decide(plan, journal, resume).pending == ((plan.jobs[0], True),)  # cut off before the note
        status = target.stat()
        source = (tmp_path / "a.wav").stat()
        journal.done(
            "a.wav",
            source_print=[source.st_size, source.st_mtime_ns],
            prints=[[status.st_size, status.st_mtime_ns]],
            result={"source": "x", "name": "a.wav", "status": "done", "settings_hash": settings.hash},
        )
        assert decide(plan, journal, resume).settled[0].status == "resumed"
        target.write_text("edited since")
        with pytest.raises(PlanError, match="already there"):
            decide(plan, journal, resume)
