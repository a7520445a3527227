"""Hum removal as an effect of its own, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hushgate.effects.python_effect import PythonEffect
from hushgate.engine.hum.hum_reducer import HumReducer
from hushgate.engine.parameters import PARAMETERS
from hushgate.engine.signal.input_checks import check_stream_format, replace_nonfinite
from hushgate.pedalboard_compat.call_arguments import DEFAULT_BUFFER_SIZE, checked_buffer_size, checked_flag
from hushgate.pedalboard_compat.channel_layout import LayoutMemory

_PARAMETER = PARAMETERS["hum_reduction_db"]


class HumRemover(PythonEffect):
    """Remove steady mains hum, and nothing else: 50 or 60 Hz and its multiples up to 3 kHz.

    Hum is what sounds on exact multiples of the mains frequency at all times in the last 8 s; until then,
    and where there is none, sound passes bit for bit. Notes that are held for less stay, also on those
    frequencies. `Denoiser` does the same with its parameter of this name, before its model.

    Args:
        hum_reduction_db: How far hum is turned down, dB, 0.0 to 60.0; may be set while sound runs.

    Shapes: as `Denoiser.process`. Latency: 0 samples. State: the spectra of the last 8 s, the hum's lines.

    Raises:
        TypeError, ValueError: `hum_reduction_db` is out of range.

    >>> from hushgate import HumRemover
    >>> import numpy as np
    >>> HumRemover()(np.zeros((2, 480), np.float32), 48_000).shape
    (2, 480)
    """

    def __init__(self, hum_reduction_db: float = 40.0) -> None:
        super().__init__()
        self._reduction_db = self._checked(hum_reduction_db)
        self._reducer: HumReducer | None = None
        self._format: tuple[float, int] | None = None
        self._layout = LayoutMemory()
        self._started = self._learns = False

    def __repr__(self) -> str:
        return f"<hushgate.HumRemover hum_reduction_db={self._reduction_db} at {hex(id(self))}>"

    @property
    def hum_reduction_db(self) -> float:
        """How far hum is turned down, dB, 0.0 to 60.0."""
        return self._reduction_db

    @hum_reduction_db.setter
    def hum_reduction_db(self, value: float) -> None:
        self._reduction_db = self._checked(value)

    @property
    def hum_frequency_hz(self) -> float | None:
        """Frequency of the mains whose hum is being removed, Hz; None while no hum is found."""
        return None if self._reducer is None else self._reducer.frequency_hz

    def process(
        self,
        input_array: NDArray[np.float32] | NDArray[np.float64],
        sample_rate: float,
        buffer_size: int = DEFAULT_BUFFER_SIZE,
        reset: bool = True,
    ) -> NDArray[np.float32]:
        """Process a whole recording, or with `reset=False` the next block of a stream.

        Args:
            input_array: float32 or float64, 1-D or 2-D; the smaller dimension is channels. Not written to.
            sample_rate: Hz, 1,000 to 1,000,000. Another rate than before starts afresh.
            buffer_size: 1 or more; it does not change the sound.
            reset: True for a recording of its own, False for the next block of a stream.

        Returns:
            A new float32 array of the same shape and layout.

        Raises:
            TypeError, ValueError, ChannelLayoutError: As `Denoiser.process`.
        """
        check_stream_format(sample_rate, 1, 1)
        checked_buffer_size(buffer_size)
        with self._lock:
            if checked_flag(reset):
                self.reset()
            block = self._layout.to_planar(input_array)
            return self._layout.restore(self._apply(block, float(sample_rate)))

    __call__ = process

    def learn(self) -> None:
        """Learn hum from the blocks that come, until `reset`; as `Denoiser.learn`. They pass unchanged."""
        with self._lock:
            self.reset()
            self._learns = True

    def reset(self) -> None:
        """Forget all sound and the last layout, keep the setting.

        What `learn` was given stays for one recording.
        """
        with self._lock:
            if self._reducer is not None and (self._learns or not self._started):
                self._reducer.rewind()
            elif self._reducer is not None:
                self._reducer.reset()
            self._started = self._learns = False
            self._layout.forget()

    @property
    def latency_samples(self) -> int:
        """Delay, samples: always 0."""
        return 0

    def latency_samples_at(self, sample_rate: float) -> int:
        """Delay at `sample_rate` Hz, samples: always 0."""
        check_stream_format(sample_rate, 1, 1)
        return 0

    def to_dict(self) -> dict[str, Any]:
        """The setting as a plain value. `from_dict` of it makes an equal object."""
        return {"hum_reduction_db": self._reduction_db}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """A new object with this setting.

        Raises:
            ValueError: A key that is no setting, or a value out of range.
            TypeError: Not a number.
        """
        unknown = [key for key in settings if key != "hum_reduction_db"]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no setting of HumRemover. Known: hum_reduction_db.")
        return cls(**settings)

    @staticmethod
    def _checked(value: object) -> float:
        checked = _PARAMETER.validate(value)
        assert isinstance(checked, float)
        return checked

    def _apply(self, block: NDArray[np.float32], sample_rate: float) -> NDArray[np.float32]:
        num_channels, num_samples = block.shape
        if not num_channels or not num_samples:
            return np.array(block)
        reducer = self._prepared(sample_rate, num_channels)
        reducer.configure(self._reduction_db, at_once=not self._started)
        finite, _, _ = replace_nonfinite(block)
        if self._learns:
            reducer.learn(finite)
            return np.array(block)
        self._started = True
        output = reducer.process(finite)
        return output.copy() if output is block else output

    def _prepared(self, sample_rate: float, num_channels: int) -> HumReducer:
        if self._reducer is None or self._format != (sample_rate, num_channels):
            self._reducer = HumReducer(sample_rate, num_channels, self._reduction_db)
            self._format, self._started = (sample_rate, num_channels), False
        return self._reducer
