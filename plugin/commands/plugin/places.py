"""Where plugins are built and where hosts look for them."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs

FORMATS = ("vst3", "clap", "lv2")


def built_folder() -> Path:
    """The folder of built plugins, in the system's folder for a user's data (on Linux ~/.local/share)."""
    return platformdirs.user_data_path("hushgate", appauthor=False) / "plugins"


def host_folder(format: str) -> Path:
    """The user's folder in which hosts look for plugins of a format."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Audio" / "Plug-Ins" / format.upper()
    return Path.home() / f".{format}"


def built_plugins(folder: Path | None = None) -> list[Path]:
    """The plugins in a folder, by default that of built plugins."""
    folder = built_folder() if folder is None else folder
    return sorted(path for format in FORMATS for path in folder.glob(f"*.{format}"))
