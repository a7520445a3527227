"""Branches side by side, each delayed to the slowest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hushgate.chain_graph.stages import Stage


class Branch:
    """One of the branches of a `Parallel`.

    Args:
        source: The member of the `Mix` that this branch runs.
        stage: The stage that runs it.
        num_channels: Channels of the sound.
        kept_samples: Samples buffered in the effects that survived the last rebuild.
    """

    def __init__(self, source: object, stage: Stage, num_channels: int, kept_samples: int) -> None:
        self.source = source
        self._stage = stage
        self._kept_samples = kept_samples
        self._num_held = 0
        self._waiting = np.zeros((num_channels, 0), np.float32)

    def wait(self, num_samples: int) -> None:
        """Append `num_samples` of silence to the queue."""
        silence = np.zeros((self._waiting.shape[0], num_samples), np.float32)
        self._waiting = np.concatenate([self._waiting, silence], axis=1)

    def succeed(self, before: Branch) -> None:
        """Take over the old branch's queue; pad with silence for samples lost with removed effects."""
        num_lost = max(0, before._num_held - self._kept_samples)
        self._num_held = before._num_held - num_lost
        self._waiting = before._waiting
        self.wait(num_lost)

    def clear(self) -> None:
        """Drop the samples that wait."""
        self._waiting = self._waiting[:, :0]
        self._num_held = 0

    def take(self, block: NDArray[np.float32], block_size: int) -> int:
        """Process a block; the number of samples that are ready."""
        output = self._stage.process(block, block_size)
        self._num_held += block.shape[1] - output.shape[1]
        if self._waiting.shape[1] == 0:
            self._waiting = output
        elif output.shape[1]:
            self._waiting = np.concatenate([self._waiting, output], axis=1)
        return self._waiting.shape[1]

    def give(self, num_samples: int) -> NDArray[np.float32]:
        """Remove and return the next samples that are ready."""
        output, self._waiting = self._waiting[:, :num_samples], self._waiting[:, num_samples:]
        return output


class Parallel:
    """Branches that get the same sound and are added, each aligned with the slowest.

    The output of a faster branch waits in a queue. Branches, and effects in them, may be added and removed
    while sound runs: the total delay never shrinks before `clear`, so aligned branches stay aligned.
    """

    def __init__(self) -> None:
        self._branches: list[Branch] = []
        self._num_owed = 0

    def rebuild(self, branches: Sequence[Branch]) -> None:
        """Run these branches. Branches of the same source as before keep their sound."""
        before = list(self._branches)
        for branch in branches:
            old = next((old for old in before if old.source is branch.source), None)
            if old is None:
                # As if it had been silent until now: its first sample belongs to the next input.
                branch.wait(self._num_owed)
            else:
                before.remove(old)
                branch.succeed(old)
        self._branches = list(branches)

    def clear(self) -> None:
        """Drop the samples that wait."""
        for branch in self._branches:
            branch.clear()
        self._num_owed = 0

    def process(self, block: NDArray[np.float32], block_size: int) -> NDArray[np.float32]:
        """See `Stage`."""
        num_ready = block.shape[1]
        for branch in self._branches:
            num_ready = min(num_ready, branch.take(block, block_size))
        output = np.zeros((block.shape[0], num_ready), np.float32)
        for branch in self._branches:
            output += branch.give(num_ready)
        self._num_owed += block.shape[1] - num_ready
        return output
