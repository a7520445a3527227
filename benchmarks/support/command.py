"""Flags that several benchmarks have, and what a run writes into documents."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from support.denoisers import COMMAND, ONNX, WANTED, describe, short_name, usable_systems
from support.tables import write_section


def count(text: str) -> int:
    """Type of flags that take a whole number from 1.

    Raises:
        argparse.ArgumentTypeError: It is less.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more (got {value})")
    return value


def add_system_arguments(parser: argparse.ArgumentParser, peers: Sequence[str]) -> None:
    """Flags that choose what is measured."""
    parser.add_argument(
        "--model", action="append", help="a hushgate model's name or path; repeatable; default: what ships"
    )
    parser.add_argument(
        "--peer",
        action="append",
        choices=[*peers, "none"],
        help="default: all that are installed; repeatable",
    )
    parser.add_argument(
        "--onnx",
        action="append",
        default=[],
        metavar="NAME=FILE[,FILE]",
        help="streaming ONNX of GTCRN or UL-UNAS, or both of DTLN's; repeatable",
    )
    parser.add_argument(
        "--command",
        action="append",
        default=[],
        metavar="'NAME[@RATE]: TOOL {input} {output}'",
        help="a program that denoises a mono WAV file; repeatable",
    )


def chosen_systems(
    args: argparse.Namespace, peers: Sequence[str], models: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Names of the systems that `add_system_arguments` asks for, and what is not measured, and why.

    A file or a command given by the name of a packaged peer takes its place.
    """
    given = [ONNX + text for text in args.onnx] + [COMMAND + text for text in args.command]
    own_names = {short_name(name) for name in given}
    wanted = [name for name in args.peer or peers if name not in own_names | {"none"}]
    systems, skipped = usable_systems([*wanted, *given], args.model or models)
    if not args.peer:
        skipped += [f"{name} skipped ({why})" for name, why in WANTED.items() if name not in own_names]
    return systems, skipped


def what_was_run(systems: Sequence[str]) -> str:
    """A table of versions and settings."""
    rows = [[short_name(name), *describe(name)] for name in systems if name != "noisy"]
    return "\n".join(
        "| " + " | ".join(cells) + " |" for cells in (["system", "version", "run with"], ["---"] * 3, *rows)
    )


def command_line(script: str, arguments: Sequence[str]) -> str:
    """Command that repeats a run, without paths of local files."""
    hidden = {"--data": "DATA", "--json": "FILE", "--csv": "FILE"}
    words = []
    for before, word in zip(("", *arguments[:-1]), arguments, strict=True):
        name, _, file = word.partition("=")
        if before == "--onnx" and file:
            words.append(f"{name}={','.join(Path(part).name for part in file.split(','))}")
        elif before == "--model":
            words.append(Path(word).name)
        else:
            words.append(hidden.get(before, word))
    return f"`{shlex.join(['python', f'benchmarks/{script}', *words])}`"


def write_run(
    document: Path,
    name: str,
    command: str,
    tables: Sequence[str],
    systems: Sequence[str],
    skipped: Sequence[str],
) -> None:
    """Put a run into a section of a document: its command, its tables, its systems, and what it left out.

    Raises:
        FileNotFoundError, ValueError: There is no such document, or no such section in it.
    """
    missing = "\n".join(f"- not measured here: {reason}" for reason in skipped)
    texts = [command, *tables, what_was_run(systems), missing]
    write_section(document, name, "\n\n".join(text for text in texts if text))
