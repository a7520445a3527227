"""`hushgate plugin path`: where a built plugin is, for `pedalboard.load_plugin` and the like."""

from __future__ import annotations

import argparse

from hushgate.commands.plugin.places import FORMATS, built_folder, built_plugins
from hushgate.errors import EngineError
from hushgate.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate plugin path`."""
    parser.add_argument("format", nargs="?", default="vst3", choices=FORMATS, help="default: vst3")
    parser.add_argument("--mono", action="store_true", help="the plugin for one channel")


def run(args: argparse.Namespace) -> int:
    """Print the path; exit status 0.

    Raises:
        EngineError: It was not built.
    """
    name = f"hushgate{'-mono' if args.mono else ''}.{args.format}"
    for plugin in built_plugins():
        if plugin.name == name:
            print(printable(plugin))
            return 0
    raise EngineError(f"{built_folder()} holds no {name}. Build it with hushgate plugin build.")
