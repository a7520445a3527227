"""The methods an effect must have, and the base class of containers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray


class Effect(Protocol):
    """An effect: one of hushgate's, any pedalboard plugin or board, or an object of your own.

    A `Chain` also reads `latency_samples_at(sample_rate)` or `reported_latency_samples`, in samples,
    where an effect has one of them; without either it counts as having no latency.
    """

    def process(
        self,
        input_array: NDArray[np.float32],
        sample_rate: float,
        buffer_size: int = ...,
        reset: bool = ...,
    ) -> NDArray[np.float32]:
        """Return the samples that are ready, at most as many as were given."""

    def reset(self) -> None:
        """Forget all sound."""


class Container(ABC):
    """Base class of containers that can be flattened into their members.

    The names are for `hushgate.chain_graph`, which runs containers; users read a `Chain` as a list.
    """

    _is_parallel: ClassVar[bool] = False
    """True when the members run side by side, False when one after the other."""

    @property
    @abstractmethod
    def _effects(self) -> tuple[Effect | None, ...]:
        """The members."""

    @property
    @abstractmethod
    def _is_transparent(self) -> bool:
        """True when running the members gives the same result as calling the container."""
