"""`hushgate plot -o page.html`: sounds and pictures in one file."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hushgate.commands.main import main
from hushgate.pictures.listening import recording_page
from tests.helpers.seeded_noise import noise

RATE = 48_000


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A tone in faint noise, and the tone alone."""
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)[:, np.newaxis].repeat(2, axis=1)
    before, after = tmp_path / "before <b>.wav", tmp_path / "after.wav"
    soundfile.write(before, tone + 0.01 * noise(2 * RATE, 2), RATE, subtype="FLOAT")
    soundfile.write(after, tone, RATE, subtype="FLOAT")
    return before, after


def _sounds(page: Path) -> list[NDArray[np.float64]]:
    found = re.findall(r'src="data:audio/flac;base64,([^"]+)"', page.read_text(encoding="utf-8"))
    return [soundfile.read(io.BytesIO(base64.b64decode(data)))[0] for data in found]


def test_a_page_holds_before_after_and_what_was_removed(pair: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["plot", *map(str, pair), "-o", str(page), "--quiet"]) == 0
    before, after, removed = _sounds(page)
    assert np.allclose(before, soundfile.read(pair[0])[0], atol=1e-4)
    assert np.allclose(after, soundfile.read(pair[1])[0], atol=1e-4)
    # What was removed is faint: it is in the page turned up, by what the player takes back.
    text = page.read_text(encoding="utf-8")
    gains = [float(gain) for gain in re.findall(r'data-real="([\d.]+)"', text)]
    assert gains[:2] == [1.0, 1.0]
    assert gains[2] < 0.2
    assert np.allclose(removed * gains[2], before - after, atol=2e-4)
    assert np.abs(removed).max() <= 1.0
    assert text.count("data:image/png") == 3
    assert "<b>.wav" not in text
    assert 'src="http' not in text


def test_one_recording_has_a_page_too(pair: tuple[Path, Path], tmp_path: Path) -> None:
    assert main(["plot", str(pair[0]), "-o", str(tmp_path / "page.html"), "--quiet"]) == 0
    assert len(_sounds(tmp_path / "page.html")) == 1


def test_a_part_can_be_chosen(pair: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    arguments = ["plot", *map(str, pair), "-o", str(page), "--quiet", "--start", "0.5", "--end", "1.25"]
    assert main(arguments) == 0
    before = _sounds(page)[0]
    assert len(before) == round(0.75 * RATE)
    assert np.allclose(before, soundfile.read(pair[0])[0][RATE // 2 :][: len(before)], atol=1e-4)


def test_more_than_a_page_holds_is_refused(
    pair: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(recording_page, "LONGEST_S", 1.0)
    assert main(["plot", str(pair[0]), "-o", str(tmp_path / "page.html")]) == 2
    assert "Set --start and --end to choose a part." in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["after.wav", "-o", "page.htm"], "must be a .png, .pdf, .svg, .jpg or .html file"),
        (["after.wav", "-o", "after.png", "--start", "1"], "--start and --end are for pages"),
        (["after.wav", "-o", "there.html"], "exists already"),
        (["after.wav", "short.wav", "-o", "page.html"], "length in samples 96000 against 100"),
        (["after.wav", "-o", "page.html", "--start", "5"], "--start must lie before its end"),
    ],
)
def test_what_cannot_be_written_is_one_line_and_leaves_nothing(
    pair: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("short.wav", noise(100, 2), RATE)
    Path("there.html").write_text("mine")
    before = sorted(tmp_path.iterdir())
    assert main(["plot", *arguments]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before
    assert Path("there.html").read_text() == "mine"


def test_silence_has_a_dark_picture(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    assert main(["plot", str(tmp_path / "silent.wav"), "-o", str(tmp_path / "page.html"), "--quiet"]) == 0
    assert not _sounds(tmp_path / "page.html")[0].any()
