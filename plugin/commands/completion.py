"""`hushgate completion`: scripts that complete commands, flags and names in a shell."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate completion`."""
    parser.add_argument(
        "shell",
        choices=("bash", "zsh", "tcsh"),
        help="for bash: hushgate completion bash > ~/.local/share/bash-completion/completions/hushgate",
    )


def run(args: argparse.Namespace) -> int:
    """Print the script; exit status 0.

    Raises:
        ModuleNotFoundError: shtab is not installed.
    """
    import shtab

    from hushgate.commands.parser import build_parser
    from hushgate.effects.preset_file import available_presets
    from hushgate.engine import available_models

    parser, _ = build_parser([], everything=True)
    names = {"--preset": available_presets(), "--model": available_models()}
    for command in _commands(parser):
        for action in command._actions:
            known = [names[flag] for flag in action.option_strings if flag in names]
            if known:
                action.choices = known[0]
    print(shtab.complete(parser, shell=args.shell))
    return 0


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += list(action.choices.values())
    return found
