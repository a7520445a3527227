"""Assembly of the page: its sources, the core in WebAssembly, models, parameters and presets in one file."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hushgate.effects.preset_file import available_presets
from hushgate.effects.single_denoiser import as_denoiser
from hushgate.engine import PARAMETERS, Model, load_model
from hushgate.engine.native.compile_model import compile_model
from hushgate.engine.parameters import Parameter
from hushgate.version import __version__

_SOURCES = Path(__file__).resolve().parent / "page"
_TOKEN = re.compile(r"@@(\w+)@@")
_SIDES = {"before": "Before", "after": "After", "removed": "Removed"}
_SCRIPTS = ("analysis", "picture", "player", "wav", "settings", "microphone", "main")
_DEFAULT_MODELS = ("voice", "music", "guitar")


def assemble_page(wasm: bytes, models: Sequence[str | Path] = _DEFAULT_MODELS) -> str:
    """Return the text of the page, about 3 MB with three models.

    Args:
        wasm: The core in WebAssembly, as native/build_wasm.py writes it.
        models: Shipped models and model files; the first is chosen at first.

    Raises:
        FileNotFoundError: A model file is not there.
        ModelError: A model cannot be loaded, or is no hush network.
        ValueError: `models` is empty or names a model twice.
    """
    loaded = [load_model(model) for model in models]
    names = [model.info.name for model in loaded]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"models must name one or more models, each once (got {names}).")
    embedded = {"wasm": wasm, **{f"weights-{model.info.name}": compile_model(model) for model in loaded}}
    embedded["example-sound"] = (_SOURCES / "example.mp3").read_bytes()
    parts = {
        "style": _read("style.css"),
        "version": html.escape(__version__),
        "catalogue": _in_script(json.dumps(_catalogue(wasm, loaded), allow_nan=False)),
        "embedded": "\n".join(_embed(name, content) for name, content in embedded.items()),
        "pictures": "\n".join(_picture(side, title) for side, title in _SIDES.items()),
        "attribution": html.escape(" ".join(f"{m.info.name}: {m.info.attribution}" for m in loaded)),
        "script": "\n".join(_read(f"{name}.js") for name in _SCRIPTS),
        **{name: _read(f"{name}.js") for name in ("core", "analysis", "worker", "worklet")},
    }
    return _TOKEN.sub(lambda match: parts[match[1]], _read("page.html"))


def is_page(path: Path) -> bool:
    """Whether a file is a page that `assemble_page` made."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"<title>hushgate: " in file.read(4_096)


def _read(name: str) -> str:
    return (_SOURCES / name).read_text(encoding="utf-8")


def _embed(name: str, content: bytes) -> str:
    data = base64.b64encode(content).decode()
    return f'<script type="text/plain" id="{html.escape(name)}">{data}</script>'


def _in_script(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c")


def _picture(side: str, title: str) -> str:
    return (
        f'<figure id="{side}-figure"><figcaption><b>{title}</b>'
        f'<span class="quiet figures" id="{side}-figures"></span></figcaption>'
        f'<div class="picture"><canvas id="{side}-picture" role="img" width="900" height="192" '
        f'aria-label="Spectrogram: {title.lower()}"></canvas>'
        '<div class="marks" aria-hidden="true"></div><i class="head" hidden></i></div></figure>'
    )


def _catalogue(wasm: bytes, models: Sequence[Model]) -> dict[str, Any]:
    # The module holds the names of the parameters that it has, each with a zero at its end.
    parameters = {
        name: parameter
        for name, parameter in PARAMETERS.items()
        if name != "output" and f"{name}\0".encode() in wasm
    }
    return {
        "parameters": [_parameter(parameter) for parameter in parameters.values()],
        "models": [
            {
                "name": model.info.name,
                "title": model.info.name.capitalize(),
                "description": model.info.description,
                "latency_ms": model.info.latency_ms,
                "hears_beginnings": model.info.hears_beginnings,
            }
            for model in models
        ],
        "presets": _presets([model.info.name for model in models], list(parameters)),
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": parameter.name,
        "label": re.sub("_(db|ms)$", "", parameter.name).replace("_", " ").capitalize(),
        "unit": parameter.unit,
        "description": parameter.description,
        "default": _plain(parameter, parameter.default),
    }
    if parameter.choices is not None:
        return {**row, "choices": parameter.choices}
    row |= {"minimum": parameter.minimum, "maximum": parameter.maximum}
    for value, word in parameter.special.items():
        row |= {"end": parameter.maximum if value is None else parameter.minimum, "end_word": word}
    return row


def _plain(parameter: Parameter, value: object) -> object:
    """A value as JSON has it: a number or a word."""
    is_word = value is None or (isinstance(value, float) and math.isinf(value))
    return parameter.special[value] if is_word else value  # type: ignore[index]


def _presets(models: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    """The presets that one denoiser of these models stands for: its settings beside the defaults."""
    presets = []
    for preset in available_presets():
        denoiser = as_denoiser(preset, model=models[0])
        if denoiser is not None and denoiser.model in models:
            values = {name: getattr(denoiser, name) for name in names}
            changed = {
                name: _plain(PARAMETERS[name], value)
                for name, value in values.items()
                if value != PARAMETERS[name].default
            }
            presets.append({"name": preset, "model": denoiser.model, "values": changed})
    return presets
