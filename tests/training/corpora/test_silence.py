"""Silent stretches: found against the recording's own level, and cut without clicks."""

from __future__ import annotations

import numpy as np
import pytest

from hushgate.training.corpora.silence import SilenceRule, cut_together, find_sounding

RATE = 16_000


def _speech(gain: float = 1.0) -> np.ndarray:
    """Sound from 0.5 to 1.5 s and from 3 to 4 s of 5 s, over a floor at -60 dB."""
    time = np.arange(5 * RATE) / RATE
    sounding = ((time > 0.5) & (time < 1.5)) | ((time > 3.0) & (time < 4.0))
    floor = 1e-3 * np.random.default_rng(0).standard_normal(len(time))
    return np.asarray([gain * (np.sin(2 * np.pi * 200 * time) * sounding + floor)], np.float32)


@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_stretches_are_found_at_any_level(gain: float) -> None:
    rule = SilenceRule(below_db=40.0, longest_s=0.3, keep_s=0.2)
    found = np.array(find_sounding(_speech(gain), RATE, rule)) / RATE
    np.testing.assert_allclose(found, [[0.4, 1.6], [2.9, 4.1]], atol=0.011)


def test_what_is_not_silent_enough_or_not_long_enough_stays() -> None:
    audio = _speech()
    whole = [(0, audio.shape[1])]
    assert find_sounding(audio, RATE, SilenceRule(below_db=70.0)) == whole
    assert find_sounding(audio, RATE, SilenceRule(longest_s=3.0, keep_s=0.2)) == whole


def test_digital_silence_holds_nothing() -> None:
    silence = np.zeros((1, RATE), np.float32)
    assert find_sounding(silence, RATE, SilenceRule()) == []
    assert cut_together(silence, [], RATE).shape == (1, 0)


def test_seams_do_not_click() -> None:
    time = np.arange(RATE) / RATE
    tone = np.asarray([np.sin(2 * np.pi * 100 * time)], np.float32)
    joined = cut_together(tone, [(0, 4_040), (8_000, 16_000)], RATE)
    assert joined.shape == (1, 4_040 + 8_000 - 80)
    # Hard cut at this place: a step of 1.
    assert np.abs(np.diff(joined[0])).max() < 0.06
    np.testing.assert_array_equal(joined[0, :3_960], tone[0, :3_960])
    np.testing.assert_array_equal(joined[0, 4_040:], tone[0, 8_080:])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"below_db": 0.0}, "silence_below_db must be above 0 dB"),
        ({"keep_s": 0.5}, "silence_keep_s must be between 0 s and silence_longest_s"),
        ({"longest_s": float("nan")}, "silence_keep_s must be"),
    ],
)
def test_wrong_rules_are_named(settings: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SilenceRule(**settings)
