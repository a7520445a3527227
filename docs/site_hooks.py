"""What the documentation site adds to docs/: pages from elsewhere in the tree, and the help of commands."""

from __future__ import annotations

import argparse
import atexit
import importlib
import io
import os
import posixpath
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
# Files outside of docs/, and the pages that they become.
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmark-scripts.md",
    **{f"engine/models/{name}.md": f"models/{name}.md" for name in ("voice", "music", "guitar", "bass")},
}
PAGES = {page: source for source, page in ELSEWHERE.items()}
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
_REFERENCE = re.compile(r"<!-- reference of ([\w.]+) -->")
_HELP = "<!-- help of every command -->"


@event_priority(100)  # before mkdocstrings reads it
def on_config(config: Any) -> Any:
    """Show mkdocstrings the folders under the names that they have after installation."""
    tree = Path(tempfile.mkdtemp(prefix="hushgate-docs-"))
    atexit.register(shutil.rmtree, tree, ignore_errors=True)
    package = tree / "hushgate"
    package.mkdir()
    for path in [*(ROOT / "plugin").iterdir(), *(ROOT / name for name in ("engine", "presets", "training"))]:
        (package / path.name).symlink_to(path)
    config.plugins["mkdocstrings"].config.handlers["python"]["paths"] = [str(tree)]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from elsewhere."""
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links to where the site has their targets, and write the help of commands into its page."""
    here = page.file.src_uri
    source = PAGES.get(here, f"docs/{here}")

    def replace(match: re.Match[str]) -> str:
        text, target, anchor = match.groups()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        place = ELSEWHERE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if place is None or not place.endswith((".md", ".png")):
            return text  # a file of the repository that is no page
        relative = posixpath.relpath(place, posixpath.dirname(here) or ".")
        return f"[{text}]({relative}{anchor or ''})"

    markdown = _LINK.sub(replace, markdown)
    markdown = _REFERENCE.sub(lambda match: _reference(match[1]), markdown)
    return markdown.replace(_HELP, _help()) if _HELP in markdown else markdown


def _reference(package: str) -> str:
    """A mkdocstrings block for every public class and function of a package."""
    module = importlib.import_module(package)
    homes = [(name, getattr(getattr(module, name), "__module__", "")) for name in module.__all__]
    return "\n\n".join(f"::: {home}.{name}" for name, home in homes if home.startswith("hushgate."))


def _help() -> str:
    """The help of every command that can be loaded, 100 columns wide."""
    from hushgate.commands.parser import build_parser

    os.environ["COLUMNS"] = "100"
    parser, _ = build_parser([], everything=True)
    text = io.StringIO()
    for command, inner in _commands(parser):
        text.write(f"\n## {command}\n\n```text\n{inner.format_help()}```\n")
    return text.getvalue()


def _commands(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    """Every command and every command in a command, with its full name."""
    found: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                deeper = _commands(inner)
                found += [(inner.prog, inner), *deeper]
    return found
