"""Published figures are those of the shipped files, and one that is off is found."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from support import claims

from hushgate.engine import available_models

pytestmark = pytest.mark.skipif(
    set(claims.MODELS) - set(available_models()) != set(), reason="not every model ships here"
)


def test_every_published_figure_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert claims.main([]) == 0
    printed = capsys.readouterr().out
    assert f"{len(claims.claims())} figures, 0 off" in printed
    assert "right docs/summary.md: example: noise floor -56.3 dB" in printed
    assert "engine/models/voice.md: python benchmarks/quality.py --data DATA --items 28" in printed


def test_a_figure_that_is_off_or_missing_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.md").write_text("156,393 parameters")
    first = dataclasses.replace(claims.claims()[0], page="card.md")
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    monkeypatch.setattr(claims, "PAGES", ())
    monkeypatch.setattr(claims, "recorded_commands", lambda: iter(()))
    for text, words in (("156,393 parameters", "off   card.md"), ("many", "has no figure for")):
        (tmp_path / "card.md").write_text(text)
        monkeypatch.setattr(claims, "claims", lambda: [first])
        assert claims.main([]) == 1
        assert words in "".join(capsys.readouterr())
