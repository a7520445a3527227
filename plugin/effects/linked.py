"""Linked dynamics: one gain for all channels from pedalboard's compressor, limiter and noise gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
import pedalboard
from numpy.typing import NDArray

from hushgate.chain_graph.stages import (
    NATIVE_BLOCK_SIZE,
    NativeStage,
    StreamFormat,
    clear_native,
    prepare_native,
)
from hushgate.effects.python_effect import PythonEffect
from hushgate.effects.serialization import describe_effect, make_members
from hushgate.pedalboard_compat.call_arguments import checked_buffer_size, checked_flag, checked_sample_rate
from hushgate.pedalboard_compat.channel_layout import LayoutMemory

# Effects whose output is their input times a gain.
_DYNAMICS = (pedalboard.Compressor, pedalboard.Limiter, pedalboard.NoiseGate)
# Below -600 dBFS a sample is silence, and a quotient of two of them has no meaning.
_SMALLEST = np.float32(1e-30)


class Linked(PythonEffect):
    """Run dynamics on the loudest channel and give every channel the same gain, so that the image stays.

    pedalboard's own Compressor, Limiter and NoiseGate work on each channel alone: a voice to one side moves
    whenever they act.

    Args:
        plugins: `pedalboard.Compressor`, `Limiter` and `NoiseGate`, run one after the other. Without any,
            sound passes unchanged.

    Shapes: as `Chain.process`. Mono sound gets exactly what the plugins give. Latency: 0 samples. State: that
    of the plugins, which run on one channel: at each sample the one with the largest magnitude.

    Raises:
        TypeError: An effect that does more than change the level.

    >>> from pedalboard import Compressor
    >>> import numpy as np
    >>> sound = np.float32([[0.5] * 480, [0.25] * 480])
    >>> left, right = Linked([Compressor(-20.0, ratio=4.0)])(sound, 48_000)
    >>> bool(np.allclose(left, 2 * right))
    True
    """

    def __init__(self, plugins: Iterable[Any]) -> None:
        super().__init__()
        members = list(plugins)
        for member in members:
            if not isinstance(member, _DYNAMICS):
                raise TypeError(
                    f"Linked takes Compressor, Limiter and NoiseGate (got {member!r}). "
                    "Put other effects into a Chain beside it."
                )
        self._plugins: tuple[pedalboard.Plugin, ...] = tuple(members)
        self._sample_rate: float | None = None
        self._stage: NativeStage | None = None
        self._layout = LayoutMemory()

    def __repr__(self) -> str:
        return f"<hushgate.Linked with {list(self._plugins)} at {hex(id(self))}>"

    def process(
        self,
        input_array: NDArray[np.float32] | NDArray[np.float64],
        sample_rate: float,
        buffer_size: int | None = None,
        reset: bool = True,
    ) -> NDArray[np.float32]:
        """Process a whole recording, or with `reset=False` the next block of a stream.

        Args:
            input_array: float32 or float64, 1-D or 2-D; the smaller dimension is channels. Not written to.
            sample_rate: Hz, above 0.
            buffer_size: Most samples handed to the plugins at once, 1 or more.
            reset: True for a recording of its own, False for the next block of a stream.

        Returns:
            A new float32 array of the same shape and layout.

        Raises:
            TypeError, ValueError, ChannelLayoutError: As `Chain.process`.
        """
        sample_rate = checked_sample_rate(sample_rate)
        block_size = NATIVE_BLOCK_SIZE if buffer_size is None else checked_buffer_size(buffer_size)
        with self._lock:
            if checked_flag(reset):
                self.reset()
            block = self._layout.to_planar(input_array)
            return self._layout.restore(self._apply(block, sample_rate, block_size))

    __call__ = process

    def reset(self) -> None:
        """Forget all sound and the last layout, keep all plugins and settings."""
        with self._lock:
            clear_native(self._plugins)
            self._layout.forget()

    @property
    def latency_samples(self) -> int:
        """Delay, samples: always 0."""
        return 0

    def latency_samples_at(self, sample_rate: float) -> int:
        """Delay at `sample_rate` Hz, samples: always 0."""
        checked_sample_rate(sample_rate)
        return 0

    def to_dict(self) -> dict[str, Any]:
        """Describe the plugins by plain values; `from_dict` makes an equal object of them."""
        return {"effects": [describe_effect(plugin) for plugin in self._plugins]}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Make an object from the values of `to_dict`.

        Raises:
            PresetError: A key or value is missing, unknown or out of range.
            TypeError: An effect that does more than change the level.
        """
        return cls(make_members(settings, ""))

    def _apply(self, block: NDArray[np.float32], sample_rate: float, block_size: int) -> NDArray[np.float32]:
        if not block.shape[1]:
            return np.array(block)
        stage = self._prepared_stage(sample_rate)
        if block.shape[0] == 1:
            return stage.process(block, block_size)
        loudest = np.abs(block).argmax(axis=0)
        key = np.take_along_axis(block, loudest[None], axis=0)
        is_sound = np.abs(key) > _SMALLEST
        gain = np.divide(stage.process(key, block_size), key, out=np.ones_like(key), where=is_sound)
        return block * gain

    def _prepared_stage(self, sample_rate: float) -> NativeStage:
        if self._stage is None or sample_rate != self._sample_rate:
            stream_format = StreamFormat(sample_rate, 1)
            for plugin in self._plugins:
                prepare_native(plugin, stream_format)
            self._stage, self._sample_rate = NativeStage(self._plugins, stream_format), sample_rate
        return self._stage
