"""What was mixed is known: SNR by both definitions, parts with file, start and gain, transcripts."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.config.mixture_schema import DataConfig, MixConfig, SourceSpec
from hushgate.training.config.schema import Config
from hushgate.training.mixtures.augmentations import active_level_db, level_db
from hushgate.training.mixtures.mixer import Mixer
from hushgate.training.mixtures.write_mixtures import MixJob, write_mixtures
from hushgate.training.recordings.manifest import read_manifest
from tests.helpers.plain_mix import PLAIN

RATE = 8_000
EXACT = replace(PLAIN, noises=(SourceSpec("noise"),), floor=0.0)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Speech with pauses in one folder, noise in another, each with peaks of its own."""
    root = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(5)
    for folder, kind in (("voices", "speech"), ("sounds", "noise")):
        lines = ["path,kind,split,label"]
        (root / folder).mkdir()
        for number in range(3):
            sound = rng.standard_normal(RATE * (2 + number)) * 0.02 * (1 + number)
            if kind == "speech":
                sound *= np.sin(2 * np.pi * np.arange(len(sound)) / RATE) > 0.0
            soundfile.write(root / folder / f"{number}.wav", sound, RATE, subtype="FLOAT")
            lines.append(f"{number}.wav,{kind},train,{kind}{number}")
        (root / folder / "manifest.csv").write_text("\n".join(lines))
    return str(root / "voices"), str(root / "sounds")


@pytest.mark.parametrize("snr_of", ["file", "active"])
@pytest.mark.parametrize("quiet", [0.0, 1.0])
def test_the_ratio_is_the_one_that_was_drawn(snr_of: str, quiet: float, folders: tuple[str, str]) -> None:
    mix = replace(EXACT, snr_of=snr_of, snr_db=(0.1, 30.0, 60.0), snr_shape="uniform", quiet=quiet)
    mixer = Mixer(DataConfig(folders, RATE, 1.5), mix, "train")
    for index in range(12):
        mixture = mixer.mixture(3, index)
        noise = mixture.noisy - mixture.clean
        clean_db = level_db(mixture.clean) if snr_of == "file" else active_level_db(mixture.clean, RATE)
        assert clean_db - level_db(noise) == pytest.approx(mixture.record.snr_db, abs=0.01)
        assert not any("floor" in change for change in mixture.record.changes)


def test_half_of_the_mixtures_have_a_floor_by_default(folders: tuple[str, str]) -> None:
    counts = {}
    for floor in (MixConfig.floor, 0.0, 1.0):
        mixer = Mixer(DataConfig(folders, RATE, 0.3), replace(EXACT, floor=floor), "train")
        notes = [mixer.mixture(1, index).record.changes for index in range(60)]
        counts[floor] = sum(any("floor" in change for change in changes) for changes in notes)
    assert counts[0.0] == 0
    assert counts[1.0] == 60
    assert 20 <= counts[0.5] <= 40


@pytest.mark.parametrize("fill", ["join", "pad"])
def test_parts_give_the_mixture_again(fill: str, folders: tuple[str, str], tmp_path: Path) -> None:
    mix = replace(
        EXACT,
        targets=(SourceSpec("speech", fill=fill),),
        noises=(SourceSpec("noise", voices=(2, 2), fill=fill), SourceSpec("white", layer=1)),
        second_target=0.4,
        snr_db=(-5.0, 0.0, 5.0),
    )
    config = Config(data=DataConfig(folders, RATE, 2.7), mix=mix)
    manifest = write_mixtures(MixJob(config, seed=4, with_noise=True, suffix="wav"), tmp_path / "out", 6)
    for row in read_manifest(manifest):
        parts = json.loads(row["parts"])
        clean, noise = (soundfile.read(tmp_path / "out" / row[name])[0] for name in ("path", "noise"))
        sums = {"target": np.zeros_like(clean), "noise": np.zeros_like(clean)}
        for part in (part for part in parts if part["file"]):
            recording, _ = soundfile.read(part["file"])
            start, at, length = (round(part[name] * RATE) for name in ("start_s", "at_s", "seconds"))
            piece = recording[start : start + length][: len(clean) - at]
            assert part["is_whole"] == (len(piece) == len(recording))
            sums[part["role"]][at : at + len(piece)] += 10 ** (part["gain_db"] / 20) * piece
        np.testing.assert_allclose(sums["target"], clean, atol=2e-4 * np.abs(clean).max())
        generated = [part for part in parts if not part["file"]]
        assert [part["name"] for part in generated] == ["synthesized white"]
        rest_db = level_db((noise - sums["noise"]).astype(np.float32))
        assert rest_db == pytest.approx(generated[0]["gain_db"], abs=0.1)
        assert float(row["measured_snr_db"]) == pytest.approx(float(row["snr_db"]), abs=0.01)
        assert row["snr_of"] == "active"


def test_a_pair_has_the_gain_of_its_clean_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    clean = 0.1 * np.sin(0.1 * np.arange(RATE))
    for name, sound in (("clean", clean), ("noisy", clean + 0.5 * rng.uniform(-1.0, 1.0, RATE))):
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE, subtype="FLOAT")
    (tmp_path / "manifest.csv").write_text(
        "path,kind,split,label,noisy\nclean.wav,speech,train,a,noisy.wav\n"
    )
    data = DataConfig((str(tmp_path),), RATE, 1.0)
    job = MixJob(Config(data=data, mix=replace(PLAIN, noises=(SourceSpec("white"),), pairs=1.0)))
    (row,) = read_manifest(write_mixtures(job, tmp_path / "out", 1))
    (part,) = json.loads(row["parts"])
    written, _ = soundfile.read(tmp_path / "out" / row["path"])
    gain = float(written @ clean) / float(clean @ clean)
    assert part["gain_db"] == pytest.approx(20.0 * np.log10(gain), abs=0.01)


def test_whole_utterances_keep_their_transcripts(folders: tuple[str, str], tmp_path: Path) -> None:
    chapter = tmp_path / "voices" / "103" / "1240"
    chapter.mkdir(parents=True)
    lines = ["path,kind,split,label"]
    for number in range(2):
        name = f"103-1240-000{number}"
        soundfile.write(chapter / f"{name}.flac", 0.1 * np.ones(RATE * (1 + number)), RATE)
        lines.append(f"103/1240/{name}.flac,speech,train,103")
    (chapter / "103-1240.trans.txt").write_text("103-1240-0000 CHAPTER ONE\n103-1240-0001 MISSUS RACHEL\n")
    (tmp_path / "voices" / "manifest.csv").write_text("\n".join(lines))
    mix = replace(EXACT, targets=(SourceSpec("speech", fill="pad"),))
    # The second utterance, of 2 s, is cut, and the first one where it begins late.
    config = Config(data=DataConfig((str(tmp_path / "voices"), folders[1]), RATE, 1.5), mix=mix)
    write_mixtures(MixJob(config), tmp_path / "out", 8)
    rows = read_manifest(tmp_path / "out" / "manifest.csv")
    parts = [next(part for part in json.loads(row["parts"]) if part["role"] == "target") for row in rows]
    ends = [part["at_s"] + part["seconds"] for part in parts]
    short = [row for row, end in zip(rows, ends, strict=True) if row["targets"][-6] == "0" and end <= 1.5]
    assert 0 < len(short) < 8
    texts = (tmp_path / "out" / "texts.txt").read_text().splitlines()
    assert texts == [f"{Path(row['noisy']).stem} CHAPTER ONE" for row in short]


def test_a_folder_of_an_older_version_is_continued(folders: tuple[str, str], tmp_path: Path) -> None:
    config = Config(data=DataConfig(folders, RATE, 0.3), mix=replace(EXACT, floor=MixConfig.floor))
    write_mixtures(MixJob(config), tmp_path / "one", 1)
    assert {"snr_of", "floor"}.isdisjoint(json.loads((tmp_path / "one" / "mix.json").read_text())["mix"])
    write_mixtures(MixJob(config), tmp_path / "one", 2)
    other = replace(config, mix=replace(config.mix, snr_of="file"))
    with pytest.raises(ValueError, match=r"made with another mix\.snr_of"):
        write_mixtures(MixJob(other), tmp_path / "one", 2)
    write_mixtures(MixJob(other), tmp_path / "other", 1)
    with pytest.raises(ValueError, match=r"made with another mix\.snr_of"):
        write_mixtures(MixJob(config), tmp_path / "other", 1)


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="snr_of must be one of file, active"):
        MixConfig(snr_of="loud")
    with pytest.raises(ValueError, match="floor must be between 0 and 1"):
        MixConfig(floor=2.0)


def test_recordings_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    """The records of mixtures name the file that was heard, also of pairs."""
    columns = ("path", "kind", "split", "label", "noisy")
    for number, folder in enumerate(("one", "two")):
        (tmp_path / folder).mkdir()
        for name, size in (("0.wav", 0.2), ("noisy.wav", 0.4 + 0.3 * number)):
            soundfile.write(tmp_path / folder / name, np.full(RATE, size * (1 - 2 * number)), RATE)
        with open(tmp_path / folder / "manifest.csv", "w", newline="") as file:
            csv.writer(file).writerows([columns, ("0.wav", "speech", "train", folder, "noisy.wav")])
    data = DataConfig((str(tmp_path / "one"), str(tmp_path / "two")), RATE, 0.5)
    for pairs in (0.0, 1.0):
        mixer = Mixer(data, replace(EXACT, noises=(SourceSpec("white"),), pairs=pairs), "train")
        found = set()
        for index in range(12):
            mixture = mixer.mixture(1, index)
            part = next(part for part in mixture.record.parts if part.role == "target")
            assert part.path is not None
            recording = soundfile.read(part.path)[0]
            found.add(part.path.parent.name)
            # Of a pair, its gain from the peak of its own file too.
            peak = 10.0 ** (part.gain_db / 20.0) * np.sign(recording[0])
            assert mixture.clean[RATE // 4] == pytest.approx(peak, rel=0.01)
        assert found == {"one", "two"}
