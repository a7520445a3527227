"""The stages that run a tree of effects as one stream."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pedalboard
from numpy.typing import NDArray

from hushgate.chain_graph.flatten import Branches, EffectTree, Node
from hushgate.chain_graph.latency import series_latency
from hushgate.chain_graph.parallel_branches import Branch, Parallel
from hushgate.chain_graph.stages import (
    EffectStage,
    ExternalStage,
    NativeStage,
    Series,
    Stage,
    StreamFormat,
    clear_native,
    is_external,
    prepare_native,
)
from hushgate.pedalboard_compat.effect_protocol import Effect

_SingleStage = EffectStage | ExternalStage


class Graph:
    """The stages of a tree of effects, with the samples they buffer.

    Args:
        stream_format: Rate and channels that all stages are prepared for.
    """

    def __init__(self, stream_format: StreamFormat) -> None:
        self.stream_format = stream_format
        self._tree: EffectTree | None = None
        self._root = Series(())
        # Keyed by id. The values hold the objects, so that Python does not reuse an id.
        self._natives: dict[int, pedalboard.Plugin] = {}
        self._singles: dict[int, tuple[Effect, _SingleStage]] = {}
        self._parallels: dict[int, tuple[object, Parallel]] = {}

    def update(self, tree: EffectTree) -> None:
        """Run this tree from now on. Effects that stay keep their sound, new ones start silent."""
        if self.is_for(tree):
            return
        natives: dict[int, pedalboard.Plugin] = {}
        singles: dict[int, tuple[Effect, _SingleStage]] = {}
        for effect in tree.leaves():
            key = id(effect)
            if isinstance(effect, pedalboard.Plugin) and not is_external(effect):
                if key not in self._natives:
                    prepare_native(effect, self.stream_format)
                natives[key] = effect
            elif key in self._singles:
                singles[key] = self._singles[key]
            else:
                stage = self._single_stage(effect)
                stage.clear()
                singles[key] = effect, stage
        kept = {*self._natives, *self._singles, *self._parallels}
        before, self._parallels = self._parallels, {}
        self._natives, self._singles = natives, singles
        self._root = self._series(tree.nodes, before, kept)
        self._tree = tree

    def is_for(self, tree: EffectTree) -> bool:
        """True when this is the tree that it runs."""
        return tree.same_as(self._tree)

    def clear(self) -> None:
        """Forget all sound, and stay prepared."""
        clear_native(list(self._natives.values()))
        for _, stage in self._singles.values():
            stage.clear()
        for _, parallel in self._parallels.values():
            parallel.clear()

    def process(self, block: NDArray[np.float32], buffer_size: int) -> NDArray[np.float32]:
        """Process a (channels, samples) block; the samples that are ready."""
        return self._root.process(block, buffer_size)

    def _single_stage(self, effect: pedalboard.Plugin | Effect) -> _SingleStage:
        if isinstance(effect, pedalboard.Plugin):
            return ExternalStage(effect, self.stream_format)
        return EffectStage(effect, self.stream_format)

    def _series(
        self, nodes: Sequence[Node], before: Mapping[int, tuple[object, Parallel]], kept: Collection[int]
    ) -> Series:
        stages: list[Stage] = []
        neighbours: list[pedalboard.Plugin] = []
        for node in nodes:
            if isinstance(node, pedalboard.Plugin) and id(node) in self._natives:
                neighbours.append(node)
                continue
            if neighbours:
                stages.append(NativeStage(neighbours, self.stream_format))
                neighbours = []
            if isinstance(node, Branches):
                stages.append(self._parallel(node, before, kept))
            else:
                stages.append(self._singles[id(node)][1])
        if neighbours:
            stages.append(NativeStage(neighbours, self.stream_format))
        return Series(stages)

    def _parallel(
        self, node: Branches, before: Mapping[int, tuple[object, Parallel]], kept: Collection[int]
    ) -> Parallel:
        _, parallel = before.get(id(node.source), (None, Parallel()))
        self._parallels[id(node.source)] = node.source, parallel
        branches = []
        for source, nodes in node.branches:
            stage = self._series(nodes, before, kept)
            stayed = [inner for inner in nodes if id(_identity(inner)) in kept]
            num_kept = series_latency(stayed, self.stream_format.sample_rate)
            branches.append(Branch(source, stage, self.stream_format.num_channels, num_kept))
        parallel.rebuild(branches)
        return parallel


def _identity(node: Node) -> object:
    return node.source if isinstance(node, Branches) else node
