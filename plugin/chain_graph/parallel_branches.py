"""Branches side by side, each waiting for the slowest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hushgate.chain_graph.stages import Stage


class Branch:
    """One of the branches of a `Parallel`.

    Args:
        source: The object that it stands for.
        stage: What runs it.
        num_channels: Of the sound.
        kept_samples: How much sound is on its way through those of its effects that were there before.
    """

    def __init__(self, source: object, stage: Stage, num_channels: int, kept_samples: int) -> None:
        self.source = source
        self._stage = stage
        self._kept_samples = kept_samples
        self._num_held = 0
        self._waiting = np.zeros((num_channels, 0), np.float32)

    def wait(self, num_samples: int) -> None:
        """Let so much silence wait behind what is ready."""
        silence = np.zeros((self._waiting.shape[0], num_samples), np.float32)
        self._waiting = np.concatenate([self._waiting, silence], axis=1)

    def succeed(self, before: Branch) -> None:
        """Go on with the sound of the branch before; silence for what its effects took with them."""
        num_lost = max(0, before._num_held - self._kept_samples)
        self._num_held = before._num_held - num_lost
        self._waiting = before._waiting
        self.wait(num_lost)

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting = self._waiting[:, :0]
        self._num_held = 0

    def take(self, block: NDArray[np.float32], chunk_size: int) -> int:
        """Process a block; how many samples are ready."""
        output = self._stage.process(block, chunk_size)
        self._num_held += block.shape[1] - output.shape[1]
        if self._waiting.shape[1] == 0:
            self._waiting = output
        elif output.shape[1]:
            self._waiting = np.concatenate([self._waiting, output], axis=1)
        return self._waiting.shape[1]

    def give(self, num_samples: int) -> NDArray[np.float32]:
        """The next samples of what is ready."""
        output, self._waiting = self._waiting[:, :num_samples], self._waiting[:, num_samples:]
        return output


class Parallel:
    """Branches that hear the same sound and are added, each aligned with the slowest.

    A branch that is ready earlier waits. Branches, and effects in them, may come and go while sound
    runs: the delay of the whole never shrinks before `clear`, so what has been aligned stays aligned.
    """

    def __init__(self) -> None:
        self._branches: list[Branch] = []
        self._num_owed = 0

    def rebuild(self, branches: Sequence[Branch]) -> None:
        """Take over these branches; those that stand for the same object as before keep their sound."""
        before = list(self._branches)
        for branch in branches:
            old = next((old for old in before if old.source is branch.source), None)
            if old is None:
                # As if it had been there, silent: its first sample belongs to the input now to come.
                branch.wait(self._num_owed)
            else:
                before.remove(old)
                branch.succeed(old)
        self._branches = list(branches)

    def clear(self) -> None:
        """Forget what waits."""
        for branch in self._branches:
            branch.clear()
        self._num_owed = 0

    def process(self, block: NDArray[np.float32], chunk_size: int) -> NDArray[np.float32]:
        """See `Stage`."""
        num_ready = block.shape[1]
        for branch in self._branches:
            num_ready = min(num_ready, branch.take(block, chunk_size))
        output = np.zeros((block.shape[0], num_ready), np.float32)
        for branch in self._branches:
            output += branch.give(num_ready)
        self._num_owed += block.shape[1] - num_ready
        return output
