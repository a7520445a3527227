"""The documentation site: it builds without a warning, no page is left out, nothing comes from elsewhere."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_LONGEST_LINE = 500


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    for module in ("mkdocs", "material", "mkdocstrings"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is missing (extra docs)")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    listed = set(re.findall(r"- (?:\w+: )?([\w/-]+\.md)$", navigation, re.MULTILINE))
    assert {path.relative_to(DOCS).as_posix() for path in PAGES} <= listed


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_lines_can_be_read(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) >= _LONGEST_LINE] == []


def test_the_site_has_every_name_and_every_command(site: Path) -> None:
    import hushgate

    text = (site / "reference" / "python.html").read_text(encoding="utf-8")
    constants = {"__version__"}
    missing = [name for name in hushgate.__all__ if name not in constants and f'.{name}"' not in text]
    assert missing == []
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for name in ("denoise", "batch", "live", "plot", "tune"):
        assert f"hushgate {name}" in commands
    assert "--attenuation-limit-db" in commands


def test_the_site_loads_nothing_from_other_machines(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="(https?://[^"]+)"', text)
        loaded += re.findall(
            r'<link[^>]* rel="(?:stylesheet|icon|preconnect)"[^>]* href="(https?://[^"]+)"', text
        )
        assert loaded == [], path
