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
    monkeypatch.setattr("hushgate.engine.native.package.PACKAGE", "hushgate_native_that_is_not_there")
    assert cli.main(["web"]) == 2
    assert "comes with the distribution hushgate-native" in capsys.readouterr().err
    assert cli.main(["web", "--build", "--source", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "does not hold hushgate's native sources" in message
    assert "of a checkout with --source." in message
    assert opened == []


def test_the_core_of_the_distribution_is_used_where_none_was_built(
    opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "hushgate_native_with_core"
    package.mkdir()
    (package / "libhushgate.so").touch()
    (package / "hushgate.wasm").write_bytes(WASM)
    (package / "__init__.py").write_text(
        "from pathlib import Path\ndef library_path(): return Path(__file__).with_name('libhushgate.so')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("hushgate.engine.native.package.PACKAGE", package.name)
    assert cli.main(["web", "--model", "guitar", "--no-open"]) == 0
    assert (tmp_path / "hushgate.html").exists()


def test_a_core_that_cannot_be_compiled_is_reported_with_the_last_line_of_the_compiler(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "build_wasm.py").write_text("import sys\nsys.exit('first\\nclang is missing')\n")
    assert cli.main(["web", "--build", "--source", str(tmp_path)]) == 2
    expected = "hushgate: error: the core could not be compiled to WebAssembly: clang is missing\n"
    assert capsys.readouterr().err == expected


def test_a_full_disk_names_the_page_and_leaves_none(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource", reason="limits of files as on Linux and macOS")
    (tmp_path / "core.wasm").write_bytes(WASM)
    monkeypatch.setattr("hushgate.web.assemble.assemble_page", lambda *_: "x" * 1_000_000)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, limit[1]))  # a write beyond it fails without a name
    try:
        status = cli.main(["web", "--core", "core.wasm", "-o", "page.html"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (status, "page.html" in capsys.readouterr().err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["core.wasm"]
