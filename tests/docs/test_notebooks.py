"""The notebooks of examples/notebooks: they run from the first cell to the last, and store no output."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def _cells(name: str) -> list[dict[str, Any]]:
    book = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert book["nbformat"] == 4
    cells: list[dict[str, Any]] = book["cells"]
    return cells


def run_notebook(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run all cells in `folder`, show the last value of each as a notebook would, and return their names."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in _cells(name):
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body[-1] if tree.body else None
        shown_expression = last.value if isinstance(last, ast.Expr) else None
        if shown_expression is not None:
            tree.body.pop()
        exec(compile(tree, name, "exec"), names)
        if shown_expression is not None:
            value = eval(compile(ast.Expression(shown_expression), name, "eval"), names)
            shown = getattr(value, "_repr_html_", None)
            assert shown is None or shown().startswith("<")
    return names


def test_there_are_three_and_they_store_no_output() -> None:
    assert len(NAMES) == 3
    for name in NAMES:
        code = [cell for cell in _cells(name) if cell["cell_type"] == "code"]
        assert all((cell["outputs"], cell["execution_count"]) == ([], None) for cell in code)


@pytest.mark.usefixtures("voice")
def test_clean_a_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_notebook("clean_a_song", tmp_path, monkeypatch)
    levels = names["levels"]
    assert levels["untouched"] > levels["6 dB"] > levels["12 dB"] > levels["24 dB"] > levels["no limit"]
    assert levels["untouched"] - levels["12 dB"] == pytest.approx(12.0, abs=1.5)
    assert (tmp_path / "song.clean.flac").stat().st_size > 100_000


@pytest.mark.level(6)
def test_train_two_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch", "onnx", "scipy"):
        pytest.importorskip(module, reason="needs the extras hushgate[train,evaluate]")
    run_notebook("train_two_networks", tmp_path, monkeypatch)
    report = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert all(name in report for name in ("noisy", "conv_ae", "hush", "spectrogram MSE"))
    assert (tmp_path / "my-network.onnx").is_file()


@pytest.mark.level(6)
def test_look_inside_a_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch", "matplotlib"):
        pytest.importorskip(module, reason="needs the extras hushgate[train,plot]")
    monkeypatch.setenv("MPLBACKEND", "agg")
    names = run_notebook("look_inside_a_code", tmp_path, monkeypatch)
    assert names["codes"].shape == (96, names["CODE"])
    assert len(names["spreads"]) == names["CODE"]
    # Even after 80 steps neighbours in the code are nearer in pitch than chance.
    assert names["nearest"] < names["anyone"]
