"""The base class of `Chain` and `Mix`: a list of effects that is an effect itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableSequence
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from hushgate.chain_graph.flatten import read_tree
from hushgate.chain_graph.latency import tree_latency
from hushgate.chain_graph.runner import ChainRunner
from hushgate.effects.python_effect import PythonEffect
from hushgate.effects.serialization import describe_effect, make_members
from hushgate.pedalboard_compat.call_arguments import checked_buffer_size, checked_flag, checked_sample_rate
from hushgate.pedalboard_compat.effect_protocol import Container, Effect

Member = Effect | None


class EffectList(PythonEffect, Container, MutableSequence[Member]):
    """A list of effects with pedalboard's `process` and `reset`. Use `Chain` or `Mix`."""

    def __init__(self, plugins: Iterable[Member] | None = None) -> None:
        super().__init__()
        self._members: tuple[Member, ...] = ()
        self._runner = ChainRunner()
        self._sample_rate: float | None = None
        if plugins is not None:
            self._become(list(plugins))

    def __repr__(self) -> str:
        count = f"{len(self)} plugin" + ("" if len(self) == 1 else "s")
        name = f"hushgate.{type(self).__name__}"
        return f"<{name} with {count}: {list(self._members)} at {hex(id(self))}>"

    def _repr_html_(self) -> str:
        from hushgate.effects.notebook_view import effect_html

        return effect_html(self)

    # -- sound ----------------------------------------------------------------------------------

    def process(
        self,
        input_array: NDArray[np.float32] | NDArray[np.float64],
        sample_rate: float,
        buffer_size: int | None = None,
        reset: bool = True,
    ) -> NDArray[np.float32]:
        """Run a whole recording, or with `reset=False` the next block of a stream, through all effects.

        With `reset=True` the sound before is forgotten, and the output is as long as the input and
        aligned with it, whatever delays the effects have. With `reset=False` only those samples
        come back that are ready. Start a stream with `reset()`; drain it with `latency_samples` zeros.

        Args:
            input_array: float32 or float64, 1-D or 2-D; the smaller dimension is channels. Not
                written to. NaN and infinite samples become 0 before the first effect, because a
                recursive filter would keep them; where pedalboard alone runs the effects, it gets them.
            sample_rate: Hz, above 0. Another rate than before starts afresh.
            buffer_size: Most samples handed to an effect at once, 1 or more. None: 8,192 where
                pedalboard alone runs the effects, as it does itself; otherwise 32,768.
            reset: True for a recording of its own, False for the next block of a stream.

        Returns:
            A new float32 array in the layout and rank of `input_array`.

        Raises:
            TypeError: Not an array of float32 or float64.
            ChannelLayoutError: More than two dimensions, or square with no block before it. Where
                pedalboard alone runs the effects, it is pedalboard's own RuntimeError.
            DuplicateEffectError: An effect was added to a list inside and is now in here twice.
            ValueError: `sample_rate` or `buffer_size` out of range.
        """
        sample_rate = checked_sample_rate(sample_rate)
        if buffer_size is not None:
            buffer_size = checked_buffer_size(buffer_size)
        reset = checked_flag(reset)
        with self._lock:
            tree = read_tree(self)
            self._sample_rate = sample_rate
            return self._runner.process(tree, input_array, sample_rate, buffer_size, reset)

    __call__ = process

    def reset(self) -> None:
        """Forget all sound and the last layout, keep all effects and settings."""
        with self._lock:
            self._runner.reset(read_tree(self))

    # -- readings -------------------------------------------------------------------------------

    @property
    def latency_samples(self) -> int:
        """Delay at the sample rate of the last block, samples; 0 before the first one.

        The delays of effects in a row add up; of branches side by side the longest counts. When an effect
        is removed from a running `Mix`, the sound keeps its old delay until `reset`.
        """
        return 0 if self._sample_rate is None else self.latency_samples_at(self._sample_rate)

    def latency_samples_at(self, sample_rate: float) -> int:
        """Delay at `sample_rate` Hz, samples. It does not depend on earlier calls."""
        return tree_latency(read_tree(self), checked_sample_rate(sample_rate))

    @property
    def num_nonfinite(self) -> int:
        """Input samples since the last reset that were NaN or infinite, or beyond +-1e12, and became 0."""
        return self._runner.num_nonfinite

    @property
    def _effects(self) -> tuple[Member, ...]:
        return self._members

    @property
    def _is_transparent(self) -> bool:
        return type(self).process is EffectList.process

    # -- list -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._members)

    @overload
    def __getitem__(self, index: int) -> Member: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Member | Self:
        """The effect at an index; for a slice a new list of the same effects."""
        if isinstance(index, slice):
            return type(self)(self._members[index])
        return self._members[index]

    @overload
    def __setitem__(self, index: int, value: Member) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Member]) -> None: ...
    def __setitem__(self, index: Any, value: Any) -> None:
        """Replace an effect, or the effects of a slice; to swap two, assign both as one slice."""
        with self._lock:
            members = list(self._members)
            members[index] = value
            self._become(members)

    def __delitem__(self, index: int | slice) -> None:
        """Remove an effect, or the effects of a slice."""
        with self._lock:
            members = list(self._members)
            del members[index]
            self._become(members)

    def insert(self, index: int, plugin: Member) -> None:
        """Put an effect before the one at `index`.

        Raises:
            IndexError: No such index. pedalboard raises it too; a Python list would take the nearest.
            TypeError, ValueError, DuplicateEffectError: As `append`.
        """
        with self._lock:
            members = list(self._members)
            if not -len(members) <= index <= len(members):
                raise IndexError(f"index must be between -{len(members)} and {len(members)} (got {index}).")
            members.insert(index, plugin)
            self._become(members)

    def append(self, plugin: Member) -> None:
        """Put an effect at the end.

        Raises:
            TypeError: An object without `process` or `reset`.
            ValueError: An instrument.
            DuplicateEffectError: The effect is in here already.
        """
        with self._lock:
            self._become([*self._members, plugin])

    def reverse(self) -> None:
        """Reverse the order of the effects."""
        with self._lock:
            self._become(list(self._members[::-1]))

    def _become(self, members: list[Member]) -> None:
        for member in members:
            _check_member(member)
        read_tree(self, members)
        self._members = tuple(members)

    # -- settings -------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """All effects and their settings, each as `describe_effect` gives it. `from_dict` makes equal ones.

        The values are plain, except that an effect of your own is described by its class and the result of
        its `to_dict`.

        Raises:
            TypeError: An effect that cannot be described, such as a plugin from a file.
        """
        return {"effects": [describe_effect(member) for member in self._members]}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """New effects with these settings.

        Raises:
            PresetError: A key or value is missing, unknown or out of range; the message says where.
        """
        return cls(make_members(settings, ""))


def _check_member(member: object) -> None:
    if member is None:
        return
    is_usable = callable(getattr(member, "process", None)) and callable(getattr(member, "reset", None))
    if isinstance(member, type) or not is_usable:
        raise TypeError(f"plugins must be effects with process and reset (got {member!r}).")
    if not getattr(member, "is_effect", True):
        raise ValueError(f"plugins must be effects (got {member!r}, an instrument that takes no sound).")
