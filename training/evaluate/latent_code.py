"""Statistics of an autoencoder's code over recordings: mean and spread of each dimension."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hushgate.audio_files.atomic_write import write_atomically
from hushgate.engine.model_files.metadata import ModelInfo
from hushgate.engine.model_files.model import Model
from hushgate.engine.model_files.runtime import import_onnxruntime
from hushgate.engine.signal.framing import analysis_window, spectrum_scale
from hushgate.pictures.figures import new_figure, plain_text
from hushgate.training.models import SegmentNetwork
from hushgate.training.models.checkpoint import load_network
from hushgate.training.models.torch_framing import Framing
from hushgate.training.recordings.decoded_cache import read_clip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float32]
# Silence always has the same code and would dilute the statistics.
_QUIETEST_RMS = 1e-4


@dataclass(frozen=True)
class Encoder:
    """The half of a model in front of its code, and the segments that it takes.

    Attributes:
        encode: Maps segments, float32 (batch, *shape of one input), to codes (batch * positions, dimensions).
        sample_rate: Rate of the model's training, Hz.
        frame_ms, overlap, num_bins, num_frames: Framing and length of a segment.
        takes_waveforms: Whether an input is the sound of one frame instead of spectra.
    """

    encode: Callable[[Array], Array]
    sample_rate: int
    frame_ms: float
    overlap: int
    num_bins: int
    num_frames: int
    takes_waveforms: bool


def load_encoder(path: Path) -> Encoder:
    """Read the encoder of a checkpoint, or of an ONNX file that `hushgate export` wrote.

    Raises:
        FileNotFoundError: No such file.
        ModelError, ValueError: Not one of ours, or a model without a code.
    """
    return _onnx_encoder(path) if path.suffix == ".onnx" else _checkpoint_encoder(path)


def _checkpoint_encoder(path: Path) -> Encoder:
    network, config = load_network(path)
    if not isinstance(network, SegmentNetwork) or not network.has_code:
        raise ValueError(_without_code(path))
    shape = network.config

    def encode(segments: Array) -> Array:
        with torch.no_grad():
            code = network(torch.from_numpy(segments))[1]
        codes: Array = code.flatten(0, 1).numpy()
        return codes

    return Encoder(
        encode,
        config.data.sample_rate,
        shape.frame_ms,
        shape.overlap,
        shape.num_bins,
        shape.segment_frames,
        network.takes_waveforms,
    )


def _onnx_encoder(path: Path) -> Encoder:
    onnxruntime = import_onnxruntime()
    info: ModelInfo = Model(path).info
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    if info.segment is None or "code" not in {output.name for output in session.get_outputs()}:
        raise ValueError(_without_code(path))
    name = session.get_inputs()[0].name

    def encode(segments: Array) -> Array:
        code = session.run(["code"], {name: segments})[0]
        codes: Array = code.reshape(-1, code.shape[-1])
        return codes

    return Encoder(
        encode,
        round(info.segment.sample_rate),
        info.frame_ms,
        info.overlap,
        info.num_bins,
        info.segment.num_frames,
        info.segment.kind == "waveform",
    )


def _without_code(path: Path) -> str:
    return f"{path} has no code to inspect. Families that have one: conv_vae, latent_ae, wave_ae."


def collect_codes(encoder: Encoder, files: Iterable[Path]) -> Array:
    """Encode recordings, cut into segments side by side; those below -80 dBFS are left out.

    Returns:
        float32 (codes, dimensions).

    Raises:
        ValueError: No segment was loud enough.
    """
    codes = [encoder.encode(inputs) for file in files for inputs in _inputs(encoder, file)]
    if not codes:
        raise ValueError("data must hold recordings above -80 dBFS (got none).")
    return np.concatenate(codes)


def _inputs(encoder: Encoder, file: Path) -> Iterator[Array]:
    """One segment after the other, each with a batch axis of 1."""
    framing = Framing(encoder.sample_rate, encoder.frame_ms, encoder.overlap)
    length = framing.frame_size + (encoder.num_frames - 1) * framing.hop_size
    audio = read_clip(file, encoder.sample_rate)
    audio = np.pad(audio, (0, -len(audio) % length))
    first = encoder.overlap - 1  # earlier frames overlap the zeros that framing puts in front
    for part in audio.reshape(-1, length):
        if np.sqrt(np.mean(np.square(part))) < _QUIETEST_RMS:
            continue
        spectrum = framing.analyse(torch.from_numpy(part)[None])[:, first : first + encoder.num_frames]
        missing = max(0, encoder.num_bins - spectrum.shape[2])
        padded = functional.pad(spectrum[:, :, : encoder.num_bins], (0, 0, 0, missing))
        yield (_waveform(padded) if encoder.takes_waveforms else padded).numpy()


def _waveform(spectrum: Tensor) -> Tensor:
    """The sound of one frame at the model's rate, as the engine hands it over: (1, samples)."""
    num_samples = 2 * spectrum.shape[2]
    full = functional.pad(torch.view_as_complex(spectrum[:, 0].contiguous()), (0, 1))
    window: Tensor = torch.fft.irfft(full, num_samples) / spectrum_scale(analysis_window(num_samples))
    return window


@dataclass(frozen=True)
class CodeStatistics:
    """Statistics of a code.

    Attributes:
        mean, spread: Mean and standard deviation of each dimension, float64 (dimensions,).
        unused: Dimensions whose spread is less than a share of the largest, bool (dimensions,).
        effective: How many dimensions of equal spread, unrelated to each other, would vary as much: the
            square of the sum of the covariance matrix's eigenvalues over the sum of their squares.
        num_codes: Codes behind these figures.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    unused: NDArray[np.bool_]
    effective: float
    num_codes: int

    @staticmethod
    def of(codes: Array, unused_below: float = 0.01) -> CodeStatistics:
        """Measure codes (codes, dimensions); `unused_below` is the share of the largest spread, 0 to 1."""
        if not 0.0 <= unused_below <= 1.0:
            raise ValueError(f"unused_below must be between 0.0 and 1.0 (got {unused_below}).")
        values = codes.astype(np.float64)
        spread = values.std(axis=0)
        covariance = np.atleast_2d(np.cov(values, rowvar=False, bias=True))
        squares = float(np.square(covariance).sum())  # the sum of the squared eigenvalues
        effective = float(np.trace(covariance) ** 2 / squares) if squares > 0.0 else 0.0
        unused = (spread < unused_below * spread.max()) | (spread == 0.0)
        return CodeStatistics(values.mean(axis=0), spread, unused, effective, len(values))


def write_csv(statistics: CodeStatistics, path: Path) -> None:
    """Write one row per dimension: number, mean, spread, whether it is unused."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["dimension", "mean", "spread", "unused"])
    rows = zip(statistics.mean, statistics.spread, statistics.unused, strict=True)
    writer.writerows(
        [number, f"{mean:.6g}", f"{spread:.6g}", int(unused)]
        for number, (mean, spread, unused) in enumerate(rows)
    )
    write_atomically(path, text.getvalue())


def plot_codes(statistics: CodeStatistics, title: str) -> Figure:
    """Draw mean and spread of every dimension, and the spreads in falling order.

    Raises:
        ModuleNotFoundError: matplotlib is not installed (extra `plot`).
    """
    figure = new_figure(10.0, 6.0)
    upper, lower = figure.subplots(2, 1)
    number = np.arange(statistics.mean.size)
    for chosen, colour, label in ((~statistics.unused, "C0", "used"), (statistics.unused, "C3", "unused")):
        if chosen.any():
            upper.errorbar(
                number[chosen],
                statistics.mean[chosen],
                statistics.spread[chosen],
                fmt=".",
                color=colour,
                elinewidth=0.8,
                label=f"{label} ({chosen.sum()})",
            )
    upper.set(title=plain_text(title), xlabel="dimension", ylabel="mean, standard deviation")
    upper.legend(loc="upper right")
    falling = np.sort(statistics.spread)[::-1]
    lower.semilogy(number + 1, np.maximum(falling, 1e-12), color="C0")
    lower.axvline(statistics.effective, color="C2", linestyle="--", label="effective dimensions")
    lower.set(xlabel="dimensions in falling order", ylabel="standard deviation")
    lower.legend(loc="upper right")
    return figure
