"""Rendering instruments with FluidSynth."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hushgate.training.synthesis.fluidsynth import DRUM_CHANNEL, Score, render_score
from hushgate.training.synthesis.render import COMPOSERS, Choice, render_item, render_minutes
from hushgate.training.synthesis.solo_scores import GUITAR_STYLES
from tests.training.needs_fluidsynth import needs_fluidsynth

pytestmark = needs_fluidsynth


def _one_note(key: int = 69, seconds: float = 1.0, cents: float = 0.0, program: int = 24) -> Score:
    score = Score()
    score.program(0, program)
    score.detune(0, cents)
    score.note(0, 0.1, seconds, key, 90)
    return score


def _peak_hz(audio: np.ndarray, sample_rate: int, low: float, high: float) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 20))
    frequencies = np.arange(len(spectrum)) * sample_rate / (1 << 20)
    band = (frequencies > low) & (frequencies < high)
    return float(frequencies[band][spectrum[band].argmax()])


@pytest.mark.parametrize("kind", sorted(COMPOSERS))
def test_item_depends_on_seed_split_and_index_only(kind: str) -> None:
    first, label = render_item(kind, 1, seed=5, sample_rate=8_000)
    render_item(kind, 0, seed=5, sample_rate=8_000)
    again, same_label = render_item(kind, 1, seed=5, sample_rate=8_000)
    assert label == same_label
    np.testing.assert_array_equal(first, again)
    for other in ({"index": 2}, {"seed": 6}, {"split": "val"}):
        audio, _ = render_item(kind, **{"index": 1, "seed": 5, "sample_rate": 8_000, **other})  # type: ignore[arg-type]
        assert audio.shape != first.shape or not np.allclose(audio, first)


@pytest.mark.parametrize("kind", sorted(COMPOSERS))
def test_peak_is_at_minus_6_dbfs_and_the_end_has_rung_out(kind: str) -> None:
    audio, _ = render_item(kind, 0, seed=3, sample_rate=16_000)
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() == pytest.approx(0.501, abs=1e-3)
    assert np.abs(audio[:, -160:]).max() < 1e-3


def test_soft_notes_of_a_phrase_stay_softer_than_loud_ones() -> None:
    score = Score()
    score.program(0, 25)
    score.note(0, 0.0, 0.5, 60, 110)
    score.note(0, 4.0, 0.5, 60, 30)
    audio = render_score(score, 16_000)[0]
    loud, soft = np.abs(audio[:16_000]).max(), np.abs(audio[64_000:80_000]).max()
    assert -40.0 < 20 * np.log10(soft / loud) < -12.0


@pytest.mark.parametrize("cents", [-50.0, 0.0, 37.0])
def test_detuning_and_bends_arrive_in_cents(cents: float) -> None:
    straight = render_score(_one_note(), 16_000)[0]
    score = _one_note(cents=cents)
    score.bend(0, 0.0, 1.0)
    bent = render_score(score, 16_000)[0]
    reference = _peak_hz(straight[4_000:16_000], 16_000, 400.0, 500.0)
    measured = 1200 * np.log2(_peak_hz(bent[4_000:16_000], 16_000, 400.0, 500.0) / reference)
    assert measured == pytest.approx(100.0 + cents, abs=2.0)


def test_a_key_struck_again_outlives_the_first_stroke() -> None:
    score = _one_note(seconds=1.0, program=19)
    score.note(0, 0.6, 2.0, 69, 90)
    audio = render_score(score, 16_000)[0]
    assert np.abs(audio[32_000:36_000]).max() > 0.1 * np.abs(audio).max()


def test_low_rates_hold_nothing_that_aliased() -> None:
    score = Score()
    score.program(DRUM_CHANNEL, 0)
    score.note(DRUM_CHANNEL, 0.0, 1.0, 42, 100)  # A closed hi-hat: most of it lies above 4 kHz.
    energies = []
    for sample_rate in (48_000, 8_000):
        audio = render_score(score, sample_rate)[0]
        power = np.abs(np.fft.rfft(audio, 2 * sample_rate)[: 2 * 3_500] / sample_rate) ** 2
        energies.append(power.sum())
    assert energies[1] == pytest.approx(energies[0], rel=0.02)


def test_stereo_has_two_different_sides() -> None:
    score = _one_note()
    score.control(0, 0.0, 10, 10)
    audio = render_score(score, 16_000, 2)
    left, right = np.abs(audio).max(axis=1)
    assert audio.shape[0] == 2
    assert left > 2 * right


def test_a_silent_score_renders_silence() -> None:
    audio = render_score(Score(), 16_000)
    assert audio.shape[1] < 16_000
    assert np.abs(audio).max() < 1e-7


def test_guitar_and_other_instruments_share_no_program() -> None:
    labels: dict[str, set[str]] = {kind: set() for kind in ("guitar", "instrument")}
    for kind, found in labels.items():
        compose = COMPOSERS[kind][0]
        for index in range(300):
            _, label = compose(np.random.default_rng(index), 6.0)
            found.update(label.split("-"))
    assert labels["guitar"] == {f"p{program}" for program in range(24, 32)}
    assert not labels["guitar"] & labels["instrument"]
    assert len(labels["instrument"]) > 60


def test_manifest_describes_the_files_and_a_second_run_replaces_them(tmp_path: Path) -> None:
    options: dict[str, Any] = {"seed": 2, "sample_rate": 8_000, "suffix": "flac"}
    rows = render_minutes("guitar", 0.1, tmp_path, **options)
    render_minutes("guitar", 0.1, tmp_path, split="val", **options)
    assert render_minutes("guitar", 0.1, tmp_path, **options) == rows
    with (tmp_path / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {line["split"] for line in lines} == {"train", "val"}
    assert len({line["path"] for line in lines}) == len(lines)
    assert sum(row.seconds for row in rows) >= 6.0
    for line in lines:
        info = soundfile.info(tmp_path / line["path"])
        assert info.samplerate == int(line["sample_rate"]) == 8_000
        assert info.duration == pytest.approx(float(line["seconds"]), abs=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["guitar", "manifest.csv"]


@pytest.mark.parametrize("style", sorted(GUITAR_STYLES))
def test_guitars_play_the_styles_and_programs_they_are_given(style: str) -> None:
    choice = Choice(styles=(style,), programs=(25, 27), seconds=(1.0, 2.0))
    labels, lengths, bends = set(), [], []
    for index in range(6):
        score, label = choice.compose("guitar", np.random.default_rng(index))
        labels.add(label)
        starts = [time for time, _, kind, *_ in score.events if kind == "on"]
        bends.append(sum(kind == "bend" for _, _, kind, *_ in score.events))
        lengths.append(max(starts))
    assert labels == {"p25", "p27"}
    # What has begun is played to its end.
    assert max(lengths) < 15.0
    longer, _ = replace(choice, seconds=(30.0, 31.0)).compose("guitar", np.random.default_rng(0))
    assert longer.seconds > 25.0
    # A string being tuned, or a finger that shakes, moves the pitch; the other styles detune it once.
    assert (min(bends) > 20) == (style in ("tuning", "vibrato"))


def test_choosing_everything_is_choosing_nothing() -> None:
    audio, _ = render_item("guitar", 1, seed=5, sample_rate=8_000)
    everything = Choice(styles=tuple(GUITAR_STYLES), programs=tuple(range(24, 32)))
    np.testing.assert_array_equal(
        audio, render_item("guitar", 1, seed=5, sample_rate=8_000, choice=everything)[0]
    )


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"styles": ("slap",)}, "guitar", "styles must be of phrases, chords"),
        ({"programs": (40,)}, "guitar", "programs must be of 24, 25"),
        ({"families": ("guitar",)}, "instrument", "families must be of piano"),
        ({"seconds": (3.0, 1.0)}, "guitar", "seconds must rise"),
        ({"styles": ("notes",)}, "music", "styles must only be given for kind guitar"),
        ({"families": ("violin",)}, "guitar", "families must only be given for kind instrument"),
    ],
)
def test_choices_that_do_not_exist_are_named(settings: dict[str, object], kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_item(kind, 0, seed=0, sample_rate=8_000, choice=Choice(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "choir"}, "kind must be one of"),
        ({"split": "dev"}, "split must be one of"),
        ({"sample_rate": 0}, "sample_rate must be positive"),
        ({"num_channels": 3}, "num_channels must be 1 or 2"),
    ],
)
def test_bad_settings_are_named(options: dict[str, object], message: str) -> None:
    settings = {"kind": "guitar", "index": 0, "seed": 0, "sample_rate": 8_000, **options}
    with pytest.raises(ValueError, match=message):
        render_item(**settings)  # type: ignore[arg-type]


def test_missing_soundfont_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUSHGATE_SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(FileNotFoundError, match=r"none\.sf2"):
        render_score(_one_note(), 8_000)
    monkeypatch.setenv("HUSHGATE_SOUNDFONT", __file__)
    with pytest.raises(ValueError, match="not a soundfont"):
        render_score(_one_note(), 8_000)
