"""Denoisers that the benchmarks compare, behind one call.

A system turns float32 (channels, samples) into the same shape and may delay it: the benchmarks
align every system alike. Systems are named by text, so that worker processes can make their own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]
Process = Callable[[Audio, int], Audio]

HUSHGATE = "hushgate:"
_RNNOISE_RATE = 48_000
_BLOCK_SAMPLES = 8_192


def _noisy() -> Process:
    return lambda audio, sample_rate: audio


def _noisereduce(stationary: bool) -> Process:
    reduce_noise = import_module("noisereduce").reduce_noise

    def process(audio: Audio, sample_rate: int) -> Audio:
        # The channels share one noise estimate inside noisereduce.
        result = reduce_noise(y=audio, sr=sample_rate, stationary=stationary)
        return np.asarray(result, np.float32).reshape(audio.shape)

    return process


class RNNoise:
    """RNNoise as packaged by pyrnnoise, called frame by frame in float.

    pyrnnoise's own classes pass through 16-bit integers and FFmpeg; the library itself takes
    floats on the scale of 16-bit integers at 48 kHz. Its output lags by one to two frames.
    """

    def __init__(self) -> None:
        module = import_module("pyrnnoise.rnnoise")
        self._library, self.frame_size = module.lib, int(module.FRAME_SIZE)
        self._states: list[Any] = []

    def start(self, num_channels: int) -> None:
        """Begin a new recording."""
        self.close()
        self._states = [ctypes.c_void_p(self._library.rnnoise_create(None)) for _ in range(num_channels)]

    def frame(self, block: Audio) -> None:
        """Denoise float32 (channels, frame_size) at 48 kHz in place; samples scaled by 32768."""
        pointer = ctypes.POINTER(ctypes.c_float)
        for state, channel in zip(self._states, block, strict=True):
            address = channel.ctypes.data_as(pointer)
            self._library.rnnoise_process_frame(state, address, address)

    def close(self) -> None:
        """Free the library's states."""
        for state in self._states:
            self._library.rnnoise_destroy(state)
        self._states = []

    def __call__(self, audio: Audio, sample_rate: int) -> Audio:
        at_48k = (
            audio.T if sample_rate == _RNNOISE_RATE else soxr.resample(audio.T, sample_rate, _RNNOISE_RATE)
        )
        num_samples = len(at_48k)
        # Two more frames push out what the library holds back.
        padded = np.pad(
            at_48k.T * 32_768.0, ((0, 0), (0, 2 * self.frame_size + -num_samples % self.frame_size))
        )
        self.start(audio.shape[0])
        for begin in range(0, padded.shape[1], self.frame_size):
            block = np.ascontiguousarray(padded[:, begin : begin + self.frame_size], np.float32)
            self.frame(block)
            padded[:, begin : begin + self.frame_size] = block
        self.close()
        result = padded.T / np.float32(32_768.0)
        if sample_rate != _RNNOISE_RATE:
            result = soxr.resample(result, _RNNOISE_RATE, sample_rate)
        return np.ascontiguousarray(result.T, np.float32)


def _hushgate(model: str) -> Process:
    from hushgate.engine import Denoiser

    denoiser = Denoiser(model)

    def process(audio: Audio, sample_rate: int) -> Audio:
        denoiser.prepare(sample_rate, _BLOCK_SAMPLES, audio.shape[0])
        denoiser.reset()
        starts = range(0, audio.shape[1], _BLOCK_SAMPLES)
        blocks = [denoiser.process(audio[:, start : start + _BLOCK_SAMPLES]) for start in starts]
        return np.concatenate([*blocks, denoiser.flush()], axis=1)

    return process


PEERS: dict[str, tuple[Callable[[], Process], tuple[str, ...]]] = {
    "noisy": (_noisy, ()),
    "noisereduce": (lambda: _noisereduce(False), ("noisereduce",)),
    "noisereduce stationary": (lambda: _noisereduce(True), ("noisereduce",)),
    "RNNoise": (RNNoise, ("pyrnnoise",)),
}
"""Name, factory and needed packages of everything but hushgate."""


def make_system(name: str) -> Process:
    """The system of that name: one of `PEERS`, or "hushgate:" and a model's name or path."""
    if name.startswith(HUSHGATE):
        return _hushgate(name.removeprefix(HUSHGATE))
    return PEERS[name][0]()


def usable_systems(peers: list[str], models: list[str]) -> tuple[list[str], list[str]]:
    """The peers that are installed here, and all the models.

    Returns:
        Names for `make_system`, and one line for each peer that is skipped, with the reason.

    Raises:
        FileNotFoundError, ValueError: A model cannot be loaded.
    """
    usable, skipped = [], []
    for name in peers:
        try:
            make_system(name)
        except (ImportError, OSError) as error:
            skipped.append(f"{name} skipped (needs {', '.join(PEERS[name][1])}): {error}")
        else:
            usable.append(name)
    for model in models:
        make_system(HUSHGATE + model)
        usable.append(HUSHGATE + model)
    return usable, skipped


def short_name(name: str) -> str:
    """What tables call a system."""
    if not name.startswith(HUSHGATE):
        return name
    model = name.removeprefix(HUSHGATE)
    return f"**hushgate {Path(model).stem if model.endswith('.onnx') else model}**"
