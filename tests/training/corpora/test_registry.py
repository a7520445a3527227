"""Known corpora: each in its real layout, and errors that name what is missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hushgate.training.corpora.corpus import Options
from hushgate.training.corpora.prepare import Preparation, prepare
from hushgate.training.corpora.registry import CORPORA
from hushgate.training.recordings.manifest import ManifestRow
from tests.helpers.trees import TREES, sound


def _rows(corpus_name: str, folder: Path, options: Options | None = None) -> list[ManifestRow]:
    return prepare(corpus_name, [folder], folder.parent / "out", Preparation(validation=0.25), options).rows


def _count(rows: list[ManifestRow]) -> dict[tuple[str, str], int]:
    return dict(Counter((row.kind, row.split) for row in rows))


def _labels(rows: list[ManifestRow], split: str) -> set[str]:
    return {row.label for row in rows if row.split == split}


@pytest.mark.parametrize(
    ("corpus_name", "expected"),
    [
        ("librispeech", {("speech", "train"): 24, ("speech", "val"): 4, ("speech", "test"): 4}),
        ("common-voice", {("speech", "train"): 12, ("speech", "val"): 4, ("speech", "test"): 4}),
        # Two of the four speakers that are not in the trials cannot make up a quarter: one does.
        ("voxceleb1", {("speech", "train"): 6, ("speech", "val"): 2, ("speech", "test"): 4}),
        ("urbansound8k", {("noise", "train"): 16, ("noise", "val"): 2, ("noise", "test"): 2}),
        ("esc50", {("noise", "train"): 6, ("noise", "val"): 2, ("noise", "test"): 2}),
        (
            "ms-snsd",
            {
                ("speech", "train"): 18, ("speech", "val"): 6, ("speech", "test"): 3,
                ("noise", "train"): 9, ("noise", "val"): 3, ("noise", "test"): 3,
            },
        ),
        ("voicebank-demand", {("speech", "train"): 4, ("speech", "val"): 4, ("speech", "test"): 2}),
    ],
)  # fmt: skip
def test_corpora_are_found_in_their_real_layout(
    corpus_name: str, expected: dict[tuple[str, str], int], tmp_path: Path
) -> None:
    rows = _rows(corpus_name, TREES[corpus_name](tmp_path / "corpus"))
    assert _count(rows) == expected
    for row in rows:
        assert (tmp_path / "out" / row.path).is_file()
        assert row.license == CORPORA[corpus_name].license
        assert row.source == CORPORA[corpus_name].title
        assert row.seconds > 0.2


@pytest.mark.parametrize(
    "corpus_name", ["librispeech", "common-voice", "voxceleb1", "ms-snsd", "voicebank-demand"]
)
def test_no_speaker_is_in_two_splits(corpus_name: str, tmp_path: Path) -> None:
    rows = [
        row for row in _rows(corpus_name, TREES[corpus_name](tmp_path / "corpus")) if row.kind == "speech"
    ]
    splits = [_labels(rows, split) for split in ("train", "val", "test")]
    assert all(splits)
    assert sum(map(len, splits)) == len(set.union(*splits))


def test_every_corpus_but_plain_folders_has_a_tree_here() -> None:
    assert set(CORPORA) - set(TREES) == {"folders", "pairs"}


@pytest.mark.parametrize("corpus_name", sorted(TREES))
def test_another_layout_is_refused_with_what_is_needed_and_what_is_there(
    corpus_name: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"is not laid out as .*\(holds nothing\)"):
        prepare(corpus_name, [tmp_path / "empty"], tmp_path / "out")
    sound(tmp_path / "other" / "some" / "deep" / "sound.wav")
    with pytest.raises(ValueError, match=r"is not laid out as .*\(holds some/\)"):
        prepare(corpus_name, [tmp_path / "other"], tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="absent does not exist"):
        prepare(corpus_name, [tmp_path / "absent"], tmp_path / "out")
    with pytest.raises(NotADirectoryError, match="Unpack archives first"):
        prepare(corpus_name, [tmp_path / "other" / "some" / "deep" / "sound.wav"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("corpus_name", ["librispeech", "ms-snsd", "voicebank-demand"])
def test_a_part_without_sound_is_no_corpus(corpus_name: str, tmp_path: Path) -> None:
    folder = TREES[corpus_name](tmp_path / "corpus")
    for path in folder.rglob("*"):
        if path.suffix in (".wav", ".flac") and "test" not in str(path.relative_to(folder)):
            path.unlink()
    if corpus_name == "librispeech":
        assert _labels(_rows(corpus_name, folder), "test")
        with pytest.raises(ValueError, match="must hold SPEAKER/CHAPTER"):
            _rows(corpus_name, folder, Options(subsets=("train-clean-100",)))
    else:
        with pytest.raises(ValueError, match="must hold"):
            _rows(corpus_name, folder)


def test_subsets_of_librispeech_can_be_chosen(tmp_path: Path) -> None:
    folder = TREES["librispeech"](tmp_path / "corpus")
    rows = _rows("librispeech", folder / "LibriSpeech", Options(subsets=("train-clean-100",)))
    # Without dev-clean, a quarter of the speakers validates.
    assert _count(rows) == {("speech", "train"): 18, ("speech", "val"): 6}
    with pytest.raises(ValueError, match="subset must be one of"):
        _rows("librispeech", folder, Options(subsets=("train-clean",)))
    with pytest.raises(ValueError, match="must hold the subset train-other-500"):
        _rows("librispeech", folder, Options(subsets=("train-other-500",)))


def test_other_tables_of_common_voice_are_split_by_client(tmp_path: Path) -> None:
    folder = TREES["common-voice"](tmp_path / "corpus")
    rows = _rows("common-voice", folder, Options(tables=("validated",)))
    assert len(rows) == 20
    assert not _labels(rows, "train") & _labels(rows, "val")
    with pytest.raises(ValueError, match=r"must hold the table other\.tsv"):
        _rows("common-voice", folder, Options(tables=("other",)))


def test_speakers_of_the_trials_test(tmp_path: Path) -> None:
    folder = TREES["voxceleb1"](tmp_path / "corpus")
    assert _labels(_rows("voxceleb1", folder), "test") == {"id10270", "id10271"}
    (folder / "veri_test.txt").unlink()
    assert _labels(_rows("voxceleb1", folder), "test") == set()


def test_folds_can_be_chosen(tmp_path: Path) -> None:
    folder = TREES["esc50"](tmp_path / "corpus")
    rows = _rows("esc50", folder, Options(esc10=True, val_fold=2, test_fold=0))
    assert {row.label for row in rows} == {"dog"}
    assert [Path(row.path).name[0] for row in rows if row.split == "val"] == ["2"]
    assert _labels(rows, "test") == set()
    with pytest.raises(ValueError, match="val_fold must be a fold from 1 to 5"):
        _rows("esc50", folder, Options(val_fold=6))
    with pytest.raises(ValueError, match="val_fold and test_fold must differ"):
        _rows("esc50", folder, Options(val_fold=5))


def test_tables_and_files_must_agree(tmp_path: Path) -> None:
    folder = TREES["urbansound8k"](tmp_path / "corpus")
    table = folder / "metadata" / "UrbanSound8K.csv"
    (folder / "audio" / "fold3" / "300-0-0-0.wav").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"300-0-0-0\.wav of the 20 files that UrbanSound8K\.csv lists"
    ):
        _rows("urbansound8k", folder)
    table.write_text(table.read_text().replace("fold,", "f0ld,"))
    with pytest.raises(ValueError, match=r"must have the columns .*lacks fold"):
        _rows("urbansound8k", folder)


def test_held_back_speakers_validate(tmp_path: Path) -> None:
    rows = _rows("voicebank-demand", TREES["voicebank-demand"](tmp_path / "corpus"))
    assert _labels(rows, "val") == {"p226", "p287"}
    assert all(Path(row.noisy).name == Path(row.path).name for row in rows)
    assert all("noisy_" in row.noisy for row in rows)


def test_pairs_must_be_complete(tmp_path: Path) -> None:
    clean, noisy = tmp_path / "clean", tmp_path / "noisy"
    for name in ("a.wav", "in/b.wav", "c.wav"):
        sound(clean / name)
        sound(noisy / name)
    assert len(prepare("pairs", [clean, noisy], tmp_path / "out").rows) == 3
    (noisy / "in" / "b.wav").unlink()
    with pytest.raises(ValueError, match=r"noisy lacks in/b\.wav"):
        prepare("pairs", [clean, noisy], tmp_path / "out")
    with pytest.raises(ValueError, match="takes 2 folders"):
        prepare("pairs", [clean], tmp_path / "out")


def test_any_folders_have_the_kinds_they_are_given(tmp_path: Path) -> None:
    for number in range(10):
        sound(tmp_path / "songs" / f"{number}.wav")
        sound(tmp_path / "hiss" / f"tape{number % 2}" / f"{number}.wav")
    songs, hiss = tmp_path / "songs", tmp_path / "hiss"
    assert set(_count(prepare("folders", [songs, hiss], tmp_path / "out").rows)) == {
        ("speech", "train"), ("speech", "val"), ("noise", "train"), ("noise", "val"),
    }  # fmt: skip
    kinds = Options(kinds=("music", "noise"))
    rows = prepare("folders", [songs, hiss], tmp_path / "out", Preparation(split="60/20/20"), kinds).rows
    assert _count([r for r in rows if r.kind == "music"]) == {
        ("music", "train"): 6, ("music", "val"): 2, ("music", "test"): 2,
    }  # fmt: skip
    assert {row.label for row in rows if row.kind == "noise"} == {"tape0", "tape1"}
    with pytest.raises(ValueError, match="kinds must be one per folder"):
        prepare("folders", [songs, hiss], tmp_path / "out", None, Options(kinds=("music",)))
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="must hold sound files"):
        prepare("folders", [tmp_path / "none"], tmp_path / "out")
