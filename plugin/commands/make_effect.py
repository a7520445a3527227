"""Command-line flags for an effect, and the effect they describe."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from hushgate.commands.flags.parameter_flags import GATE_PARAMETERS, add_parameter_flags, given_parameters

if TYPE_CHECKING:
    from hushgate.effects.chain import Chain
    from hushgate.effects.denoiser import Denoiser
    from hushgate.engine.parameters import Value


def add_effect_flags(
    parser: argparse.ArgumentParser,
    *,
    default_preset: str = "none, the model alone",
    default_model: str = "the preset's, or voice",
    residual: str | None = None,
    exclude: Collection[str] = (),
) -> None:
    """Add `--preset`, `--model` and a flag for each parameter.

    Args:
        parser: Gets the flags.
        default_preset: Preset to use when none is given, in words.
        default_model: Model to use when none is given, in words.
        residual: Help text of `--residual`; None for a command without it.
        exclude: Parameters that get no flag.
    """
    group = parser.add_argument_group("effect")
    group.add_argument(
        "--preset",
        metavar="NAME|FILE",
        help=f"shipped preset or preset file (default: {default_preset}); flags change its denoiser",
    )
    group.add_argument(
        "--model", metavar="NAME|PATH", help=f"shipped model or model file (default: {default_model})"
    )
    group.add_argument(
        "--trust-model",
        action="store_true",
        help="load model files without the limits that protect from a stranger's (docs/security.md)",
    )
    group.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help="where models run: processor, or graphics card (needs onnxruntime-gpu; default: cpu)",
    )
    if residual is not None:
        group.add_argument("--residual", action="store_true", help=residual)
    add_parameter_flags(parser, exclude=["output", *exclude])


def given_settings(args: argparse.Namespace) -> dict[str, Value]:
    """The parameters that were given as flags, by name; `--residual` is `output`."""
    settings = given_parameters(args)
    if getattr(args, "residual", False):
        settings["output"] = "residual"
    return settings


def given_device(args: argparse.Namespace) -> dict[str, str]:
    """The setting `device` of every `Denoiser`, unless it is the default."""
    return {} if args.device == "cpu" else {"device": args.device}


def make_effect(args: argparse.Namespace) -> Denoiser | Chain:
    """The effect that the flags of `add_effect_flags` describe.

    Raises:
        OSError, ValueError: The preset, the model or a parameter cannot be used.
    """
    from hushgate.effects.preset_or_model import make_preset_or_model

    with trust(args):
        return make_preset_or_model(args.preset, args.model, {**given_settings(args), **given_device(args)})


def warn_of_gate_off(args: argparse.Namespace) -> None:
    """Print a warning where flags for the gate were given and no gate of the effect is on.

    Raises:
        OSError, ValueError: As `make_effect`.
    """
    given = given_parameters(args)
    flags = ["--" + name.replace("_", "-") for name in GATE_PARAMETERS if name in given]
    if not flags:
        return
    from hushgate.effects.denoiser import find_denoisers

    if all(math.isinf(denoiser.gate_threshold_db) for denoiser in find_denoisers(make_effect(args))):
        text = f"the gate is off: {', '.join(flags)} {'has' if len(flags) == 1 else 'have'} no effect"
        print(f"hushgate: warning: {text}. Set --gate-threshold-db.", file=sys.stderr)


def add_loudness_flag(parser: argparse._ActionsContainer) -> None:
    """Add `--loudness`."""
    parser.add_argument(
        "--loudness",
        type=_loudness,
        metavar="LUFS",
        help="loudness of the result (EBU R128), such as -16 for podcasts; true peaks stay below -1 dBTP; "
        "off for that of the chain (default: the preset's, or off)",
    )


def given_loudness(args: argparse.Namespace) -> float | Literal["preset"] | None:
    """The value of `--loudness`: a number, None for off, "preset" where it was not given."""
    return "preset" if args.loudness is None else args.loudness[0]


def _loudness(text: str) -> tuple[float | None]:
    from hushgate.rendering.loudness import checked_loudness

    if text.lower() == "off":
        return (None,)
    try:
        return (checked_loudness(float(text)),)
    except ValueError as error:
        fault = str(error) if "LUFS" in str(error) else f"must be a number of LUFS, or off (got {text!r})"
        raise argparse.ArgumentTypeError(fault) from None


def trust(args: argparse.Namespace) -> AbstractContextManager[None]:
    """The context to load models in: without limits after `--trust-model`."""
    if not args.trust_model:
        return nullcontext()
    from hushgate.engine import trusting_models

    return trusting_models()
