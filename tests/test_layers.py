"""Layers of the packages: which folder may import which, no cycles, no crowded folder."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {"plugin": "hushgate", "engine": "hushgate.engine", "training": "hushgate.training"}
MAX_MODULES = 15

# From the bottom up. A module may import its own layer and those below it.
PLUGIN_LAYERS = (
    ("engine", "errors", "printable", "process_limits", "termination", "version"),
    ("audio_files", "pedalboard_compat", "measuring"),
    ("pictures", "chain_graph"),
    ("rendering", "effects"),
    ("live", "batching"),
    ("tuner", "serving", "integrations", "web"),
    ("commands",),
)
TRAINING_LAYERS = (
    ("dnsmos_files", "extra"),
    ("recordings",),
    ("synthesis",),
    ("config",),
    ("losses", "models", "corpora"),
    ("exporting", "mixtures"),
    ("fitting", "evaluate"),
    ("adapting", "search"),
    ("commands",),
)
ENGINE_LAYERS = (
    ("signal", "parameters", "errors"),
    ("model_files", "meters", "gate", "hum"),
)


@dataclass
class Module:
    """A source file and the modules it imports anywhere but under `if TYPE_CHECKING`."""

    name: str
    path: Path
    imports: set[str] = field(default_factory=set)


def test_no_import_cycles() -> None:
    modules = _read_modules()
    cycles = _cycles({name: module.imports for name, module in modules.items()})
    assert cycles == [], "\n".join(" <-> ".join(cycle) for cycle in cycles)


def test_no_cycles_between_folders() -> None:
    graph: dict[str, set[str]] = {}
    for name, module in _read_modules().items():
        folder = _folder(name)
        graph.setdefault(folder, set()).update({_folder(target) for target in module.imports} - {folder})
    cycles = _cycles(graph)
    assert cycles == [], "\n".join(" <-> ".join(cycle) for cycle in cycles)


@pytest.mark.parametrize(
    ("package", "layers"),
    [("hushgate", PLUGIN_LAYERS), ("hushgate.training", TRAINING_LAYERS), ("hushgate.engine", ENGINE_LAYERS)],
)
def test_no_upward_imports(package: str, layers: tuple[tuple[str, ...], ...]) -> None:
    height = {folder: level for level, folders in enumerate(layers) for folder in folders}
    upward = []
    for name, module in _read_modules().items():
        here = _part(name, package)
        for target in sorted(module.imports):
            there = _part(target, package)
            if here in height and there in height and height[there] > height[here]:
                upward.append(f"{name} imports {target}")
    assert upward == []


def test_every_folder_has_a_layer() -> None:
    known = {folder for layer in PLUGIN_LAYERS for folder in layer}
    found = {_part(name, "hushgate") for name in _read_modules()} - {"", "presets", "training", "__main__"}
    assert found - known == set()
    known = {folder for layer in TRAINING_LAYERS for folder in layer}
    found = {_part(name, "hushgate.training") for name in _read_modules()} - {"", "configs"}
    assert found - known == set()


def test_the_engine_imports_nothing_above_it() -> None:
    above = [
        f"{name} imports {target}"
        for name, module in _read_modules().items()
        for target in module.imports
        if name.startswith("hushgate.engine") and not target.startswith("hushgate.engine")
    ]
    assert above == []


def test_only_training_imports_training() -> None:
    strangers = [
        f"{name} imports {target}"
        for name, module in _read_modules().items()
        for target in module.imports
        if target.startswith("hushgate.training") and not name.startswith("hushgate.training")
    ]
    assert strangers == []


def test_no_folder_is_crowded() -> None:
    crowded = {}
    for top in (*SOURCES, "tests", "benchmarks"):
        for folder in [ROOT / top, *(path for path in (ROOT / top).rglob("*") if path.is_dir())]:
            modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
            if len(modules) > MAX_MODULES:
                crowded[str(folder.relative_to(ROOT))] = len(modules)
    assert crowded == {}


def test_a_cycle_would_be_found() -> None:
    assert _cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_function_level_imports_count() -> None:
    code = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from hushgate.effects import chain
def late():
    from hushgate.effects.mix import Mix
    import hushgate.version
"""
    known = {"hushgate.effects.mix", "hushgate.effects.chain", "hushgate.version"}
    assert _imports(ast.parse(code), known) == {"hushgate.effects.mix", "hushgate.version"}


@functools.cache
def _read_modules() -> dict[str, Module]:
    modules: dict[str, Module] = {}
    for top, package in SOURCES.items():
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = [package, *path.relative_to(ROOT / top).with_suffix("").parts]
            name = ".".join(parts).removesuffix(".__init__")
            modules[name] = Module(name, path)
    for module in modules.values():
        module.imports = _imports(ast.parse(module.path.read_text(encoding="utf-8")), set(modules))
        module.imports -= {module.name}
    return modules


def _imports(tree: ast.AST, known: set[str]) -> set[str]:
    found: set[str] = set()
    for node in _runtime_nodes(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.update({submodule if submodule in known else node.module} & known)
    return found


def _runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _runtime_nodes(child)


def _part(name: str, package: str) -> str:
    """First name below a package: "effects" for hushgate.effects.mix; "" for what is outside."""
    if not name.startswith(f"{package}."):
        return ""
    return name.removeprefix(f"{package}.").split(".")[0]


def _folder(name: str) -> str:
    """Package of a layer: hushgate.effects, hushgate.training.losses, hushgate.engine."""
    parts = name.split(".")
    return ".".join(parts[:3] if parts[1:2] == ["training"] else parts[:2])


def _cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of two or more nodes (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = [stack.pop()]
            while component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for node in graph:
        if node not in index:
            visit(node)
    return found
