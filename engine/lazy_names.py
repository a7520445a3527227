"""Names of a package that load when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any


def load_on_use(
    package: str, homes: Mapping[str, str], modules: Collection[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make `__getattr__` and `__dir__` of a package that imports its modules only when they are needed.

    Args:
        package: Name of the package, its `__name__`.
        homes: Module that defines each public name.
        modules: Modules of the package that are public names too.

    >>> __getattr__, __dir__ = load_on_use("hushgate.engine", {"Parameter": "hushgate.engine.parameters"})
    >>> __getattr__("Parameter").__name__
    'Parameter'
    """

    def get(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)  # found there from now on
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes, *modules})

    return get, names
