"""Where plugins are built and where hosts look for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

from hushgate.engine.native.package import packaged_file

FORMATS = ("vst3", "clap", "lv2")


def built_folder() -> Path:
    """The folder of built plugins, in the system's folder for a user's data (on Linux ~/.local/share)."""
    return platformdirs.user_data_path("hushgate", appauthor=False) / "plugins"


def host_folder(format: str) -> Path:
    """The user's folder in which hosts look for plugins of a format."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Audio" / "Plug-Ins" / format.upper()
    if sys.platform == "win32":
        if format == "lv2":
            return Path(os.environ["APPDATA"]) / "LV2"
        return Path(os.environ["LOCALAPPDATA"]) / "Programs" / "Common" / format.upper()
    return Path.home() / f".{format}"


def built_plugins(folder: Path | None = None) -> list[Path]:
    """The plugins in a folder; by default the ones that were built here, or else hushgate-native's."""
    if folder is not None:
        return sorted(path for format in FORMATS for path in folder.glob(f"*.{format}"))
    packaged = packaged_file("plugins")
    return built_plugins(built_folder()) or ([] if packaged is None else built_plugins(packaged))
