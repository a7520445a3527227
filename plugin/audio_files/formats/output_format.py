"""The format of an output: the source's own, or the nearest that can be written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import soundfile

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.channel_layouts import (
    default_mask,
    fixed_mask,
    layout_name,
    mask_for,
    plain_mask,
)
from hushgate.audio_files.formats.containers import (
    FFMPEG_SUBTYPES,
    WAV_MAX_BYTES,
    available_subtypes,
    container_for,
)
from hushgate.audio_files.formats.sample_formats import (
    BYTES_PER_SAMPLE,
    LOSSLESS,
    bytes_per_sample,
    parse_subtype,
    word_length,
)
from hushgate.errors import AudioFileError

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
    is_known = is_known and source.container != "RAW"  # an output has a header
    container, endian = source.container, source.endian
    if not (is_same and is_known):
        container, endian = container_for(target), "FILE"
    if target.suffix.lower() == ".mov" and container == "MP4":
        container = "MOV"
    available = available_subtypes(container)
    chosen = _chosen_subtype(source, target, container, available, subtype)
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
    if is_changed and source.subtype not in available_subtypes(source.container):
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


def _chosen_subtype(
    source: AudioFormat, target: Path, container: str, available: tuple[str, ...], subtype: str | None
) -> str:
    if subtype is not None:
        chosen = parse_subtype(subtype)
        if chosen in available:
            return chosen
        raise AudioFileError(
            f"{target}: {container} has no sample format {subtype}. It has {', '.join(sorted(available))}."
        )
    candidates = [source.subtype, *_NEAREST.get(source.subtype, ())]
    bits = word_length(source.subtype)
    if source.subtype.rpartition("_")[0] in LOSSLESS and bits is not None:
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
    if target.container == "MATROSKA" and target.subtype in BYTES_PER_SAMPLE:
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
    codec = target.subtype.rpartition("_")[0] if target.subtype.startswith(LOSSLESS) else target.subtype
    limit = _MAX_CHANNELS.get("FLAC" if target.container == "FLAC" else codec)
    if limit is not None and target.num_channels > limit:
        raise AudioFileError(
            f"{path} must have at most {limit} channels as {target.container} {target.subtype} "
            f"(got {target.num_channels}). Use .wav."
        )
