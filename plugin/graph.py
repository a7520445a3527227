"""Run a tree of effects as one stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pedalboard
from numpy.typing import NDArray

from hushgate.effect_tree import Branches, EffectTree, Node
from hushgate.stages import (
    MAX_CHUNK_SIZE,
    EffectStage,
    NativeStage,
    Parallel,
    Series,
    Stage,
    StreamFormat,
    clear_native,
    prepare_native,
)
from hushgate.streaming import Effect


class Graph:
    """The stages of a tree of effects, and the sound on its way through them.

    Args:
        form: What all stages are prepared for.
    """

    def __init__(self, form: StreamFormat) -> None:
        self.form = form
        self._tree: EffectTree | None = None
        self._root = Series(())
        # By id; the objects are kept with them, so that an id stays theirs.
        self._natives: dict[int, pedalboard.Plugin] = {}
        self._effects: dict[int, tuple[Effect, EffectStage]] = {}
        self._parallels: dict[int, tuple[object, Parallel]] = {}

    def update(self, tree: EffectTree) -> None:
        """Become this tree. Effects that stay keep their sound, new ones begin silent."""
        if self.is_for(tree):
            return
        natives = {id(plugin): plugin for plugin in tree.native_plugins()}
        for key, plugin in natives.items():
            if key not in self._natives:
                prepare_native(plugin, self.form)
        effects: dict[int, tuple[Effect, EffectStage]] = {}
        for effect in tree.python_effects():
            known = self._effects.get(id(effect))
            if known is None:
                stage = EffectStage(effect, self.form)
                stage.clear()
                known = effect, stage
            effects[id(effect)] = known
        self._natives, self._effects = natives, effects
        before, self._parallels = self._parallels, {}
        self._root = self._series(tree.nodes, before)
        self._tree = tree

    def is_for(self, tree: EffectTree) -> bool:
        """Whether this is the tree that it runs."""
        return tree.same_as(self._tree)

    def clear(self) -> None:
        """Forget all sound, and stay prepared."""
        clear_native(list(self._natives.values()))
        for _, stage in self._effects.values():
            stage.clear()
        for _, parallel in self._parallels.values():
            parallel.clear()

    def process(self, block: NDArray[np.float32], buffer_size: int) -> NDArray[np.float32]:
        """What is ready once a (channels, samples) block has gone in."""
        return self._root.process(block, min(buffer_size, MAX_CHUNK_SIZE))

    def _series(self, nodes: Sequence[Node], before: Mapping[int, tuple[object, Parallel]]) -> Series:
        stages: list[Stage] = []
        neighbours: list[pedalboard.Plugin] = []
        for node in nodes:
            if isinstance(node, pedalboard.Plugin):
                neighbours.append(node)
                continue
            if neighbours:
                stages.append(NativeStage(neighbours, self.form))
                neighbours = []
            if isinstance(node, Branches):
                stages.append(self._parallel(node, before))
            else:
                stages.append(self._effects[id(node)][1])
        if neighbours:
            stages.append(NativeStage(neighbours, self.form))
        return Series(stages)

    def _parallel(self, node: Branches, before: Mapping[int, tuple[object, Parallel]]) -> Parallel:
        _, parallel = before.get(id(node.source), (None, Parallel()))
        self._parallels[id(node.source)] = node.source, parallel
        branches = [(source, self._series(nodes, before)) for source, nodes in node.branches]
        parallel.rebuild(branches, self.form.num_channels)
        return parallel
