"""The command `hushgate data`, registered as an entry point; each part is a module `data_PART`."""

from __future__ import annotations

import argparse
import importlib

from hushgate.training.extra import training_extra

# Name: (module with add_arguments and run, help).
_PARTS = {
    "prepare": (
        "hushgate.training.commands.data_prepare",
        "check a corpus and list its recordings for training",
    ),
    "sets": (
        "hushgate.training.commands.data_sets",
        "copy free full-band recordings out of cloned repositories",
    ),
    "mix": ("hushgate.training.commands.data_mix", "write pairs of clean and noisy files, with a manifest"),
    "add-noise": (
        "hushgate.training.commands.data_add_noise",
        "copy sound files clean and with noise, pair by pair",
    ),
    "render": (
        "hushgate.training.commands.data_render",
        "render guitar, other instruments, music and percussion (FluidSynth)",
    ),
    "rooms": ("hushgate.training.commands.data_rooms", "simulate room responses (extra: rooms)"),
    "preview": (
        "hushgate.training.commands.data_preview",
        "draw spectrograms of clean, noisy and added noise (extra: plot)",
    ),
}


class DataCommand:
    """Make training data: from corpora, soundfonts and simulated rooms to manifests and mixtures."""

    help = "prepare, mix, render and preview training data (extra: train)"

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parts = parser.add_subparsers(dest="part", metavar="PART", title="parts", required=True)
        for name, (module, text) in _PARTS.items():
            part = parts.add_parser(
                name,
                help=text,
                description=text[0].upper() + text[1:] + ".",
                allow_abbrev=False,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            with training_extra(f"data {name}"):
                importlib.import_module(module).add_arguments(part)
            part.add_argument(
                "--debug",
                action="store_true",
                # `hushgate data` has the same flag; SUPPRESS keeps this one from resetting its value.
                default=argparse.SUPPRESS,
                help="show a traceback when something fails",
            )

    @staticmethod
    def run(args: argparse.Namespace) -> int:
        with training_extra(f"data {args.part}"):
            status: int = importlib.import_module(_PARTS[args.part][0]).run(args)
        return status
