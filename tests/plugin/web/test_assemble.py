"""The page's text: what is embedded, and that nothing of it leads to the network."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hushgate.engine import PARAMETERS, load_model
from hushgate.engine.errors import ModelError
from hushgate.engine.native.compile_model import compile_model
from hushgate.web.assemble import assemble_page, is_page
from tests.helpers import tiny_models

# Stands for the module: the page is told of a parameter where the module holds its name.
WASM = b"\0asm" + b"".join(f"{name}\0".encode() for name in PARAMETERS)


@pytest.fixture(scope="module")
def page() -> str:
    return assemble_page(WASM)


def _embedded(page: str, name: str) -> str:
    (text,) = re.findall(rf'<script type="[\w/]+" id="{name}">(.*?)</script>', page, re.DOTALL)
    return str(text)


def _catalogue(page: str) -> dict[str, Any]:
    catalogue: dict[str, Any] = json.loads(_embedded(page, "catalogue"))
    return catalogue


def test_the_module_and_the_weights_are_embedded(page: str) -> None:
    assert base64.b64decode(_embedded(page, "wasm")) == WASM
    for name in ("voice", "music", "guitar"):
        assert base64.b64decode(_embedded(page, f"weights-{name}")) == compile_model(load_model(name))


def test_parameters_are_those_of_the_table_that_the_module_has(page: str) -> None:
    rows = {row["name"]: row for row in _catalogue(page)["parameters"]}
    assert rows.keys() == PARAMETERS.keys() - {"output"}
    for name, row in rows.items():
        parameter = PARAMETERS[name]
        assert row["description"] == parameter.description
        if parameter.choices is None:
            assert (row["minimum"], row["maximum"]) == (parameter.minimum, parameter.maximum)
    assert rows["attack_ms"]["label"] == "Attack"
    assert (rows["attenuation_limit_db"]["end_word"], rows["attenuation_limit_db"]["end"]) == ("none", 120.0)
    assert (rows["gate_threshold_db"]["default"], rows["gate_threshold_db"]["end"]) == ("off", -100.0)


def test_models_say_whether_they_hear_beginnings(page: str) -> None:
    models = {model["name"]: model["hears_beginnings"] for model in _catalogue(page)["models"]}
    assert models == {"voice": True, "music": True, "guitar": False}


def test_presets_hold_the_settings_of_their_denoiser(page: str) -> None:
    presets = {preset["name"]: preset for preset in _catalogue(page)["presets"]}
    assert presets["podcast"]["values"] == {"attenuation_limit_db": 30.0}
    assert (presets["tuner"]["model"], presets["tuner"]["values"]["gate_threshold_db"]) == ("guitar", -50.0)
    assert presets["de-hum"]["values"] == {"mix": 0.0, "hum_reduction_db": 40.0}
    assert presets["music"]["values"] == {"hum_reduction_db": 40.0}


def test_nothing_leads_to_the_network(page: str) -> None:
    addresses = set(re.findall(r"\b(?:https?|wss?):[^\s'\"]+", page))
    assert {address for address in addresses if "w3.org/2000/svg" not in address} == set()
    assert "connect-src 'none'" in page
    assert "@@" not in page


def test_a_model_of_ones_own_can_be_chosen_and_others_are_refused(tmp_path: Path) -> None:
    page = assemble_page(WASM, ["guitar"])
    assert [model["name"] for model in _catalogue(page)["models"]] == ["guitar"]
    assert all(preset["model"] == "guitar" for preset in _catalogue(page)["presets"])
    with pytest.raises(ModelError, match="hush"):
        assemble_page(WASM, [tiny_models.identity().save(tmp_path / "tiny.onnx")])
    with pytest.raises(ValueError, match="each once"):
        assemble_page(WASM, ["guitar", "guitar"])


def test_a_page_is_known_from_other_files(page: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(page)
    (tmp_path / "other.html").write_text("<title>mine</title>")
    assert is_page(tmp_path / "page.html")
    assert not is_page(tmp_path / "other.html")
    assert not is_page(tmp_path / "none.html")
