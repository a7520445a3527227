"""`hushgate plugin`: files for the native engine."""

from __future__ import annotations

import argparse
import importlib

# Action: (module with add_arguments and run, help). A module is imported only when its action runs.
_ACTIONS = {
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
