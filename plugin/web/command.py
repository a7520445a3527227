"""`hushgate web`: write the web page and open it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import webbrowser
from pathlib import Path

from hushgate.engine.native.package import packaged_file, run_build_script
from hushgate.errors import EngineError
from hushgate.printable import printable

_PAGE = "hushgate.html"
_CORE = "hushgate.wasm"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate web`."""
    parser.add_argument(
        "-o", "--output", metavar="FILE", default=_PAGE, help=f"page to write (default: {_PAGE}, here)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is no page of hushgate")
    parser.add_argument("--no-open", action="store_true", help="write the page only")
    parser.add_argument(
        "--model",
        metavar="MODEL",
        action="append",
        help="shipped model or model file; may be repeated (default: voice, music and guitar)",
    )
    parser.add_argument("--core", metavar="FILE", help="the core in WebAssembly (default: hushgate-native's)")
    parser.add_argument(
        "--build", action="store_true", help="compile the core from hushgate's sources first (needs clang)"
    )
    parser.add_argument(
        "--source",
        metavar="FOLDER",
        help="the folder native/ of hushgate's sources (default: this checkout's)",
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")


def run(args: argparse.Namespace) -> int:
    """Write the page, print where it is and open it; exit status 0.

    Raises:
        EngineError: There is no core, or it could not be compiled.
        FileExistsError: The file exists and is no page of hushgate.
        FileNotFoundError, ModelError: A model cannot be loaded, or is no hush network; nothing was written.
        OSError: The file cannot be written.
    """
    from hushgate.audio_files.atomic_write import write_atomically
    from hushgate.web.assemble import assemble_page, is_page

    target = Path(args.output)
    if args.build:
        _build(args.source, is_quiet=args.quiet)
    page = assemble_page(_find_core(args.core).read_bytes(), *([args.model] if args.model else []))
    write_atomically(target, page, overwrite=args.overwrite or is_page(target))
    if not args.quiet:
        print(f"page     {printable(target)} ({len(page) / 1e6:.1f} MB)")
    if not args.no_open and not webbrowser.open(target.resolve().as_uri()) and not args.quiet:
        print("No browser could be started. Open the page in one.")
    return 0


def _built_core() -> Path:
    import platformdirs

    return platformdirs.user_data_path("hushgate", appauthor=False) / "web" / _CORE


def _find_core(named: str | None) -> Path:
    if named:
        return Path(named)
    found = [path for path in (_built_core(), packaged_file(_CORE)) if path is not None and path.is_file()]
    if not found:
        raise EngineError(
            "the page needs the core in WebAssembly, which comes with the distribution hushgate-native. "
            "Install that, or compile the core with hushgate web --build from a checkout."
        )
    # What was built once does not hide an update for ever.
    return max(found, key=lambda path: path.stat().st_mtime)


def _build(source: str | None, *, is_quiet: bool) -> None:
    from hushgate.audio_files.atomic_write import write_atomically

    target = _built_core()
    what = "the core could not be compiled to WebAssembly"
    with tempfile.TemporaryDirectory(prefix="hushgate-web-") as folder:
        core = Path(folder) / _CORE
        run_build_script("build_wasm.py", [str(core)], source, what, None if is_quiet else _report)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, core.read_bytes(), overwrite=True)


def _report(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)
