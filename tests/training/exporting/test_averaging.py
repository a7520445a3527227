"""The mean of a network's weights and of those that its training started from."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.training.config.schema import CardConfig  # noqa: E402
from hushgate.training.exporting.averaging import average  # noqa: E402
from hushgate.training.exporting.mask_network import export_network  # noqa: E402
from hushgate.training.models import Hush, build_model  # noqa: E402
from tests.helpers.small_models import SMALL  # noqa: E402

CARD = CardConfig("small", "voice", licence="MIT")


def _network(seed: int, **settings: object) -> Hush:
    torch.manual_seed(seed)
    network = build_model(SMALL["hush"] | {"family": "hush"} | settings)
    assert isinstance(network, Hush)
    return network.eval()


def test_every_weight_is_the_mean_of_checkpoint_and_file(tmp_path: Path) -> None:
    first, second, third = (_network(seed) for seed in (1, 2, 3))
    files = []
    for name, other in (("second", second), ("third", third)):
        files.append(tmp_path / f"{name}.onnx")
        export_network(copy.deepcopy(other), CARD, files[-1])
    found = average(copy.deepcopy(first), files).state_dict()
    parts = [one.fuse().state_dict() for one in (first, second, third)]
    for name, value in found.items():
        torch.testing.assert_close(value, sum(part[name] for part in parts) / 3.0, msg=name)


def test_a_head_that_the_file_lacks_stays(tmp_path: Path) -> None:
    bins_hz = _network(1).config.num_bins * 1000.0 / _network(1).config.frame_ms
    bands = {"upper_edges_hz": [bins_hz, 1.5 * bins_hz], "upper_top_hz": 2.0 * bins_hz}
    grown, plain = _network(1, **bands), _network(2)
    export_network(copy.deepcopy(plain), CARD, tmp_path / "plain.onnx")
    found = average(copy.deepcopy(grown), [tmp_path / "plain.onnx"]).state_dict()
    before, other = grown.fuse().state_dict(), plain.fuse().state_dict()
    for name, value in found.items():
        wanted = before[name] if name.startswith("upper.") else (before[name] + other[name]) / 2.0
        torch.testing.assert_close(value, wanted, msg=name)


def test_a_layer_that_the_file_lacks_is_the_identity_there(tmp_path: Path) -> None:
    grown, plain = _network(1, num_layers=2, num_blocks=2), _network(2, num_layers=1, num_blocks=1)
    export_network(copy.deepcopy(plain), CARD, tmp_path / "plain.onnx")
    found = average(copy.deepcopy(grown), [tmp_path / "plain.onnx"]).state_dict()
    before, other = grown.fuse().state_dict(), plain.fuse().state_dict()
    halved = ("down.1.product.linear.weight", "up.1.product.linear.bias", "blocks.1.band_out.linear.weight")
    for name in halved:
        torch.testing.assert_close(found[name], before[name] / 2.0, msg=name)
    for name in other:
        torch.testing.assert_close(found[name], (before[name] + other[name]) / 2.0, msg=name)


def test_a_network_of_another_shape_is_named(tmp_path: Path) -> None:
    export_network(_network(1, num_blocks=2), CARD, tmp_path / "deeper.onnx")
    with pytest.raises(ValueError, match=r"deeper\.onnx has blocks\.1\..*its training started from"):
        average(_network(1, num_blocks=1), [tmp_path / "deeper.onnx"])
