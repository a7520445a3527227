"""Corpora of speech: LibriSpeech, Common Voice, VoxCeleb1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushgate.training.corpora.corpus import (
    Corpus,
    Options,
    Recording,
    check_listed,
    enter,
    read_table,
    wrong_layout,
)

_SUBSETS = {
    "train-clean-100": "train", "train-clean-360": "train", "train-other-500": "train",
    "dev-clean": "val", "dev-other": "val", "test-clean": "test", "test-other": "test",
}  # fmt: skip
_TABLES = {"train": "train", "dev": "val", "test": "test"}


def find_librispeech(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List LibriSpeech: SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac; its subsets are the splits."""
    folder = enter(folders[0], "LibriSpeech")
    there = [name for name in _SUBSETS if (folder / name).is_dir()]
    wanted = options.subsets or tuple(there)
    unknown = [name for name in wanted if name not in _SUBSETS]
    if unknown:
        raise ValueError(f"subset must be one of {', '.join(_SUBSETS)} (got {unknown[0]!r}).")
    absent = [name for name in wanted if name not in there]
    if not there or absent:
        needs = f"the subset {absent[0]}" if absent else "subsets such as train-clean-100 or dev-clean"
        raise wrong_layout("LibriSpeech", folder, needs)
    found = [
        Recording(path, "speech", path.parts[-3], _SUBSETS[subset], path.parts[-3])
        for subset in wanted
        for path in sorted((folder / subset).glob("*/*/*.flac"))
        if path.stem.startswith(f"{path.parts[-3]}-{path.parts[-2]}-")
    ]
    if not found:
        needs = "SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac"
        raise wrong_layout("LibriSpeech", folder / wanted[0], needs)
    return found


def find_common_voice(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List one language of Common Voice: train.tsv, dev.tsv, test.tsv, or other tables, beside clips/."""
    folder = enter(folders[0])
    names = options.tables or tuple(name for name in _TABLES if (folder / f"{name}.tsv").is_file())
    if not (folder / "clips").is_dir() or not names:
        raise wrong_layout("Common Voice", folder, "one language: train.tsv, dev.tsv, test.tsv and clips/")
    found = []
    for name in names:
        table = folder / f"{name}.tsv"
        if not table.is_file():
            raise wrong_layout("Common Voice", folder, f"the table {table.name}")
        lines = read_table(table, ("client_id", "path"), "\t")
        found += check_listed(
            "Common Voice",
            table,
            [
                Recording(
                    # Tables before version 4 omit the suffix.
                    folder / "clips" / (line["path"] if Path(line["path"]).suffix else line["path"] + ".mp3"),
                    "speech",
                    line["client_id"][:16],
                    _TABLES.get(name, ""),
                    line["client_id"],
                )
                for line in lines
            ],
        )
    if not found:
        raise ValueError(f"{', '.join(names)} of {folder} must list clips (got empty tables).")
    return list({recording.path: recording for recording in found}.values())


def find_voxceleb1(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List VoxCeleb1: wav/idNNNNN/VIDEO/NNNNN.wav; speakers of veri_test.txt, where it is there, test."""
    outer = enter(folders[0])
    roots = [outer, *(outer / name for name in ("wav", "dev/wav", "test/wav", "vox1_dev_wav/wav"))]
    roots.append(outer / "vox1_test_wav/wav")
    found = [
        Recording(path, "speech", path.parts[-3], "", path.parts[-3])
        for root in roots
        for path in sorted(root.glob("id[0-9][0-9][0-9][0-9][0-9]/*/*.*"))
        if path.suffix in (".wav", ".flac")
    ]
    if not found:
        raise wrong_layout("VoxCeleb1", outer, "wav/id10001/VIDEO/00001.wav")
    trials = outer / "veri_test.txt"
    if not trials.is_file():
        return found
    # Lines are "1 id10270/VIDEO/00001.wav id10270/VIDEO/00002.wav".
    tested = {word.partition("/")[0] for word in trials.read_text(encoding="utf-8").split() if "/" in word}
    return [
        Recording(r.path, r.kind, r.label, "test" if r.label in tested else "train", r.group) for r in found
    ]


SPEECH = {
    "librispeech": Corpus(
        "LibriSpeech",
        "SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac",
        "CC BY 4.0",
        find_librispeech,
        options={"subsets": "--subset"},
    ),
    "common-voice": Corpus(
        "Common Voice",
        "one language: train.tsv, dev.tsv, test.tsv, clips/*.mp3",
        "CC0",
        find_common_voice,
        options={"tables": "--table"},
    ),
    "voxceleb1": Corpus(
        "VoxCeleb1",
        "wav/idNNNNN/VIDEO/NNNNN.wav, and veri_test.txt for the official test speakers",
        "see its makers' site",
        find_voxceleb1,
    ),
}
