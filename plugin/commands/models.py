"""`hushgate models`: list the shipped models."""

from __future__ import annotations

import argparse
import json
from typing import Any


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
        print("\n".join(_table(models)))
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


def _table(models: list[dict[str, Any]]) -> list[str]:
    """Rows of equal column widths; figures are right-aligned."""
    head = ("name", "task", "rate", "latency", "parameters", "engine", "licence")
    rows = [
        (
            model["name"],
            model["task"],
            model["sample_rate"],
            f"{model['latency_ms']:.1f} ms",
            f"{model['num_parameters']:,}",
            model["engine"],
            model["licence"],
        )
        for model in models
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    aligns = ("<", "<", "<", ">", ">", "<", "<")
    return [
        "  ".join(
            f"{text:{align}{width}}" for text, align, width in zip(row, aligns, widths, strict=True)
        ).rstrip()
        for row in [head, *rows]
    ]
