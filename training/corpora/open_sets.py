"""Free recordings in public repositories, copied at their own rates: full-band voices, scenes, guitar notes.

From clones of rhasspy/dataset-voice-kerstin, -kathleen and -flemishguy (CC0 1.0), hugolpz/audio-cmn (CC
BY-SA), rafaelmardojai/blanket (by file, see its SOUNDS_LICENSING.md) and sfzinstruments/karoryfer.* (CC0
1.0). docs/data.md says what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hushgate.training.corpora.hiss import lower_hiss
from hushgate.training.recordings.atomic_files import list_audio, remove_parts, write_audio
from hushgate.training.recordings.manifest import MANIFEST_NAME, ManifestRow, update_manifest

Audio = NDArray[np.float32]
Progress = Callable[[Iterable[ManifestRow], int], Iterable[ManifestRow]]

_WORD_PEAK, _PAUSE_S = 0.9, 0.35
# Written pitches that never train, as in the packs of recordings.
_HELD_BACK_NOTES = ("b2", "e4", "ab3", "gb3", "db4")


@dataclass(frozen=True)
class OpenSet:
    """One repository.

    Attributes:
        repository: Its name, which is that of the folder with the clone.
        folder: Where in it the recordings lie.
        kind: For the manifest.
        label: The speaker; "" takes the name of each file, as a class.
        license, source: For the manifest.
        hiss: The recordings have hiss that is to be lowered.
        words: Recordings joined in a file, for sets of single words; 1 leaves each by itself.
        every: Take one of so many.
        validation: Labels, or pitches that file names begin with (`e4_f_rr1.wav`), that never train.
        name: Folder for the copies; "" takes the label, or the repository without one.
        without: Files whose names hold this are left out; "" takes all.
    """

    repository: str
    folder: str
    kind: str
    label: str
    license: str
    source: str
    hiss: bool = False
    words: int = 1
    every: int = 1
    validation: tuple[str, ...] = ()
    name: str = ""
    without: str = ""


def _notes(repository: str, folder: str, label: str, name: str) -> OpenSet:
    """Single notes of a Karoryfer instrument, without the noises of release."""
    return OpenSet(
        repository, folder, "guitar", label, "CC0 1.0", "sfzinstruments",
        validation=_HELD_BACK_NOTES, name=name, without="release",
    )  # fmt: skip


OPEN_SETS = (
    OpenSet("dataset-voice-kerstin", "verified", "speech", "kerstin", "CC0 1.0", "rhasspy"),
    OpenSet("dataset-voice-kathleen", "data", "speech", "kathleen", "CC0 1.0", "rhasspy", hiss=True),
    OpenSet("dataset-voice-flemishguy", "wavs", "speech", "flemishguy", "CC0 1.0", "rhasspy", hiss=True),
    OpenSet(
        "audio-cmn", "96k/hsk", "speech", "cmn-tan", "CC BY-SA", "hugolpz (Yue Tan, Shtooka)",
        words=12, every=3,
    ),
    OpenSet(
        "blanket", "data/resources/sounds", "noise", "", "see SOUNDS_LICENSING.md", "rafaelmardojai",
        validation=("city", "storm", "train"),
    ),
    _notes("karoryfer.emilyguitar", "notes", "electric-di", "emily"),
    _notes("karoryfer.shinyguitar", "Samples/acoustic", "archtop-mic", "shiny-mic"),
    _notes("karoryfer.shinyguitar", "Samples/electric", "archtop-pickup", "shiny-pickup"),
    _notes("karoryfer.swagbass", "notes", "bass-di", "swagbass"),
    _notes("karoryfer.growlybass", "sustain", "bass-di", "growlybass"),
    _notes("karoryfer.growlybass", "staccato", "bass-di", "growlybass"),
)  # fmt: skip


def write_open_sets(
    clones: Path,
    output: Path,
    sets: Sequence[OpenSet] = OPEN_SETS,
    progress: Progress = lambda rows, _: rows,
) -> list[ManifestRow]:
    """Copy the recordings of cloned repositories as FLAC, and list them in the manifest of `output`.

    Args:
        clones: Folder with the clones, each under its repository's name; those that are missing are left out.
        output: Folder for the manifest; files go to KIND/LABEL in it.
        sets: What to copy.
        progress: Passes rows on and shows how many there will be.

    Returns:
        The rows that were written.

    Raises:
        FileNotFoundError: There is no clone of any of the sets.
        ValueError: A clone holds no recordings, or recordings at different rates to be joined.
        OSError: Something cannot be read or written; the manifest is then as it was.
    """
    there = [one for one in sets if (clones / one.repository).is_dir()]
    if not there:
        names = ", ".join(dict.fromkeys(one.repository for one in sets))
        raise FileNotFoundError(f"{clones} holds no clone of {names}.")
    files = {one: _recordings(clones, one) for one in there}
    for one, found in files.items():
        if not found:
            raise ValueError(f"{clones / one.repository / one.folder} must hold recordings (got none).")
    if output.is_dir():
        remove_parts(output)
    total = sum(-(-len(found) // one.words) for one, found in files.items())

    def written() -> Iterator[ManifestRow]:
        for one, found in files.items():
            yield from _write(one, found, output)

    rows = list(progress(written(), total))
    update_manifest(output / MANIFEST_NAME, rows)
    return rows


def _recordings(clones: Path, one: OpenSet) -> list[Path]:
    found = list_audio(clones / one.repository / one.folder)
    if one.without:
        found = [path for path in found if one.without not in path.stem]
    return found[:: one.every]


def _write(one: OpenSet, files: Sequence[Path], output: Path) -> Iterator[ManifestRow]:
    for number, first in enumerate(range(0, len(files), one.words)):
        group = files[first : first + one.words]
        label = one.label or group[0].stem
        name = group[0].stem if one.words == 1 else f"{number:04d}"
        audio, rate = _joined(group) if one.words > 1 else _read(group[0])
        if one.hiss:
            audio = lower_hiss(audio, rate)
        path = f"{one.kind}/{one.name or one.label or one.repository}/{name}.flac"
        write_audio(output / path, np.clip(audio, -1.0, 1.0), rate, "PCM_16")
        held_back = label in one.validation or name.split("_")[0] in one.validation
        split = "val" if held_back else "train"
        seconds = round(len(audio) / rate, 3)
        source = f"{one.repository}, {one.source}"
        yield ManifestRow(path, one.kind, split, label, rate, seconds, one.license, source)


def _read(path: Path) -> tuple[Audio, int]:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(audio.mean(axis=1), np.float32), int(rate)


def _joined(files: Sequence[Path]) -> tuple[Audio, int]:
    """Words one after the other, each as loud as the others, with silence between them."""
    parts = [_read(path) for path in files]
    rates = sorted({rate for _, rate in parts})
    if len(rates) > 1:
        raise ValueError(
            f"{files[0].parent} must hold recordings at one rate (got {rates[0]} and {rates[-1]})."
        )
    pause = np.zeros(int(_PAUSE_S * rates[0]), np.float32)
    pieces: list[Audio] = []
    for audio, _ in parts:
        peak = float(np.max(np.abs(audio), initial=0.0))
        if peak > 0.0:
            pieces += [audio * np.float32(_WORD_PEAK / peak), pause]
    return np.concatenate(pieces or [pause]), rates[0]
