"""Kills at random moments of everything that writes: nothing half-made, nothing lost, nothing left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hushgate.batching.planning.journal import JOURNAL_NAME
from tests.fuzz.kill_targets import INTERPRETER, TARGETS, Target, check_output, make_inputs

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")

SIGNALS = ("KILL", "TERM", "HUP", "INT", "INT INT")
_START_S, _WORK_S = 2.0, 0.4
# Children end within a second, on a machine that is not busy with other work.
_GONE_S = 10.0


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills") / "in"
    folder.mkdir()
    make_inputs(folder)
    return folder


def plans(config: pytest.Config) -> list[tuple[Target, str, int]]:
    """Which target gets which signals, and the seed of the moment."""
    number = config.option.kills
    order = [(target, signals) for signals in SIGNALS for target in TARGETS]
    random.Random(config.option.seed).shuffle(order)
    return [(*order[kill % len(order)], config.option.seed + kill) for kill in range(number)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = plans(metafunc.config)
    names = [f"{seed}-{target.name}-{signals.replace(' ', '-')}" for target, signals, seed in chosen]
    metafunc.parametrize(("target", "signals", "seed"), chosen, ids=names)


def test_a_kill_leaves_nothing(
    target: Target,
    signals: str,
    seed: int,
    inputs: Path,
    tmp_path: Path,
    models: Path,
    record_property: Callable[[str, object], None],
) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    out.mkdir()
    scratch.mkdir()
    before = checksums(inputs)
    arguments = [INTERPRETER, *target.arguments(inputs, out, str(models / "stateful.onnx"))]
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": os.getcwd()}
    chance = random.Random(seed)
    process = subprocess.Popen(
        [str(argument) for argument in arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=hang_up_ends,
        env=environment,
    )
    wait_for_moment(process, out, chance)
    numbers = [getattr(signal, f"SIG{name}") for name in signals.split()]
    was_running = process.poll() is None
    for number in numbers:
        process.send_signal(number)
        time.sleep(chance.choice([0.0, 0.01, 0.1]))
    errors = process.communicate(timeout=30.0)[1].decode()
    ended = time.monotonic()
    while (left := started_with(scratch)) and time.monotonic() - ended < _GONE_S:
        time.sleep(0.02)
    assert left == []
    record_property("children_gone_s", round(time.monotonic() - ended, 2))
    assert process.returncode in statuses(target, numbers[0], was_running), errors
    if target.is_command and not is_start_of_python(errors):
        assert errors in ("", "hushgate: interrupted\n")
    assert checksums(inputs) == before
    if numbers[0] == signal.SIGKILL:  # it cannot clean up; the next one does
        again = subprocess.Popen(
            [str(word) for word in arguments], env=environment, stdout=subprocess.DEVNULL
        )
        if target.is_command and target.name != "live":
            assert again.wait(timeout=60.0) == 0
        else:
            names, deadline = os.listdir(out), time.monotonic() + 30.0
            while os.listdir(out) == names and time.monotonic() < deadline:
                time.sleep(0.01)
            again.send_signal(signal.SIGTERM)
            again.wait(timeout=30.0)
    for path in out.iterdir():
        if path.name not in target.may_leave:
            assert not path.name.startswith("."), path
            check_output(path)
    assert list(scratch.iterdir()) == []


def wait_for_moment(process: subprocess.Popen[bytes], out: Path, chance: random.Random) -> None:
    """Wait for a random time: of all that the process does, or of its writing."""
    limit = time.monotonic() + chance.uniform(0.1, _START_S)
    if chance.random() < 0.3:
        time.sleep(max(0.0, limit - time.monotonic()))
        return
    deadline = time.monotonic() + 30.0
    while process.poll() is None and time.monotonic() < deadline:
        if any(name != JOURNAL_NAME for name in os.listdir(out)):
            time.sleep(chance.uniform(0.0, _WORK_S))
            return
        time.sleep(0.005)


def hang_up_ends() -> None:
    """Handle SIGHUP as usual, also where nohup runs the tests."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def is_start_of_python(errors: str) -> bool:
    """Whether Ctrl-C came before any of our code ran, when Python itself prints a traceback."""
    return errors.endswith("KeyboardInterrupt\n") and "hushgate" not in errors and "plugin" not in errors


def statuses(target: Target, number: int, was_running: bool) -> set[int]:
    """Exit statuses that are right after a signal; a command may have ended just before it."""
    if not was_running:
        return {0}
    if number == signal.SIGKILL:
        return {-number, 0}
    if not target.is_command and number == signal.SIGINT:  # the script's own KeyboardInterrupt
        return {-number, 1, 130}
    return {-number, 0} if not target.is_command else {128 + number, -number, 0}


def checksums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def started_with(scratch: Path) -> list[int]:
    """Living processes that have this folder for temporary files: the process and all its children."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"TMPDIR={scratch}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found
