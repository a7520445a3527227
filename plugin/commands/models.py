"""`hushgate models`: list the shipped models."""

from __future__ import annotations

import argparse
import json
from typing import Any

from hushgate.commands.text_table import print_table

_HEAD = ("name", "latency", "parameters", "engine", "licence", "task")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate models`."""
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")


def run(args: argparse.Namespace) -> int:
    """Print the shipped models; exit status 0.

    Raises:
        ModelError: A shipped model is damaged.
    """
    from hushgate.engine import available_models

    models = [_describe(name) for name in available_models()]
    if args.json:
        print(json.dumps(models, indent=2))
    else:
        print_table(_HEAD, [_row(model) for model in models], right=("latency", "parameters"))
    return 0


def _describe(name: str) -> dict[str, Any]:
    from hushgate.engine import BlockDenoiser, load_model

    model = load_model(name)
    info = model.info
    return {
        "name": name,
        "task": info.task,
        "description": info.description,
        "sample_rate": "any",
        "bandwidth_hz": info.bandwidth_hz,
        "latency_ms": info.latency_ms,
        "num_parameters": info.num_parameters,
        "engine": BlockDenoiser(model).running_engine,
        "licence": info.licence,
        "attribution": info.attribution,
        "format_version": info.format_version,
    }


def _row(model: dict[str, Any]) -> tuple[str, ...]:
    return (
        model["name"],
        f"{model['latency_ms']:.0f} ms",
        f"{model['num_parameters']:,}",
        model["engine"],
        model["licence"],
        f"{model['task']}: {model['description']}" if model["description"] else model["task"],
    )
