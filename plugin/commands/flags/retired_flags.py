"""Old spellings of flags: an error that names the new spelling."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn


def add_retired_flags(parser: argparse.ArgumentParser, flags: Mapping[str, str]) -> None:
    """Refuse old flags.

    Args:
        parser: Gets the old flags, which its help does not list.
        flags: New spelling by old one, such as {"--output-file": "-o FILE"}.
    """
    for old, new in flags.items():
        parser.add_argument(old, action=_RetiredFlag, new=new, help=argparse.SUPPRESS)


def output_path(text: str) -> str:
    """Type of `-o/--output`: refuses the two words that `--output` once took.

    Raises:
        argparse.ArgumentTypeError: The text is "residual" or "denoised".
    """
    if text in ("residual", "denoised"):
        flag = "--residual" if text == "residual" else "no flag, it is the default"
        raise argparse.ArgumentTypeError(
            f"--output {text} is now {flag}; -o/--output names the file to write (./{text} for this name)"
        )
    return text


class _RetiredFlag(argparse.Action):
    def __init__(self, *, new: str, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        # An optional value, so that the old flag is recognised with its value and without.
        super().__init__(option_strings, argparse.SUPPRESS, nargs="?", help=options.get("help"))
        self._new = new

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: object,
        values: object,
        option_string: str | None = None,
    ) -> NoReturn:
        parser.error(f"{option_string} is now {self._new}")
