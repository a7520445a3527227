"""Command-line flags for the sound devices of `live` and `tune --live`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hushgate.commands.flags.retired_flags import add_retired_flags

if TYPE_CHECKING:
    from hushgate.live.run_loop import SessionOptions

_DEFAULTS = {
    "input_device": None,
    "output_device": None,
    "block_size": 256,
    "sample_rate": None,
    "channels": 1,
    "device_latency_ms": None,
    "duration": None,
}


def add_device_flags(parser: argparse.ArgumentParser) -> None:
    """Add `--input-device`, `--output-device`, `--block-size`, `--sample-rate` and the like."""
    group = parser.add_argument_group("devices")
    group.add_argument(
        "--input-device", metavar="DEVICE", help="microphone, by number, name or part of the name"
    )
    group.add_argument(
        "--output-device", metavar="DEVICE", help="headphones, by number, name or part of the name"
    )
    group.add_argument(
        "--block-size", type=int, metavar="SAMPLES", help="samples per callback (default: 256)"
    )
    group.add_argument(
        "--sample-rate", type=float, metavar="HZ", help="default: 48000, or the device's own without it"
    )
    group.add_argument("--channels", type=int, metavar="N", help="input channels (default: 1, to both ears)")
    group.add_argument(
        "--device-latency-ms",
        type=float,
        metavar="MS",
        help="buffering to ask of the devices; more survives a busier machine (default: the least)",
    )
    group.add_argument("--duration", type=float, metavar="S", help="end after this many seconds")
    parser.set_defaults(**_DEFAULTS)
    add_retired_flags(parser, {"--input": "--input-device DEVICE", "--output": "--output-device DEVICE"})


def device_options(args: argparse.Namespace) -> SessionOptions:
    """The given flags, as keyword arguments of `hushgate.live.run`."""
    return {
        "input": args.input_device,
        "output": args.output_device,
        "sample_rate": args.sample_rate,
        "block_size": args.block_size,
        "num_channels": args.channels,
        "device_latency_ms": args.device_latency_ms,
        "duration_s": args.duration,
    }


def given_device_flags(args: argparse.Namespace) -> list[str]:
    """The flags of `add_device_flags` that were given, such as "--block-size"."""
    names = [name for name, default in _DEFAULTS.items() if getattr(args, name) != default]
    return ["--" + name.replace("_", "-") for name in names]
