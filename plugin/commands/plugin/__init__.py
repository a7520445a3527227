"""`hushgate plugin`: plugins for hosts of VST3, CLAP and LV2, and the files that they are made of."""

from __future__ import annotations

import argparse
import importlib

# Action: (module with add_arguments and run, help). A module is imported only when its action runs.
_ACTIONS = {
    "build": ("hushgate.commands.plugin.build", "compile the plugins from hushgate's sources"),
    "install": ("hushgate.commands.plugin.install", "copy the plugins to where hosts look for them"),
    "list": ("hushgate.commands.plugin.list", "list the plugins that were built and installed"),
    "path": ("hushgate.commands.plugin.path", "print where a built plugin is"),
    "compile": ("hushgate.commands.plugin.compile", "make a weights file (.hush) from a model file"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of `hushgate plugin` and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    for name, (module, description) in _ACTIONS.items():
        action = actions.add_parser(name, help=description, description=description, allow_abbrev=False)
        importlib.import_module(module).add_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Run an action; its exit status."""
    status: int = importlib.import_module(_ACTIONS[args.action][0]).run(args)
    return status
