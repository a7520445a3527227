"""Copies of recordings at another sample rate or without silent stretches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.training.corpora.corpus import Recording
from hushgate.training.corpora.silence import SilenceRule, cut_together, find_sounding
from hushgate.training.recordings.atomic_files import remove_parts, write_audio


class Copies:
    """Copies of recordings, resampled and without silent stretches, as FLAC under audio/CORPUS-SETTINGS."""

    def __init__(
        self,
        output: Path,
        corpus_name: str,
        folders: Sequence[Path],
        sample_rate: int | None,
        silence: SilenceRule | None,
    ) -> None:
        # Each group of settings has its own folder, so an existing copy can be used as it is.
        settings = {"sample_rate": sample_rate, "silence": asdict(silence) if silence else None}
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
        self.folder = output.resolve() / "audio" / f"{corpus_name}-{digest}"
        self.roots = [folder.absolute() for folder in folders]
        self.sample_rate, self.silence = sample_rate, silence
        if self.folder.is_dir():
            remove_parts(self.folder)

    def make(self, recording: Recording) -> tuple[Path, Path | None, int, float]:
        """Copy one recording, and its noisy take, cut alike.

        Returns:
            Path of the copy, path of the noisy copy, sample rate in Hz, length in s (0: all silent).

        Raises:
            ValueError: The file breaks off or cannot be read.
            OSError: The copy cannot be written.
        """
        sources = [recording.path, *([recording.noisy] if recording.noisy else [])]
        places = [self._place(path) for path in sources]
        if not all(_is_newer(place, source) for place, source in zip(places, sources, strict=True)):
            audio, rate = _read_alike(sources)
            if self.silence is not None:
                stretches = find_sounding(audio[0], rate, self.silence)
                audio = [cut_together(sound, stretches, rate) for sound in audio]
            wanted = self.sample_rate or rate
            audio = [_resampled(sound, rate, wanted) for sound in audio]
            # Resampling overshoots a little and would clip 16-bit samples. Both files of a pair get one gain.
            peak = max(1.0, *(float(np.max(np.abs(sound), initial=0.0)) for sound in audio))
            if audio[0].shape[1]:
                for place, sound in zip(places, audio, strict=True):
                    write_audio(place, sound / peak, wanted, "PCM_16")
        if not places[0].exists():
            return places[0], None, 0, 0.0
        info = soundfile.info(places[0])
        return places[0], places[1] if recording.noisy else None, info.samplerate, info.duration

    def _place(self, path: Path) -> Path:
        number, root = next((n, r) for n, r in enumerate(self.roots) if path.absolute().is_relative_to(r))
        inner = path.absolute().relative_to(root)
        name = inner.name if inner.suffix == ".flac" else f"{inner.name}.flac"
        part = str(number) if len(self.roots) > 1 else ""
        return self.folder / part / inner.with_name(name)


def _is_newer(place: Path, source: Path) -> bool:
    return place.exists() and place.stat().st_mtime_ns >= source.stat().st_mtime_ns


def _read_alike(paths: Sequence[Path]) -> tuple[list[NDArray[np.float32]], int]:
    sounds = []
    for path in paths:
        try:
            audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise ValueError(f"{path} must be readable to its end ({reason(error)}). Remove it.") from error
        sounds.append((audio.T, rate))
    if len({(sound.shape[1], rate) for sound, rate in sounds}) > 1:
        raise ValueError(f"{paths[0]} and {paths[1]} must have the same sample rate and length.")
    return [sound for sound, _ in sounds], sounds[0][1]


def _resampled(audio: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    if from_hz == to_hz:
        return audio
    import soxr

    return np.asarray(soxr.resample(audio.T, from_hz, to_hz, quality="VHQ").T, dtype=np.float32)


def reason(error: Exception) -> str:
    """Return what libsndfile says of a file, without the path."""
    return str(getattr(error, "error_string", error)).rstrip(".")
