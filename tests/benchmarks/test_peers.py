"""Adapters of other denoisers, with stand-ins for their files that change nothing."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="makes the stand-ins (extra train)")
pytest.importorskip("soxr", reason="the benchmarks need soxr (extra bench)")
pytest.importorskip("scipy", reason="the benchmarks need scipy (extra bench)")
import onnx
import speed
from onnx import TensorProto, helper
from support import command, machine, tables
from support import denoisers as systems
from support import streaming_peers as peers

from hushgate.training.evaluate.alignment import find_delay
from hushgate.training.evaluate.measures.level import level_change_db
from hushgate.training.evaluate.measures.snr import si_sdr_db

_FLOAT = TensorProto.FLOAT
_GTCRN = {"conv_cache": [2, 1, 16, 16, 33], "tra_cache": [2, 3, 1, 1, 16], "inter_cache": [2, 1, 33, 16]}
_UL_UNAS = {"conv_cache": [1, 5358], "tfa_cache": [1, 402], "inter_cache": [1, 1056]}


def _save(
    path: Path, nodes: list[onnx.NodeProto], inputs: dict[str, list[int]], outputs: dict[str, list[int]]
) -> Path:
    first, last = (
        [helper.make_tensor_value_info(name, _FLOAT, shape) for name, shape in side.items()]
        for side in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, "stand_in", first, last)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def _streaming(path: Path, caches: dict[str, list[int]]) -> Path:
    """GTCRN's or UL-UNAS's inputs and outputs."""
    inputs = {"mix": [1, 257, 1, 2], **caches}
    outputs = {"enh": [1, 257, 1, 2], **{f"{name}_out": shape for name, shape in caches.items()}}
    nodes = [helper.make_node("Identity", [a], [b]) for a, b in zip(inputs, outputs, strict=True)]
    return _save(path, nodes, inputs, outputs)


def _dtln(folder: Path) -> tuple[Path, Path]:
    """A mask of 1, and a quarter of the block: four blocks overlap."""
    paths = []
    for number, (size, output) in enumerate(((257, "mask"), (512, "block"))):
        inputs = {"signal": [1, 1, size], "state": [1, 2, 128, 2]}
        outputs = {output: [1, 1, size], "state_out": [1, 2, 128, 2]}
        nodes = [helper.make_node("Identity", ["state"], ["state_out"])]
        if output == "mask":
            nodes += [
                helper.make_node("Mul", ["signal", "zero"], ["nothing"]),
                helper.make_node("Exp", ["nothing"], ["mask"]),
            ]
        else:
            nodes.append(helper.make_node("Mul", ["signal", "quarter"], ["block"]))
        constants = [
            helper.make_node("Constant", [], [name], value=helper.make_tensor(name, _FLOAT, [], [value]))
            for name, value in (("zero", 0.0), ("quarter", 0.25))
        ]
        paths.append(_save(folder / f"model_{number + 1}.onnx", constants + nodes, inputs, outputs))
    return paths[0], paths[1]


@pytest.mark.parametrize("caches", [_GTCRN, _UL_UNAS])
def test_streaming_files_that_change_nothing_give_the_input_back(
    tmp_path: Path, caches: dict[str, list[int]]
) -> None:
    path = _streaming(tmp_path / "peer.onnx", caches)
    sound = machine.test_signal(16_000, 2, 1.0)
    output = systems.make_system(f"onnx:theirs={path}")(sound, 16_000)
    assert output.shape == sound.shape
    np.testing.assert_allclose(output, sound, atol=1e-5)


def test_dtln_files_that_change_nothing_give_the_input_back(tmp_path: Path) -> None:
    first, second = _dtln(tmp_path)
    sound = machine.test_signal(16_000, 2, 1.0)
    output = systems.make_system(f"onnx:DTLN={first},{second}")(sound, 16_000)
    np.testing.assert_allclose(output, sound, atol=1e-5)


def test_other_rates_are_resampled_in_time(tmp_path: Path) -> None:
    peer = peers.onnx_peer([_streaming(tmp_path / "peer.onnx", _GTCRN)])
    time = np.arange(44_100) / 44_100
    tone = (0.3 * np.sin(2 * np.pi * 440.0 * time))[None].astype(np.float32)
    output = peer(tone, 44_100)
    assert find_delay(tone, output, 50) == 0
    assert si_sdr_db(tone, output[:, : tone.shape[1]]) > 40.0


def test_live_blocks_become_frames(tmp_path: Path) -> None:
    name = f"onnx:theirs={_streaming(tmp_path / 'peer.onnx', _GTCRN)}"
    result = speed.Bench(name, seconds=0.2, live_seconds=0.5).round()
    assert len(result.live_wall_ms) == 50


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    path = _save(
        tmp_path / "other.onnx",
        [helper.make_node("Identity", ["audio"], ["clean"])],
        {"audio": [1, 160]},
        {"clean": [1, 160]},
    )
    with pytest.raises(ValueError, match=r"other\.onnx must have the inputs of GTCRN or UL-UNAS"):
        peers.onnx_peer([path])
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        peers.onnx_peer([tmp_path / "none.onnx"])


def test_commands_read_and_write_files_at_their_rate(tmp_path: Path) -> None:
    tool = tmp_path / "half.py"
    tool.write_text(
        "import sys, soundfile\n"
        "sound, rate = soundfile.read(sys.argv[1])\n"
        "assert rate == 16000 and sound.ndim == 1\n"
        "soundfile.write(sys.argv[2], 0.5 * sound, rate)\n"
    )
    system = systems.make_system(f"command:half@16000: {sys.executable} {tool} {{input}} {{output}}")
    time = np.arange(48_000) / 48_000
    tone = np.stack([0.3 * np.sin(2 * np.pi * f * time) for f in (300.0, 500.0)]).astype(np.float32)
    output = system(tone, 48_000)
    assert si_sdr_db(tone, output) > 40.0
    assert level_change_db(tone, output) == pytest.approx(-6.02, abs=0.05)


def test_commands_that_fail_or_cannot_work_say_why(tmp_path: Path) -> None:
    sound = np.zeros((1, 1_600), np.float32)
    failing = systems.make_system(
        f"command:no: {sys.executable} -c 'raise SystemExit(3)' {{input}} {{output}}"
    )
    with pytest.raises(OSError, match="failed with status 3"):
        failing(sound, 16_000)
    with pytest.raises(ValueError, match="must name"):
        systems.make_system("command:no: tool {input}")
    with pytest.raises(ValueError, match="NAME"):
        systems.make_system("command:tool")


def test_the_wiener_oracle_leaves_what_lies_under_the_sound() -> None:
    rng = np.random.default_rng(3)
    tone = np.sin(2.0 * np.pi * 441.0 * np.arange(44_100) / 44_100)
    clean = np.stack([tone, 0.5 * tone]).astype(np.float32)
    noise = (0.1 * rng.standard_normal(clean.shape)).astype(np.float32)
    oracle = systems.make_system("Wiener oracle")
    cleaned = oracle(clean + noise, 44_100, noise)
    assert cleaned.shape == clean.shape
    before, after = (si_sdr_db(clean, sound) for sound in (clean + noise, cleaned))
    assert after > before + 20.0  # of 1,024 bins the tone fills three or four
    np.testing.assert_allclose(oracle(clean, 44_100, 0.0 * clean), clean, atol=1e-4)
    assert np.max(np.abs(oracle(noise, 44_100, noise))) < 1e-6


def test_files_of_a_user_take_the_place_of_the_packaged_peer(tmp_path: Path) -> None:
    path = _streaming(tmp_path / "peer.onnx", _UL_UNAS)
    args = Namespace(onnx=[f"GTCRN={path}"], command=[], peer=None, model=None)
    chosen, skipped = command.chosen_systems(args, ["noisy", "GTCRN"], [])
    assert chosen == ["noisy", f"onnx:GTCRN={path}"]
    assert [line.split()[0] for line in skipped] == ["UL-UNAS"]
    assert systems.describe(chosen[1])[0].startswith("file ")


def test_sections_of_a_document_are_replaced_in_place(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("# A\n<!-- speed -->\nold\n<!-- end of speed -->\nrest\n")
    for _ in range(2):
        tables.write_section(document, "speed", "new\n")
    assert document.read_text() == "# A\n<!-- speed -->\n\nnew\n\n<!-- end of speed -->\nrest\n"
    with pytest.raises(ValueError, match="must hold the lines <!-- other -->"):
        tables.write_section(document, "other", "new")


def test_commands_in_documents_name_no_local_folders() -> None:
    arguments = ["--data", "/home/me/data", "--onnx", "DTLN=/a/1.onnx,/a/2.onnx", "--json", "/tmp/x.json"]
    shown = command.command_line("quality.py", [*arguments, "--model", "/runs/new.onnx", "--items", "4"])
    assert shown == (
        "`python benchmarks/quality.py --data DATA --onnx DTLN=1.onnx,2.onnx --json FILE"
        " --model new.onnx --items 4`"
    )
