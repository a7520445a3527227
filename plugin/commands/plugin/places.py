"""Where plugins are built and where hosts look for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

FORMATS = ("vst3", "clap", "lv2")


def built_folder() -> Path:
    """The folder of built plugins: below the user's folder for data (XDG_DATA_HOME, else ~/.local/share)."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "hushgate" / "plugins"


def host_folder(format: str) -> Path:
    """The user's folder in which hosts look for plugins of a format."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Audio" / "Plug-Ins" / format.upper()
    return Path.home() / f".{format}"


def built_plugins(folder: Path | None = None) -> list[Path]:
    """The plugins in a folder, by default that of built plugins."""
    folder = built_folder() if folder is None else folder
    return sorted(path for format in FORMATS for path in folder.glob(f"*.{format}"))
