"""A limit of the system that is too low is named in the line of the error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.errors import describe_error

resource = pytest.importorskip("resource", reason="this system has no limits on processes")

# Sets a limit, and runs a command with it.
SCRIPT = """
import resource, sys
name, value = sys.argv[1], int(sys.argv[2])
resource.setrlimit(getattr(resource, name), (value, value))
from hushgate.commands.main import main
sys.exit(main(sys.argv[3:]))
"""


def limited(name: str, value: int, *command: str | Path) -> tuple[int, str]:
    """Exit status and messages of a command under a limit."""
    words = [sys.executable, "-c", SCRIPT, name, str(value), *map(str, command)]
    done = subprocess.run(words, capture_output=True, timeout=120, check=False)
    return done.returncode, done.stderr.decode()


@pytest.fixture
def take(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "take.wav", np.zeros(4000), 16_000)
    return tmp_path / "take.wav"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RLIMIT_AS", 200 << 20, "limited to 200 MiB (ulimit -v), and hushgate needs 256 MiB or more"),
        ("RLIMIT_NOFILE", 6, "may open 6 files (ulimit -n), and hushgate needs 16"),
        # Under as few from the start, Python itself does not start.
        ("RLIMIT_NOFILE", 4, "may open 4 files (ulimit -n), and hushgate needs 16"),
    ],
)
def test_a_limit_that_is_too_low_is_an_error_in_one_line(
    take: Path, identity: str, name: str, value: int, text: str
) -> None:
    output = take.parent / "out.wav"
    status, printed = limited(name, value, "denoise", take, "-o", output, "--model", identity)
    assert status == 2
    assert text in printed
    assert printed.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RLIMIT_NOFILE", 20, "20 open files (ulimit -n)"),
        ("RLIMIT_NPROC", 1, "1 processes and threads (ulimit -u)"),
    ],
)
def test_a_low_limit_is_named_with_any_error(take: Path, name: str, value: int, text: str) -> None:
    status, printed = limited(name, value, "denoise", take.parent / "missing.wav")
    assert status == 2
    assert printed.endswith(f"is limited to {text}, which may be the cause.\n")
    assert printed.count("\n") == 1


def test_one_process_allowed_is_enough_but_for_a_strangers_model(
    take: Path, identity: str, request: pytest.FixtureRequest
) -> None:
    # Where everybody may write.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    request.addfinalizer(lambda: shutil.rmtree(folder))
    script, output, sound = folder / "limited.py", folder / "out.wav", folder / "take.wav"
    script.write_text(SCRIPT)
    shutil.copyfile(take, sound)
    start: list[str] = []
    if os.geteuid() == 0:  # no limit holds for root
        if shutil.which("setpriv") is None:
            pytest.skip("root may start processes without limit, and there is no setpriv")
        rights = "+dac_override,+dac_read_search"
        start = ["setpriv", "--reuid=65533", "--clear-groups", "--inh-caps", rights, "--ambient-caps", rights]

    def denoise(model: str) -> tuple[int, str]:
        words = ["RLIMIT_NPROC", "1", "denoise", str(sound), "-o", str(output), "--model", model]
        command = [*start, sys.executable, str(script), *words, "--quiet"]
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        return done.returncode, done.stderr.decode()

    status, printed = denoise("voice")
    if printed.startswith("setpriv"):
        pytest.skip(printed.strip())
    assert not printed
    assert status == 0
    output.unlink()
    # Its first run needs a thread, so that it can be given up.
    status, printed = denoise(identity)
    assert status == 2
    assert printed.count("\n") == 1
    assert "1 processes and threads (ulimit -u), which may be the cause." in printed
    assert not output.exists()


def test_too_little_memory_is_said_plainly() -> None:
    assert describe_error(MemoryError()) == "not enough memory."
    assert describe_error(MemoryError("Unable to allocate 3 GiB")) == (
        "not enough memory (Unable to allocate 3 GiB)."
    )
    lost = ImportError("libx.so: failed to map segment from shared object", name="x", path="libx.so")
    assert describe_error(lost).startswith("not enough memory to load a library (libx.so: failed")
