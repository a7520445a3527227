"""The distribution hushgate-native: the files that come with it, and the scripts that build them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.engine.errors import EngineError

if TYPE_CHECKING:
    import subprocess

PACKAGE = "hushgate_native"


def packaged_file(name: str | None = None) -> Path | None:
    """Return the path of a file or folder that comes with hushgate-native.

    Args:
        name: Its name; None for the library.

    Returns:
        None where the distribution is not installed or has no such file.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        return None
    library = Path(importlib.import_module(PACKAGE).library_path())
    path = library if name is None else library.with_name(name)
    return path if path.exists() else None


def run_build_script(
    script: str,
    arguments: Sequence[str],
    source: str | None,
    what: str,
    report: Callable[[str], None] | None = None,
) -> None:
    """Run a script of hushgate's native sources.

    An exception meanwhile, such as Ctrl-C, ends the script and its compilers and removes their temporary
    files.

    Args:
        script: Its file name.
        arguments: Its arguments.
        source: The folder native/ of the sources; None for this checkout's.
        what: The beginning of the message when it fails, such as "the plugins could not be compiled".
        report: Gets each line that the script prints, such as "compiling the core".

    Raises:
        EngineError: There are no sources, or the script failed; has the last line that it printed to standard
            error.
    """
    import subprocess  # every start of a command imports this module, and few build
    import tempfile

    folder = Path(source) if source else Path(__file__).resolve().parents[2] / "native"
    path = folder / script
    if not path.is_file():
        raise EngineError(
            f"{folder} does not hold hushgate's native sources. "
            "Name the folder native/ of a checkout with source=...."
        )
    with (
        tempfile.TemporaryDirectory(prefix="hushgate-build-") as temporary,
        tempfile.TemporaryFile("w+", errors="replace") as errors,
    ):
        process = subprocess.Popen(
            [sys.executable, str(path), *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env={**os.environ, "TMPDIR": temporary},
            start_new_session=True,
        )
        assert process.stdout is not None
        with process.stdout:
            try:
                for line in process.stdout:
                    if report is not None:
                        report(line.rstrip())
                process.wait()
            except BaseException:
                _kill(process)
                raise
        errors.seek(0)
        reason = errors.read().strip().splitlines() or ["no reason given"]
    if process.returncode:
        raise EngineError(f"{what}: {reason[-1]}")


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process of a session of its own, and the compilers that it started."""
    import signal

    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
