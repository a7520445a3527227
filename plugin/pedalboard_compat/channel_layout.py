"""Channel layouts as pedalboard infers them: conversion to the engine's layout and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hushgate.errors import ChannelLayoutError

_SQUARE_REMEDY = "Process a block with more samples than channels first."


class LayoutMemory:
    """Convert blocks to float32 (channels, samples), and remember the layout of the last block.

    The smaller dimension is channels. A block with as many channels as the last one keeps that
    number, however short it is; a square block takes the last layout seen.

    >>> memory = LayoutMemory()
    >>> memory.to_planar(np.zeros((480, 2))).shape
    (2, 480)
    >>> memory.to_planar(np.zeros((1, 2))).shape  # one more sample of the same two channels
    (2, 1)
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget the last layout: the next square block is refused."""
        self._channels_first: bool | None = None
        self._num_channels: int | None = None
        self._num_dimensions = 2

    def to_planar(self, input_array: NDArray[np.floating]) -> NDArray[np.float32]:
        """`input_array` as (channels, samples), C-contiguous; may share memory with it, so do not write.

        Raises:
            TypeError: Not a numpy array of float32 or float64.
            ChannelLayoutError: Not one- or two-dimensional, or square with no block before it.
        """
        if not isinstance(input_array, np.ndarray):
            raise TypeError(f"input_array must be a numpy array (got {type(input_array).__name__}).")
        if input_array.dtype.kind != "f" or input_array.dtype.itemsize not in (4, 8):
            dtype = input_array.dtype
            raise TypeError(f"input_array must be float32 or float64 (got {dtype}). {_cast_hint(dtype)}")
        channels_first = self._detect(input_array.shape)
        planar = input_array if channels_first else input_array.T
        planar = planar[np.newaxis] if planar.ndim == 1 else planar
        self._channels_first = channels_first
        self._num_channels = planar.shape[0]
        self._num_dimensions = input_array.ndim
        return np.ascontiguousarray(planar, dtype=np.float32)

    def restore(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """A (channels, samples) block in the layout and rank of the last input, C-contiguous."""
        if self._num_dimensions == 1:
            result: NDArray[np.float32] = block[0]
            return result
        return np.ascontiguousarray(block if self._channels_first else block.T)

    def _detect(self, shape: tuple[int, ...]) -> bool:
        if len(shape) == 1:
            return True
        if len(shape) != 2:
            raise ChannelLayoutError(f"input_array must have 1 or 2 dimensions (got {len(shape)}).")
        rows, columns = shape
        if rows == columns and rows != 1:
            if self._channels_first is None:
                raise ChannelLayoutError(
                    f"cannot tell channels from samples in shape {shape}. {_SQUARE_REMEDY}"
                )
            return self._channels_first
        if self._num_channels in shape:
            return rows == self._num_channels
        # A dimension of 0 can only be samples: there is no sound without channels.
        return columns == 0 if 0 in shape else rows <= columns


def _cast_hint(dtype: np.dtype) -> str:
    if dtype.kind == "i":
        return f"Divide by {-np.iinfo(dtype).min} and cast to float32."
    return "Cast it to float32."
