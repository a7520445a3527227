"""Sound file formats: containers, sample formats, and the nearest one that can be written."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.channel_layouts import (
    default_mask,
    fixed_mask,
    layout_name,
    mask_for,
    plain_mask,
)
from hushgate.errors import AudioFileError

# Extensions that sound files have, lower case: what a folder is searched for.
AUDIO_SUFFIXES = frozenset(
    f".{name}"
    for name in (  # noqa: SIM905
        "aac ac3 aif aifc aiff amr ape au caf dsf dts flac m4a m4b mka mp1 mp2 mp3 mpa mpga oga ogg opus "
        "rf64 sd2 snd tak tta voc w64 wav wave wavex wma wv"
    ).split()
)
# Extensions of films, whose sound can be read.
FILM_SUFFIXES = frozenset(
    f".{name}"
    for name in "3g2 3gp asf avi flv m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv".split()  # noqa: SIM905
)

# Extensions of formats that are only read.
_MPEG_SUFFIXES = (".mp1", ".mp2", ".mpa", ".mpga")
_LOSSLESS_SUFFIXES = (".ape", ".dsf", ".sd2", ".tak", ".tta", ".wv")

# A WAV header has 32-bit sizes; a little is left for the header itself.
WAV_MAX_BYTES = 2**32 - 2**16
_EXTENSIONS = {"aif": "AIFF", "aifc": "AIFF", "oga": "OGG", "opus": "OGG", "wave": "WAV", "snd": "AU"}
_BYTES_PER_SAMPLE = {"PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
# Where a container lacks the source's sample format: the nearest one that loses least.
_NEAREST = {
    "PCM_U8": ("PCM_S8", "PCM_16"),
    "PCM_S8": ("PCM_U8", "PCM_16"),
    "PCM_32": ("PCM_24",),
    "FLOAT": ("PCM_24",),
    "DOUBLE": ("FLOAT", "PCM_24"),
    "MPEG_LAYER_I": ("MPEG_LAYER_III",),
    "MPEG_LAYER_II": ("MPEG_LAYER_III",),
}
_UNCLIPPED_SUBTYPES = ("FLOAT", "DOUBLE")

# Containers that FFmpeg writes (extra `formats`), by extension, and what each can hold; the first is its
# default.
_FFMPEG_EXTENSIONS = {
    "m4a": "MP4",
    "m4b": "MP4",
    "mp4": "MP4",
    "m4v": "MP4",
    "mov": "MOV",
    "mkv": "MATROSKA",
    "mka": "MATROSKA",
    "webm": "WEBM",
}
FFMPEG_SUBTYPES = {
    "MP4": ("AAC", "ALAC_16", "ALAC_24", "OPUS", "AC3"),
    "MOV": ("AAC", "ALAC_16", "ALAC_24", "PCM_16", "PCM_24", "FLOAT"),
    "MATROSKA": ("OPUS", "AAC", "FLAC_16", "FLAC_24", "MPEG_LAYER_III", "AC3", "PCM_16", "PCM_24", "FLOAT"),
    "WEBM": ("OPUS",),
}
# soundfile's own containers in which FFmpeg writes what libsndfile does not.
_FFMPEG_EXTRAS = {"OGG": ("FLAC_16", "FLAC_24")}
_LOSSLESS = ("ALAC", "FLAC", "WAVPACK", "APE", "TTA", "TAK", "WMALOSSLESS", "TRUEHD", "MLP")

# Sample rates that encoders take, Hz; others are converted to the next higher one.
_RATES: dict[str, tuple[int, ...]] = {
    "OPUS": (8_000, 12_000, 16_000, 24_000, 48_000),
    "MPEG_LAYER_III": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "AAC": (
        *(7_350, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200),
        96_000,
    ),
    "AC3": (32_000, 44_100, 48_000),
}
# libvorbis crashes above 200 kHz.
_MAX_VORBIS_RATE = 192_000
# Layouts of more than two channels that come back from AAC as they were.
_AAC_MASKS = tuple(
    mask_for(names)
    for names in (
        *("FL FR FC", "FL FR LFE", "FL FR BC", "FL FR BL BR", "FL FR FC BC", "FL FR FC BL BR"),
        "FL FR FC LFE BL BR",
    )
)
# The most channels that encoders take.
_MAX_CHANNELS = {"MPEG_LAYER_III": 2, "AC3": 6, "AAC": 6, "ALAC": 8, "FLAC": 8, "OPUS": 8, "VORBIS": 8}
_LAYOUT_CONTAINERS = ("WAV", "WAVEX", "RF64", "AIFF", "CAF", "MP4", "MOV", "MATROSKA", "WEBM")


@dataclass(frozen=True)
class AudioFormat:
    """Format of a sound file.

    Attributes:
        sample_rate: Hz.
        num_channels: 1 or more.
        num_samples: Length per channel, samples; None where a pipe does not say.
        container: soundfile's name of the file format, such as "WAV" or "FLAC".
        subtype: soundfile's name of the sample format, such as "PCM_24" or "VORBIS".
        endian: soundfile's name of the byte order; "FILE" is the container's own.
        channel_mask: Loudspeakers of the channels, as in WAVE_FORMAT_EXTENSIBLE (see `channel_layouts`);
            None where the file does not say. Channels are in the order of its bits.
    """

    sample_rate: int
    num_channels: int
    num_samples: int | None
    container: str
    subtype: str
    endian: str = "FILE"
    channel_mask: int | None = None

    @property
    def duration_s(self) -> float | None:
        """Length in seconds, None where it is not known beforehand."""
        return None if self.num_samples is None else self.num_samples / self.sample_rate

    def __str__(self) -> str:
        channels = {1: "mono", 2: "stereo"}.get(self.num_channels, f"{self.num_channels} channels")
        return f"{self.container} {self.subtype}, {self.sample_rate} Hz, {channels}"


def container_for(path: Path) -> str:
    """The container that belongs to a file name's extension.

    Raises:
        AudioFileError: No extension, or one of no container that can be written as one file.

    >>> container_for(Path("take.AIF")), container_for(Path("take.flac")), container_for(Path("memo.m4a"))
    ('AIFF', 'FLAC', 'MP4')
    """
    extension = path.suffix.lstrip(".").lower()
    if extension in _FFMPEG_EXTENSIONS:
        return _FFMPEG_EXTENSIONS[extension]
    container = _EXTENSIONS.get(extension, extension.upper())
    if container == "SD2":
        raise AudioFileError(f"{path}: SD2 keeps its header in a second file. Use .wav, .aiff or .flac.")
    if container == "RAW" or container not in soundfile.available_formats():
        raise AudioFileError(
            f"{path}: cannot tell the format from the extension {path.suffix!r}. "
            "Use one like .wav, .flac, .ogg, .mp3, .m4a or .aiff."
        )
    return container


def is_written_by_ffmpeg(target: AudioFormat) -> bool:
    """Whether FFmpeg must write this format, because libsndfile cannot."""
    return target.container in FFMPEG_SUBTYPES or target.subtype in _FFMPEG_EXTRAS.get(target.container, ())


def is_plain(target: AudioFormat) -> bool:
    """Whether writing this format means copying samples into a common container, or FLAC."""
    if target.container == "FLAC":
        return True
    is_common = target.container in ("WAV", "WAVEX", "RF64", "AIFF", "CAF", "W64", "AU")
    return is_common and target.subtype in _BYTES_PER_SAMPLE


def writable_suffix(source: AudioFormat, path: Path) -> str:
    """The extension for an output like `path`: its own, or that of the nearest format that can be written.

    Lossless sound becomes FLAC, other sound M4A, MPEG layer II MP3, a film in a container that cannot be
    written a Matroska film.

    >>> writable_suffix(AudioFormat(8_000, 1, None, "AMR", "AMRNB"), Path("memo.amr"))
    '.m4a'
    """
    suffix = path.suffix.lower()
    if suffix == ".raw":
        return ".wav"
    if source.subtype in ("MPEG_LAYER_I", "MPEG_LAYER_II") and source.container == "MP3":
        return ".mp3"
    try:
        container_for(path)
    except AudioFileError:
        if not suffix:
            return ""
        if suffix in FILM_SUFFIXES:
            return ".mkv"
        return ".flac" if word_length(source.subtype) is not None else ".m4a"
    return path.suffix


def output_suffix(suffix: str) -> str:
    """The extension of an output, from that of the input alone, for plans made before files are opened.

    Args:
        suffix: Extension of the input, with the point.

    Returns:
        The same, or for formats that are only read that of the nearest format that can be written.

    >>> output_suffix(".wav"), output_suffix(".amr"), output_suffix(".ape"), output_suffix(".xyz")
    ('.wav', '.m4a', '.flac', '.xyz')
    """
    lower = suffix.lower()
    if lower not in AUDIO_SUFFIXES | FILM_SUFFIXES:
        return suffix
    try:
        container_for(Path(f"x{lower}"))
    except AudioFileError:
        if lower in FILM_SUFFIXES:
            return ".mkv"
        if lower in _MPEG_SUFFIXES:
            return ".mp3"
        return ".flac" if lower in _LOSSLESS_SUFFIXES else ".m4a"
    return suffix


def word_length(subtype: str) -> int | None:
    """Bits of a sample of lossless formats; None of others, whose decoders compute in floats.

    >>> word_length("PCM_24"), word_length("ALAC_16"), word_length("VORBIS")
    (24, 16, None)
    """
    if subtype in ("FLOAT", "DOUBLE"):
        return 64
    if subtype in ("ULAW", "ALAW"):
        return {"ULAW": 14, "ALAW": 13}[subtype]
    kind, _, digits = subtype.rpartition("_")
    if subtype in ("PCM_U8", "PCM_S8"):
        return 8
    return int(digits) if digits.isdigit() and kind in (*_LOSSLESS, "PCM", "DPCM") else None


def output_format(
    source: AudioFormat, source_path: Path | None, target: Path, subtype: str | None
) -> AudioFormat:
    """The format in which to write what came from `source` to `target`.

    The same container and sample format where the extension is the same and they can be written; otherwise
    the extension's container, with the source's sample format or the nearest that it has.
    `describe_changes` says in words what is not as in the source.

    Args:
        source: Format of the input.
        source_path: Name of the input, None for a pipe.
        target: Name of the output.
        subtype: soundfile's name of a sample format to use instead (AAC, ALAC_16 and ALAC_24 too).

    Raises:
        AudioFileError: Unknown extension, a sample format the container lacks, more channels or (AIFF) more
            sound than it takes.
    """
    is_same = source_path is not None and source_path.suffix.lower() == target.suffix.lower()
    is_known = source.container in FFMPEG_SUBTYPES or source.container in soundfile.available_formats()
    container, endian = source.container, source.endian
    if not (is_same and is_known):
        container, endian = container_for(target), "FILE"
    if target.suffix.lower() == ".mov" and container == "MP4":
        container = "MOV"
    available = _available_subtypes(container)
    chosen = _chosen_subtype(source, target, container, available, subtype)
    if chosen == source.subtype and container == source.container and chosen.startswith("MPEG_LAYER_I"):
        chosen = "MPEG_LAYER_III" if container == "MP3" else chosen
    if container == "WAV" and chosen.startswith("MPEG_LAYER"):
        chosen = "PCM_16"  # libsndfile lists it, and writes none
    rate = output_rate(source.sample_rate, chosen)
    num_samples = source.num_samples
    if num_samples is not None and rate != source.sample_rate:
        num_samples = (2 * num_samples * rate + source.sample_rate) // (2 * source.sample_rate)
    result = replace(
        source, sample_rate=rate, num_samples=num_samples, container=container, subtype=chosen, endian=endian
    )
    result = replace(result, channel_mask=_output_mask(result))
    result = _with_large_sizes(_with_named_speakers(result))
    if result.container == "AIFF" and _num_bytes(result) > WAV_MAX_BYTES:
        raise AudioFileError(f"{target} would outgrow an AIFF file (4 GiB). Use .caf, .rf64, .w64 or .flac.")
    _check_channels(result, target)
    return result


def describe_changes(source: AudioFormat, target: AudioFormat) -> list[str]:
    """What `output_format` had to change, one sentence each: rate, sample format, container, loudspeakers."""
    changes = []
    if target.sample_rate != source.sample_rate:
        changes.append(
            f"{target.subtype} has no {source.sample_rate} Hz: converted to {target.sample_rate} Hz."
        )
    is_changed = target.container == source.container and target.subtype != source.subtype
    if is_changed and not _is_writable(source):
        changes.append(
            f"{source.subtype} cannot be written into {source.container}: {target.subtype} instead."
        )
    is_large = _num_bytes(target) > WAV_MAX_BYTES
    if target.container == "RF64" and source.container in ("WAV", "WAVEX") and is_large:
        changes.append("written as RF64, because WAV ends at 4 GiB.")
    mask, written = source.channel_mask, target.channel_mask
    is_plain = mask in (None, plain_mask(source.num_channels))
    if mask is not None and written != mask and not (is_plain and written is None):
        kept = f"stored as {layout_name(written)}" if written else "stored without their positions"
        changes.append(
            f"{target.container} {target.subtype} has no layout {layout_name(mask)}: "
            f"the channels are {kept}, in the same order."
        )
    return changes


def _is_writable(source: AudioFormat) -> bool:
    if source.container == "WAV" and source.subtype.startswith("MPEG_LAYER"):
        return False  # libsndfile lists it, and writes none
    return source.subtype in _available_subtypes(source.container)


def output_rate(sample_rate: int, subtype: str) -> int:
    """The rate at which an encoder takes sound of a rate: the same, the next higher one, or its highest.

    >>> output_rate(44_100, "OPUS"), output_rate(96_000, "MPEG_LAYER_III"), output_rate(44_100, "PCM_16")
    (48000, 48000, 44100)
    """
    if subtype == "VORBIS" and sample_rate > _MAX_VORBIS_RATE:
        return _MAX_VORBIS_RATE
    rates = _RATES.get(subtype)
    if rates is None or sample_rate in rates:
        return sample_rate
    return min((rate for rate in rates if rate >= sample_rate), default=rates[-1])


def _available_subtypes(container: str) -> tuple[str, ...]:
    if container in FFMPEG_SUBTYPES:
        return FFMPEG_SUBTYPES[container]
    return (*soundfile.available_subtypes(container), *_FFMPEG_EXTRAS.get(container, ()))


def _chosen_subtype(
    source: AudioFormat, target: Path, container: str, available: tuple[str, ...], subtype: str | None
) -> str:
    if subtype is not None:
        chosen = {"ALAC": "ALAC_24", "FLAC": "FLAC_24"}.get(subtype.upper(), subtype.upper())
        if chosen in available:
            return chosen
        raise AudioFileError(
            f"{target}: {container} has no sample format {subtype}. It has {', '.join(sorted(available))}."
        )
    candidates = [source.subtype, *_NEAREST.get(source.subtype, ())]
    bits = word_length(source.subtype)
    if source.subtype.rpartition("_")[0] in _LOSSLESS and bits is not None:
        codec = source.subtype.rpartition("_")[0]
        nearest = 16 if bits <= 16 else 24
        candidates += [f"{kind}_{nearest}" for kind in dict.fromkeys((codec, "ALAC", "FLAC", "PCM"))]
    if target.suffix.lower() == ".opus":
        candidates.insert(0, "OPUS")
    if container == "MATROSKA" != source.container and bits is not None:
        candidates.insert(0, "FLAC_16" if bits <= 16 else "FLAC_24")  # PCM there names no loudspeakers
    default = available[0] if container in FFMPEG_SUBTYPES else soundfile.default_subtype(container)
    if default == "AAC" and source.num_channels > _MAX_CHANNELS["AAC"]:
        default = "ALAC_24"
    return next((name for name in candidates if name in available), default)


def _output_mask(target: AudioFormat) -> int | None:
    """The loudspeakers that the target's channels will have when it is read."""
    fixed = fixed_mask(target.container, target.subtype, target.num_channels)
    if target.container == "FLAC":  # any other layout goes into a comment
        return target.channel_mask or fixed
    if fixed is not None:
        return fixed
    if target.subtype == "AAC" and target.num_channels > 2 and target.channel_mask not in _AAC_MASKS:
        return default_mask(target.num_channels)
    has_layout = target.container in _LAYOUT_CONTAINERS
    if target.container == "MATROSKA" and target.subtype in _BYTES_PER_SAMPLE:
        has_layout = target.num_channels <= 2
    return target.channel_mask if has_layout else None


def _with_named_speakers(target: AudioFormat) -> AudioFormat:
    """WAV names loudspeakers in WAVE_FORMAT_EXTENSIBLE only."""
    is_plain = target.channel_mask in (None, plain_mask(target.num_channels))
    return target if is_plain or target.container != "WAV" else replace(target, container="WAVEX")


def _with_large_sizes(target: AudioFormat) -> AudioFormat:
    is_large = target.container in ("WAV", "WAVEX") and _num_bytes(target) > WAV_MAX_BYTES
    return replace(target, container="RF64", endian="FILE") if is_large else target


def _num_bytes(target: AudioFormat) -> int:
    return (target.num_samples or 0) * target.num_channels * bytes_per_sample(target.subtype)


def _check_channels(target: AudioFormat, path: Path) -> None:
    codec = target.subtype.rpartition("_")[0] if target.subtype.startswith(_LOSSLESS) else target.subtype
    limit = _MAX_CHANNELS.get("FLAC" if target.container == "FLAC" else codec)
    if limit is not None and target.num_channels > limit:
        raise AudioFileError(
            f"{path} must have at most {limit} channels as {target.container} {target.subtype} "
            f"(got {target.num_channels}). Use .wav."
        )


def bytes_per_sample(subtype: str) -> int:
    """Bytes of one sample of one channel; 1 of compressed formats, which need less."""
    return _BYTES_PER_SAMPLE.get(subtype, 1)


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
