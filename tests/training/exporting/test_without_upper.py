"""Networks that were trained with bands above their bins, exported without."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.training.config.schema import CardConfig  # noqa: E402
from hushgate.training.exporting.mask_network import export_network  # noqa: E402
from hushgate.training.models import Hush, build_model  # noqa: E402
from tests.helpers.small_models import SMALL  # noqa: E402

BINS, FRAME_MS = 64, 32.0
BANDS = {"upper_edges_hz": [2_000.0, 3_000.0], "upper_top_hz": 4_000.0}


def test_the_masks_stay_and_one_gain_holds_above(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = build_model(SMALL["hush"] | {"family": "hush", "num_bins": BINS, "frame_ms": FRAME_MS} | BANDS)
    assert isinstance(network, Hush)
    plain = copy.deepcopy(network)
    plain.drop_upper()
    card = CardConfig("small", "voice", licence="MIT")
    with_head = export_network(network, card, tmp_path / "with.onnx")
    without = export_network(plain, card, tmp_path / "without.onnx")
    assert (with_head.info.format_version, without.info.format_version) == (3, 1)
    assert without.info.num_parameters < with_head.info.num_parameters
    assert without.info.upper_band_edges_hz == (2_000.0,)
    rng = np.random.default_rng(0)
    spectrum = rng.standard_normal((1, 20, BINS, 2)).astype(np.float32)
    levels = np.abs(rng.standard_normal((1, 20, 2, 2))).astype(np.float32)
    heard_mask, heard_gain, *_ = with_head.run(spectrum, with_head.initial_state(), levels)
    mask, gain, *_ = without.run(spectrum, without.initial_state())
    np.testing.assert_allclose(mask, heard_mask, atol=1e-6)
    assert (heard_gain.shape[-1], gain.shape[-1]) == (2, 1)
    # The gain above is that of the highest bins, whose masks the training's recordings do not reach.
    np.testing.assert_allclose(gain[..., 0], mask[:, :, -1, 0], atol=1e-6)
