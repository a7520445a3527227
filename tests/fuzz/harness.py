"""Hostile inputs through the commands, and what must hold for each.

`python -m tests.fuzz.harness FIRST_SEED COUNT` runs cases in a process of its own and prints a JSON line for
each and for each fault; `run_apart` starts that and goes on after a crash.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import functools
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile

from hushgate.audio_files.isolation import helper_process
from hushgate.batching.planning.journal import JOURNAL_NAME
from hushgate.commands.main import main
from hushgate.commands.parser import Command, build_parser
from tests.fuzz.cases import RATE, Case, make_case
from tests.helpers import tiny_models

MAX_MEMORY_MB = 600
MAX_SECONDS = 20.0
_ROOT = Path(__file__).resolve().parents[2]


class Harness:
    """Runs cases in this process.

    Args:
        folder: An empty folder to work in.
    """

    def __init__(self, folder: Path) -> None:
        self._work = folder / "work"
        self._work.mkdir()
        self._model = str(tiny_models.identity().save(folder / "identity.onnx"))
        self._sound = folder / "a.wav"
        soundfile.write(self._sound, 0.1 * np.ones(900, np.float32), RATE)

    def faults(self, case: Case) -> list[str]:
        """What did not hold for a case; empty if all did."""
        path = self._work / case.name
        if case.kind != "pipe":
            path.write_bytes(case.data)
        given = set(os.listdir(self._work))
        can_measure = _reset_peak_memory()
        started = time.perf_counter()
        status, text = self._run(case, path)
        elapsed_s = time.perf_counter() - started
        found = []
        if status not in (0, 1, 2):
            found.append(f"status {status}")
        if "fault of hushgate" in text or "Traceback" in text or "Exception ignored" in text:
            found.append("internal error")
        if status == 2 and text.count("hushgate: error: ") != 1:
            found.append("not one line of error")
        if any(ord(character) < 32 and character != "\n" for character in text):
            found.append("control characters are printed")
        if elapsed_s > MAX_SECONDS:
            found.append(f"{elapsed_s:.1f} s")
        if can_measure and (memory_mb := _peak_memory_mb()) > MAX_MEMORY_MB:
            found.append(f"{memory_mb:.0f} MB")
        found += self._leftovers(case, given, status)
        return [f"{fault}: {text.strip()[:500]}" for fault in found]

    def _run(self, case: Case, path: Path) -> tuple[int, str]:
        out = self._work / "out"
        denoise = ["denoise", "--overwrite", "--quiet", "-o"]
        model = ["--model", self._model]
        arguments = {
            "file": [*denoise, str(out.with_suffix(".flac")), str(path), *model],
            "pipe": [*denoise, str(out.with_suffix(".wav")), "-", *model],
            "preset": [*denoise, str(out.with_suffix(".wav")), str(self._sound), "--preset", str(path)],
            "model": [*denoise, str(out.with_suffix(".wav")), str(self._sound), "--model", str(path)],
            "journal": [
                "batch", str(self._sound), "-o", str(self._work), "--resume", "--overwrite", "--quiet",
                "-j", "0", "--report", str(out.with_suffix(".html")),
                "--report", str(out.with_suffix(".csv")),
                *model,
            ],
        }[case.kind]  # fmt: skip
        output = io.StringIO()
        with (
            _standard_input(case.data if case.kind == "pipe" else b""),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            try:
                with _parsers_kept():
                    status = main(arguments)
            except BaseException as error:
                status = -1
                print(f"Traceback: {type(error).__name__}: {error}")
        return status, output.getvalue()

    def _leftovers(self, case: Case, given: set[str], status: int) -> Iterator[str]:
        names = set(os.listdir(self._work)) - given
        wanted = (
            {"out.flac", "out.wav"}
            if case.kind != "journal"
            else {"a.wav", "out.html", "out.sounds", "out.csv", JOURNAL_NAME}
        )
        if names - wanted:
            yield f"left: {sorted(names - wanted)}"
        if status == 2 and names & {"out.flac", "out.wav"}:
            yield "an output after an error"
        for name in names & {"out.flac", "out.wav", "a.wav"}:
            try:
                if not np.isfinite(soundfile.read(self._work / name)[0]).all():
                    yield f"{name} is not finite"
            except soundfile.LibsndfileError as error:
                yield f"{name} cannot be read ({error})"
        for path in self._work.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@functools.cache
def _parser_of(command: str) -> tuple[argparse.ArgumentParser, dict[str, Command]]:
    return build_parser([command])


@contextlib.contextmanager
def _parsers_kept() -> Iterator[None]:
    """Make the parser of each command once: it takes three quarters of the time of a case."""
    with mock.patch("hushgate.commands.main.build_parser", lambda arguments: _parser_of(arguments[0])):
        yield


@contextlib.contextmanager
def _standard_input(data: bytes) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)))
    try:
        yield
    finally:
        sys.stdin = before


def _processes() -> list[int]:
    return [os.getpid(), *(helper._process.pid for helper in helper_process._all)]


def _reset_peak_memory() -> bool:
    try:
        for process in _processes():
            Path(f"/proc/{process}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _peak_memory_mb() -> float:
    """The largest of this process and its helpers."""
    peaks = [0.0]
    for process in _processes():
        with contextlib.suppress(OSError, IndexError):
            status = Path(f"/proc/{process}/status").read_text()
            peaks.append(int(status.partition("VmHWM:")[2].split()[0]) / 1024.0)
    return max(peaks)


def run_apart(first: int, count: int) -> list[str]:
    """Run cases in other processes; what did not hold, one line each with its seed."""
    found: list[str] = []
    seed, end = first, first + count
    while seed < end:
        with tempfile.TemporaryFile() as printed:
            command = [sys.executable, "-m", "tests.fuzz.harness", str(seed), str(end - seed)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=printed, cwd=_ROOT)
            assert process.stdout is not None
            last = seed
            for line in process.stdout:
                message = json.loads(line)
                last = message["seed"]
                found += [f"{last}: {fault}" for fault in message.get("faults", [])]
            process.wait()
            printed.seek(0)
            text = printed.read().decode(errors="replace").strip()
        if process.returncode == 0:
            if text:
                found.append(f"{first}: printed by native code: {text[:2000]}")
            break
        found.append(f"{last}: ended with {process.returncode}: {text[-2000:]}")
        seed = last + 1
    return found


def _main(first: int, count: int) -> None:
    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder))
        for seed in range(first, first + count):
            faulthandler.dump_traceback_later(3 * MAX_SECONDS, exit=True)
            print(json.dumps({"seed": seed}), flush=True)
            case = make_case(seed)
            if faults := harness.faults(case):
                print(
                    json.dumps({"seed": seed, "kind": case.kind, "name": case.name, "faults": faults}),
                    flush=True,
                )
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
