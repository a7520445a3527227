"""One clean file and its noised copy."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import AtomicFile
from hushgate.audio_files.dither import Quantizer
from hushgate.audio_files.formats.containers import writable_suffix
from hushgate.audio_files.formats.output_format import output_format
from hushgate.audio_files.formats.sample_formats import count_clipped, word_length
from hushgate.audio_files.open_audio import AudioFormat, open_output
from hushgate.errors import AudioFileError
from hushgate.training.mixtures.noised_files.noise_streams import LOOP_S, NoiseSpec, open_noise
from hushgate.training.mixtures.noised_files.snr import PowerMeter, ratio_db
from hushgate.training.recordings.atomic_files import PART

Block = NDArray[np.float32]
BLOCK_SIZE = 65_536
TOLERANCE_DB = 0.01
"""Largest difference between the SNR that was asked for and that of the files, dB."""

_COMPANDED = ("ULAW", "ALAW")


@dataclass(frozen=True)
class Sound:
    """Sound that can be read several times.

    Attributes:
        path: The file that it comes from.
        format: Of that file; `num_samples` is that of the sound.
        blocks: Starts to read: yields finite float32 (channels, samples).
        is_whole: True for the file itself, False for a clip of it.
    """

    path: Path
    format: AudioFormat
    blocks: Callable[[], Iterable[Block]]
    is_whole: bool


@dataclass(frozen=True)
class NoisePlan:
    """What to add to one sound.

    Attributes:
        spec: The noise.
        seed: Starts it.
        snr_db: SNR of the files, dB.
        snr_of: "file": power of the whole clean file against that of the noise. "active": power of its active
            windows against that of the noise.
        gain_db: Gain of a quiet copy, both files alike, dB; 0.0 copies the clean file as it is.
    """

    spec: NoiseSpec
    seed: tuple[int, ...]
    snr_db: float
    snr_of: str = "file"
    gain_db: float = 0.0


@dataclass(frozen=True)
class NoisedPair:
    """What was written.

    Attributes:
        clean, noisy: The files.
        noise: The recording's path, or "synthesized NAME".
        noise_start_s: Where in the recording the noise begins, s.
        noise_gain_db: Gain of the recording, or of the generator's output, dB; NaN without noise.
        measured_snr_db: SNR of the files by the plan's definition, dB; NaN for silence.
        noisy_format: Sample format of the noisy file.
        num_samples: Length, samples.
    """

    clean: Path
    noisy: Path
    noise: str
    noise_start_s: float
    noise_gain_db: float
    measured_snr_db: float
    noisy_format: str
    num_samples: int


class _DoesNotFit(Exception):
    """The sample format cannot hold the mixture."""


def write_pair(
    sound: Sound,
    plan: NoisePlan,
    place: Callable[[str, str], Path],
    progress: Callable[[int], None] = lambda num_samples: None,
) -> NoisedPair:
    """Write a clean file and its noised copy, block by block.

    The clean copy of a whole file has the file's bytes. Other files have its container and sample format
    where that holds the pair: an SNR within 0.01 dB of the one asked for, and no sample beyond full scale.
    Otherwise, and where the file's format is lossy, they are 24 bit, or WAV of 32-bit floats.

    Args:
        sound: The clean sound.
        plan: What to add.
        place: Gives the path of "clean" or "noisy" with a suffix; its folder exists.
        progress: Called with the samples of each block, twice for all of the sound.

    Returns:
        What was written. Digital silence gets no noise.

    Raises:
        OSError, AudioFileError, ValueError: A file cannot be read or written, or the noise not be made.
    """
    rate, num_channels = sound.format.sample_rate, sound.format.num_channels
    num_samples = sound.format.num_samples or round(LOOP_S * rate)
    factor = np.float32(10.0 ** (plan.gain_db / 20.0))
    noise = open_noise(plan.spec, plan.seed, rate, num_channels, num_samples)
    signal_meter, noise_meter = PowerMeter(rate, plan.snr_of), PowerMeter(rate)
    for block in sound.blocks():
        signal_meter.update(block)
        noise_meter.update(noise.read(block.shape[1]))
        progress(block.shape[1])
    asked = ratio_db(signal_meter.power, noise_meter.power)
    gain = 0.0 if math.isnan(asked) else 10.0 ** ((asked - plan.snr_db) / 20.0)
    copies = sound.is_whole and plan.gain_db == 0.0
    candidates = _sample_formats(sound)

    def mixed() -> Iterator[tuple[Block, Block]]:
        stream = open_noise(plan.spec, plan.seed, rate, num_channels, num_samples)
        for block in sound.blocks():
            added = block + gain * stream.read(block.shape[1]).astype(np.float64)
            yield (block if copies else block * factor), np.asarray(added * factor, np.float32)
            progress(block.shape[1])

    for suffix, subtype in candidates:
        clean = place("clean", sound.path.suffix if copies else suffix)
        noisy = place("noisy", suffix)
        wanted_db = None if (suffix, subtype) == candidates[-1] or not gain else plan.snr_db
        with contextlib.suppress(_DoesNotFit):
            measured = _write(sound, plan, mixed(), None if copies else clean, noisy, subtype, wanted_db)
            break
    if copies:
        with AtomicFile(clean, overwrite=True, part_prefix=PART) as file:
            shutil.copyfile(sound.path, file.part)
    gain_db = 20.0 * math.log10(gain) + plan.gain_db if gain else math.nan
    return NoisedPair(
        clean, noisy, noise.name, noise.start_s, gain_db, measured, subtype, signal_meter.num_samples
    )


def _write(
    sound: Sound,
    plan: NoisePlan,
    mixed: Iterator[tuple[Block, Block]],
    clean: Path | None,
    noisy: Path,
    subtype: str,
    wanted_db: float | None,
) -> float:
    """Write one sample format and return the SNR of the files, dB; `wanted_db` is what it has to hold."""
    quantize = Quantizer(subtype)
    rate = sound.format.sample_rate
    signal_meter, noise_meter = PowerMeter(rate, plan.snr_of), PowerMeter(rate)
    with contextlib.ExitStack() as files:

        def open_writer(path: Path) -> Callable[[Block], None]:
            output = open_output(
                path, sound.format, sound.path, subtype=subtype, overwrite=True, dither=False,
                part_prefix=PART, keep_tags=sound.is_whole,
            )  # fmt: skip
            return files.enter_context(output).write

        write_noisy = open_writer(noisy)
        write_clean = open_writer(clean) if clean is not None else None
        for kept, added in mixed:
            if wanted_db is not None and count_clipped(added, subtype):
                raise _DoesNotFit
            kept, added = (kept if clean is None else quantize(kept)), quantize(added)
            signal_meter.update(kept)
            noise_meter.update(added.astype(np.float64) - kept)
            write_noisy(added)
            if write_clean is not None:
                write_clean(kept)
        measured = ratio_db(signal_meter.power, noise_meter.power)
        # NaN, where rounding took all of the noise, does not fit either.
        if wanted_db is not None and not abs(measured - wanted_db) <= TOLERANCE_DB:
            raise _DoesNotFit
    return measured


def _sample_formats(sound: Sound) -> list[tuple[str, str]]:
    """Suffixes and sample formats to try, the file's own first; the last one holds everything."""
    suffix = writable_suffix(sound.format, sound.path)
    bits = word_length(sound.format.subtype)
    # Clips of 32-bit integers and 64-bit floats are read as 32-bit floats.
    longest = 64 if sound.is_whole else 24
    found: list[tuple[str, str]] = []
    if bits is not None and sound.format.subtype not in _COMPANDED:
        is_float = sound.format.subtype == "FLOAT"
        for wanted in (None, "PCM_24", "ALAC_24") if is_float or bits <= longest else ():
            with contextlib.suppress(AudioFileError):
                target = output_format(sound.format, sound.path, Path(f"file{suffix}"), wanted)
                if (
                    word_length(target.subtype) or 0
                ) >= bits and target.sample_rate == sound.format.sample_rate:
                    found.append((suffix, target.subtype))
    return [*dict.fromkeys(found), (".wav", "FLOAT")]
