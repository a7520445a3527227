"""Plots of quality against cost, spectrograms, and how documents show them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the benchmarks need scipy (extra bench)")
pytest.importorskip("soxr", reason="the benchmarks need soxr (extra bench)")
import plots
import spectrograms

from hushgate.training.evaluate.measures.base import Item


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """What quality.py and speed.py write: three systems, one of them without a speed."""
    scores = [
        {"system": system, "values": {"PESQ": mean + 0.1 * item}}
        for system, mean in (("noisy", 1.0), ("hushgate:voice", 2.0), ("RNNoise", 1.5))
        for item in (-1, 0, 1)
    ]
    results = [
        {"system": system, "whole_seconds": 20.0, "whole": {"16 kHz x 1": {"cpu_s": cpu_s}}}
        for system, cpu_s in (("hushgate:voice", 0.2), ("RNNoise", 0.4), ("other", 1.0))
    ]
    quality, speed = tmp_path / "quality.json", tmp_path / "speed.json"
    quality.write_text(json.dumps({"set": "voice", "items": 3, "scores": scores}))
    speed.write_text(json.dumps({"results": results}))
    return quality, speed


def test_points_join_quality_and_speed(runs: tuple[Path, Path]) -> None:
    quality, speed = (json.loads(path.read_text()) for path in runs)
    found = {point.system: point for point in plots.points(quality, speed, "PESQ")}
    assert set(found) == {"hushgate:voice", "RNNoise"}
    assert found["RNNoise"].speed == pytest.approx(50.0)
    assert found["hushgate:voice"].mean == pytest.approx(2.0)
    with pytest.raises(ValueError, match="--metric must be one of PESQ"):
        plots.points(quality, speed, "STOI")


def test_plot_is_drawn_and_shown(runs: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    document, picture = tmp_path / "page.md", tmp_path / "images" / "voice.png"
    document.write_text("<!-- plot voice -->\n<!-- end of plot voice -->\n")
    flags = [*map(str, runs), "--metric", "PESQ", "-o", str(picture), "--write", str(document)]
    assert plots.main(flags) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "![PESQ against speed](images/voice.png)" in document.read_text()


def test_spectrogram_shows_a_tone_where_it_is() -> None:
    time = np.arange(2 * 16_000) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 2_000.0 * time))[None].astype(np.float32)
    picture = spectrograms.levels_db(tone, 16_000)
    assert int(picture.mean(axis=1).argmax()) == pytest.approx(picture.shape[0] / 4, abs=1)
    assert picture.max() - np.median(picture) > 60.0


def test_spectrograms_are_small(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    noise = np.random.default_rng(0).standard_normal((1, 5 * 16_000)).astype(np.float32)
    item = Item("noise", noise, 0.1 * noise, 16_000)
    target = tmp_path / "picture.png"
    spectrograms.draw(item, 0.5 * noise, "voice").savefig(target, dpi=90)
    assert 10_000 < target.stat().st_size < 200_000
