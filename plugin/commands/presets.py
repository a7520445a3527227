"""`hushgate presets`: list the shipped presets, or print one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hushgate.commands.text_table import print_table
from hushgate.printable import printable

if TYPE_CHECKING:
    from hushgate.effects.preset_file import Preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate presets`."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    actions = parser.add_subparsers(dest="action", metavar="list | show NAME", title="actions")
    actions.add_parser("list", help="list the presets that ship with hushgate (the default)")
    show = actions.add_parser("show", help="check a preset and print it")
    show.add_argument("preset", metavar="NAME|FILE", help="shipped preset or preset file")


def run(args: argparse.Namespace) -> int:
    """List presets or print one; exit status 0.

    Raises:
        PresetError: The preset does not exist or cannot be used.
        OSError: A file cannot be read.
    """
    from hushgate.effects.preset_file import available_presets, load_preset, read_preset, read_preset_text

    if args.action == "show":
        preset = load_preset(args.preset)
        if args.json:
            print(json.dumps(_described(preset), indent=2))
        else:
            for line in read_preset_text(args.preset).rstrip().split("\n"):
                print(printable(line.rstrip("\r")))
        return 0
    presets = [read_preset(name) for name in available_presets()]
    if args.json:
        print(json.dumps([_described(preset) for preset in presets], indent=2))
        return 0
    print_table(("name", "model", "latency", "what it does"), [_row(preset) for preset in presets])
    return 0


def _row(preset: Preset) -> tuple[str, str, str, str]:
    from hushgate.engine import load_model

    models = list(dict.fromkeys(_models(preset.entries)))
    latency_ms = sum(load_model(name).info.latency_ms for name in _models(preset.entries))
    latency = f"{latency_ms:.0f} ms" if models else "none"
    return (
        preset.name,
        ", ".join(models) or "none",
        latency,
        f"{preset.description} {_outline(preset.entries)}",
    )


def _models(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The model of each Denoiser in a series."""
    found = []
    for entry in entries:
        if entry["effect"] == "Denoiser":
            found.append(str(entry.get("model", "voice")))
        found += _models(entry.get("effects", []))
    return found


def _outline(entries: Sequence[Mapping[str, Any]]) -> str:
    """The names of effects in their order, those inside others in parentheses."""
    names = []
    for entry in entries:
        inner = f"({_outline(entry['effects'])})" if "effects" in entry else ""
        names.append(entry["effect"] + inner)
    return " > ".join(names)


def _described(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "description": preset.description,
        "loudness": preset.loudness,
        "chain": [dict(entry) for entry in preset.entries],
    }
