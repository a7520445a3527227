"""The runner of a tree of effects: by pedalboard alone where it can, else stage by stage."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pedalboard
from numpy.typing import NDArray

from hushgate.chain_graph.flatten import Branches, EffectTree
from hushgate.chain_graph.latency import tree_latency
from hushgate.chain_graph.stage_graph import Graph
from hushgate.chain_graph.stages import NATIVE_BLOCK_SIZE, StreamFormat, clear_native
from hushgate.engine.signal.input_checks import replace_nonfinite
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BUFFER_SIZE
from hushgate.pedalboard_compat.channel_layout import LayoutMemory
from hushgate.pedalboard_compat.streaming import MAX_DRAIN_SECONDS

_logger = logging.getLogger(__name__)

# Samples of a recording that go through a chain at once: few calls, and bounded memory.
_PIECE_SIZE = 16 * NATIVE_BLOCK_SIZE


class ChainRunner:
    """The state of one chain between calls. One call at a time.

    Attributes:
        num_nonfinite: Input samples since the last reset that were not finite and became 0.
    """

    def __init__(self) -> None:
        self.num_nonfinite = 0
        self._layout = LayoutMemory()
        self._graph: Graph | None = None
        self._board: Any = pedalboard.Pedalboard([])  # its stubs know no float64
        self._board_tree: EffectTree | None = None

    def process(
        self, tree: EffectTree, input_array: Any, sample_rate: float, buffer_size: int | None, reset: bool
    ) -> NDArray[np.float32]:
        """See `EffectList.process`; the effects are those of `tree`."""
        if reset:
            self.num_nonfinite = 0
        if tree.is_native:
            self._graph = None
            return self._process_natively(
                tree, input_array, sample_rate, buffer_size or NATIVE_BLOCK_SIZE, reset
            )
        if self._board_tree is not None:
            self._board, self._board_tree = pedalboard.Pedalboard([]), None
        block = self._layout.to_planar(input_array)
        if block.shape[0] == 0:
            return self._layout.restore(np.empty(block.shape, np.float32))
        block, _, num_replaced = replace_nonfinite(block)
        self.num_nonfinite += num_replaced
        graph = self._prepared_graph(tree, StreamFormat(sample_rate, block.shape[0]), reset=reset)
        buffer_size = buffer_size or DEFAULT_BUFFER_SIZE
        if reset:
            output = _process_whole(graph, tree, block, buffer_size)
        else:
            output = graph.process(block, buffer_size)
        return self._layout.restore(output.copy() if np.may_share_memory(output, block) else output)

    def reset(self, tree: EffectTree) -> None:
        """Forget all sound of the effects in `tree`, and the last layout."""
        self.num_nonfinite = 0
        self._layout.forget()
        self._board.reset()
        if self._graph is not None and self._graph.is_for(tree):
            self._graph.clear()
        elif not (tree.is_native and tree.same_as(self._board_tree)):
            self._graph = None
            clear_native(tree.native_plugins())
            for effect in tree.python_effects():
                effect.reset()

    def _process_natively(
        self, tree: EffectTree, input_array: Any, sample_rate: float, buffer_size: int, reset: bool
    ) -> NDArray[np.float32]:
        """Run everything on one native board, so that layouts are remembered exactly as pedalboard does."""
        if getattr(input_array, "size", None) == 0:
            # pedalboard's Convolution crashes the process on an empty block, so no plugin gets one.
            self._fill_board(None)
            if reset:
                clear_native(tree.native_plugins())
        elif not tree.same_as(self._board_tree):
            self._fill_board(tree)
        output: NDArray[np.float32] = self._board.process(input_array, sample_rate, buffer_size, reset)
        return output

    def _fill_board(self, tree: EffectTree | None) -> None:
        """Replace the plugins on the board. The board itself stays: it remembers the layout."""
        while len(self._board):
            del self._board[0]
        for node in tree.nodes if tree else ():
            self._board.append(node.source if isinstance(node, Branches) else node)
        self._board_tree = tree

    def _prepared_graph(self, tree: EffectTree, stream_format: StreamFormat, *, reset: bool) -> Graph:
        graph = self._graph
        if graph is None or graph.stream_format != stream_format:
            _logger.debug(
                "chain prepared for %g Hz, %d channels", stream_format.sample_rate, stream_format.num_channels
            )
            graph = Graph(stream_format)
        elif reset:
            graph.clear()
        graph.update(tree)
        self._graph = graph
        if not reset and (lossy := tree.not_streamable()):
            warnings.warn(
                f"pedalboard cannot run {', '.join(lossy)} block by block: sound is lost or shifted. "
                "Process the whole recording with reset=True.",
                RuntimeWarning,
                stacklevel=4,  # the caller of the chain
            )
        return graph


def _process_whole(
    graph: Graph, tree: EffectTree, block: NDArray[np.float32], buffer_size: int
) -> NDArray[np.float32]:
    """Process a block and then silence, until as many samples came out as went in."""
    num_channels, num_samples = block.shape
    sample_rate = graph.stream_format.sample_rate
    output = np.empty(block.shape, np.float32)
    num_out = num_silent = 0
    pieces = _pieces(tree, block, sample_rate)
    while num_out < num_samples:
        piece = next(pieces, None)
        if piece is None:
            num_owed = num_samples - num_out
            if num_silent > MAX_DRAIN_SECONDS * sample_rate:
                raise RuntimeError(f"the effects kept {num_owed} samples and do not return them.")
            num_silent += num_owed
            piece = np.zeros((num_channels, num_owed), np.float32)
        ready = graph.process(piece, buffer_size)[:, : num_samples - num_out]
        output[:, num_out : num_out + ready.shape[1]] = ready
        num_out += ready.shape[1]
    return output


def _pieces(
    tree: EffectTree, block: NDArray[np.float32], sample_rate: float
) -> Iterator[NDArray[np.float32]]:
    """Yield the block in pieces, then silence as long as the latency."""
    num_channels, num_samples = block.shape
    silence = np.zeros((num_channels, tree_latency(tree, sample_rate)), np.float32)
    if tree.not_streamable():
        yield np.concatenate([block, silence], axis=1)  # such plugins lose sound between two calls
        return
    for start in range(0, num_samples, _PIECE_SIZE):
        yield block[:, start : start + _PIECE_SIZE]
    yield silence
