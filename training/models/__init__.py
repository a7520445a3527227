"""Trainable models, by family name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hushgate.training.models.hush import Hush, HushConfig

__all__ = ["FAMILIES", "Hush", "HushConfig", "build_model"]

FAMILIES = {"hush": (Hush, HushConfig)}


def build_model(settings: Mapping[str, Any]) -> Hush:
    """Make an untrained model from the `[model]` table of a configuration.

    Raises:
        ValueError: Unknown family or parameter.
    """
    parameters = dict(settings)
    family = parameters.pop("family", None)
    if family not in FAMILIES:
        raise ValueError(f"model.family must be one of {', '.join(FAMILIES)} (got {family!r}).")
    network, config = FAMILIES[family]
    known = [f.name for f in dataclasses.fields(config)]
    for key in parameters:
        if key not in known:
            raise ValueError(f"model has no key {key!r}. Keys of family {family!r}: {', '.join(known)}.")
    return network(config(**parameters))
