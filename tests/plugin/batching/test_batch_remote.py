"""Batches over fsspec paths and on a Dask cluster."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hushgate.batching import PlanError, batch
from hushgate.batching.planning.journal import JOURNAL_NAME
from hushgate.batching.planning.remote_store import RemoteStore
from hushgate.batching.planning.results import FileResult
from hushgate.batching.progress_views import QuietView
from tests.helpers.seeded_noise import noise

fsspec = pytest.importorskip("fsspec", reason="needs the extra cluster")
NUM_FILES = 12


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Any]:
    """An empty fsspec file system in memory, with three files in memory://in, one of them bad."""
    system = fsspec.filesystem("memory")
    for seed, name in enumerate(["a [1]*.wav", "sub/b.flac"]):
        path = tmp_path / Path(name).name
        soundfile.write(path, noise(8000, 1, seed=seed), 16_000, subtype="PCM_24")
        system.pipe_file(f"/in/{name}", path.read_bytes())
    system.pipe_file("/in/bad.wav", b"no sound")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Journals of remote output folders lie with the user's state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "hushgate"


def test_files_are_staged_checksummed_and_renamed_into_place(
    memory: Any, tmp_path: Path, models: Path, journals: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hushgate.batching")
    half = models / "half.onnx"
    options = {"model": half, "recursive": True, "jobs": 0, "output_residual": True}
    result = batch("memory://in", "memory://out", **options)  # type: ignore[arg-type]
    assert sorted(memory.find("/out")) == [
        "/out/a [1]*.residual.wav",
        "/out/a [1]*.wav",
        "/out/sub/b.flac",
        "/out/sub/b.residual.flac",
    ]
    logged = [record.getMessage() for record in caplog.records]
    assert any(message.startswith("fetched memory://in/a [1]*.wav (") for message in logged)
    assert any(message.startswith("published memory://out/a [1]*.residual.wav (") for message in logged)
    (tmp_path / "x.wav").write_bytes(memory.cat_file("/out/a [1]*.wav"))
    sound = soundfile.read(tmp_path / "x.wav")[0]
    assert np.abs(sound - 0.5 * soundfile.read(tmp_path / "a [1]*.wav")[0]).max() < 1e-6
    done = {file.name: file for file in result.having("done")}
    assert done["a [1]*.wav"].source_sha256 == hashlib.sha256(memory.cat_file("/in/a [1]*.wav")).hexdigest()
    assert done["a [1]*.wav"].output_sha256 == hashlib.sha256(memory.cat_file("/out/a [1]*.wav")).hexdigest()
    assert [file.name for file in result.failed] == ["bad.wav"]
    assert (result.failed[0].error or "").startswith(
        "memory://in/bad.wav cannot be read"
    )  # no stand-in's name

    with pytest.raises(PlanError, match="already there"):
        batch("memory://in", "memory://out", **options)  # type: ignore[arg-type]
    again = batch("memory://in", "memory://out", resume=True, **options)  # type: ignore[arg-type]
    assert len(again.having("resumed")) == 2
    assert len(list(journals.iterdir())) == 1


def test_local_and_remote_can_be_mixed(memory: Any, tmp_path: Path, identity: str) -> None:
    batch("memory://in/sub", tmp_path / "out", model=identity, jobs=0)
    assert (tmp_path / "out" / "b.flac").is_file()
    batch(tmp_path / "out", "memory://back", model=identity, jobs=0)
    assert memory.find("/back") == ["/back/b.flac"]


def test_an_upload_that_arrives_damaged_is_refused_and_removed(
    memory: Any, tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RemoteStore, "_remote_checksum", lambda self, path: "0" * 64)
    result = batch("memory://in/sub", "memory://out", model=identity, jobs=0)
    assert "checksum differs" in (result.failed[0].error or "")
    assert memory.find("/out") == []


def test_a_download_that_arrives_short_is_refused(
    memory: Any, tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(memory), "get_file", lambda self, path, copy: Path(copy).write_bytes(b"RIFF"))
    result = batch("memory://in/sub", "memory://out", model=identity, jobs=0)
    assert "arrived incomplete (4 of" in (result.failed[0].error or "")


def test_collisions_are_seen_through_urls(memory: Any, identity: str) -> None:
    with pytest.raises(PlanError, match="would overwrite its own input"):
        batch("memory://in", "memory:///in/", model=identity, jobs=0)


def test_memory_is_no_place_for_other_processes(memory: Any, identity: str) -> None:
    with pytest.raises(PlanError, match="lies in the memory of this process"):
        batch("memory://in", "memory://out", model=identity, jobs=2)


@pytest.mark.parametrize("name", ["../x.wav", "sub/../../x.wav", "..", "sub//x.wav"])
def test_names_from_a_store_stay_in_the_output_folder(
    memory: Any, tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(type(memory), "find", lambda self, root, **_: [f"{root}/{name}"])
    with pytest.raises(PlanError, match="would lie outside the output folder"):
        batch("memory://in", tmp_path / "deep" / "out", model=identity, globs=["*"], jobs=0)
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("url", ["memory://in/..", "memory://in/sub/..", "memory://.."])
def test_listed_urls_stay_in_the_output_folder(memory: Any, tmp_path: Path, identity: str, url: str) -> None:
    (tmp_path / "list").write_text(f"{url}\n")
    with contextlib.suppress(PlanError):
        result = batch([], tmp_path / "deep" / "out", lists=[tmp_path / "list"], model=identity, jobs=0)
        assert [file.status for file in result.files] == ["failed"]
    assert {path.name for path in tmp_path.rglob("*")} <= {
        "a [1]*.wav",
        "b.flac",
        "list",
        "deep",
        "out",
        JOURNAL_NAME,
    }


class DriverError(Exception):
    """Like botocore's: no OSError."""


def test_errors_of_a_driver_cost_one_file_each_and_no_report(
    memory: Any, tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_file = type(memory).get_file

    def fails_once(self: Any, path: str, copy: str) -> None:
        if "b.flac" in path:
            raise DriverError("SlowDown: try later")
        get_file(self, path, copy)

    def fails(*_: object, **__: object) -> None:
        raise DriverError("AccessDenied")

    monkeypatch.setattr(type(memory), "get_file", fails_once)
    monkeypatch.setattr(type(memory), "ls", fails)
    report = tmp_path / "report.json"
    arguments: dict[str, Any] = {"model": identity, "recursive": True, "jobs": 0, "reports": [report]}
    result = batch("memory://in", "memory://out", **arguments)
    errors = {file.name: file.error for file in result.failed}
    assert errors["sub/b.flac"] == "memory://in/sub/b.flac: DriverError: SlowDown: try later"
    assert [file.name for file in result.having("done")] == ["a [1]*.wav"]
    assert "SlowDown" in report.read_text()
    monkeypatch.setattr(type(memory), "exists", fails)
    with pytest.raises(OSError, match="AccessDenied"):  # before any work: the batch is refused in one line
        batch("memory://in/a [1]*.wav", "memory://out", model=identity, jobs=0)


def test_no_room_for_copies_costs_the_remote_files_and_no_report(
    memory: Any, tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "here.wav", noise(4000, 1), 16_000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    report = tmp_path / "report.json"
    inputs = ["memory://in/sub/b.flac", str(tmp_path / "here.wav")]
    result = batch(inputs, tmp_path / "out", model=identity, jobs=0, reports=[report])
    assert [file.status for file in result.files] == ["failed", "done"]
    assert "missing" in (result.failed[0].error or "")
    assert "here.wav" in report.read_text()


# `hushgate` with a store that answers whether a file is there and then never again.
HUNG = """
import sys, time
import fsspec

class HungStore(fsspec.AbstractFileSystem):
    protocol = "hung"

    def info(self, path, **options):
        if self._strip_protocol(path) != "in/a.wav":
            raise FileNotFoundError(path)
        return {"name": path, "size": 44, "type": "file"}

    def makedirs(self, path, exist_ok=False):
        pass

    def get_file(self, path, copy):
        print("hangs", flush=True)
        time.sleep(600.0)

    def ls(self, path, detail=True, **options):
        time.sleep(600.0)

fsspec.register_implementation("hung", HungStore)  # in worker processes, too
if __name__ == "__main__":
    from hushgate.commands.main import main
    sys.exit(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="sends signals")
@pytest.mark.parametrize("jobs", ["0", "1"])
def test_an_interruption_does_not_wait_for_a_store_that_hangs(
    tmp_path: Path, identity: str, jobs: str
) -> None:
    (tmp_path / "hung.py").write_text(HUNG)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, str(tmp_path / "hung.py"), "batch", "hung://in/a.wav", "-o", "hung://out"]
    with subprocess.Popen(
        [*command, "--model", identity, "-j", jobs],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"hangs\n"
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60.0)[1]
    assert (process.returncode, errors) == (130, b"hushgate: interrupted\n")
    assert list(scratch.iterdir()) == []


class WorkerKiller(QuietView):
    """Kills one worker of a cluster when the first file is done."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.killed = 0

    def finished(self, result: FileResult) -> None:
        if not self.killed:
            self.killed = next(iter(self.cluster.workers.values())).pid
            os.kill(self.killed, signal.SIGKILL)


@pytest.mark.filterwarnings("ignore")  # Dask's own deprecations
def test_a_cluster_does_the_same_and_a_dead_worker_loses_no_file(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(NUM_FILES):
        soundfile.write(folder / f"{number:02}.flac", noise(16_000, 1, seed=number), 16_000, subtype="PCM_24")
    (folder / "bad.wav").write_text("no sound")
    travelling = tmp_path / "model.onnx"  # not known to the workers under this name
    travelling.write_bytes((models / "stateful.onnx").read_bytes())
    expected = batch(folder, tmp_path / "here", model=travelling, jobs=0)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as cluster:
        view = WorkerKiller(cluster)
        result = batch(
            folder.as_uri(),
            tmp_path / "out",
            model=travelling,
            scheduler=cluster.scheduler_address,
            view=view,
        )
        # Plain paths, which the workers share, relative to where only we are.
        monkeypatch.chdir(tmp_path)
        shared = batch("in", "shared", model=travelling, scheduler=cluster.scheduler_address)
    assert view.killed
    assert len(shared.having("done")) == NUM_FILES
    assert [file.name for file in result.failed] == ["bad.wav"]
    assert len(result.having("done")) == NUM_FILES
    names = sorted(path.name for path in (tmp_path / "out").iterdir() if path.name != JOURNAL_NAME)
    assert names == [f"{number:02}.flac" for number in range(NUM_FILES)]  # and nothing temporary
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert result.settings_hash == expected.settings_hash


def test_warnings_name_the_remote_file_and_not_its_copy(memory: Any, models: Path) -> None:
    content = memory.cat_file("/in/a [1]*.wav")
    memory.pipe_file("/short/a.wav", content[:-300])
    options: dict[str, Any] = {"model": models / "half.onnx", "jobs": 0, "allow_truncated": True}
    (file,) = batch("memory://short", "memory://out", **options).files
    assert file.warnings[0].startswith("memory://short/a.wav is cut short")
