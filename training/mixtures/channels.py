"""What lines, codecs and networks do to a recording: narrow bands, holes in the spectrum, lost packets.

Functions take the mixture and the sound to keep, both mono float32 (samples,), and return both: what a line
does to the voice itself is not for a denoiser to undo.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import signal

from hushgate.training.mixtures.augmentations import clip_peaks, limit_band

Audio = NDArray[np.float32]
Channel = Callable[[Audio, Audio, float, Generator], tuple[Audio, Audio]]

_LAW = 255.0
_CODEC_FRAME_S = 0.021


def telephone(noisy: Audio, clean: Audio, sample_rate: float, rng: Generator) -> tuple[Audio, Audio]:
    """Keep 200-400 Hz to 3.2-4 or 6.5-7.2 kHz of both, and compand the mixture to 8 bits half of the time."""
    low_hz = rng.uniform(150.0, 350.0)
    high_hz = rng.uniform(3200.0, 3900.0) if rng.random() < 0.6 else rng.uniform(6500.0, 7200.0)
    noisy, clean = (limit_band(one, sample_rate, low_hz, high_hz) for one in (noisy, clean))
    if rng.random() < 0.5:
        noisy = compand(noisy)
    return noisy, clean


def compand(audio: Audio, bits: int = 8) -> Audio:
    """Quantize as ITU-T G.711 does, by the logarithm (mu = 255), the peak at full scale."""
    peak = float(np.max(np.abs(audio), initial=0.0))
    if peak <= 0.0:
        return audio
    scaled = audio / peak
    steps = 2.0 ** (bits - 1) - 1.0
    code = np.round(np.sign(scaled) * np.log1p(_LAW * np.abs(scaled)) / np.log1p(_LAW) * steps) / steps
    return np.asarray(np.sign(code) * np.expm1(np.abs(code) * np.log1p(_LAW)) / _LAW * peak, np.float32)


def codec(noisy: Audio, clean: Audio, sample_rate: float, rng: Generator) -> tuple[Audio, Audio]:
    """Leave out what lies 20 to 35 dB below its surroundings of the spectrum, as codecs of few bits do.

    What a codec left out of the mixture is left out of the sound to keep as well.
    """
    frame = 2 * round(0.5 * _CODEC_FRAME_S * sample_rate)
    step = frame // 2
    _, _, spectrum = signal.stft(noisy, sample_rate, nperseg=frame, noverlap=step)
    power = np.abs(spectrum) ** 2
    width = 2 * (frame // 64) + 1
    around = signal.convolve(power, np.ones((width, 1)) / width, mode="same")
    kept = power > around * 10.0 ** (-rng.uniform(10.0, 20.0) / 10.0)
    kept &= power > power.max(initial=0.0) * 10.0 ** (-rng.uniform(5.5, 7.5))
    _, _, wanted = signal.stft(clean, sample_rate, nperseg=frame, noverlap=step)
    both = (
        signal.istft(one * kept, sample_rate, nperseg=frame, noverlap=step)[1] for one in (spectrum, wanted)
    )
    first, second = (np.asarray(np.resize(one, len(noisy)), np.float32) for one in both)
    return first, second


def packet_loss(noisy: Audio, clean: Audio, sample_rate: float, rng: Generator) -> tuple[Audio, Audio]:
    """Lose 1 to 6 packets of 10 to 60 ms: silence in both, with edges of 1 ms."""
    gain = np.ones(len(noisy), np.float32)
    for _ in range(rng.integers(1, 7)):
        size = int(rng.uniform(0.01, 0.06) * sample_rate)
        start = int(rng.integers(0, max(1, len(noisy) - size)))
        gain[start : start + size] = 0.0
    edge = max(1, round(0.001 * sample_rate))
    gain = np.convolve(gain, np.ones(edge, np.float32) / edge, mode="same").astype(np.float32)
    return noisy * gain, clean * gain


def overload(noisy: Audio, clean: Audio, sample_rate: float, rng: Generator) -> tuple[Audio, Audio]:
    """Clip the mixture at 0.25 to 0.9 of its peak."""
    return clip_peaks(noisy, float(rng.uniform(0.25, 0.9))), clean


CHANNELS: dict[str, Channel] = {
    "telephone": telephone,
    "codec": codec,
    "packet loss": packet_loss,
    "overload": overload,
}
"""Every channel, by the name that notes of a mixture use."""
