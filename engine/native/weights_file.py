"""Weights files (.hush): the configuration and the weights of one hush network for the native engine.

docs/model-file.md has the layout. The core reads the same one in native/core/weights_file.cpp.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from hushgate.engine.native.network_config import NetworkConfig

MAGIC, VERSION = b"hushgate", 1
NAME_BYTES = 64
# Widths of the heads; see training/models/presence.py and upper_head.py.
PRESENCE_CHANNELS, PRESENCE_WIDTH = 12, 24
UPPER_CHANNELS, UPPER_WIDTH = 8, 48

Weights = Mapping[str, NDArray[np.float32]]


def weight_shapes(config: NetworkConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of every weight in the order of the file; products map rows to columns."""
    channels, width, bands, patches = config.channels, config.band_channels, config.bands, config.num_patches

    def product(name: str, num_in: int, num_out: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}.weight", (num_in, num_out)
        yield f"{name}.bias", (num_out,)

    def recurrence(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        for part in ("input", "hidden"):
            yield from product(f"{name}.{part}", width, 3 * width)

    yield from product("encode", 9 * config.stride, channels)
    for index in range(config.num_layers):
        yield from product(f"down.{index}", 3 * channels, channels)
    yield "squeeze", (bands, patches)
    yield from product("widen", channels, width)
    yield "band_position", (bands, width)
    for index in range(config.num_blocks):
        yield from recurrence(f"blocks.{index}.gru", width)
        yield from product(f"blocks.{index}.time_out", width, width)
        yield from product(f"blocks.{index}.query_key_value", width, 3 * width)
        yield from product(f"blocks.{index}.band_out", width, width)
    above = len(config.upper_edges_hz)
    for head, is_there, inner, outer, extra, answers in (
        ("presence", config.presence, PRESENCE_CHANNELS, PRESENCE_WIDTH, 0, 1),
        ("upper", above > 0, UPPER_CHANNELS, UPPER_WIDTH, 2 * above, above),
    ):
        if is_there:
            yield from product(f"{head}.narrow", width, inner)
            yield from product(f"{head}.gather", bands * inner + extra, outer)
            yield from recurrence(f"{head}.gru", outer)
            yield from product(f"{head}.answer", outer, answers)
    yield from product("narrow", width, channels)
    yield "expand", (patches, bands)
    yield from product("join", 2 * channels, channels)
    for index in range(config.num_layers):
        yield from product(f"up.{index}", 3 * channels, channels)
    yield from product("decode", 3 * channels, 2 * config.stride)


def write_weights_file(name: str, config: NetworkConfig, weights: Weights) -> bytes:
    """Return the bytes of a weights file.

    Args:
        name: The model's name.
        config: Its configuration.
        weights: By the names of `weight_shapes`, in those shapes, finite.
    """
    flags = (
        config.silent_pauses
        | config.presence << 1
        | config.steady_noise << 2
        | config.silent_upper_pauses << 3
    )
    body = struct.pack(
        f"<{NAME_BYTES}s4d12i",
        name.encode()[:NAME_BYTES].decode(errors="ignore").encode(),
        config.frame_ms,
        config.relief_db,
        config.upper_relief_db,
        config.upper_top_hz,
        config.overlap,
        config.num_bins,
        config.stride,
        config.channels,
        config.num_layers,
        config.bands,
        config.band_channels,
        config.num_blocks,
        config.num_heads,
        config.upper_from_bin,
        flags,
        len(config.upper_edges_hz),
    )
    body += np.array(config.upper_edges_hz, dtype="<f8").tobytes()
    for key, shape in weight_shapes(config):
        values = weights[key]
        assert values.shape == shape, (key, values.shape, shape)
        body += values.astype("<f4").tobytes()
    return MAGIC + struct.pack("<II", VERSION, zlib.crc32(body)) + body
