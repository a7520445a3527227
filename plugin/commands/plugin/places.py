"""Where plugins are built and where hosts look for them."""

from __future__ import annotations

import os
import shutil
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
    """The plugins in a folder; by default the ones that were built here and hushgate-native's.

    Of two with one name the newer is taken, so that what was built once does not hide an update for ever.
    """
    if folder is not None:
        return sorted(path for format in FORMATS for path in folder.glob(f"*.{format}"))
    packaged = packaged_file("plugins")
    newest: dict[str, Path] = {}
    for plugin in built_plugins(built_folder()) + ([] if packaged is None else built_plugins(packaged)):
        other = newest.get(plugin.name)
        if other is None or plugin.stat().st_mtime > other.stat().st_mtime:
            newest[plugin.name] = plugin
    return [newest[name] for name in sorted(newest)]


def copy_into(path: Path, folder: Path) -> Path:
    """Copy a file or a folder into a folder, replace an older copy, and return the new one.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    # Beside the old copy first: a host that scans meanwhile finds a whole plugin or none.
    part = folder / f".{path.name}.part"
    _remove(part)
    if path.is_dir():
        shutil.copytree(path, part)
        _remove(target)
    else:
        shutil.copyfile(path, part)
    part.replace(target)
    return target


def _remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
