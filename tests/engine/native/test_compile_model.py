"""Weights files: models that become one, and models that are refused with the reason."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from hushgate.engine import Model, ModelError, available_models, load_model
from hushgate.engine.native.compile_model import compile_model
from hushgate.engine.native.network_config import read_network_config
from hushgate.engine.native.weights_file import weight_shapes
from tests.helpers.command_line import RunCli
from tests.helpers.tiny_models import identity
from tests.helpers.tiny_segments import SEGMENT_VARIANTS


def _edited(path: Path, edit: Callable[[onnx.ModelProto], None], name: str = "voice") -> Path:
    model = onnx.load(load_model(name).path)
    edit(model)
    onnx.save(model, path)
    return path


def _network_edited(path: Path, values: dict[str, Any], name: str = "voice") -> Path:
    """A model with other values in its configuration; None leaves a key out."""

    def edit(model: onnx.ModelProto) -> None:
        (entry,) = (prop for prop in model.metadata_props if prop.key == "hushgate.network")
        network = json.loads(entry.value) | values
        entry.value = json.dumps({key: value for key, value in network.items() if value is not None})

    return _edited(path, edit, name)


@pytest.mark.parametrize("name", available_models())
def test_every_shipped_model_has_a_weights_file(name: str) -> None:
    model = load_model(name)
    content = compile_model(model)
    stored = onnx.load(model.path)
    config = read_network_config(name, {prop.key: prop.value for prop in stored.metadata_props})
    num_weights = sum(int(np.prod(shape)) for _, shape in weight_shapes(config))
    header_size = 160 + 8 * len(config.upper_edges_hz)
    assert len(content) == header_size + 4 * num_weights
    assert content[:8] == b"hushgate"
    assert struct.unpack("<II", content[8:16]) == (1, zlib.crc32(content[16:]))
    assert content[16:80].rstrip(b"\0") == name.encode()
    # Fused normalizations are not trained weights of their own, so the file holds at most as many.
    assert 0.9 * model.info.num_parameters < num_weights <= model.info.num_parameters
    encode = next(t for t in stored.graph.initializer if t.name == "network.encode.linear.weight")
    first = np.frombuffer(content, "<f4", 9 * config.stride * config.channels, header_size)
    np.testing.assert_array_equal(first.reshape(-1, config.channels), numpy_helper.to_array(encode).T)


def test_the_command_writes_the_file(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("plugin", "compile", "guitar", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = tmp_path / "guitar.hush"
    assert written.read_bytes() == compile_model(load_model("guitar"))
    assert done.stdout.split()[:2] == [b"weights", b"guitar.hush"]
    done = run_cli("plugin", "compile", "voice", "-o", written)
    assert done.returncode == 2
    assert b"guitar.hush" in done.stderr
    assert written.read_bytes() == compile_model(load_model("guitar"))


def test_a_refused_model_leaves_no_file(run_cli: RunCli, tmp_path: Path) -> None:
    model = identity().save(tmp_path / "tiny.onnx")
    done = run_cli("plugin", "compile", model, "-o", tmp_path / "tiny.hush")
    assert done.returncode == 2
    assert b"hushgate.network" in done.stderr
    assert list(tmp_path.iterdir()) == [model]


def test_segment_models_are_refused(tmp_path: Path) -> None:
    model = Model(next(iter(SEGMENT_VARIANTS.values()))().save(tmp_path / "segments.onnx"))
    with pytest.raises(ModelError, match=r"segments\.onnx takes whole segments"):
        compile_model(model)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"family": "other"}, "must have family 'hush' \\(got 'other'\\)"),
        ({"version": 2}, "must have version 1 \\(got 2\\)"),
        ({"stride": None}, "lacks 'stride'"),
        ({"strides": 4}, "has unknown 'strides'"),
        ({"bands": 18.5}, "bands must be a whole number between 1 and 256 \\(got 18.5\\)"),
        ({"bands": True}, "bands must be a whole number"),
        ({"num_heads": 5}, "band_channels must be a multiple of num_heads, 5"),
        ({"stride": 7}, "num_bins must be a multiple of stride, 7"),
        ({"relief_db": float("nan")}, "relief_db must be between 0 and 20"),
        ({"upper_from_hz": 8000.0}, "upper_from_hz must be below the top patch"),
        ({"upper_from_hz": 0.0, "silent_upper_pauses": True}, "upper_from_hz must be above the lowest bin"),
        ({"silent_upper_pauses": 1}, "silent_upper_pauses must be true or false"),
        ({"upper_edges_hz": "all"}, "upper_edges_hz must be a list"),
        ({"upper_edges_hz": [10**400]}, "upper_edges_hz must be a list"),
        ({"upper_top_hz": 10**400}, "upper_top_hz must be a number \\(got 10{16,}\\.\\.\\.0+\\)"),
        ({"frame_ms": 10**400}, "frame_ms must be 1 to 1000"),
        ({"frame_ms": 16.0}, "frame_ms is 16.0 there and 32.0 here"),
        ({"steady_noise": True}, "steady_noise is True there and False here"),
        ({"presence": True}, "presence is True there and False here"),
        ({"num_blocks": 2}, "has 3 GRU nodes, where its configuration makes 2"),
        ({"num_layers": 3}, "has no weight 'down.2.weight'"),
        ({"bands": 19}, "shape \\(18, 64\\) of the weight 'squeeze'"),
        ({"num_heads": 8}, "differs from onnxruntime's"),
    ],
)
def test_a_configuration_that_is_not_the_networks_is_refused(
    values: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message):
        compile_model(Model(_network_edited(tmp_path / "edited.onnx", values)))


def test_a_correction_of_the_mask_that_is_not_the_networks_is_refused(tmp_path: Path) -> None:
    edited = _network_edited(tmp_path / "edited.onnx", {"relief_db": 12.0}, "music")
    with pytest.raises(ModelError, match=r"differs from onnxruntime's by 0\.\d+ \(allowed: 0\.0001\)"):
        compile_model(Model(edited))


def test_text_that_is_no_object_is_refused() -> None:
    for text in ("", "[]", "{", "nan", "[" * 200_000, '{"version":' * 200_000):
        with pytest.raises(ModelError, match=r"a\.onnx: hushgate.network must be a JSON object"):
            read_network_config("a.onnx", {"hushgate.network": text})


def test_values_nested_as_deep_as_json_is_read_are_refused() -> None:
    """The message about a value must not nest deeper than the value."""
    for depth in range(800, 1000):
        text = '{"family":' + "[" * depth + "]" * depth + "}"
        with pytest.raises(ModelError, match=r"a\.onnx: hushgate.network must"):
            read_network_config("a.onnx", {"hushgate.network": text})


def test_a_graph_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    def sigmoid_for_exponential(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.op_type == "Exp")
        node.op_type = "Sigmoid"

    with pytest.raises(ModelError, match="differs from onnxruntime's"):
        compile_model(Model(_edited(tmp_path / "edited.onnx", sigmoid_for_exponential)))


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    def spoil(model: onnx.ModelProto) -> None:
        tensor = next(t for t in model.graph.initializer if t.name == "network.decode.bias")
        tensor.CopyFrom(numpy_helper.from_array(np.full(8, np.nan, np.float32), tensor.name))

    with pytest.raises(ModelError, match=r"the weight decode\.bias is not finite"):
        compile_model(Model(_edited(tmp_path / "edited.onnx", spoil)))
