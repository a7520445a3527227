"""The latency of effects, measured without touching their sound."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
import pedalboard

from hushgate.audio_files.limits import MAX_SAMPLE_RATE
from hushgate.chain_graph.flatten import Branches, EffectTree, Node
from hushgate.chain_graph.stages import NATIVE_BLOCK_SIZE
from hushgate.pedalboard_compat.effect_protocol import Effect
from hushgate.pedalboard_compat.native_effects import Setting, describe_native, native_effects

# pedalboard's slowest effect, PitchShift, returns its first samples after a little more than a second.
_MAX_SILENCE_S = 10.0


def tree_latency(tree: EffectTree, sample_rate: float) -> int:
    """Delay of a tree of effects, samples: delays in a row add up, the slowest branch counts.

    Args:
        tree: The tree; its effects are neither called nor changed.
        sample_rate: Hz.
    """
    return series_latency(tree.nodes, sample_rate)


def series_latency(nodes: Iterable[Node], sample_rate: float) -> int:
    """Delay of effects one after the other, samples."""
    return sum(_node_latency(node, sample_rate) for node in nodes)


def _node_latency(node: Node, sample_rate: float) -> int:
    if isinstance(node, Branches):
        return max((series_latency(nodes, sample_rate) for _, nodes in node.branches), default=0)
    if isinstance(node, pedalboard.Plugin):
        return _native_latency(node, sample_rate)
    return _effect_latency(node, sample_rate)


def _effect_latency(effect: Effect, sample_rate: float) -> int:
    at_rate = getattr(effect, "latency_samples_at", None)
    if at_rate is not None:
        return int(at_rate(sample_rate))
    return int(getattr(effect, "reported_latency_samples", 0))


def _native_latency(plugin: pedalboard.Plugin, sample_rate: float) -> int:
    if not 0.0 < sample_rate <= MAX_SAMPLE_RATE:
        raise ValueError(f"sample_rate must be above 0 and at most {MAX_SAMPLE_RATE} Hz (got {sample_rate}).")
    if type(plugin).__name__ not in native_effects():
        # A plugin from a file reports its latency; Convolution has none.
        return int(getattr(plugin, "reported_latency_samples", 0))
    name, settings = describe_native(plugin)
    return _measured_latency(name, tuple(settings.items()), float(sample_rate))


@functools.lru_cache(maxsize=256)
def _measured_latency(name: str, settings: tuple[tuple[str, Setting], ...], sample_rate: float) -> int:
    """Samples that go into an effect with these settings before the first comes out.

    pedalboard does not report the latency of its own effects to Python.
    """
    # A new effect for each call: some lose sound between two calls (`NOT_STREAMABLE`).
    for num_samples in (NATIVE_BLOCK_SIZE, round(1.5 * sample_rate), round(_MAX_SILENCE_S * sample_rate)):
        example = native_effects()[name].make(dict(settings))
        silence = np.zeros(num_samples, np.float32)
        output = example.process(silence, sample_rate, NATIVE_BLOCK_SIZE, reset=False)
        if output.shape[0]:
            return num_samples - int(output.shape[0])
    return 0
