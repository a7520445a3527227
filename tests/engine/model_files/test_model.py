"""Model files: what is read from them, what is refused and how, what is shared."""

from __future__ import annotations

import base64
import json
import os
import pickle
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hushgate.engine import BlockDenoiser, Model, ModelError, available_models, load_model
from tests.helpers import tiny_models
from tests.helpers.tiny_models import refused


def test_info_holds_what_the_file_says(tiny_folder: Path) -> None:
    info = load_model(tiny_folder / "bands.onnx").info
    assert (info.name, info.task, info.format_version, info.licence) == ("tiny", "voice", 1, "MIT")
    assert (info.frame_ms, info.overlap, info.num_bins, info.lookahead_frames) == (32.0, 2, 256, 0)
    assert info.upper_band_edges_hz == (8000.0, 12000.0, 16000.0)
    assert info.state_names == ()
    assert not info.has_presence
    assert (info.latency_ms, info.bandwidth_hz) == (32.0, 8000.0)
    later = load_model(tiny_folder / "lookahead.onnx").info
    assert (later.state_names, later.lookahead_frames, later.latency_ms) == (("memory",), 2, 64.0)
    assert load_model(tiny_folder / "presence.onnx").info.has_presence


@pytest.mark.level(5)
def test_every_model_passes_the_onnx_checker_and_reproduces_its_reference(any_model: Model) -> None:
    onnx.checker.check_model(onnx.load(any_model.path), full_check=True)
    assert any_model.verify() <= 1e-4


def test_run_gives_arrays_of_the_shapes_it_promises(any_model: Model) -> None:
    info = any_model.info
    if info.segment is not None:
        with pytest.raises(ModelError, match="takes whole segments"):
            any_model.run(np.zeros((1, 1, info.num_bins, 2), np.float32), ())
        segments = np.zeros((3, *(size or 1 for size in info.input_shape)), np.float32)
        assert any_model.run_segments(segments).shape == segments.shape
        return
    for batch, frames in ((1, 1), (3, 5)):
        spectrum = np.zeros((batch, frames, info.num_bins, 2), np.float32)
        state = any_model.initial_state(batch)
        mask, upper_gain, presence, new_state = any_model.run(spectrum, state)
        assert mask.shape == spectrum.shape
        assert upper_gain.shape == (batch, frames, len(info.upper_band_edges_hz))
        assert (presence is not None) == info.has_presence
        assert [s.shape for s in new_state] == [s.shape for s in state]
        assert not any(s.any() for s in state), "the state given in must not be written to"


def test_run_refuses_wrong_shapes_in_one_line(identity: Model) -> None:
    with pytest.raises(ModelError, match="failed to run") as caught:
        identity.run(np.zeros((1, 1, 7, 2), np.float32), ())
    assert "\n" not in str(caught.value)


# -- files that are refused -----------------------------------------------------------------------


@pytest.mark.level(1)
def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        load_model(tmp_path / "nowhere.onnx")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_model("some/nowhere")


def test_an_unknown_name_lists_the_shipped_models() -> None:
    with pytest.raises(ModelError, match=r"got 'nonsense'\)\. Shipped: ") as caught:
        load_model("nonsense")
    assert all(name in str(caught.value) for name in available_models())


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder"):
        load_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVE", b"\x00" * 1000, b"not a model at all\n" * 50])
def test_a_file_that_is_not_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fake.onnx"
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    content = tiny_models.stateful().proto().SerializeToString()
    path = tmp_path / "half.onnx"
    path.write_bytes(content[: int(share * len(content))])
    refused(path)


def test_an_onnx_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    model = tiny_models.identity().proto()
    del model.metadata_props[:]
    path = tmp_path / "other.onnx"
    path.write_bytes(model.SerializeToString())
    assert "without hushgate metadata" in refused(path)


@pytest.mark.parametrize("key", [*tiny_models.identity().metadata(), "hushgate.reference"])
def test_every_missing_key_is_named(tmp_path: Path, key: str) -> None:
    path = tiny_models.identity().save(tmp_path / "m.onnx", **{key.removeprefix("hushgate."): None})
    assert key in refused(path)


def test_another_format_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tiny_models.identity().save(tmp_path / "model.onnx", format_version="4")
    expected = 'model.onnx has format 4 (this version reads 1 to 3). Re-export it with "hushgate export".'
    assert refused(path) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("frame_ms", "0"),
        ("frame_ms", "nan"),
        ("frame_ms", "long"),
        ("overlap", "1"),
        ("overlap", "2.5"),
        ("window", "hamming"),
        ("num_bins", "0"),
        ("num_bins", "-3"),
        ("upper_band_edges_hz", "[]"),
        ("upper_band_edges_hz", "[8000, 4000]"),
        ("upper_band_edges_hz", "8000"),
        ("upper_band_edges_hz", "[8000"),
        ("upper_band_edges_hz", "[NaN]"),
        ("upper_band_edges_hz", "[" * 200_000),
        ("upper_band_edges_hz", '["8 kHz"]'),
        ("lookahead_frames", "-1"),
        ("steady_noise", "perhaps"),
        ("state_names", '["memory", "memory"]'),
        ("state_names", "[1]"),
        ("state_names", "[" * 200_000),
        ("num_parameters", "many"),
        ("name", " "),
        ("task", ""),
        ("reference", "{}"),
        ("reference", '{"seed":' * 200_000),
        ("reference", "[1, 2]"),
        ("reference", '{"seed": 0, "frames": 4, "tolerance": 1e-4, "mask": "!!!"}'),
        ("reference", '{"seed": 0, "frames": 4, "tolerance": 1e-4, "mask": "AAAA"}'),
        ("reference", '{"seed": -1, "frames": 4, "tolerance": 1e-4, "mask": ""}'),
    ],
)
def test_malformed_metadata_are_refused_by_key_and_value(tmp_path: Path, key: str, value: str) -> None:
    path = tiny_models.identity().save(tmp_path / "m.onnx", **{key: value})
    message = refused(path)
    assert f"hushgate.{key} must" in message
    assert "(got " in message


def test_metadata_that_contradict_the_graph_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    mask = base64.b64encode(np.zeros((1, 4, 128, 2), "<f4").tobytes()).decode()
    reference = json.dumps({"seed": 0, "frames": 4, "tolerance": 1e-4, "mask": mask})
    tiny_models.identity().save(path, num_bins="128", reference=reference)
    assert "spectrum must have shape ['batch', 'frames', 128, 2]" in refused(path)
    tiny_models.identity().save(path, upper_band_edges_hz="[8000.0, 12000.0]")
    assert "upper_gain must have shape" in refused(path)
    tiny_models.stateful().save(path, state_names="[]")
    assert "input memory, which its metadata do not mention" in refused(path)
    tiny_models.stateful().save(path, state_names='["memory", "more"]')
    assert "no input more, which its metadata call for" in refused(path)


def edited(model: onnx.ModelProto, tmp_path: Path) -> Path:
    path = tmp_path / "edited.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_graphs_with_fixed_lengths_are_refused(tmp_path: Path) -> None:
    for axis in (0, 1):
        model = tiny_models.identity().proto()
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 4
        assert "spectrum must have shape ['batch', 'frames'" in refused(edited(model, tmp_path))
    model = tiny_models.stateful().proto()
    model.graph.input[1].type.tensor_type.shape.dim[0].dim_value = 1
    assert "state memory must have a dynamic batch axis" in refused(edited(model, tmp_path))
    model = tiny_models.stateful().proto()
    model.graph.input[1].type.tensor_type.shape.dim[1].dim_param = "anything"
    assert "state memory must have fixed sizes" in refused(edited(model, tmp_path))


def test_graphs_of_another_precision_are_refused(tmp_path: Path) -> None:
    model = tiny_models.identity().proto()
    model.graph.node.append(helper.make_node("Cast", ["mask"], ["presence"], to=TensorProto.DOUBLE))
    model.graph.output.append(
        helper.make_tensor_value_info("presence", TensorProto.DOUBLE, ["batch", "frames", 256, 2])
    )
    assert "presence must be float32" in refused(edited(model, tmp_path))


def test_shapes_that_show_only_when_running_are_refused(tmp_path: Path) -> None:
    model = tiny_models.identity().proto()
    # The declared shape leaves the frames open; the graph returns the last frame alone.
    for node in model.graph.node:
        if node.output[0] == "mask":
            node.output[0] = "all_frames"
    ends = tiny_models.TinyModel()
    for name, value in (("first", [-1]), ("last", [2**31]), ("axis", [1])):
        ends.constant(name, value)
    model.graph.initializer.extend(ends.constants)
    model.graph.node.append(helper.make_node("Slice", ["all_frames", "first", "last", "axis"], ["mask"]))
    assert "output mask must have shape (2, 3, 256, 2)" in refused(edited(model, tmp_path))


def test_verify_notices_changed_weights(tmp_path: Path) -> None:
    model = tiny_models.constant_mask(0.5)
    reference = next(p.value for p in model.proto().metadata_props if p.key == "hushgate.reference")
    path = tiny_models.constant_mask(0.6).save(tmp_path / "changed.onnx", reference=reference)
    with pytest.raises(
        ModelError, match=r"changed\.onnx does not reproduce its reference mask: difference 0\.1"
    ):
        load_model(path).verify()


def test_verify_hears_above(tmp_path: Path) -> None:
    model = tiny_models.hears_above().proto()
    load_model(edited(model, tmp_path)).verify()
    for constant in model.graph.initializer:
        if constant.name == "hundred":
            constant.CopyFrom(numpy_helper.from_array(np.array(90.0, np.float32), "hundred"))
    path = tmp_path / "changed.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="does not reproduce its reference"):
        load_model(path).verify()


def test_a_model_that_hears_above_says_how_far(tmp_path: Path) -> None:
    info = load_model(tiny_models.hears_above().save(tmp_path / "m.onnx")).info
    assert info.format_version == 3
    assert info.upper_top_hz == 24_000.0
    assert info.upper_band_edges_hz == (8_000.0, 12_000.0, 16_000.0)
    assert load_model(tiny_models.identity().save(tmp_path / "old.onnx")).info.upper_top_hz is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"upper_top_hz": None}, "hushgate.upper_top_hz"),
        ({"upper_top_hz": "high"}, "hushgate.upper_top_hz must be a number"),
        ({"upper_top_hz": "16000"}, "hushgate.upper_top_hz must lie above the last edge (16000 Hz)"),
        ({"format_version": "1"}, "has input upper, which its metadata do not mention"),
        ({"upper_band_edges_hz": "[8000.0, 12000.0]"}, "hushgate.reference must hold a upper gain of shape"),
    ],
)
def test_what_a_model_hears_above_must_be_whole(
    tmp_path: Path, changes: dict[str, str | None], message: str
) -> None:
    assert message in refused(tiny_models.hears_above().save(tmp_path / "m.onnx", **changes))


def test_a_model_that_says_it_hears_above_must_have_the_input(tmp_path: Path) -> None:
    model = tiny_models.identity(upper_top_hz=24_000.0)
    proto = model.proto()
    del proto.graph.input[1]
    assert "has no input upper, which its metadata call for" in refused(edited(proto, tmp_path))


def test_without_levels_nothing_is_known_above(tmp_path: Path) -> None:
    model = load_model(tiny_models.hears_above().save(tmp_path / "m.onnx"))
    gain = model.run(np.ones((2, 3, 256, 2), np.float32), ())[1]
    assert np.array_equal(gain, np.full((2, 3, 3), 0.25, np.float32))


# -- sharing --------------------------------------------------------------------------------------


def test_a_file_is_loaded_once_until_it_changes(tmp_path: Path) -> None:
    path = tiny_models.constant_mask(0.5).save(tmp_path / "m.onnx")
    first = load_model(path)
    assert load_model(str(path)) is first
    assert load_model(path.parent / "." / path.name) is first
    assert load_model(first) is first
    tiny_models.constant_mask(0.25).save(path)
    os.utime(path, ns=(1, 1))  # the same size within the clock's grain must still count as changed
    second = load_model(path)
    assert second is not first
    spectrum = np.ones((1, 1, 256, 2), np.float32)
    assert second.run(spectrum, ())[0][0, 0, 0, 0] == 0.25
    assert first.run(spectrum, ())[0][0, 0, 0, 0] == 0.5


def test_a_pickled_model_is_the_same_model_again(identity: Model) -> None:
    assert pickle.loads(pickle.dumps(identity)) is identity


@pytest.mark.level(1)
def test_a_bad_model_leaves_nothing_behind_and_a_good_one_loads_after_it(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"nonsense")
    refused(path)
    tiny_models.identity().save(path)
    assert load_model(path).info.name == "tiny"


def test_models_and_denoisers_show_what_they_are(identity: Model) -> None:
    assert repr(identity) == f"<hushgate.engine.Model 'tiny' from {identity.path}>"
    assert re.fullmatch(
        r"<hushgate\.engine\.BlockDenoiser model='tiny' mix=1\.0 .*>", repr(BlockDenoiser(identity))
    )
