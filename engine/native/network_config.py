"""The configuration of a hush network, as model files carry it in `hushgate.network`."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from hushgate.engine.errors import ModelError
from hushgate.engine.model_files.metadata import METADATA_PREFIX, is_number

NETWORK_KEY = f"{METADATA_PREFIX}network"
FAMILY, VERSION = "hush", 1
# Whole numbers and their ranges. The core has the same limits (native/core/weights_file.cpp).
_RANGES = {
    "overlap": (2, 64),
    "num_bins": (2, 1 << 14),
    "stride": (1, 64),
    "channels": (1, 512),
    "num_layers": (0, 16),
    "bands": (1, 256),
    "band_channels": (1, 512),
    "num_blocks": (0, 16),
    "num_heads": (1, 64),
}
_MAX_UPPER_BANDS = 32


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes and framing of a hush network; names, units and meaning as in `HushConfig` of the training."""

    frame_ms: float
    overlap: int
    num_bins: int
    stride: int
    channels: int
    num_layers: int
    bands: int
    band_channels: int
    num_blocks: int
    num_heads: int
    upper_from_hz: float
    relief_db: float
    upper_relief_db: float
    silent_pauses: bool
    presence: bool
    upper_edges_hz: tuple[float, ...]
    upper_top_hz: float
    steady_noise: bool
    silent_upper_pauses: bool

    @property
    def num_patches(self) -> int:
        """Patches of `stride` bins."""
        return self.num_bins // self.stride

    @property
    def upper_from_bin(self) -> int:
        """The lowest bin whose mask counts for what lies above the network's bins."""
        return round(self.upper_from_hz * self.frame_ms / 1000.0)


def read_network_config(file: str, metadata: Mapping[str, str]) -> NetworkConfig:
    """Read and check the configuration in a model file's metadata.

    Args:
        file: Name of the file, for error messages.
        metadata: The file's `metadata_props`, with their prefixes.

    Raises:
        ModelError: There is none, it is of another family or version, or a value is out of range.
    """
    if NETWORK_KEY not in metadata:
        raise ModelError(
            f"{file} has no metadata key {NETWORK_KEY}, so the native engine cannot run it. "
            'Export its checkpoint again with "hushgate export" (networks of the family hush have the key).'
        )
    try:
        values = json.loads(metadata[NETWORK_KEY])
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ModelError(f"{file}: {NETWORK_KEY} must be a JSON object (got {metadata[NETWORK_KEY][:60]!r}).")
    for key, wanted in (("family", FAMILY), ("version", VERSION)):
        if values.get(key) != wanted:
            raise ModelError(
                f"{file}: {NETWORK_KEY} must have {key} {wanted!r} (got {reprlib.repr(values.get(key))}). "
                "The native engine runs no other network."
            )
    return _checked(file, {key: value for key, value in values.items() if key not in ("family", "version")})


def _checked(file: str, values: dict[str, Any]) -> NetworkConfig:
    names = {field.name for field in fields(NetworkConfig)}
    values = {"silent_upper_pauses": False} | values  # files from before it was known lack it
    for what, strange in (("lacks", names - values.keys()), ("has unknown", values.keys() - names)):
        if strange:
            raise ModelError(f"{file}: {NETWORK_KEY} {what} {min(strange)!r}.")

    def check(name: str, is_right: bool, condition: str) -> None:
        if not is_right:
            shown = reprlib.repr(values[name])
            raise ModelError(f"{file}: {NETWORK_KEY}: {name} must be {condition} (got {shown}).")

    for name, (least, most) in _RANGES.items():
        value = values[name]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        check(name, is_whole and least <= value <= most, f"a whole number between {least} and {most}")
    for name in ("silent_pauses", "presence", "steady_noise", "silent_upper_pauses"):
        check(name, isinstance(values[name], bool), "true or false")
    edges = values["upper_edges_hz"]
    is_edges = isinstance(edges, list) and len(edges) <= _MAX_UPPER_BANDS and all(map(is_number, edges))
    check("upper_edges_hz", is_edges, f"a list of at most {_MAX_UPPER_BANDS} frequencies in Hz")
    check("upper_edges_hz", all(low < high for low, high in pairwise(edges)), "ascending")
    for name, top in (("relief_db", 20.0), ("upper_relief_db", 20.0), ("upper_from_hz", 1e6)):
        check(name, is_number(values[name]) and 0 <= values[name] <= top, f"between 0 and {top:g}")
    check("upper_top_hz", is_number(values["upper_top_hz"]), "a number")
    check("frame_ms", is_number(values["frame_ms"]) and 1 <= values["frame_ms"] <= 1000, "1 to 1000")
    config = NetworkConfig(**{**values, "upper_edges_hz": tuple(float(edge) for edge in edges)})
    check("num_bins", config.num_bins % config.stride == 0, f"a multiple of stride, {config.stride}")
    check(
        "band_channels",
        config.band_channels % config.num_heads == 0,
        f"a multiple of num_heads, {config.num_heads}",
    )
    check("upper_from_hz", config.upper_from_bin < config.num_bins - config.stride, "below the top patch")
    has_below = config.upper_from_bin > 0 or not config.silent_upper_pauses
    check("upper_from_hz", has_below, "above the lowest bin with silent_upper_pauses")
    return config
