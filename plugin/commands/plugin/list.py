"""`hushgate plugin list`: the plugins that were built, and where they are installed."""

from __future__ import annotations

import argparse

from hushgate.commands.plugin.places import FORMATS, built_plugins, host_folder
from hushgate.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(args: argparse.Namespace) -> int:
    """Print a line for each plugin; exit status 0."""
    installed = [
        plugin
        for format in FORMATS
        for plugin in built_plugins(host_folder(format))
        if plugin.stem in ("hushgate", "hushgate-mono")
    ]
    for state, plugins in (("built", built_plugins()), ("installed", installed)):
        for plugin in plugins:
            print(printable(f"{state:<10} {plugin}"))
    return 0
