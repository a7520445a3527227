"""The card beside an adapted model, and the preset that uses it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hushgate.effects.chain import Chain
from hushgate.effects.denoiser import Denoiser
from hushgate.engine.model_files.metadata import ModelInfo
from hushgate.training.config.schema import CardConfig
from hushgate.training.recordings.atomic_files import write_bytes


def adapted_card(start: CardConfig, output: Path, to: str, attribution: str) -> CardConfig:
    """The description in the new file: named after it, with the licences of what it comes from."""
    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in output.stem)
    added = f"Adapted with {attribution}." if attribution else ""
    sources = " ".join(text for text in (start.attribution, added) if text)
    description = f"{start.name}, adapted to {to}. {start.description}".strip()
    return CardConfig(name, start.task, description, start.licence, sources)


def write_card(path: Path, info: ModelInfo, facts: Mapping[str, str], measured: str) -> None:
    """Write the card, a page of Markdown.

    Raises:
        OSError: It cannot be written.
    """
    rows = {
        "For": info.description,
        **facts,
        "Latency": f"{info.latency_ms:g} ms",
        "Network": f"{info.num_parameters:,} parameters, {info.bandwidth_hz / 1000.0:g} kHz",
        "Licence": info.licence or "as the model that it comes from",
        "Attribution": info.attribution,
    }
    table = "\n".join(f"| {name} | {_cell(text)} |" for name, text in rows.items())
    text = f"# {info.name}\n\n| | |\n| --- | --- |\n{table}\n\n## Measured\n\n{measured}\n"
    write_bytes(path, text.encode("utf-8"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write_preset(path: Path, model: Path, info: ModelInfo, *, overwrite: bool) -> None:
    """Write a preset with the model alone.

    Raises:
        FileExistsError: The file exists and `overwrite` is False.
    """
    chain = Chain([Denoiser(model)])
    chain.save_preset(path, name=path.stem, description=info.description, overwrite=overwrite)
