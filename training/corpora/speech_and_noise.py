"""Corpora of speech and noise together, MS-SNSD and VoiceBank+DEMAND, and folders of any recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushgate.training.corpora.corpus import Corpus, Options, Recording, enter, wrong_layout
from hushgate.training.recordings.atomic_files import list_audio

# Published work holds these two speakers of the training set back for validation.
_VALIDATION_SPEAKERS = ("p226", "p287")


def find_ms_snsd(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List MS-SNSD: clean_train, clean_test, noise_train, noise_test; file names say who and what."""
    folder = enter(folders[0], "MS-SNSD", "MS-SNSD-master")
    found = []
    for kind, prefix in (("speech", "clean"), ("noise", "noise")):
        for split in ("train", "test"):
            part = folder / f"{prefix}_{split}"
            files = list_audio(part) if part.is_dir() else []
            if not files:
                raise wrong_layout("MS-SNSD", folder, f"{part.name} with sound files")
            for path in files:
                # p234_001: speaker p234; AirConditioner_1: a class of noise; clnsp12: no speaker given.
                label = path.stem.rpartition("_")[0] or path.stem
                group = label if kind == "speech" else path.stem
                found.append(Recording(path, kind, label, split, group))
    return found


def find_voicebank_demand(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List VoiceBank+DEMAND: pairs in clean_ and noisy_ trainset_28spk_wav (or 56spk) and testset_wav."""
    folder = enter(folders[0])
    found = []
    for split, names in (("train", ("trainset_28spk_wav", "trainset_56spk_wav", "trainset_wav")),
                         ("test", ("testset_wav",))):  # fmt: skip
        there = [name for name in names if (folder / f"clean_{name}").is_dir()]
        if not there:
            raise wrong_layout("VoiceBank+DEMAND", folder, f"clean_{names[0]} and noisy_{names[0]}")
        for name in there:
            for clean, noisy in _pairs(folder / f"clean_{name}", folder / f"noisy_{name}"):
                speaker = clean.stem.partition("_")[0]
                held = split == "train" and speaker in _VALIDATION_SPEAKERS
                found.append(Recording(clean, "speech", speaker, "val" if held else split, speaker, noisy))
    return found


def find_pairs(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List pairs of any two folders: the same relative paths in the clean and in the noisy one."""
    clean_folder, noisy_folder = (enter(folder) for folder in folders)
    kind = options.kinds[0] if options.kinds else "speech"
    return [
        Recording(clean, kind, _label(clean, clean_folder), "", _group(clean, clean_folder), noisy)
        for clean, noisy in _pairs(clean_folder, noisy_folder)
    ]


def find_folders(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List any folders, each of one kind: clean and noise by default."""
    kinds = options.kinds or ("speech", "noise")[: len(folders)]
    if len(kinds) != len(folders):
        raise ValueError(
            f"kinds must be one per folder (got {len(kinds)} for {len(folders)} folders). "
            "Pass --kind once for each folder, in their order."
        )
    found = []
    for folder, kind in zip(folders, kinds, strict=True):
        files = list_audio(enter(folder))
        if not files:
            raise ValueError(f"{folder} must hold sound files (got none).")
        found += [Recording(f, kind, _label(f, folder), "", _group(f, folder)) for f in files]
    return found


def _pairs(clean_folder: Path, noisy_folder: Path) -> list[tuple[Path, Path]]:
    clean = {path.relative_to(clean_folder): path for path in list_audio(clean_folder)}
    noisy = (
        {p.relative_to(noisy_folder): p for p in list_audio(noisy_folder)} if noisy_folder.is_dir() else {}
    )
    if not clean or not noisy:
        empty = clean_folder if not clean else noisy_folder
        raise ValueError(f"{empty} must hold the sound files of the pairs (got none).")
    alone = sorted(clean.keys() ^ noisy.keys())
    if alone:
        lacks = noisy_folder if alone[0] in clean else clean_folder
        raise ValueError(
            f"every clean file must have a noisy one of the same name: {lacks} lacks {alone[0]}"
            + (f" and {len(alone) - 1} more have no partner." if len(alone) > 1 else ".")
        )
    return [(clean[name], noisy[name]) for name in clean]


def _label(path: Path, folder: Path) -> str:
    """The subfolder a file lies in, or the folder itself."""
    inner = path.relative_to(folder).parent.as_posix()
    return folder.resolve().name if inner == "." else inner


def _group(path: Path, folder: Path) -> str:
    """The first subfolder (a speaker, a class), or the file where there is none."""
    return path.relative_to(folder).parts[0]


MIXED = {
    "ms-snsd": Corpus(
        "MS-SNSD",
        "clean_train, clean_test, noise_train, noise_test",
        "see its README (ODbL, CC BY 4.0, CC0, CC BY-SA 3.0)",
        find_ms_snsd,
    ),
    "voicebank-demand": Corpus(
        "VoiceBank+DEMAND",
        "clean_trainset_28spk_wav, noisy_trainset_28spk_wav, clean_testset_wav, noisy_testset_wav",
        "CC BY 4.0",
        find_voicebank_demand,
    ),
    "folders": Corpus(
        "any folders",
        "sound files; subfolders are speakers or classes",
        "your own",
        find_folders,
        (1, 8),
        {"kinds": "--kind"},
    ),
    "pairs": Corpus(
        "pairs of two folders",
        "CLEAN and NOISY with files of the same names",
        "your own",
        find_pairs,
        (2, 2),
        {"kinds": "--kind"},
    ),
}
