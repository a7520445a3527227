"""`hushgate plugin install`: copy the plugins to where hosts look for them."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from hushgate.commands.plugin.places import built_folder, built_plugins, host_folder
from hushgate.errors import EngineError
from hushgate.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate plugin install`."""
    parser.add_argument(
        "--source", metavar="FOLDER", help="where the plugins are (default: where build writes)"
    )
    parser.add_argument(
        "--folder", metavar="FOLDER", help="copy all there (default: ~/.vst3, ~/.clap and ~/.lv2)"
    )


def run(args: argparse.Namespace) -> int:
    """Copy the plugins, replace older copies, and print where they are; exit status 0.

    Raises:
        EngineError: No plugin was built.
        OSError: A folder cannot be written.
    """
    plugins = built_plugins(Path(args.source) if args.source else None)
    if not plugins:
        raise EngineError(
            f"{args.source or built_folder()} holds no plugins. Build them with hushgate plugin build."
        )
    for plugin in plugins:
        folder = Path(args.folder) if args.folder else host_folder(plugin.suffix.removeprefix("."))
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / plugin.name
        # Beside the old copy first: a host that scans meanwhile finds a whole plugin or none.
        part = folder / f".{plugin.name}.part"
        _remove(part)
        if plugin.is_dir():
            shutil.copytree(plugin, part)
            _remove(target)
        else:
            shutil.copyfile(plugin, part)
        part.replace(target)
        print(printable(target))
    return 0


def _remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
