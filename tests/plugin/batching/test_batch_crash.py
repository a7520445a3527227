"""Batches that are killed, interrupted, or run out of disk: nothing half-made, nothing lost."""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from hushgate.batching import batch
from hushgate.batching.planning.journal import JOURNAL_NAME
from hushgate.batching.planning.plan import Job
from hushgate.batching.progress_views import QuietView
from tests.helpers.seeded_noise import noise

NUM_FILES = 16
FORMATS = [("wav", "FLOAT"), ("ogg", "VORBIS"), ("flac", "PCM_24"), ("aiff", "FLOAT")]
# Short kills of a process that is loaded already; and some of the whole command with its workers.
NUM_KILLS = 20
NUM_COMMAND_KILLS = 2

# Forks a process that is ready to work, lets it resume the batch, kills it, and looks at what is left.
KILL_LOOP = """
import os, random, signal, sys, time
from pathlib import Path
from hushgate.batching import batch
import hushgate.batching.cleaning.clean_file, hushgate.effects.chain, hushgate.commands.main
import onnxruntime, mutagen.ogg

folder, out, wanted, model, num_kills = *map(Path, sys.argv[1:4]), sys.argv[4], int(sys.argv[5])
random.seed(2026)
for number in range(num_kills):
    child = os.fork()
    if child == 0:
        batch(folder, out, model=model, jobs=0, resume=True, output_residual=True)
        os._exit(0)
    time.sleep(random.uniform(0.05, 0.25))
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    finals = [path for path in out.glob("*") if not path.name.startswith(".")] if out.exists() else []
    broken = [path.name for path in finals if path.read_bytes() != (wanted / path.name).read_bytes()]
    print(os.WIFSIGNALED(status), len(finals), *broken)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short files whose formats carry time stamps and random numbers, unless they are removed."""
    folder = tmp_path_factory.mktemp("crash") / "in"
    folder.mkdir()
    for number in range(NUM_FILES):
        extension, subtype = [("wav", "FLOAT"), ("ogg", "VORBIS"), ("flac", "PCM_24"), ("aiff", "FLOAT")][
            number % 4
        ]
        soundfile.write(
            folder / f"{number:02}.{extension}", noise(24_000, 2, seed=number), 48_000, subtype=subtype
        )
    return folder


def command(folder: Path, out: Path, model: str, *options: str | Path) -> list[str]:
    base = [sys.executable, "-m", "hushgate", "batch", folder, "-o", out, "--model", model, "--jobs", "2"]
    return list(map(str, [*base, *options]))


def run(arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(arguments, capture_output=True, timeout=120, check=False)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != JOURNAL_NAME}


@pytest.fixture(scope="module")
def wanted(folder: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run."""
    out = tmp_path_factory.mktemp("wanted") / "out"
    done = run(command(folder, out, str(models / "stateful.onnx"), "--residual"))
    assert done.returncode == 0, done.stderr
    assert len(contents(out)) == 2 * NUM_FILES
    return out


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_twenty_kills_and_a_resume_equal_an_undisturbed_run(
    folder: Path, wanted: Path, tmp_path: Path, stateful: str
) -> None:
    out = tmp_path / "out"
    arguments = [sys.executable, "-c", KILL_LOOP, folder, out, wanted, stateful, NUM_KILLS]
    loop = run(list(map(str, arguments)))
    lines = [line.split() for line in loop.stdout.decode().splitlines()]
    assert len(lines) == NUM_KILLS, loop.stderr.decode()
    assert [line for line in lines if line[2:]] == []  # never half a file under a final name
    assert sum(line[0] == "True" for line in lines) >= 3  # the rest found nothing left to do
    done = run(command(folder, out, stateful, "--residual", "--resume"))
    assert done.returncode == 0, done.stderr
    assert contents(out) == contents(wanted)  # and no temporary file is left


def test_killing_the_command_leaves_no_workers_that_go_on(
    folder: Path, wanted: Path, tmp_path: Path, stateful: str
) -> None:
    out = tmp_path / "out"
    final = contents(wanted)
    random.seed(3)
    for _ in range(NUM_COMMAND_KILLS):
        process = subprocess.Popen(
            command(folder, out, stateful, "--residual", "--resume"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        process.stdout.readline()  # the first file is done
        time.sleep(random.uniform(0.0, 0.2))
        process.kill()
        process.wait()
        process.stdout.close()
        deadline = time.monotonic() + 10.0
        while users_of(out) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert users_of(out) == []
        found = {name: data for name, data in contents(out).items() if not name.startswith(".")}
        assert [name for name, data in found.items() if final[name] != data] == []
    done = run(command(folder, out, stateful, "--residual", "--resume"))
    assert done.returncode == 0, done.stderr
    assert contents(out) == final


def users_of(folder: Path) -> list[int]:
    """Processes that have a file in this folder open."""
    if not Path("/proc").is_dir():
        return []
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(folder) in os.readlink(link) for link in (entry / "fd").iterdir()):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


class Killer(QuietView):
    """Kills the worker of one file at its first attempt, and of another at every attempt."""

    def __init__(self, once: str, always: str) -> None:
        self.doomed = [once]
        self.always = always

    def started(self, job: Job) -> None:
        if job.name == self.always or job.name in self.doomed:
            self.doomed = [name for name in self.doomed if name != job.name]
            for child in multiprocessing.active_children():  # with one job there is one
                child.kill()


def test_a_worker_that_dies_costs_no_other_file_and_is_logged(
    folder: Path, wanted: Path, tmp_path: Path, stateful: str, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    caplog.set_level("INFO", "hushgate")
    view = Killer(once="02.flac", always="07.aiff")
    result = batch(folder, out, model=stateful, jobs=1, output_residual=True, view=view)
    assert {file.name: file.error for file in result.failed} == {
        "07.aiff": "the process that cleaned it died (killed by SIGKILL), twice"
    }
    assert contents(out) == {name: data for name, data in contents(wanted).items() if name[:2] != "07"}
    messages = [record.getMessage() for record in caplog.records if record.name == "hushgate.batching"]
    died = [
        message for message in messages if message.startswith("a worker process died (killed by SIGKILL)")
    ]
    assert sorted(message.rpartition(" ")[2] for message in died) == ["02.flac", "07.aiff", "07.aiff"]
    assert sorted(message for message in messages if "tried again" in message) == [
        "02.flac is tried again",
        "07.aiff is tried again",
    ]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_ends_cleanly_and_can_be_resumed(
    folder: Path, wanted: Path, tmp_path: Path, stateful: str, signum: signal.Signals
) -> None:
    out, report = tmp_path / "out", tmp_path / "report.json"
    arguments = command(folder, out, stateful, "--residual", "--report", report)
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signum)  # as a terminal does: to the workers too
    errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 128 + signum
    assert errors in ("", "hushgate: interrupted\n")  # no traceback, from no process
    assert not [name for name in contents(out) if name.startswith(".hushgate-batch-")]
    text = report.read_text()
    assert '"unfinished"' in text
    done = run([*arguments, "--resume"])
    assert done.returncode == 0, done.stderr
    assert contents(out) == contents(wanted)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mount = tmp_path / "small"
    mount.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    made = run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)])
    if made.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {made.stderr.decode().strip()}")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


@pytest.mark.parametrize(
    ("extension", "subtype", "seconds"),
    [("wav", "PCM_24", 0.5), ("flac", "PCM_24", 0.5), ("ogg", "VORBIS", 3.0)],
)
def test_a_full_disk_is_said_plainly_and_costs_no_earlier_output(
    small_disk: Path, tmp_path: Path, identity: str, extension: str, subtype: str, seconds: float
) -> None:
    folder, out = tmp_path / "in", small_disk / "out"
    folder.mkdir()
    for number in range(6):
        path = folder / f"{number}.{extension}"
        soundfile.write(path, noise(round(48_000 * seconds), 1, seed=number), 48_000, subtype=subtype)
    reference = tmp_path / "reference"
    batch(folder, reference, model=identity, jobs=0)

    done = batch(folder, out, model=identity, jobs=0, reports=[tmp_path / "report.json"])
    assert done.failed
    for file in done.failed:
        assert re.fullmatch(r".*: No space left on device", file.error or ""), file.error
    good = contents(out)  # and no temporary file
    assert len(good) + len(done.failed) == 6
    assert good
    assert good == {name: (reference / name).read_bytes() for name in good}
    assert "No space left" in (tmp_path / "report.json").read_text()

    run(["mount", "-o", "remount,size=16m", str(small_disk)])
    again = batch(folder, out, model=identity, jobs=0, resume=True)
    assert len(again.having("done")) == len(done.failed)
    assert contents(out) == contents(reference)
