"""Where plugins are built and where hosts look for them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

import platformdirs

FORMATS = ("vst3", "clap", "lv2")
# The distribution that may carry plugins.
_PACKAGE = "hushgate_native"


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


def packaged_folder() -> Path | None:
    """The folder of the plugins that came with hushgate-native; None where it has none."""
    if importlib.util.find_spec(_PACKAGE) is None:
        return None
    folder = Path(importlib.import_module(_PACKAGE).library_path()).with_name("plugins")
    return folder if folder.is_dir() else None


def built_plugins(folder: Path | None = None) -> list[Path]:
    """The plugins in a folder; by default the ones that were built here, or else hushgate-native's."""
    if folder is not None:
        return sorted(path for format in FORMATS for path in folder.glob(f"*.{format}"))
    packaged = packaged_folder()
    return built_plugins(built_folder()) or ([] if packaged is None else built_plugins(packaged))
