"""The file mix.toml of a prepared folder, and the configuration that a command's argument names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hushgate.training.config.flags import config_overrides, config_path
from hushgate.training.config.schema import Config, load_config
from hushgate.training.config.toml_tables import toml_string
from hushgate.training.recordings.atomic_files import write_bytes
from hushgate.training.recordings.manifest import MANIFEST_NAME, read_manifest

CONFIG_NAME = "mix.toml"
_MARK = "# Written by hushgate data prepare, again every time. Remove this line to keep your own changes."
_NOT_TARGETS = ("noise", "room")


def write_config(folder: Path) -> Path | None:
    """Write `mix.toml` for the manifest of `folder`: a configuration to start from, ready to train and mix.

    Everything but noise and rooms becomes a target. Without recorded noise it is synthesized, unless there
    are pairs; rooms are used if there are any.

    Returns:
        The file, or None if there is nothing to keep, or the user has taken the file over.
    """
    path = folder / CONFIG_NAME
    if path.exists() and not path.read_text(encoding="utf-8").startswith(_MARK):
        return None
    lines = read_manifest(folder / MANIFEST_NAME)
    targets = list(dict.fromkeys(line["kind"] for line in lines if line["kind"] not in _NOT_TARGETS))
    if not targets:
        return None
    kinds = {line["kind"] for line in lines if line["split"] == "train"}
    rates: Counter[int] = Counter()
    for line in lines:
        if line["kind"] in targets:
            rates[int(line["sample_rate"])] += 1
    has_pairs = any(line.get("noisy") for line in lines)
    text = [_MARK, "# The keys are explained in docs/data.md.", "", "[data]"]
    text += [
        f"folders = [{toml_string(folder.as_posix())}]",
        f"sample_rate = {rates.most_common(1)[0][0]}",
        "",
        "[mix]",
    ]
    if has_pairs:
        text.append(f"pairs = {0.5 if 'noise' in kinds else 1.0}")
    if "room" in kinds:
        text.append('room_kind = "room"')
    for kind in targets:
        text += ["", "[[mix.targets]]", f'kind = "{kind}"']
    if "noise" in kinds or not has_pairs:
        text += ["", "[[mix.noises]]", f'kind = "{"noise" if "noise" in kinds else "synthesized"}"']
    write_bytes(path, ("\n".join(text) + "\n").encode("utf-8"))
    return path


def find_config(name: str, folders: Sequence[str], overrides: Sequence[str]) -> Config:
    """Load a configuration by name: a TOML file, a prepared folder, or a shipped configuration.

    Args:
        name: What the user wrote.
        folders: Instead of `data.folders`; may be empty.
        overrides: "table.key=value", as in `load_config`.

    Raises:
        FileNotFoundError, ValueError: No such configuration, or one that is wrong.
    """
    place = Path(name)
    if place.is_dir():
        path = place / CONFIG_NAME
        if not path.is_file():
            raise FileNotFoundError(
                f"folder {place} must hold {CONFIG_NAME} (found none). "
                "Make it with hushgate data prepare, or pass a TOML file."
            )
        folders = folders or (name,)
    else:
        path = config_path(name)
    return load_config(path, config_overrides(overrides, folders))
