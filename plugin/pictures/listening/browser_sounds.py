"""Sounds that browsers play: which files they take as they are, and FLAC for the others."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.audio_files.atomic_write import AtomicFile, Original
from hushgate.audio_files.file_reader import FileReader
from hushgate.audio_files.formats.audio_format import AudioFormat

# What Chromium, Firefox and Safari play alike, by container.
_PLAYED = {
    "WAV": ("PCM_U8", "PCM_16", "PCM_24", "FLOAT"),
    "WAVEX": ("PCM_U8", "PCM_16", "PCM_24", "FLOAT"),
    "FLAC": ("PCM_S8", "PCM_16", "PCM_24"),
    "MP3": ("MPEG_LAYER_III",),
    "OGG": ("VORBIS", "OPUS"),
    "MP4": ("AAC",),
    "WEBM": ("OPUS", "VORBIS"),
}
# Where the format of a file is not known.
_PLAYED_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".webm")
_MAX_CHANNELS = 8
_MAX_FLAC_RATE = 655_350


def browser_plays(
    path: str | os.PathLike[str], container: str | None, subtype: str | None, num_channels: int | None
) -> bool:
    """Whether every browser plays a file.

    Args:
        path: The file.
        container, subtype: Its format, in soundfile's names; None where it is not known.
        num_channels: None where it is not known.

    >>> browser_plays("a.aif", "AIFF", "PCM_16", 2), browser_plays("a.wav", "WAV", "IMA_ADPCM", 1)
    (False, False)
    >>> browser_plays("a.wav", "WAV", "PCM_24", 2), browser_plays("a.caf", None, None, None)
    (True, False)
    """
    if (num_channels or 1) > _MAX_CHANNELS:
        return False
    if container is None:
        return Path(path).suffix.lower() in _PLAYED_SUFFIXES
    return subtype in _PLAYED.get(container, ())


class BrowserSound:
    """A sound as FLAC in 16 bits; as WAV above FLAC's highest rate. More than 8 channels become one.

    Args:
        file: Binary file, open for writing, seekable; left open.
        audio_format: Rate and channels of the sound.

    Attributes:
        mime: Media type, such as "audio/flac".
    """

    def __init__(self, file: BinaryIO, audio_format: AudioFormat) -> None:
        self._mixes_down = audio_format.num_channels > _MAX_CHANNELS
        container = "FLAC" if audio_format.sample_rate <= _MAX_FLAC_RATE else "WAV"
        self.mime = f"audio/{container.lower()}"
        self._file = soundfile.SoundFile(
            file,
            "w",
            audio_format.sample_rate,
            1 if self._mixes_down else audio_format.num_channels,
            format=container,
            subtype="PCM_16",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: NDArray[np.float32], gain_db: float = 0.0) -> None:
        """Append samples, float32 (channels, samples), finite; what is beyond full scale is clipped."""
        heard = block.mean(axis=0, keepdims=True) if self._mixes_down else block
        self._file.write(np.clip(heard.T * np.float32(10.0 ** (gain_db / 20.0)), -1.0, 1.0))


class BrowserCopy:
    """A copy that browsers play, written while the sound passes. A fault costs the copy and nothing else.

    Use it in a `with` statement: at its end the copy gets its name, after an error there is none.

    Args:
        target: The copy; its folder is made, an existing file replaced.
        audio_format: Rate and channels of the sound.
        originals: Files that are never replaced.
        part_prefix: How the temporary name begins.
    """

    def __init__(
        self, target: Path, audio_format: AudioFormat, originals: Iterable[Original], part_prefix: str
    ) -> None:
        self._files = contextlib.ExitStack()
        self._sound: BrowserSound | None = None
        with self._faults_dropped():
            target.parent.mkdir(parents=True, exist_ok=True)
            atomic = AtomicFile(target, overwrite=True, part_prefix=part_prefix, originals=originals)
            file = self._files.enter_context(atomic).part.open("wb")
            self._sound = self._files.enter_context(
                BrowserSound(self._files.enter_context(file), audio_format)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: Any) -> None:
        with self._faults_dropped():
            self._files.__exit__(*details)

    def write(self, block: NDArray[np.float32]) -> None:
        """Append samples, float32 (channels, samples), finite or not."""
        if self._sound is not None:
            with self._faults_dropped():
                self._sound.write(np.nan_to_num(block, posinf=0.0, neginf=0.0))

    @contextlib.contextmanager
    def _faults_dropped(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:  # libsndfile raises RuntimeErrors
            self._sound = None
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                self._files.__exit__(type(error), error, None)


def write_browser_copy(source: Path, target: Path, originals: Iterable[Original] = ()) -> None:
    """Write a sound file, or the sound of a film, as FLAC that browsers play. An existing copy is replaced.

    Args:
        source: The file.
        target: The copy.
        originals: Files that are never replaced.

    Raises:
        OSError, AudioFileError: The source cannot be read, or the copy cannot be written.
        ValueError: The target is one of the originals.
    """
    with (
        FileReader(source, allow_truncated=True) as reader,
        AtomicFile(target, overwrite=True, originals=[source, *originals]) as copy,
        copy.part.open("wb") as file,
        BrowserSound(file, reader.format) as sound,
    ):
        for block in reader.blocks():
            sound.write(np.nan_to_num(block, posinf=0.0, neginf=0.0))
