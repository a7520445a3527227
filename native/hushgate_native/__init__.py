"""The library of hushgate's native engine. `hushgate.Denoiser` finds it by itself."""

from __future__ import annotations

from pathlib import Path

LIBRARY = "libhushgate.so"


def library_path() -> Path:
    """Where the library is, beside this file."""
    return Path(__file__).resolve().parent / LIBRARY
