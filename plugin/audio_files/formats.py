"""What a sound file is made of, and in what form its cleaned twin is written."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.errors import AudioFileError

# Extensions that sound files have, lower case: what a folder is searched for.
AUDIO_SUFFIXES = frozenset(
    f".{name}"
    for name in "aif aifc aiff au caf flac mp3 oga ogg opus rf64 sd2 snd voc w64 wav wave wavex".split()  # noqa: SIM905
)

# Sizes in a WAV header are 32-bit; a little is left for the header itself.
_WAV_MAX_BYTES = 2**32 - 2**16
_EXTENSIONS = {"aif": "AIFF", "aifc": "AIFF", "oga": "OGG", "opus": "OGG", "wave": "WAV", "snd": "AU"}
_BYTES_PER_SAMPLE = {"PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
# Where a container lacks the source's sample format: the nearest one that loses least.
_NEAREST = {
    "PCM_U8": ("PCM_S8", "PCM_16"),
    "PCM_S8": ("PCM_U8", "PCM_16"),
    "PCM_32": ("PCM_24",),
    "FLOAT": ("PCM_24",),
    "DOUBLE": ("FLOAT", "PCM_24"),
}
_UNCLIPPED_SUBTYPES = ("FLOAT", "DOUBLE")


@dataclass(frozen=True)
class AudioFormat:
    """Form of a sound file.

    Attributes:
        sample_rate: Hz.
        num_channels: 1 or more.
        num_samples: Length per channel, samples; None where a pipe does not say.
        container: soundfile's name of the file format, such as "WAV" or "FLAC".
        subtype: soundfile's name of the sample format, such as "PCM_24" or "VORBIS".
        endian: soundfile's name of the byte order; "FILE" is the container's own.
    """

    sample_rate: int
    num_channels: int
    num_samples: int | None
    container: str
    subtype: str
    endian: str = "FILE"

    @property
    def duration_s(self) -> float | None:
        """Length in seconds, None where it is not known beforehand."""
        return None if self.num_samples is None else self.num_samples / self.sample_rate

    def __str__(self) -> str:
        channels = {1: "mono", 2: "stereo"}.get(self.num_channels, f"{self.num_channels} channels")
        return f"{self.container} {self.subtype}, {self.sample_rate} Hz, {channels}"


def container_for(path: Path) -> str:
    """The container a file name's extension stands for.

    Raises:
        AudioFileError: No extension, or one that stands for no container that can be written.

    >>> container_for(Path("take.AIF")), container_for(Path("take.flac"))
    ('AIFF', 'FLAC')
    """
    extension = path.suffix.lstrip(".").lower()
    container = _EXTENSIONS.get(extension, extension.upper())
    if container == "RAW" or container not in soundfile.available_formats():
        raise AudioFileError(
            f"{path}: cannot tell the format from the extension {path.suffix!r}. "
            "Use one like .wav, .flac, .ogg, .mp3 or .aiff."
        )
    return container


def output_format(
    source: AudioFormat, source_path: Path | None, target: Path, subtype: str | None
) -> AudioFormat:
    """The form in which to write what came from `source` to `target`.

    The same container and sample format where the extension is the same; otherwise the extension's
    container, with the source's sample format or the nearest that it has (a compressed source
    has none: the container's default).

    Args:
        source: Form of the input.
        source_path: Name of the input, None for a pipe.
        target: Name of the output.
        subtype: soundfile's name of a sample format to use instead.

    Raises:
        AudioFileError: Unknown extension, a sample format the container lacks, or a WAV over 4 GiB.
    """
    if source_path is not None and source_path.suffix.lower() == target.suffix.lower():
        container, endian = source.container, source.endian
    else:
        container, endian = container_for(target), "FILE"
    available = soundfile.available_subtypes(container)
    if subtype is not None:
        chosen = subtype.upper()
        if chosen not in available:
            raise AudioFileError(
                f"{target}: {container} has no sample format {subtype}. "
                f"It has {', '.join(sorted(available))}."
            )
    else:
        candidates = [source.subtype, *_NEAREST.get(source.subtype, ())]
        if target.suffix.lower() == ".opus":
            candidates.insert(0, "OPUS")
        default = soundfile.default_subtype(container)
        chosen = next((name for name in candidates if name in available), default)
    result = replace(source, container=container, subtype=chosen, endian=endian)
    _check_size(result, target)
    return result


def _check_size(form: AudioFormat, target: Path) -> None:
    size = (form.num_samples or 0) * form.num_channels * _BYTES_PER_SAMPLE.get(form.subtype, 1)
    if form.container in ("WAV", "WAVEX") and size > _WAV_MAX_BYTES:
        raise AudioFileError(
            f"{target}: {size / 2**30:.1f} GiB do not fit in a WAV file (4 GiB). Use .rf64, .w64 or .flac."
        )


def count_clipped(block: NDArray[np.float32], subtype: str) -> int:
    """How many samples of a block lie beyond full scale and are limited in `subtype`.

    >>> count_clipped(np.float32([[0.5, 1.5, -1.0]]), "PCM_16")
    1
    """
    if subtype in _UNCLIPPED_SUBTYPES:
        return 0
    return int(np.count_nonzero(np.abs(block) > 1.0))


def native_path(path: Path) -> str | bytes:
    """A path as soundfile wants it, which does not encode names that are not valid text."""
    return os.fsencode(path) if os.name == "posix" else str(path)
