"""`hushgate live`: from the microphone to the headphones."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hushgate.commands.device_flags import add_device_flags, device_options
from hushgate.commands.parameter_flags import add_parameter_flags, given_parameters

if TYPE_CHECKING:
    from hushgate.live import Device, View
    from hushgate.live.terminal.keyboard import Keys
    from hushgate.pedalboard_compat.effect_protocol import Effect

_DEFAULT_MODEL = "voice"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate live`."""
    parser.add_argument("--list-devices", action="store_true", help="list the sound devices and end")
    parser.add_argument(
        "--preset", metavar="NAME|FILE", help="shipped preset or preset file; flags change its denoiser"
    )
    parser.add_argument(
        "--model", metavar="NAME|PATH", help="shipped model or model file (default: the preset's, or voice)"
    )
    add_device_flags(parser)
    parser.add_argument("--residual", action="store_true", help="begin with what is taken away")
    parser.add_argument("--record", metavar="FILE", help="record what goes out")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing recording")
    parser.add_argument("--json", action="store_true", help="print JSON: the devices, or a line per second")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    add_parameter_flags(parser, exclude=["output"])


def run(args: argparse.Namespace) -> int:
    """List the devices, or run a chain live; exit status 0.

    Raises:
        OSError, ValueError, RuntimeError: Whatever kept it from running, or ended it.
    """
    from hushgate import live
    from hushgate.live.terminal.quiet_stderr import native_messages_held

    with contextlib.nullcontext() if args.debug else native_messages_held():
        if args.list_devices:
            _print_devices(live.list_devices(), as_json=args.json)
            return 0
        keys = live.NoKeys() if args.json or args.quiet else live.keys_of_terminal()
        chain, title = _chain(args)
        options = device_options(args)
        options["record"], options["overwrite"] = args.record, args.overwrite
        status = live.run(
            chain,
            view=_view(args, keys, title),
            keys=keys,
            **options,
        )
    if args.json:
        print(json.dumps(status.to_dict()))
    elif not args.quiet:
        print("\n".join(live.summarize(status)))
    for warning in live.warnings_of(status):
        print(f"hushgate: warning: {warning}", file=sys.stderr)
    return 0


def _chain(args: argparse.Namespace) -> tuple[Effect, str]:
    """What to run, and a name for it; what was given on the command line goes before the preset."""
    settings: dict[str, Any] = dict(given_parameters(args))
    if args.residual:
        settings["output"] = "residual"
    if args.preset is None:
        from hushgate.effects.denoiser import Denoiser

        model = args.model or _DEFAULT_MODEL
        return Denoiser(model, **settings), str(model)
    from hushgate.effects.chain import Chain
    from hushgate.effects.preset_file import read_preset

    if args.model is not None:
        settings["model"] = args.model
    return Chain(read_preset(args.preset).make_effects(**settings)), str(args.preset)


def _view(args: argparse.Namespace, keys: Keys, title: str) -> View:
    from hushgate import live

    if args.quiet:
        return live.NoView()
    if args.json:
        return live.JsonView(sys.stdout)
    if not sys.stdout.isatty():
        return live.LineView(sys.stdout)
    from rich.console import Console

    from hushgate.live.terminal.meter_view import TerminalView

    return TerminalView(Console(), title=title, has_keys=keys.is_available)


def _print_devices(devices: Sequence[Device], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([device.to_dict() for device in devices], indent=2))
        return
    if not devices:
        print("no sound devices")
    for device in devices:
        usual = [
            word
            for word, is_default in (("input", device.is_default_input), ("output", device.is_default_output))
            if is_default
        ]
        default = f"  (default {' and '.join(usual)})" if usual else ""
        print(
            f"{device.index:3}  {device.name}  [{device.system}]  {device.num_inputs} in, "
            f"{device.num_outputs} out, {device.sample_rate:g} Hz{default}"
        )
