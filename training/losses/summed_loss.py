"""Loss terms of a network's own, as sums: means of parts of a batch cannot be averaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

_TINY = 1e-8


class SummedLoss(NamedTuple):
    """A loss summed over what it judges, and how much that is: frames, bands or examples; both 0-D."""

    total: Tensor
    amount: Tensor

    def mean(self, mean_count: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """The mean loss; 0 where nothing is judged.

        Args:
            mean_count: Averages the amount over all processes that share a batch, so that the mean of their
                results is that of the whole batch.
        """
        amount = self.amount if mean_count is None else mean_count(self.amount)
        return self.total / amount.clamp(min=_TINY)
