"""Views of a running batch."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from hushgate.batching.planning.inputs import Source
from hushgate.batching.planning.plan import make_plan
from hushgate.batching.planning.recipe import BatchSettings
from hushgate.batching.planning.results import FileResult
from hushgate.batching.progress_views import RichView, describe


def test_the_bar_of_the_batch_counts_files_by_their_size(tmp_path: Path, settings: BatchSettings) -> None:
    for name, size in (("long.wav", 3000), ("short.wav", 1000)):
        (tmp_path / name).write_bytes(bytes(size))
    sources = [Source(str(tmp_path / name), name) for name in ("long.wav", "short.wav")]
    long, short = make_plan(sources, "out", settings).jobs
    with Progress(console=Console(file=io.StringIO())) as progress:
        view = RichView(progress)
        view.planned([long, short], [])
        whole = progress.tasks[0]
        view.started(long)
        view.progressed(long, 0.5)
        assert (whole.total, whole.completed) == (4000, 1500)
        view.started(long)  # its worker died
        assert whole.completed == 0
        view.finished(FileResult(long.source, "long.wav", "done", ""))
        view.started(short)
        assert whole.completed == 3000
        assert [task.description for task in progress.tasks] == ["all files", "short.wav"]
        view.finished(FileResult(short.source, "short.wav", "failed", "", error="no sound"))
        assert whole.finished


def test_figures_are_worded_as_in_every_command() -> None:
    result = FileResult(
        "in/a.wav",
        "a.wav",
        "done",
        "",
        duration_s=12.0,
        floor_before_dbfs=-40.0,
        floor_after_dbfs=-150.0,
        real_time_factor=0.5 / 0.15,
    )
    assert describe(result) == "a.wav: done, 12.0 s, noise floor -40.0 dBFS -> silence, 0.3 times real time"
