"""Modules of integrations, whose packages no extra of hushgate installs."""

from __future__ import annotations


def lacks_a_package(module: str, error: ImportError) -> bool:
    """Whether a module of an integration cannot be imported for want of its package.

    An empty folder of the package's name counts as a package without contents: not only ModuleNotFoundError.
    """
    return module.startswith("hushgate.integrations.") and not str(error.name).startswith("hushgate")
