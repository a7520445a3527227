"""Command-line flags that change a configuration.

The command line imports this for its help, so that nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def add_config_flags(parser: argparse._ActionsContainer, *, config: str = "the file") -> None:
    """Declare `--data` and `--set`; `config` is what the help calls the configuration."""
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DIR",
        help="folder with recordings, instead of data.folders; may be repeated",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help=f"change one value of {config}",
    )


def config_path(config: str | Path) -> Path:
    """Return the file that `config` means: itself, if it has a suffix, or the shipped one of that name.

    Raises:
        FileNotFoundError: No such name; lists those there are.
    """
    from hushgate.training.config.schema import shipped_config

    path = Path(config)
    return path if path.suffix else shipped_config(str(config))


def config_overrides(changes: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return the overrides that `--set` and `--data` ask for, as `load_config` takes them; folders win."""
    from hushgate.training.config.toml_tables import toml_string

    if not folders:
        return list(changes)
    return [*changes, f"data.folders=[{', '.join(map(toml_string, folders))}]"]
