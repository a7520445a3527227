"""Scores of a denoised recording against the clean one, and their confidence.

All functions take float arrays of shape (channels, samples) at the same rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft, stats

Audio = NDArray[np.float32]
Metric = Callable[[Audio, Audio, int], float]

_CEILING_DB = 100.0
_SPEECH_RATE = 16_000
_LSD_FRAME = 2_048
_LSD_RANGE_DB = 50.0
_UPPER_BAND_HZ = 8_000.0
_DNSMOS_SAMPLES = 144_160
# From raw answers to opinion scores, as in the DNS Challenge's dnsmos_local.py, highest power first.
_DNSMOS_OVERALL = (-0.06766283, 1.11546468, 0.04602535)


def find_delay(reference: Audio, delayed: Audio, max_delay: int) -> int:
    """How many samples `delayed` lags behind `reference`: the largest correlation within `max_delay`.

    Channels are summed after correlating. Negative results mean that it leads.

    >>> sound = np.random.default_rng(0).standard_normal((1, 500))
    >>> find_delay(sound, np.roll(sound, 7), 50)
    7
    """
    num_samples = reference.shape[1] + delayed.shape[1]
    size = fft.next_fast_len(num_samples, real=True)
    spectra = [fft.rfft(audio.astype(np.float64), size) for audio in (reference, delayed)]
    correlation = fft.irfft(np.conj(spectra[0]) * spectra[1], size).sum(axis=0)
    lags = np.arange(-max_delay, max_delay + 1)
    return int(lags[np.argmax(correlation[lags])])


def align(reference: Audio, delayed: Audio, max_delay: int) -> Audio:
    """Shift `delayed` onto `reference` by whole samples and give it the same length."""
    delay = find_delay(reference, delayed, max_delay)
    shifted = delayed[:, delay:] if delay >= 0 else np.pad(delayed, ((0, 0), (-delay, 0)))
    missing = max(0, reference.shape[1] - shifted.shape[1])
    return np.pad(shifted, ((0, 0), (0, missing)))[:, : reference.shape[1]]


def si_sdr(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """Scale-invariant signal-to-distortion ratio, dB, over all channels together; at most 100 dB.

    Reference: Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019.
    """
    target, other = clean.astype(np.float64).ravel(), estimate.astype(np.float64).ravel()
    target, other = target - target.mean(), other - other.mean()
    projection = target * (np.dot(other, target) / max(np.dot(target, target), 1e-20))
    signal, error = np.sum(projection**2), np.sum((other - projection) ** 2)
    if signal <= 0.0:
        return -_CEILING_DB
    return float(np.clip(10.0 * np.log10(signal / max(error, 1e-20)), -_CEILING_DB, _CEILING_DB))


def _speech(audio: Audio, sample_rate: int) -> NDArray[np.float64]:
    mono = audio.mean(axis=0).astype(np.float64)
    return mono if sample_rate == _SPEECH_RATE else soxr.resample(mono, sample_rate, _SPEECH_RATE)


def pesq(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """Wide-band PESQ (ITU-T P.862.2), 1.0 to 4.64, at 16 kHz; NaN where it finds no speech."""
    from pesq import NoUtterancesError
    from pesq import pesq as wide_band_pesq

    try:
        return float(
            wide_band_pesq(_SPEECH_RATE, _speech(clean, sample_rate), _speech(estimate, sample_rate), "wb")
        )
    except NoUtterancesError:
        return math.nan


def stoi(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """Short-time objective intelligibility, 0.0 to 1.0, at 16 kHz."""
    from pystoi import stoi as intelligibility

    return float(intelligibility(_speech(clean, sample_rate), _speech(estimate, sample_rate), _SPEECH_RATE))


@cache
def _dnsmos_session() -> Any:
    import onnxruntime

    try:
        found = distribution("speechmos")
    except PackageNotFoundError as error:
        raise ImportError("No package 'speechmos' (extra bench)") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # The file alone: importing the package would need librosa.
    path = str(found.locate_file("speechmos/dnsmos_models/sig_bak_ovr.onnx"))
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def dnsmos(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """DNSMOS overall, about 1.0 to 4.5, at 16 kHz: what listeners would say; the clean sound is not heard.

    The mean over windows of 9.01 s, a second apart; a shorter recording is repeated to fill one
    window. (Microsoft's script repeats it further and takes more windows of the same sound.)
    Reference: Reddy et al., "DNSMOS P.835", ICASSP 2022.
    """
    speech = np.clip(_speech(estimate, sample_rate), -1.0, 1.0).astype(np.float32)
    if len(speech) < _DNSMOS_SAMPLES:
        speech = np.resize(speech, _DNSMOS_SAMPLES)
    starts = range(0, len(speech) - _DNSMOS_SAMPLES + 1, _SPEECH_RATE)
    windows = np.stack([speech[start : start + _DNSMOS_SAMPLES] for start in starts])
    raw = _dnsmos_session().run(None, {"input_1": windows})[0][:, 2]
    return float(np.polyval(_DNSMOS_OVERALL, raw).mean())


def _gain_db(clean: NDArray[np.floating], estimate: NDArray[np.floating]) -> float:
    target, other = clean.astype(np.float64).ravel(), estimate.astype(np.float64).ravel()
    gain = abs(np.dot(target, other)) / max(np.dot(target, target), 1e-20)
    return float(max(20.0 * np.log10(gain + 1e-20), -_CEILING_DB))


def level_change_db(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """Gain of the clean sound within the output, dB; 0.0 is kept, and noise does not count.

    The factor by which the clean sound fits the output best, over all channels together.
    """
    return _gain_db(clean, estimate)


def upper_level_change_db(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """`level_change_db` of the band above 8 kHz; -100 dB if nothing of it is left, NaN if it never was."""
    size = fft.next_fast_len(clean.shape[1], real=True)
    first = int(_UPPER_BAND_HZ * size / sample_rate) + 1
    bands = []
    for audio in (clean, estimate):
        spectrum = fft.rfft(audio.astype(np.float64), size)
        spectrum[:, :first] = 0.0
        bands.append(fft.irfft(spectrum, size))
    if np.mean(bands[0] ** 2) < 1e-12 * np.mean(clean.astype(np.float64) ** 2):
        return math.nan
    return _gain_db(bands[0], bands[1])


def log_spectral_distance(clean: Audio, estimate: Audio, sample_rate: int) -> float:
    """How far the spectrum of the music itself was changed, dB; 0.0 is untouched.

    Frames of 2048 samples, half overlapping, Hann; of each, the root mean square of the difference
    in dB over the music's own bins (within 50 dB of the loudest bin of the recording), then the mean
    over frames and channels that have any.
    """
    magnitudes = []
    for audio in (clean, estimate):
        frames = np.lib.stride_tricks.sliding_window_view(audio, _LSD_FRAME, axis=1)[:, :: _LSD_FRAME // 2]
        magnitudes.append(np.abs(fft.rfft(frames * np.hanning(_LSD_FRAME).astype(np.float32))))
    own = magnitudes[0] >= magnitudes[0].max() * 10.0 ** (-_LSD_RANGE_DB / 20.0)
    # Bins that were emptied count as 100 dB, not as infinitely far.
    floor = magnitudes[0].max() * 10.0 ** (-(_LSD_RANGE_DB + _CEILING_DB) / 20.0)
    first, second = (20.0 * np.log10(np.maximum(values, floor + 1e-20)) for values in magnitudes)
    counts = own.sum(axis=-1)
    squares = np.where(own, (first - second) ** 2, 0.0).sum(axis=-1)
    sounding = counts > 0
    return float(np.sqrt(squares[sounding] / counts[sounding]).mean()) if sounding.any() else math.nan


def mean_and_margin(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % confidence interval (Student's t); NaN values are left out.

    >>> mean, margin = mean_and_margin([1.0, 2.0, 3.0])
    >>> f"{mean:.2f} {margin:.2f}"
    '2.00 2.48'
    """
    kept = np.array([value for value in values if not math.isnan(value)])
    if len(kept) == 0:
        return math.nan, math.nan
    if len(kept) == 1:
        return float(kept[0]), math.nan
    error = kept.std(ddof=1) / math.sqrt(len(kept))
    return float(kept.mean()), float(stats.t.ppf(0.975, len(kept) - 1) * error)
