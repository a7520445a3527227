"""`hushgate serve`: clean recordings and streams for other programs."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.printable import printable

if TYPE_CHECKING:
    from hushgate.serving.settings import ServeSettings

_TOKEN_VARIABLE = "HUSHGATE_TOKEN"
# Name of the limit: (metavar, help).
_LIMITS = {
    "max_body_mb": ("MIB", "size of an upload"),
    "max_output_mb": ("MIB", "size of a result"),
    "max_duration_s": ("S", "length of a recording"),
    "max_job_s": ("S", "time to clean a recording"),
    "max_jobs": ("N", "recordings cleaned at once, a process each"),
    "max_uploads": ("N", "recordings taken at once, waiting ones included"),
    "max_streams": ("N", "WebSocket streams at once"),
    "max_stream_load": ("CORES", "processor time that all streams together may need"),
    "max_stream_s": ("S", "length of a stream"),
    "max_stream_idle_s": ("S", "time without a frame after which a stream is closed"),
    "max_stream_channels": ("N", "channels of a stream"),
    "max_stream_speed": ("FACTOR", "how fast a stream may run, times real time"),
    "max_connections": ("N", "connections at once"),
    "header_s": ("S", "time for the head of a request"),
    "slow_client_s": ("S", "time that a client may fall behind --min-client-rate"),
    "min_client_rate": ("BYTES/S", "slowest client"),
    "job_memory_mb": ("MIB", "memory of a process that cleans recordings (Linux)"),
    "shutdown_s": ("S", "time that running work gets at the end"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate serve`."""
    from hushgate.serving.settings import Limits

    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="port (default: 8000; 0: any)")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"file with the bearer token that clients must send (or the variable {_TOKEN_VARIABLE})",
    )
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="URL",
        help="web origin whose pages may use it",
    )
    parser.add_argument(
        "--add-preset",
        action="append",
        default=[],
        type=_named_file,
        metavar="[NAME=]FILE",
        help="preset file that clients may name, besides the shipped ones",
    )
    parser.add_argument(
        "--add-model",
        action="append",
        default=[],
        type=_named_file,
        metavar="[NAME=]FILE",
        help="model file that clients may name, besides the shipped ones",
    )
    parser.add_argument(
        "--trust-model",
        action="store_true",
        help="load the files of --add-model without limits",
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where temporary files go")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors, no access log")
    group = parser.add_argument_group("limits")
    defaults = Limits()
    for name, (metavar, text) in _LIMITS.items():
        default = getattr(defaults, name)
        group.add_argument(
            "--" + name.replace("_", "-"),
            type=type(default),
            default=default,
            metavar=metavar,
            help=f"{text} (default: {default:g})",
        )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it; exit status 0.

    Raises:
        OSError, ValueError, RuntimeError: The server does not start; the reason in one line.
        ModuleNotFoundError: The extra `serve` is not installed.
    """
    from hushgate.serving.gatekeeper import ACCESS_LOG
    from hushgate.serving.server import serve

    settings = _settings(args)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    for name in (ACCESS_LOG, "hushgate.serving", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING if args.quiet or name.startswith("uvicorn") else logging.INFO)
        if name != ACCESS_LOG:
            logger.addHandler(handler)
            logger.propagate = False
    if not settings.is_local and settings.token is None:
        print(
            f"hushgate: warning: {printable(settings.host)} can be reached from other machines, and there is "
            f"no token. Set --token-file or {_TOKEN_VARIABLE}.",
            file=sys.stderr,
        )

    def on_ready(address: str) -> None:
        if not args.quiet:
            print(f"hushgate serves at {printable(address)} (its pages: {printable(address)}/)", flush=True)

    serve(settings, on_ready=on_ready, is_verbose=args.verbose)
    return 0


def _settings(args: argparse.Namespace) -> ServeSettings:
    from hushgate.serving.settings import Limits, ServeSettings

    token = os.environ.get(_TOKEN_VARIABLE)
    if args.token_file is not None:
        token = Path(args.token_file).read_text(encoding="utf-8").strip()
    elif token is not None:
        token = token.strip()
    if token == "":
        raise ValueError(f"the token of {args.token_file or _TOKEN_VARIABLE} is empty.")
    return ServeSettings(
        host=args.host,
        port=args.port,
        token=token,
        origins=tuple(args.origin),
        presets=dict(args.add_preset),
        models=dict(args.add_model),
        trust_models=args.trust_model,
        folder=args.folder,
        limits=Limits(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Limits)}),
    )


def _named_file(text: str) -> tuple[str, Path]:
    """NAME=FILE, or FILE, whose name is that of the file without its extension."""
    name, separator, path = text.partition("=")
    if not separator:
        name, path = Path(text).stem, text
    return name, Path(path)
