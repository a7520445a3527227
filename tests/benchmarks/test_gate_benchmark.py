"""The gate benchmark: what it says of gates whose faults are known, and a small run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the benchmarks need scipy (extra train)")
pytest.importorskip("soxr", reason="the benchmarks need soxr (extra train)")
import gate
from support.notes.note_sets import RATE
from support.notes.phrases import Phrase, make_phrase
from support.recordings import level_db, power_db

from tests.helpers.strings import coloured_noise, pluck


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recorded notes, and noise that is rain and noise that is not."""
    for kind in ("noise/rain", "noise/dog", "notes"):
        (tmp_path / kind).mkdir(parents=True)
    for number, hz in enumerate((110.0, 196.0)):
        note = pluck(hz, sample_rate=RATE, seconds=2.0)
        soundfile.write(tmp_path / "notes" / f"{number}.wav", note, RATE)
    for label in ("rain", "dog"):
        noise = 0.1 * coloured_noise(RATE, 1.0, sample_rate=RATE)
        soundfile.write(tmp_path / "noise" / label / "one.wav", noise, RATE)
    return tmp_path


@pytest.fixture
def phrase(folder: Path) -> Phrase:
    return make_phrase(sorted((folder / "notes").iterdir()), np.random.default_rng(1))


@pytest.fixture
def noise(phrase: Phrase) -> np.ndarray:
    steady = np.random.default_rng(2).standard_normal(phrase.sound.shape[1])
    return gate.noise_for(phrase, steady, 15.0)  # type: ignore[arg-type]


def test_a_phrase_is_four_notes_with_silence_between(phrase: Phrase, noise: np.ndarray) -> None:
    rest = phrase.sound[0].copy()
    sounding = []
    for start, length in phrase.notes:
        sounding.append(rest[start : start + length].copy())
        rest[start : start + length] = 0.0
    assert len(phrase.notes) == 4
    assert not rest.any()
    snr_db = power_db(np.concatenate(sounding)) - power_db(noise)
    assert snr_db == pytest.approx(15.0, abs=1e-3)


def test_a_perfect_gate_loses_nothing_but_the_noise(phrase: Phrase, noise: np.ndarray) -> None:
    values = gate.measure(phrase, noise, phrase.sound)
    assert all(len(values[name]) == 4 for name in ("pause", "pluck", "note"))
    assert min(values["pause"]) > 100.0
    for name in ("pluck", "note", "tail"):
        np.testing.assert_allclose(values[name], 0.0, atol=1e-6)


@pytest.mark.parametrize(("name", "first_s", "last_s"), [("pluck", 0.0, 0.05), ("note", 0.05, 0.5)])
def test_what_is_lost_is_found_where_it_is(
    phrase: Phrase, noise: np.ndarray, name: str, first_s: float, last_s: float
) -> None:
    output = phrase.sound.copy()
    for start, _ in phrase.notes:
        output[:, start + round(first_s * RATE) : start + round(last_s * RATE)] *= 0.5
    values = gate.measure(phrase, noise, output)
    for measure in ("pluck", "note"):
        expected_db = -6.02 if measure == name else 0.0
        np.testing.assert_allclose(values[measure], expected_db, atol=0.01)


def test_noise_left_in_pauses_is_found(phrase: Phrase, noise: np.ndarray) -> None:
    values = gate.measure(phrase, noise, phrase.sound + 0.1 * noise * (phrase.sound == 0.0))
    np.testing.assert_allclose(values["pause"], 20.0, atol=1e-3)
    np.testing.assert_allclose(values["note"], 0.0, atol=1e-3)


def test_tails_are_found_where_a_note_has_faded(phrase: Phrase) -> None:
    quiet = np.full_like(phrase.sound, 1e-6)
    output = phrase.sound.copy()
    for start, length in phrase.notes:
        output[:, start + length // 2 : start + length] *= 0.1
    values = gate.measure(phrase, quiet, output)
    assert values["tail"]
    assert min(values["tail"]) == pytest.approx(-20.0, abs=0.1)
    np.testing.assert_allclose(values["pluck"], 0.0, atol=1e-6)


def test_the_tuner_hears_what_a_system_does_to_the_pitch(phrase: Phrase) -> None:
    assert set(gate.pitch_errors(phrase.sound, phrase.sound)) == {0.0}
    time = np.arange(phrase.sound.shape[1]) * 2.0 ** (2.0 / 1200.0)
    sharp = np.interp(time, np.arange(len(time)), phrase.sound[0])[np.newaxis].astype(np.float32)
    assert np.median(gate.pitch_errors(phrase.sound, sharp)) == pytest.approx(2.0, abs=0.2)


def test_what_is_taken_from_sound_without_a_guitar(folder: Path) -> None:
    clips = gate.clips_of_others([folder], np.random.default_rng(1))
    assert list(clips) == ["noise"]
    assert all(
        level_db(clip.noisy.astype(np.float64)) == pytest.approx(-20.0, abs=0.1) for clip in clips["noise"]
    )
    half, all_of_it = (lambda item: 0.5 * item.noisy[0], 0.0), (lambda item: 0.0 * item.noisy[0], 0.0)
    found = gate.run_others(clips, {"half": half, "all": all_of_it})["noise"]
    np.testing.assert_allclose(found["half"], 6.02, atol=0.01)
    assert min(found["all"]) > 100.0
    assert "| noise alone, half | 6 (6) | 2 of 2 |" in gate.others_report({"noise": found})


def test_a_run_prints_all_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(folder), "--notes", str(folder / "notes"), "--phrases", "1", "--no-peers"]
    target = folder / "gate.md"
    assert gate.main([*arguments, "--preset", "gate-hard", "--markdown", str(target)]) == 0
    printed = capsys.readouterr().out
    assert printed == target.read_text()
    for noise in ("white", "pink", "rain"):
        assert f"| {noise}, **hushgate gate-hard** |" in printed
    assert "| **hushgate gate-hard** | " in printed
    assert "| noise alone, **hushgate gate-hard** | " in printed


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--softest-db", "0"], "--softest-db must be -8 dBFS or less (got 0)."),
        (["--notes", "DATA/noise/none"], "--notes must be a folder of sound files with one note each"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    flags = [flag.replace("DATA", str(folder)) for flag in flags]
    arguments = ["--data", str(folder), "--notes", str(folder / "notes"), "--no-peers"]
    assert gate.main([*arguments, *flags]) == 2
    assert f"gate.py: error: {message}" in capsys.readouterr().err


def test_rain_is_left_out_where_there_is_none(folder: Path) -> None:
    for path in (folder / "noise" / "rain").iterdir():
        path.unlink()
    made, reason = gate.noises([folder])
    assert list(made) == ["white", "pink"]
    assert reason == "rain skipped: no recordings of the kind noise have the label rain"
