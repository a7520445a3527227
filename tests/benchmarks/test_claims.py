"""Published figures are those of the shipped files, and one that is off is found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support import claims
from support.published import reruns
from support.published.rerun_list import reason, rerun_claims
from support.published.reruns import Bench, NotHere, Table

from hushgate.engine import available_models

pytestmark = pytest.mark.skipif(
    set(claims.MODELS) - set(available_models()) != set(), reason="not every model ships here"
)


def test_every_published_figure_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert claims.main([]) == 0
    printed = capsys.readouterr().out
    assert f"{len(claims.claims())} figures, 0 off, 0 not measured here" in printed
    assert "right docs/summary.md: example: noise floor -57.6 dB" in printed
    assert "engine/models/voice.md: python benchmarks/quality.py --data DATA --items 28" in printed


def test_a_figure_that_is_off_or_missing_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.md").write_text("156,393 parameters")
    first = dataclasses.replace(claims.claims()[0], page="card.md")
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    monkeypatch.setattr(claims, "page_commands", lambda: iter(()))
    for text, words in (("156,393 parameters", "off   card.md"), ("many", "has no figure for")):
        (tmp_path / "card.md").write_text(text)
        monkeypatch.setattr(claims, "claims", lambda: [first])
        assert claims.main([]) == 1
        assert words in "".join(capsys.readouterr())


PAGE = """# Page

## Sounds

<!-- quality page -->
| system | SI-SDR dB | PESQ |
| --- | ---: | ---: |
| noisy | 5.0 ± 2.2 | 1.35 ± 0.17 |
| ours | +1,013.1 ± 2.0 | - |
<!-- end of quality page -->

## Others

| system | SI-SDR dB |
| --- | ---: |
| noisy | 9.0 |
"""


def test_figures_are_found_by_section_row_and_column() -> None:
    marked, headed = reruns.section(PAGE, "quality page"), reruns.section(PAGE, "Others")
    assert reruns.read_tables(marked) == {
        ("system", "noisy", "SI-SDR dB"): 5.0,
        ("system", "noisy", "PESQ"): 1.35,
        ("system", "ours", "SI-SDR dB"): 1013.1,
    }
    assert reruns.read_tables(headed) == {("system", "noisy", "SI-SDR dB"): 9.0}
    with pytest.raises(ValueError, match="no section 'quality other'"):
        reruns.section(PAGE, "quality other")


def test_a_command_is_run_once_and_its_tables_are_held_against_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reruns, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(PAGE)
    (tmp_path / "bench.py").write_text(
        "import sys, pathlib\n"
        "runs = pathlib.Path('runs'); runs.write_text(runs.read_text() + 'x' if runs.exists() else 'x')\n"
        "print('| system | SI-SDR dB | PESQ |\\n| --- | --- | --- |\\n| untouched | 5.3 | 1.36 |')\n"
        "assert pathlib.Path(sys.argv[1]).is_dir()\n"
    )
    (tmp_path / "manifest.csv").write_text(
        "path,kind\nspeech/librispeech/a.flac,speech\nspeech/actors/b.flac,speech\n"
    )
    (tmp_path / "speech").mkdir()
    table = Table("page.md", "quality page", ("bench.py", "DATA"), {"noisy": "untouched"})
    cells = list(table.cells())
    bench = Bench(tmp_path)
    assert [claims.check(cell, bench)[0] for cell in cells] == ["off", "right"]
    assert (tmp_path / "runs").read_text() == "x"
    assert claims.check(cells[0], Bench())[0] == "not here"
    first = Path(bench.folder(reruns.FIRST_DATA))
    assert (first / "manifest.csv").read_text() == "path,kind\nspeech/librispeech/a.flac,speech\n"
    assert (first / "speech").is_dir()
    with pytest.raises(NotHere, match="without no_such_module"):
        bench.output(("bench.py", "DATA"), ("no_such_module",))
    with pytest.raises(ValueError, match=r"bench.py page.md failed: AssertionError"):
        bench.output(("bench.py", "page.md"))


def test_every_rerun_figure_is_on_its_page_and_every_command_has_a_reason() -> None:
    found = rerun_claims()
    assert len(found) > 100
    assert all(isinstance(claim.published(), float) and claim.tolerance >= 0.0 for claim in found)
    run = {" ".join(claim.words) for claim in found}
    assert any("quality.py" in words for words in run)
    rest = [command for _, command in claims.page_commands() if reason(command) == "is run with --run"]
    scripts = {command.split()[1].removeprefix("-m ") for command in rest}
    assert scripts <= {word for words in run for word in words.split()} | {"-m"}
