"""Limits on model files from strangers: operators, sizes, memory, time, files that are no files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hushgate.engine import Model, ModelError, available_models, load_model, trusting_models
from hushgate.engine.model_files import untrusted
from hushgate.engine.model_files.onnx_file import read_structure
from tests.helpers import tiny_models
from tests.helpers.tiny_models import refused


def with_nodes(path: Path, nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto]) -> Path:
    """Write the identity model with nodes that run before its own."""
    model = tiny_models.identity().proto()
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(constants)
    path.write_bytes(model.SerializeToString())
    return path


def test_the_structure_agrees_with_the_package_onnx() -> None:
    for path in [load_model(name).path for name in available_models()]:
        structure = read_structure(path.name, path.read_bytes())
        proto = onnx.load(path)
        assert structure.operators == [(node.domain, node.op_type) for node in proto.graph.node]
        held = [tensor.dims for tensor in proto.graph.initializer]
        held += [a.t.dims for node in proto.graph.node for a in node.attribute if a.HasField("t")]
        assert sorted(structure.tensor_sizes) == sorted(int(np.prod(dims)) for dims in held)
        assert structure.opsets == [""]
        assert structure.num_nested_graphs == structure.num_functions == 0


def test_shipped_models_would_pass_as_untrusted() -> None:
    for name in available_models():
        path = load_model(name).path
        untrusted.check_structure(path.name, path.read_bytes())


@pytest.mark.parametrize("operator", ["Loop", "If", "Scan"])
def test_loops_and_branches_are_refused(operator: str, tmp_path: Path) -> None:
    body = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "body", [], [])
    node = helper.make_node(operator, [], ["never"], body=body)
    assert "graphs inside nodes" in refused(with_nodes(tmp_path / "m.onnx", [node], []))


def test_functions_are_refused(tmp_path: Path) -> None:
    model = tiny_models.identity().proto()
    step = helper.make_node("Identity", ["a"], ["b"])
    model.functions.append(
        helper.make_function("mine", "hidden", ["a"], ["b"], [step], [helper.make_opsetid("", 17)])
    )
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert "functions" in refused(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("operator", "domain"), [("RandomNormal", ""), ("StringNormalizer", ""), ("Attention", "com.microsoft")]
)
def test_operators_beyond_the_list_are_refused(operator: str, domain: str, tmp_path: Path) -> None:
    node = helper.make_node(operator, ["spectrum"], ["never"], domain=domain)
    assert operator in refused(with_nodes(tmp_path / "m.onnx", [node], []))


def test_data_in_other_files_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.ones(4, np.float32).tobytes())
    model = tiny_models.identity().proto()
    tensor = TensorProto(name="stolen", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(secret))
    model.graph.initializer.append(tensor)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert "other files" in refused(tmp_path / "m.onnx")


def test_a_second_graph_field_cannot_hide_nodes(tmp_path: Path) -> None:
    """Protocol buffers merge fields that occur twice; onnxruntime would run both graphs' nodes."""
    content = tiny_models.identity().proto().SerializeToString()
    hidden = helper.make_graph([helper.make_node("RandomNormal", [], ["r"], shape=[1])], "", [], [])
    graph = hidden.SerializeToString()
    assert len(graph) < 128
    (tmp_path / "m.onnx").write_bytes(content + bytes([7 << 3 | 2, len(graph)]) + graph)
    assert "RandomNormal" in refused(tmp_path / "m.onnx")


def test_too_many_nodes_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["spectrum"], [f"n{i}"]) for i in range(untrusted.MAX_NODES)]
    assert "nodes (allowed: 5,000)" in refused(with_nodes(tmp_path / "m.onnx", nodes, []))


def test_a_tensor_without_its_bytes_cannot_claim_a_size(tmp_path: Path) -> None:
    tensor = TensorProto(name="huge", data_type=TensorProto.FLOAT, dims=[1 << 40])
    assert "tensor elements" in refused(with_nodes(tmp_path / "m.onnx", [], [tensor]))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_memory_that_a_run_asks_for_is_bounded(tmp_path: Path) -> None:
    """Four bytes of shape ask for 40 GB when the graph runs."""
    ones = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("Shape", ["spectrum"], ["sizes"]),
        helper.make_node("Mul", ["sizes", "growth"], ["huge_shape"]),
        helper.make_node("ConstantOfShape", ["huge_shape"], ["huge"], value=ones),
        helper.make_node("ReduceSum", ["huge"], ["hidden"], keepdims=0),
        helper.make_node("Mul", ["hidden", "none"], ["zero"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1, 1, 1000, 10000]), "growth"),
        numpy_helper.from_array(np.float32(0.0), "none"),  # type: ignore[arg-type]
    ]
    model = tiny_models.identity()
    model.nodes[:0] = nodes
    model.constants += constants
    model.nodes[-1].output[0] = "gain_before"
    model.node("Add", ["gain_before", "zero"], "upper_gain")
    path = tmp_path / "m.onnx"
    graph_inputs, graph_outputs = model.inputs_and_outputs()
    graph = helper.make_graph(model.nodes, "tiny", graph_inputs, graph_outputs, model.constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(proto, props_of(tiny_models.identity()))
    path.write_bytes(proto.SerializeToString())
    code = (
        "import sys; from hushgate.engine import load_model, ModelError\n"
        "try: load_model(sys.argv[1])\n"
        "except ModelError as error: print(error)\n"
        # Not getrusage: its peak begins with that of the process that started this one.
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(line.split()[1] for line in lines if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    message, peak_kb = done.stdout.splitlines()
    assert "failed to run" in message
    assert int(peak_kb) < 600_000


def test_a_first_run_that_takes_too_long_ends() -> None:
    def work(options: Any) -> None:
        while not options.terminate:
            time.sleep(0.01)

    start = time.monotonic()
    with pytest.raises(ModelError, match=r"slow\.onnx took more than 0\.1 s"):
        untrusted.run_within("slow.onnx", 0.1, work)
    assert time.monotonic() - start < 10.0


def test_a_first_run_hands_on_errors() -> None:
    def work(options: Any) -> None:
        raise ModelError("m.onnx failed to run: of course")

    with pytest.raises(ModelError, match="of course"):
        untrusted.run_within("m.onnx", 10.0, work)


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a child process")
def test_ctrl_c_ends_a_first_run() -> None:
    code = (
        # A job in the background of a shell script ignores SIGINT, and so do its children.
        "import signal, time\nfrom hushgate.engine.model_files.untrusted import run_within\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def work(options):\n    print('running', flush=True)\n    time.sleep(60)\n"
        "run_within('m.onnx', 60.0, work)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "running\n"
    child.send_signal(signal.SIGINT)
    _, printed = child.communicate(timeout=20)
    assert "KeyboardInterrupt" in printed
    assert child.returncode != 0


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_devices_and_pipes_are_not_read(tmp_path: Path) -> None:
    assert "device or a pipe" in refused(Path("/dev/zero"))
    pipe = tmp_path / "pipe.onnx"
    os.mkfifo(pipe)
    assert "device or a pipe" in refused(pipe)


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.onnx"
    with open(path, "wb") as file:
        file.truncate(3 << 30)
    assert "3,221,225,472 bytes" in refused(path)


def test_a_trusted_file_has_no_limits(tmp_path: Path) -> None:
    node = helper.make_node("RandomNormal", [], ["unused"], shape=[1])
    path = with_nodes(tmp_path / "m.onnx", [node], [])
    refused(path)
    model = load_model(path, trusted=True)
    assert model.trusted
    assert load_model(path) is model


def test_trust_ends_with_its_block(tmp_path: Path) -> None:
    node = helper.make_node("RandomNormal", [], ["unused"], shape=[1])
    path, other = (with_nodes(tmp_path / name, [node], []) for name in ("a.onnx", "b.onnx"))
    with trusting_models():
        assert load_model(path).trusted
    refused(other)


def test_a_state_of_gigabytes_is_refused(tmp_path: Path) -> None:
    model = tiny_models.identity()
    model.state("memory", [1 << 30])
    model.node("Identity", ["memory"], "memory_next")
    proto = helper.make_model(
        helper.make_graph(model.nodes, "tiny", *model.inputs_and_outputs(), model.constants),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    helper.set_model_props(proto, props_of(tiny_models.identity(), state_names='["memory"]'))
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    assert "at most" in refused(tmp_path / "m.onnx")


@pytest.mark.parametrize("edges", ["[1" + "0" * 400 + "]", "[" + "9" * 5000 + "]"])
def test_huge_integers_in_metadata_name_the_file(edges: str, tmp_path: Path) -> None:
    path = tiny_models.identity().save(tmp_path / "m.onnx", upper_band_edges_hz=edges)
    assert "upper_band_edges_hz" in refused(path)


def test_a_shape_that_changes_with_the_number_of_frames_is_named(tmp_path: Path) -> None:
    """The mask of more than 40 frames is cut to 40."""
    model = tiny_models.identity()
    last = next(node for node in model.nodes if node.output[0] == "mask")
    last.output[0] = "all"
    for name, value in (("begin", [0]), ("end", [40]), ("axis", [1])):
        model.constant(name, value)
    model.node("Slice", ["all", "begin", "end", "axis"], "mask")
    loaded = load_model(model.save(tmp_path / "m.onnx"))
    spectrum = np.zeros((1, 41, loaded.info.num_bins, 2), np.float32)
    with pytest.raises(ModelError, match=r"m\.onnx: output mask must have shape \(1, 41, 256, 2\)"):
        loaded.run(spectrum, loaded.initial_state(1))


@pytest.mark.level(5)
def test_mutated_files_end_in_a_model_error(tmp_path: Path, rng: np.random.Generator) -> None:
    content = tiny_models.stateful().proto().SerializeToString()
    for number in range(100):
        mutated = bytearray(content[: int(rng.integers(1, len(content) + 1))])
        for position in rng.integers(0, len(mutated), int(rng.integers(0, 8))):
            mutated[position] = int(rng.integers(0, 256))
        path = tmp_path / f"m{number}.onnx"
        path.write_bytes(mutated)
        with contextlib.suppress(ModelError):  # any other error fails the test
            Model(path)


def props_of(model: tiny_models.TinyModel, **changes: str) -> dict[str, str]:
    """Metadata of a model, some of it replaced."""
    proto = model.proto(**changes)
    return {entry.key: entry.value for entry in proto.metadata_props}
