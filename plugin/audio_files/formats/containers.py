"""Containers: their extensions, what each can hold, and who writes them."""

from __future__ import annotations

from pathlib import Path

import soundfile

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.sample_formats import BYTES_PER_SAMPLE, word_length
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

_EXTENSIONS = {"aif": "AIFF", "aifc": "AIFF", "oga": "OGG", "opus": "OGG", "wave": "WAV", "snd": "AU"}

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

# libsndfile lists these, and writes none.
_UNWRITABLE = {"WAV": ("MPEG_LAYER_III",), "MP3": ("MPEG_LAYER_I", "MPEG_LAYER_II")}

# A WAV header has 32-bit sizes; a little is left for the header itself.
WAV_MAX_BYTES = 2**32 - 2**16


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
    return is_common and target.subtype in BYTES_PER_SAMPLE


def suffix_of(format: AudioFormat) -> str:
    """The usual extension of a format, for sound without a file name.

    >>> suffix_of(AudioFormat(48_000, 2, None, "OGG", "OPUS"))
    '.opus'
    """
    if format.container == "OGG" and format.subtype == "OPUS":
        return ".opus"
    known = {"MP4": ".m4a", "MATROSKA": ".mka", "WAVEX": ".wav", "RF64": ".wav"}
    return known.get(format.container, f".{format.container.lower()}")


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


def available_subtypes(container: str | None) -> tuple[str, ...]:
    """The sample formats that a container can be written with; those of all containers for None."""
    if container is None:
        containers = (*soundfile.available_formats(), *FFMPEG_SUBTYPES)
        return tuple(dict.fromkeys(name for each in containers for name in available_subtypes(each)))
    if container in FFMPEG_SUBTYPES:
        return FFMPEG_SUBTYPES[container]
    listed = (*soundfile.available_subtypes(container), *_FFMPEG_EXTRAS.get(container, ()))
    return tuple(name for name in listed if name not in _UNWRITABLE.get(container, ()))
