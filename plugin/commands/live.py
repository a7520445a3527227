"""`hushgate live`: run an effect between microphone and headphones."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from hushgate.commands.flags.device_flags import add_device_flags, device_options
from hushgate.commands.make_effect import add_effect_flags, make_effect
from hushgate.printable import printable

if TYPE_CHECKING:
    from hushgate.live import Device, View
    from hushgate.live.run_loop import SessionOptions
    from hushgate.live.terminal.keyboard import Keys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate live`."""
    parser.add_argument("--list-devices", action="store_true", help="list the sound devices and end")
    add_device_flags(parser)
    parser.add_argument(
        "--virtual-mic",
        nargs="?",
        const="hushgate",
        metavar="NAME",
        help="play into a virtual microphone that other programs list (Linux; default name: hushgate)",
    )
    parser.add_argument("--record", metavar="FILE", help="record the output")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing recording")
    parser.add_argument("--json", action="store_true", help="print JSON: the devices, or a line per second")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    add_effect_flags(parser, residual="start with the removed sound as output")


def run(args: argparse.Namespace) -> int:
    """List the devices, or run a chain live; exit status 0.

    Raises:
        OSError, ValueError, RuntimeError: It did not run, or was ended; the reason in one line.
    """
    import hushgate.live as live
    from hushgate.live.terminal.quiet_stderr import native_messages_held

    with contextlib.nullcontext() if args.debug else native_messages_held():
        if args.list_devices:
            _print_devices(live.list_devices(), as_json=args.json)
            return 0
        keys = live.NoKeys() if args.json or args.quiet else live.keys_of_terminal()
        options = device_options(args)
        options["record"], options["overwrite"] = args.record, args.overwrite
        with _virtual_microphone(args, options):
            status = live.run(
                make_effect(args),
                view=_view(args, keys),
                keys=keys,
                **options,
            )
    if args.json:
        print(json.dumps(status.to_dict()))
    elif not args.quiet:
        print("\n".join(printable(line) for line in live.summarize(status)))
    for warning in live.warnings_of(status):
        print(f"hushgate: warning: {printable(warning)}", file=sys.stderr)
    return 0


def _virtual_microphone(args: argparse.Namespace, options: SessionOptions) -> AbstractContextManager[object]:
    """The virtual microphone that was asked for; the options are changed to play into it."""
    if args.virtual_mic is None:
        return contextlib.nullcontext()
    from hushgate.live import list_devices
    from hushgate.live.devices.virtual_microphone import VirtualMicrophone, check_device

    if args.output_device is not None:
        raise ValueError("--virtual-mic is the output. Leave out --output-device.")
    device = check_device(list_devices())
    options["output"] = device
    if options.get("input") is None:
        options["input"] = device
    rate = round(args.sample_rate or 48_000)
    return VirtualMicrophone(args.virtual_mic, sample_rate=rate, num_channels=min(2, args.channels))


def _view(args: argparse.Namespace, keys: Keys) -> View:
    import hushgate.live as live

    if args.quiet:
        return live.NoView()
    if args.json:
        return live.JsonView(sys.stdout)
    if not sys.stdout.isatty():
        return live.LineView(sys.stdout)
    from rich.console import Console

    from hushgate.effects.preset_or_model import DEFAULT_MODEL
    from hushgate.live.terminal.meter_view import TerminalView

    title = args.preset or args.model or DEFAULT_MODEL
    return TerminalView(Console(), title=title, has_keys=keys.is_available)


def _print_devices(devices: Sequence[Device], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([device.to_dict() for device in devices], indent=2))
        return
    if not devices:
        print("no sound devices")
    for device in devices:
        roles = [
            word
            for word, is_default in (("input", device.is_default_input), ("output", device.is_default_output))
            if is_default
        ]
        default = f"  (default {' and '.join(roles)})" if roles else ""
        print(
            f"{device.index:3}  {printable(device.name)}  [{device.system}]  {device.num_inputs} in, "
            f"{device.num_outputs} out, {device.sample_rate:g} Hz{default}"
        )
