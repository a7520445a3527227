"""Corpora of noise: UrbanSound8K, ESC-50 and ESC-10."""

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


def _fold_split(fold: str, num_folds: int, options: Options, table: Path) -> str:
    val = num_folds - 1 if options.val_fold is None else options.val_fold
    test = num_folds if options.test_fold is None else options.test_fold
    for name, value in (("val_fold", val), ("test_fold", test)):
        if not 0 <= value <= num_folds:
            raise ValueError(f"{name} must be a fold from 1 to {num_folds}, or 0 for none (got {value}).")
    if val == test != 0:
        raise ValueError(f"val_fold and test_fold must differ (got {val} twice).")
    if not fold.isdigit() or not 1 <= int(fold) <= num_folds:
        raise ValueError(f"{table} must have folds from 1 to {num_folds} (got {fold!r}).")
    return {val: "val", test: "test"}.get(int(fold), "train")


def find_urbansound8k(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List UrbanSound8K: metadata/UrbanSound8K.csv and audio/fold1 to fold10; its folds are the splits."""
    folder = enter(folders[0], "UrbanSound8K")
    table = folder / "metadata" / "UrbanSound8K.csv"
    if not table.is_file():
        raise wrong_layout("UrbanSound8K", folder, "metadata/UrbanSound8K.csv and audio/fold1 to fold10")
    found = [
        Recording(
            folder / "audio" / f"fold{line['fold']}" / line["slice_file_name"],
            "noise",
            line["class"],
            _fold_split(line["fold"], 10, options, table),
            line["fsID"],
        )
        for line in read_table(table, ("slice_file_name", "fsID", "fold", "class"))
    ]
    return check_listed("UrbanSound8K", table, found)


def find_esc50(folders: Sequence[Path], options: Options) -> list[Recording]:
    """List ESC-50 or its part ESC-10: meta/esc50.csv and audio/; its folds are the splits."""
    folder = enter(folders[0], "ESC-50-master", "ESC-50")
    table = folder / "meta" / "esc50.csv"
    if not table.is_file():
        raise wrong_layout("ESC-50", folder, "meta/esc50.csv and audio/")
    found = [
        Recording(
            folder / "audio" / line["filename"],
            "noise",
            line["category"],
            _fold_split(line["fold"], 5, options, table),
            line["src_file"],
        )
        for line in read_table(table, ("filename", "fold", "category", "esc10", "src_file"))
        if not options.esc10 or line["esc10"] == "True"
    ]
    return check_listed("ESC-50", table, found)


NOISE = {
    "urbansound8k": Corpus(
        "UrbanSound8K",
        "metadata/UrbanSound8K.csv, audio/fold1 to fold10",
        "CC BY-NC 3.0",
        find_urbansound8k,
        options={"val_fold": "--val-fold", "test_fold": "--test-fold"},
    ),
    "esc50": Corpus(
        "ESC-50",
        "meta/esc50.csv, audio/*.wav",
        "CC BY-NC 3.0 (ESC-10: CC BY 3.0)",
        find_esc50,
        options={"esc10": "--esc10", "val_fold": "--val-fold", "test_fold": "--test-fold"},
    ),
}
