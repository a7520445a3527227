"""`hushgate data render` from the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import soundfile

from hushgate.commands.main import main
from tests.training.needs_fluidsynth import needs_fluidsynth

pytestmark = needs_fluidsynth


def test_command_renders_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--kind", "percussion", "--minutes", "0.05", "-o", str(tmp_path), "--channels", "2"]
    assert main(["data", "render", *flags, "--sample-rate", "22050", "--format", "ogg", "--seed", "4"]) == 0
    assert "percussion" in capsys.readouterr().out
    files = sorted((tmp_path / "percussion").iterdir())
    assert [path.suffix for path in files] == [".ogg"] * len(files)
    assert soundfile.info(files[0]).channels == 2


def test_choices_have_files_and_kinds_of_their_own(tmp_path: Path) -> None:
    flags = ["--minutes", "0.03", "-o", str(tmp_path), "--sample-rate", "8000", "--seconds", "1", "2"]
    assert (
        main(["data", "render", "--kind", "instrument", "--family", "violin", "--as-kind", "noise", *flags])
        == 0
    )
    assert (
        main(
            [
                "data",
                "render",
                "--kind",
                "guitar",
                "--style",
                "notes",
                "--style",
                "tuning",
                "--program",
                "25",
                *flags,
            ]
        )
        == 0
    )
    with (tmp_path / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {line["kind"] for line in lines} == {"noise", "guitar"}
    assert lines[0]["path"] == "instrument/train-0-violin-1to2s-00000.flac"
    assert {line["path"][:36] for line in lines if line["kind"] == "guitar"} == {
        "guitar/train-0-notes-tuning-25-1to2s"
    }
    violins = {f"p{program}" for program in (40, 41, 44, 45)}
    assert {part for line in lines if line["kind"] == "noise" for part in line["label"].split("-")} <= violins


def test_command_reports_errors_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "render", "--kind", "guitar", "--minutes", "0", "-o", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err == "hushgate: error: minutes must be above 0 (got 0.0).\n"
    assert not (tmp_path / "new").exists()
