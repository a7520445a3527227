"""Exported hush networks of every kind in the native engine."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.engine import BlockDenoiser  # noqa: E402
from hushgate.engine.native.compile_model import compile_model  # noqa: E402
from hushgate.engine.native.library import VARIABLE  # noqa: E402
from hushgate.training.config.schema import CardConfig  # noqa: E402
from hushgate.training.exporting.mask_network import export_network  # noqa: E402
from hushgate.training.models import Hush, HushConfig  # noqa: E402
from tests.native.compiled import compiled_library  # noqa: E402
from tests.native.test_parity import sound  # noqa: E402

CARD = CardConfig(name="small", task="voice", licence="MIT")
SMALL = HushConfig(num_bins=64, channels=8, bands=6, band_channels=12, num_heads=2, upper_from_hz=1500.0)
KINDS = {
    "plain": replace(SMALL, num_blocks=1, num_layers=0),
    "above": replace(SMALL, num_blocks=1, num_layers=0, upper_relief_db=9.0, silent_upper_pauses=True),
    "all": replace(
        SMALL,
        num_layers=2,
        stride=8,
        relief_db=6.0,
        upper_relief_db=9.0,
        silent_pauses=True,
        silent_upper_pauses=True,
        presence=True,
        steady_noise=True,
        upper_edges_hz=(2000.0, 4000.0),
        upper_top_hz=8000.0,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_network_runs_in_the_native_engine(
    kind: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = Hush(KINDS[kind])
    with torch.no_grad():
        for parameter in network.parameters():  # heads and layers that start as the identity as well
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model = export_network(network, CARD, tmp_path / "small.onnx")
    metadata = {prop.key: prop.value for prop in onnx.load(model.path).metadata_props}
    expected = {"family": "hush", "version": 1, **asdict(KINDS[kind])}
    assert json.loads(metadata["hushgate.network"]) == json.loads(json.dumps(expected))
    compile_model(model)  # compares every output with onnxruntime

    monkeypatch.setenv(VARIABLE, str(compiled_library(tmp_path_factory).path))
    for rate, num_channels in ((48_000, 2), (5_000, 1)):
        audio = sound(rate, num_channels, seconds=0.5)
        outputs = []
        for denoiser in (BlockDenoiser(model, engine="onnx"), BlockDenoiser(model, engine="native")):
            denoiser.prepare(rate, 512, num_channels)
            outputs.append(denoiser.process(audio))
        np.testing.assert_allclose(outputs[1], outputs[0], rtol=0.0, atol=1e-5)
