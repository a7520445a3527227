"""Test items: mixtures of a configuration, or pairs of recordings in folders."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from hushgate.training.evaluate.measures.base import Audio, Item
from hushgate.training.evaluate.measures.snr import snr_db
from hushgate.training.recordings.atomic_files import list_audio
from hushgate.training.recordings.manifest import MANIFEST_NAME, read_manifest

SNR = "SNR"
NOISE_KIND = "noise kind"
NOISE = "noise"
_STEP_DB = 5.0
_NONE = "none"
_SEVERAL = "several"
_SYNTHESIZED = "synthesized "
# Folders that hold recordings of all classes.
_ANY_CLASS = ("audio", "clips", "wav", "noise")


class ItemSet(Protocol):
    """Pairs by number. Sets travel to worker processes, so they can be pickled."""

    def __len__(self) -> int:
        """Number of items."""

    def __getitem__(self, index: int) -> Item:
        """Item number `index`, the same every time."""


class MixtureSet:
    """Mixtures of a training configuration, by the numbers of a seed.

    Args:
        config_path: TOML file.
        overrides: As in `load_config`.
        split: "train", "val" or "test".
        num_items: Mixtures; None for the configuration's `data.val_examples`.
        seed: 0 gives the mixtures that training validates with.

    Raises:
        FileNotFoundError, ValueError: The configuration or recordings are missing or wrong.
    """

    def __init__(
        self, config_path: Path, overrides: tuple[str, ...], split: str, num_items: int | None, seed: int
    ) -> None:
        self._arguments = (config_path, overrides, split, num_items, seed)
        self._load()

    def _load(self) -> None:
        from hushgate.training.config.schema import load_config
        from hushgate.training.mixtures.full_band_mixer import make_mixer
        from hushgate.training.recordings.clips import list_clips

        config_path, overrides, split, num_items, self.seed = self._arguments
        config = load_config(config_path, overrides)
        self._mixer = make_mixer(config.data, config.mix, split)
        self._num_items = config.data.val_examples if num_items is None else num_items
        clips = [clip for folder in config.data.folders for clip in list_clips(Path(folder))]
        self._kinds = {clip.name: (clip.kind, clip.label) for clip in clips}

    def __getstate__(self) -> tuple[Path, tuple[str, ...], str, int | None, int]:
        # Workers load the recordings again, which is cheaper than sending them.
        return self._arguments

    def __setstate__(self, arguments: tuple[Path, tuple[str, ...], str, int | None, int]) -> None:
        self._arguments = arguments
        self._load()

    def __len__(self) -> int:
        return self._num_items

    def __getitem__(self, index: int) -> Item:
        mixture = self._mixer.mixture(self.seed, index)
        named = [self._describe(name) for name in mixture.record.noises]
        groups = {
            SNR: snr_group(mixture.record.snr_db),
            NOISE_KIND: _summary([kind for kind, _ in named]),
            NOISE: _summary([label for _, label in named]),
        }
        name = f"{self.seed}-{index:06d}"
        return Item(name, mixture.noisy[None], mixture.clean[None], self._mixer.rate, groups)

    def _describe(self, name: str) -> tuple[str, str]:
        if name in self._kinds:
            return self._kinds[name]
        kind, _, label = name.partition(" ")
        return kind, label or kind


class PairSet:
    """Recordings in two folders, paired by file name.

    Args:
        clean, noisy: Folders. A file of the noisy one belongs to the file of the same name (extensions may
            differ) in the clean one.
        texts: Name, without extension and perhaps with its subfolders, to what is said.

    A folder written by `hushgate data mix`, with a `manifest.csv` above the two, also gives SNR and noise;
    otherwise the SNR is measured.

    Raises:
        FileNotFoundError: A folder is missing.
        ValueError: Nothing belongs together, or a noisy file lacks its clean one.
    """

    def __init__(self, clean: Path, noisy: Path, texts: Mapping[str, str] | None = None) -> None:
        self._texts = dict(texts or {})
        cleans, noisies = _sounds(clean), _sounds(noisy)
        lacking = sorted(noisies.keys() - cleans.keys())
        if lacking:
            raise ValueError(f"{noisies[lacking[0]]} has no file of the same name in {clean}.")
        self._pairs = [(name, cleans[name], noisies[name]) for name in sorted(noisies)]
        if not self._pairs:
            raise ValueError(f"folder {noisy} must hold sound files (got none).")
        rows = read_manifest(noisy.parent / MANIFEST_NAME)
        manifest = noisy.parent
        self._rows = {manifest / row["noisy"]: row for row in rows if row.get("noisy")}

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Item:
        name, clean_path, noisy_path = self._pairs[index]
        clean, rate = read_sound(clean_path)
        noisy, noisy_rate = read_sound(noisy_path)
        if rate != noisy_rate or clean.shape != noisy.shape:
            raise ValueError(
                f"{noisy_path} must have the rate, channels and length of {clean_path}: {rate} Hz, "
                f"{clean.shape} (got {noisy_rate} Hz, {noisy.shape})."
            )
        row = self._rows.get(noisy_path, {})
        given = row.get("snr_db") or ""
        ratio_db = float(given) if given else measured_snr_db(clean, noisy)
        noises = [one for one in (row.get("noises") or "").split(";") if one]
        kinds = ["synthesized" if one.startswith(_SYNTHESIZED) else "recorded" for one in noises]
        groups = {SNR: snr_group(ratio_db)}
        if self._rows:
            groups |= {NOISE_KIND: _summary(kinds), NOISE: _summary([_class_of(one) for one in noises])}
        return Item(name, noisy, clean, rate, groups, self._text(name))

    def _text(self, name: str) -> str | None:
        """The text of an item, by its relative path or its name."""
        return self._texts.get(name, self._texts.get(name.rpartition("/")[2]))


def read_sound(path: Path) -> tuple[Audio, int]:
    """A sound file as float32 (channels, samples), and its rate in Hz."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T), int(rate)


def read_texts(path: Path) -> dict[str, str]:
    """Read transcripts: lines of a file name and its text, separated by a tab, a comma or a space.

    Raises:
        ValueError: A line without text.
    """
    texts = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        separator = next((one for one in "\t, " if one in line.strip()), None)
        name, _, text = line.strip().partition(separator or "\t")
        if not text.strip():
            raise ValueError(f"{path}, line {number}, must hold a file's name and its text (got {line!r}).")
        texts[Path(name).stem] = text.strip().strip('"')
    return texts


def measured_snr_db(clean: Audio, noisy: Audio) -> float:
    """Level of the clean sound above the difference of both, dB; NaN when one of them is silent."""
    return snr_db(clean, noisy) if np.any(noisy != clean) else math.nan


def snr_group(ratio_db: float) -> str:
    """The 5 dB wide group of an SNR.

    >>> snr_group(-0.1), snr_group(7.5), snr_group(float("nan"))
    ('-5 to 0 dB', '5 to 10 dB', 'none')
    """
    if not math.isfinite(ratio_db):
        return _NONE
    low = _STEP_DB * math.floor(ratio_db / _STEP_DB)
    return f"{low:.0f} to {low + _STEP_DB:.0f} dB"


def _class_of(noise: str) -> str:
    """The class of a noise: a generator's name, or the folder of a recording (its own name without one).

    >>> _class_of("synthesized hum"), _class_of("/sounds/street/3.wav"), _class_of("ESC-50/audio/1-17-B.wav")
    ('hum', 'street', '1-17-B')
    """
    if noise.startswith(_SYNTHESIZED):
        return noise.removeprefix(_SYNTHESIZED)
    path = Path(noise)
    folder = path.parent.name
    return path.stem if folder in ("", *_ANY_CLASS) or folder.startswith("fold") else folder


def _summary(names: list[str]) -> str:
    different = Counter(names)
    if not different:
        return _NONE
    return next(iter(different)) if len(different) == 1 else _SEVERAL


def _sounds(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"folder {folder} does not exist.")
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in list_audio(folder)}
