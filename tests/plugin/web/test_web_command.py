"""`hushgate web`: where the core comes from, what is written and what is opened."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from hushgate.commands import main as cli
from tests.plugin.web.test_assemble import WASM


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Addresses that were opened; the working folder is an empty one."""
    addresses: list[str] = []

    def remember(address: str) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", remember)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return addresses


def test_the_page_is_written_opened_and_replaced(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    core = tmp_path / "data" / "hushgate" / "web" / "hushgate.wasm"
    core.parent.mkdir(parents=True)
    core.write_bytes(WASM)
    for _ in range(2):
        assert cli.main(["web", "--model", "guitar"]) == 0
    assert opened == [(tmp_path / "hushgate.html").as_uri()] * 2
    assert "page     hushgate.html" in capsys.readouterr().out
    assert cli.main(["web", "--model", "guitar", "--no-open", "-o", "site.html", "--quiet"]) == 0
    assert len(opened) == 2
    assert (tmp_path / "site.html").read_bytes() == (tmp_path / "hushgate.html").read_bytes()


def test_another_file_is_not_replaced(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "core.wasm").write_bytes(WASM)
    (tmp_path / "mine.html").write_text("mine")
    assert cli.main(["web", "--core", "core.wasm", "--model", "guitar", "-o", "mine.html"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert opened == []


def test_a_missing_core_and_missing_sources_are_named(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hushgate.web.command._PACKAGE", "hushgate_native_that_is_not_there")
    assert cli.main(["web"]) == 2
    assert "comes with the distribution hushgate-native" in capsys.readouterr().err
    assert cli.main(["web", "--build", "--source", str(tmp_path)]) == 2
    assert "does not hold hushgate's native sources" in capsys.readouterr().err
    assert opened == []
