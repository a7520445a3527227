"""The benchmark of pauses: what it says of outputs whose faults are known, and a small run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the benchmarks need scipy (extra train)")
pytest.importorskip("soxr", reason="the benchmarks need soxr (extra train)")
import pauses
from support.music_sets import MUSIC_RATE
from support.recordings import power_db

from hushgate.training.evaluate.measures.base import Item

RATE = MUSIC_RATE


def _song(seconds: float = 8.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    tone = 0.2 * np.sin(2.0 * np.pi * 330.0 * time) * (1.0 + 0.3 * np.sin(2.0 * np.pi * 3.0 * time))
    return np.stack([tone, 0.5 * tone]).astype(np.float32)


@pytest.fixture
def song() -> pauses.Pausing:
    clean = _song()
    noise = 0.01 * np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
    made = pauses.with_pause(Item("one", clean + noise, clean, RATE, {"noise": "white"}), 1.0)
    assert made is not None
    return made


def test_a_song_fades_out_by_60_db_is_silent_and_returns(song: pauses.Pausing) -> None:
    clean = _song()
    np.testing.assert_array_equal(song.clean[:, : song.start], clean[:, : song.start])
    np.testing.assert_array_equal(song.clean[:, song.end + RATE // 100 :], clean[:, song.end + RATE // 100 :])
    assert not song.clean[:, song.silent : song.end].any()
    assert song.end - song.start == 2 * RATE
    middle = slice(song.start + RATE // 2 - 2_000, song.start + RATE // 2 + 2_000)
    assert power_db(song.clean[:, middle]) - power_db(clean[:, middle]) == pytest.approx(-30.0, abs=1.0)


def test_short_songs_are_left_out() -> None:
    clean = _song(4.0)
    assert pauses.with_pause(Item("short", clean, clean, RATE, {"noise": "white"}), 1.0) is None


def test_a_perfect_denoiser_leaves_the_song_and_nothing_else(song: pauses.Pausing) -> None:
    values = pauses.measure(song, song.clean)
    assert min(values["pause"]) > 100.0
    assert min(values["song"]) > 50.0
    assert len(values["return"]) == 1
    # Down to 6 dB above the noise: some 17 of 60 dB.
    assert 4 <= len(values["fade-out"]) <= 9
    np.testing.assert_allclose(values["return"] + values["fade-out"], 0.0, atol=1e-6)


def test_what_is_left_and_what_is_lost_is_found_where_it_is(song: pauses.Pausing) -> None:
    noisy = song.clean + song.noise
    values = pauses.measure(song, noisy)
    np.testing.assert_allclose([*values["pause"], *values["song"]], 0.0, atol=1e-6)
    output = song.clean + 0.1 * song.noise
    output[:, song.end : song.end + RATE // 10] *= 0.5
    output[:, song.start : song.silent] *= 0.25
    values = pauses.measure(song, output)
    assert values["pause"] == [pytest.approx(20.0, abs=0.01)]
    assert values["return"] == [pytest.approx(-6.02, abs=0.1)]
    assert np.median(values["fade-out"]) == pytest.approx(-12.04, abs=0.2)


def test_what_is_drowned_does_not_count(song: pauses.Pausing) -> None:
    loud = replace(song, noise=song.noise * 100.0)
    values = pauses.measure(loud, np.zeros_like(song.clean))
    assert values["fade-out"] == values["return"] == []
    assert "| white, noisy | 0.0 (0.0) | - | - |" in pauses.report(
        pauses.run([loud], {"noisy": lambda audio, sample_rate, noise: audio})
    )


def test_a_run_prints_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "one.wav", _song().T, RATE)
    target = tmp_path / "pauses.md"
    arguments = ["--data", str(tmp_path), "--items", "1", "--peer", "noisy", "--markdown", str(target)]
    assert pauses.main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed == target.read_text()
    assert "| white, noisy | 0.0 (0.0) |" in printed
    assert "| white, **hushgate music** |" in printed


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--items", "1"], "--data must hold songs of 6 s or more."),
        (["--items", "1", "--model", "none"], "model must be a shipped name"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    (tmp_path / "music").mkdir()
    soundfile.write(tmp_path / "music" / "one.wav", _song(3.0).T, RATE)
    assert pauses.main(["--data", str(tmp_path), *flags]) == 2
    assert f"pauses.py: error: {message}" in capsys.readouterr().err
