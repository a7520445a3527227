"""The tuner benchmark's measures, and a small run of it on strings of known pitch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the benchmarks need scipy (extra train)")
pytest.importorskip("soxr", reason="the benchmarks need soxr (extra train)")
import tuner
from support.notes.note_sets import NoteItem, NoteRenderer, alone_set, note_set
from support.notes.pitch_detectors import DETECTORS, RATE, Track

from tests.helpers.strings import PLUCK_S, coloured_noise, pluck

HZ = 110.0


def an_item(seconds: float = 2.0) -> NoteItem:
    clean = pluck(HZ, sample_rate=RATE, seconds=seconds - PLUCK_S)[np.newaxis]
    others = coloured_noise(clean.shape[1], 1.0, sample_rate=RATE)[np.newaxis]
    return NoteItem("item", clean, clean + others, others, PLUCK_S)


def a_track(cents: float | None, item: NoteItem) -> Track:
    times = np.arange(0.01, item.clean.shape[1] / RATE, 0.02)
    hz = np.full(len(times), np.nan if cents is None else HZ * 2.0 ** (cents / 1200.0))
    return Track(times, times + 0.01, np.where(times > PLUCK_S, hz, np.nan))


def test_a_right_track_is_right_in_every_measure() -> None:
    item = an_item()
    values = tuner.measure_note(item, item.noisy[0], a_track(3.0, item), HZ, latency_s=0.1)
    assert [values[f"clip all {limit:g}"] for limit in (1, 5, 10, 50)] == [0.0, 1.0, 1.0, 1.0]
    assert [values[f"clip loud {limit:g}"] for limit in (1, 5, 10, 50)] == [0.0, 1.0, 1.0, 1.0]
    assert values["readings all 10"] == values["player right"] == 1.0
    assert values["player wrong"] == values["false before the pluck"] == 0.0
    assert values["first right, ms"] == pytest.approx(100.0 + 20.0, abs=11.0)


def test_a_wrong_track_and_an_empty_one_are_told_apart() -> None:
    item = an_item()
    octave = tuner.measure_note(item, item.noisy[0], a_track(1200.0, item), HZ, latency_s=0.0)
    nothing = tuner.measure_note(item, item.noisy[0], a_track(None, item), HZ, latency_s=0.0)
    assert (octave["player right"], octave["player wrong"]) == (0.0, 1.0)
    assert (nothing["player right"], nothing["player wrong"]) == (0.0, 0.0)
    assert octave["clip all 50"] == nothing["clip all 50"] == 0.0
    assert np.isnan(octave["first right, ms"])


def test_readings_before_the_pluck_are_false() -> None:
    item = an_item()
    times = np.arange(0.01, 2.0, 0.02)
    track = Track(times, times + 0.01, np.full(len(times), HZ))
    values = tuner.measure_note(item, item.noisy[0], track, HZ, latency_s=0.0)
    assert values["false before the pluck"] == 1.0
    assert values["player right"] == 1.0


def test_truth_is_what_most_detectors_say_about_the_clean_note() -> None:
    item = an_item()
    tracks = [a_track(0.0, item), a_track(2.0, item), a_track(1200.0, item), a_track(None, item)]
    assert tuner.cents(np.array([tuner.find_truth(item, tracks)]), HZ)[0] == pytest.approx(2.0, abs=1e-6)
    assert np.isnan(tuner.find_truth(item, [a_track(None, item)]))


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_reads_a_clean_string(name: str) -> None:
    try:
        detect = DETECTORS[name]()
    except ImportError as error:
        pytest.skip(f"{name}: {error}")
    item = an_item(1.2)
    track = detect(item.clean[0])
    later = track.centre_s > PLUCK_S + 0.2
    assert np.nanmedian(np.abs(tuner.cents(track.frequency_hz[later], HZ))) < 8.0
    assert np.mean(np.isfinite(track.frequency_hz[track.end_s < PLUCK_S])) < 0.2
    assert (track.end_s > track.centre_s).all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Other players, noise and speech that are only noise here; and two recorded notes."""
    for kind in ("instrument", "noise", "speech"):
        (tmp_path / kind / "one").mkdir(parents=True)
        for number in range(2):
            noise = coloured_noise(4 * RATE, 1.0, sample_rate=RATE, seed=number)
            soundfile.write(tmp_path / kind / "one" / f"{number}.wav", noise, RATE)
    (tmp_path / "notes").mkdir()
    for number, hz in enumerate((HZ, 2.0 * HZ)):
        sound = pluck(hz, sample_rate=RATE, seconds=2.5)
        soundfile.write(tmp_path / "notes" / f"{number}.wav", sound, RATE)
    return tmp_path


def test_recorded_notes_are_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(folder), "--notes", str(folder / "notes"), "--items", "2"]
    quick = ["--no-peers", "--no-hushgate", "--detector", "hushgate.Tuner"]
    target = folder / "rows.json"
    assert tuner.main([*arguments, *quick, "--json", str(target)]) == 0
    rows = json.loads(target.read_text())
    assert [row["system"] for row in rows] == ["clean recording", "untouched"] * 2
    assert all(row["clip all 1"] == 1.0 for row in rows if row["system"] == "clean recording")
    assert "#### hushgate.Tuner" in capsys.readouterr().out


def test_the_pluck_and_the_room_are_as_loud_and_as_late_as_asked(folder: Path) -> None:
    arguments = [folder], folder / "notes", 4, 7
    early = note_set(*arguments, pluck_s=(0.1, 0.2))
    assert all(item.pluck_s is not None and 0.1 <= item.pluck_s <= 0.2 for item in early)
    instruments_only, room_only = (
        note_set(*arguments, room_snr_db=(level, level))[0].others[0] for level in (100.0, -100.0)
    )
    # Different recordings: nothing of one is left where the other is 100 dB above it.
    assert abs(np.corrcoef(instruments_only, room_only)[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--pluck-s", "-0.5", "0.1"], "--pluck-s must rise from 0 to below 3 s (got -0.5 0.1)."),
        (["--pluck-s", "0.5", "3"], "--pluck-s must rise from 0 to below 3 s (got 0.5 3)."),
        (["--pluck-s", "0.5", "0.1"], "--pluck-s must rise from 0 to below 3 s (got 0.5 0.1)."),
        (["--room-snr-db", "5", "3"], "--room-snr-db must rise (got 5 3)."),
    ],
)
def test_ranges_that_cannot_be_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    quick = ["--no-peers", "--no-hushgate", "--detector", "hushgate.Tuner", "--items", "1"]
    arguments = ["--data", str(folder), "--notes", str(folder / "notes"), *quick]
    assert tuner.main([*arguments, *flags]) == 2
    assert capsys.readouterr().err == f"tuner.py: error: {message}\n"


def test_other_sounds_start_at_their_own_beginning(tmp_path: Path) -> None:
    (tmp_path / "instrument" / "one").mkdir(parents=True)
    swell = np.linspace(0.01, 1.0, 2 * RATE) * np.sin(np.arange(2 * RATE))
    soundfile.write(tmp_path / "instrument" / "one" / "swell.wav", 0.5 * swell, RATE)
    sound = alone_set([tmp_path], "instrument", 1, seed=0)[0].noisy[0].reshape(6, RATE)
    rms = np.sqrt(np.mean(sound**2, axis=1))
    np.testing.assert_allclose(rms[1::2] / rms[::2], np.sqrt(7.0), rtol=0.05)  # t^2 over 1..2 and over 0..1


@pytest.mark.level(6)
def test_sound_without_a_guitar_is_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ["--no-peers", "--no-hushgate", "--detector", "hushgate.Tuner", "--items", "1"]
    assert tuner.main(["--set", "alone", "--data", str(folder), *quick]) == 0
    assert "| hushgate.Tuner, untouched | 100.0 | 100.0 | 100.0 |" in capsys.readouterr().out


def test_missing_recordings_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ["--no-peers", "--no-hushgate", "--detector", "hushgate.Tuner", "--items", "1"]
    assert tuner.main(["--data", str(tmp_path), *quick]) == 2
    assert "tuner.py: error: --data must hold instrument recordings" in capsys.readouterr().err


def test_rendered_notes_have_the_pitch_that_was_asked_for() -> None:
    try:
        renderer = NoteRenderer()
    except (ImportError, FileNotFoundError) as error:
        pytest.skip(str(error))
    low, high = (renderer.render(25, 45, cents, 90, 1.5).astype(np.float32) for cents in (-20.0, 25.0))
    detect = DETECTORS["hushgate.Tuner"]()
    medians = [np.nanmedian(detect(sound).frequency_hz) for sound in (low, high)]
    assert tuner.cents(np.array(medians[1:]), medians[0])[0] == pytest.approx(45.0, abs=1.5)
    assert abs(tuner.cents(np.array(medians[:1]), HZ)[0] + 20.0) < 10.0
