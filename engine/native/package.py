"""The distribution hushgate-native: the files that come with it, and the scripts that build them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from hushgate.engine.errors import EngineError

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


def run_build_script(script: str, arguments: Sequence[str], source: str | None, what: str) -> None:
    """Run a script of hushgate's native sources.

    Args:
        script: Its file name.
        arguments: Its arguments.
        source: The folder native/ of the sources; None for this checkout's.
        what: The beginning of the message when it fails, such as "the plugins could not be compiled".

    Raises:
        EngineError: There are no sources, or the script failed; has the last line that it printed to standard
            error.
    """
    import subprocess  # every start of a command imports this module, and few build

    folder = Path(source) if source else Path(__file__).resolve().parents[2] / "native"
    path = folder / script
    if not path.is_file():
        raise EngineError(
            f"{folder} does not hold hushgate's native sources. "
            "Name the folder native/ of a checkout with source=...."
        )
    command = [sys.executable, str(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines() or ["no reason given"]
        raise EngineError(f"{what}: {reason[-1]}")
