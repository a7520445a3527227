"""`hushgate plugin install`: copy the plugins to where hosts look for them."""

from __future__ import annotations

import argparse
from pathlib import Path

from hushgate.commands.plugin.places import built_folder, built_plugins, copy_into, host_folder
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
        print(printable(copy_into(plugin, folder)))
    return 0
