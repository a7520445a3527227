"""The first signal unwinds a process; later ones do not disturb that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hushgate import termination
from hushgate.termination import signals_unwind

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends signals")


@pytest.mark.parametrize(
    ("sent", "raised"), [("SIGINT", KeyboardInterrupt), ("SIGTERM", SystemExit), ("SIGHUP", SystemExit)]
)
def test_the_first_signal_is_raised_and_others_are_ignored(sent: str, raised: type[BaseException]) -> None:
    number = getattr(signal, sent)
    before = signal.getsignal(number)
    with signals_unwind() as ending:
        with pytest.raises(raised):
            signal.raise_signal(number)
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(other)
    assert ending.status == 128 + number
    assert signal.getsignal(number) == before


def test_a_process_that_ignores_a_signal_keeps_ignoring_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_unwind() as ending:
            signal.raise_signal(signal.SIGHUP)
        assert ending.signum is None
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("retry_s", [0.005, 0.0])
def test_an_interruption_that_python_drops_comes_again(
    monkeypatch: pytest.MonkeyPatch, retry_s: float
) -> None:
    monkeypatch.setattr(termination, "_RETRY_S", retry_s)

    class Dropping:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(sys, "unraisablehook", lambda details: pytest.fail(str(details)))

    def drop() -> None:
        Dropping()
        time.sleep(10.0)

    with pytest.raises(SystemExit) as caught, signals_unwind():
        drop()
    assert caught.value.code == 128 + signal.SIGTERM


def test_an_interruption_waits_for_a_callback_of_a_library() -> None:
    def vio_read() -> int:
        signal.raise_signal(signal.SIGTERM)
        return 7  # not interrupted, as the exception would be printed and lost

    def read() -> None:
        results.append(vio_read())
        time.sleep(10.0)

    results: list[int] = []
    with pytest.raises(SystemExit), signals_unwind():
        read()
    assert results == [7]


STUCK = """
import signal, sys, time
from hushgate import termination
termination._GRACE_S = 0.2
with termination.signals_unwind():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("cleaning", flush=True)
        time.sleep(60)
"""


def test_an_end_that_hangs_can_be_cut_short(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"cleaning\n"
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
    assert process.returncode == -signal.SIGTERM
