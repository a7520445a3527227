"""Free recordings copied out of cloned repositories, and their hiss lowered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.corpora.hiss import lower_hiss
from hushgate.training.corpora.open_sets import OPEN_SETS, write_open_sets
from hushgate.training.recordings.manifest import read_manifest

RATE = 24_000


def _speech(seconds: float = 2.0, level: float = 0.3) -> np.ndarray:
    """Tones that come and go: half a second of sound, half a second of pause."""
    time = np.arange(round(seconds * RATE)) / RATE
    return level * np.sin(2 * np.pi * 440.0 * time) * (time % 1.0 < 0.5)


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, folder, files in (
        ("dataset-voice-kerstin", "verified", ("k1.flac", "k2.flac")),
        ("dataset-voice-kathleen", "data", ("a.wav",)),
        ("audio-cmn", "96k/hsk", tuple(f"cmn-{number:02d}.wav" for number in range(40))),
        ("blanket", "data/resources/sounds", ("rain.ogg", "city.ogg")),
    ):
        place = tmp_path / "clones" / name / folder
        place.mkdir(parents=True)
        for file in files:
            seconds = 0.2 if name == "audio-cmn" else 2.0
            hiss = 0.005 * rng.standard_normal(round(seconds * RATE))
            soundfile.write(place / file, _speech(seconds) + hiss, RATE)
    (tmp_path / "clones" / "dataset-voice-kathleen" / "data" / "a.txt").write_text("text")
    return tmp_path / "clones"


def test_every_clone_that_is_there_is_copied_and_listed(clones: Path, tmp_path: Path) -> None:
    rows = write_open_sets(clones, tmp_path / "sets")
    lines = read_manifest(tmp_path / "sets" / "manifest.csv")
    assert [line["path"] for line in lines] == [row.path for row in rows]
    found = {row.path: (row.kind, row.split, row.label) for row in rows}
    assert found == {
        "speech/kerstin/k1.flac": ("speech", "train", "kerstin"),
        "speech/kerstin/k2.flac": ("speech", "train", "kerstin"),
        "speech/kathleen/a.flac": ("speech", "train", "kathleen"),
        "speech/cmn-tan/0000.flac": ("speech", "train", "cmn-tan"),
        "speech/cmn-tan/0001.flac": ("speech", "train", "cmn-tan"),
        "noise/blanket/rain.flac": ("noise", "train", "rain"),
        "noise/blanket/city.flac": ("noise", "val", "city"),
    }
    for row in rows:
        info = soundfile.info(tmp_path / "sets" / row.path)
        assert (info.samplerate, info.channels) == (RATE, 1)
        assert info.frames / RATE == pytest.approx(row.seconds, abs=1e-3)
        assert row.license
        assert row.source
    # Every third of 40 words, twelve in a file with pauses after each.
    assert rows[3].seconds == pytest.approx(12 * 0.55, abs=0.01)
    assert rows[4].seconds == pytest.approx(2 * 0.55, abs=0.01)
    before = {row.path: (tmp_path / "sets" / row.path).read_bytes() for row in rows}
    write_open_sets(clones, tmp_path / "sets")
    assert before == {row.path: (tmp_path / "sets" / row.path).read_bytes() for row in rows}


def test_only_the_voices_with_hiss_are_changed(clones: Path, tmp_path: Path) -> None:
    write_open_sets(clones, tmp_path / "sets")
    for label, source, changed in (
        ("kerstin/k1.flac", "dataset-voice-kerstin/verified/k1.flac", False),
        ("kathleen/a.flac", "dataset-voice-kathleen/data/a.wav", True),
    ):
        made, _ = soundfile.read(tmp_path / "sets" / "speech" / label)
        given, _ = soundfile.read(clones / source)
        assert (np.abs(made - given).max() > 1e-3) == changed


def test_what_is_missing_is_named(clones: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no clone of dataset-voice-kerstin"):
        write_open_sets(tmp_path / "sets", tmp_path / "out")
    (tmp_path / "empty" / "blanket").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"sounds must hold recordings \(got none\)"):
        write_open_sets(tmp_path / "empty", tmp_path / "out")
    soundfile.write(clones / "audio-cmn/96k/hsk/cmn-03.wav", np.ones(800), 8_000)
    with pytest.raises(ValueError, match=r"one rate \(got 8000 and 24000\)"):
        write_open_sets(clones, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.csv").exists()


def test_guitar_notes_are_split_by_pitch_and_have_no_noise_of_release(tmp_path: Path) -> None:
    for folder, file in (
        ("karoryfer.shinyguitar/Samples/acoustic", "a2_vl1_rr1_1.wav"),
        ("karoryfer.shinyguitar/Samples/acoustic", "a2_release_rr1_1.wav"),
        ("karoryfer.shinyguitar/Samples/electric", "e4_vl2_rr3_2.wav"),
        ("karoryfer.growlybass/sustain", "b2_f_rr1.wav"),
        ("karoryfer.growlybass/staccato", "eb2_staccato_rr1.wav"),
    ):
        place = tmp_path / "clones" / folder
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / file, _speech(0.5), RATE)
    rows = write_open_sets(tmp_path / "clones", tmp_path / "sets")
    assert [(row.path, row.kind, row.split, row.label) for row in rows] == [
        ("guitar/shiny-mic/a2_vl1_rr1_1.flac", "guitar", "train", "archtop-mic"),
        ("guitar/shiny-pickup/e4_vl2_rr3_2.flac", "guitar", "val", "archtop-pickup"),
        ("guitar/growlybass/b2_f_rr1.flac", "guitar", "val", "bass-di"),
        ("guitar/growlybass/eb2_staccato_rr1.flac", "guitar", "train", "bass-di"),
    ]


def test_sets_that_validate_are_those_of_the_packs() -> None:
    assert {label for one in OPEN_SETS if one.kind == "noise" for label in one.validation} == {
        "city",
        "storm",
        "train",
    }


def test_hiss_goes_down_and_speech_stays() -> None:
    rng = np.random.default_rng(1)
    clean = _speech(4.0).astype(np.float32)
    hiss = (0.003 * rng.standard_normal(len(clean))).astype(np.float32)
    made = lower_hiss(clean + hiss, RATE)
    assert made.dtype == np.float32
    assert made.shape == clean.shape
    time = np.arange(len(clean)) / RATE
    pause, sound = (time % 1.0 > 0.6) & (time % 1.0 < 0.9), (time % 1.0 > 0.1) & (time % 1.0 < 0.4)
    down_db = 10 * np.log10(np.mean(made[pause] ** 2) / np.mean(hiss[pause] ** 2))
    assert -15.5 < down_db < -9.0
    assert np.mean((made - clean)[sound] ** 2) < 1e-4 * np.mean(clean[sound] ** 2)
    assert not lower_hiss(np.zeros(RATE, np.float32), RATE).any()
