"""Players: levels, axes, names."""

from __future__ import annotations

import itertools
import re

import pytest

from hushgate.pictures.listening.player import Version, player_html

PICTURE = "UE5H"


def _gains(versions: list[Version]) -> list[tuple[float, float]]:
    """Matched and plain gain of every version, dB."""
    page = player_html(versions, 10.0, 48_000, "take")
    found = re.findall(r'data-matched="([\d.]+)" data-real="([\d.]+)"', page)
    return [(float(matched), float(real)) for matched, real in found]


def test_versions_are_matched_to_the_quieter_of_before_and_after() -> None:
    before, after = _gains([Version("before", "a", lufs=-14.0), Version("after", "b", lufs=-20.0)])
    assert before[0] == pytest.approx(0.501, abs=1e-3)
    assert (before[1], after) == (1.0, (1.0, 1.0))


def test_what_was_turned_up_in_the_file_is_heard_as_it_was_without_matching() -> None:
    versions = [Version("before", "a", lufs=-20.0), Version("removed", "c", lufs=-32.0, gain_db=12.0)]
    matched, real = _gains(versions)[1]
    assert matched == 1.0
    assert real == pytest.approx(0.251, abs=1e-3)


@pytest.mark.parametrize("lufs", [None, -60.0])
def test_a_version_next_to_silence_does_not_silence_the_others(lufs: float | None) -> None:
    before, after = _gains([Version("before", "a", lufs=-20.0), Version("after", "b", lufs=lufs)])
    assert before[0] >= 0.1
    assert after == (1.0, 1.0)


@pytest.mark.parametrize("duration_s", [0.004, 0.9, 9.1, 75.0, 610.0, 5400.0, 40_000.0])
@pytest.mark.parametrize("rate", [8000, 48_000, 192_000])
def test_axes_have_a_few_labels_for_any_length_and_rate(duration_s: float, rate: int) -> None:
    page = player_html([Version("before", None, PICTURE)], duration_s, rate, "take")
    times = re.findall(r'class="s[^>]*left:([\d.]+)%">([^<]+)<', page)
    assert 2 <= len(times) <= 7
    places = [float(place) for place, _ in times]
    assert places[0] == 0.0
    assert all(b - a > 9.0 for a, b in itertools.pairwise(places))
    heights = [float(place) for place in re.findall(r'class="hz" style="bottom:([\d.]+)%', page)]
    assert len(heights) >= 4
    assert all(b - a > 8.0 for a, b in itertools.pairwise(heights))


def test_long_recordings_have_hours() -> None:
    page = player_html([Version("before", None, PICTURE)], 3 * 3600.0, 48_000, "take")
    assert ">2:30:00<" in page


def test_names_and_links_are_escaped() -> None:
    page = player_html([Version("before", 'a"><script>.wav', PICTURE)], 1.0, 48_000, '"><b>x')
    assert "<script>" not in page
    assert "<b>x" not in page


def test_a_version_without_a_sound_is_a_picture() -> None:
    page = player_html([Version("before", "a", PICTURE), Version("removed", None, PICTURE)], 1.0, 48_000, "x")
    assert page.count("<audio") == 1
    assert page.count("<img") == 2
    assert page.count('type="radio"') == 1
