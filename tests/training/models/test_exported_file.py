"""Networks of every family, read back from their model files with nothing else at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.training.config.schema import CardConfig  # noqa: E402
from hushgate.training.exporting.mask_network import export_network  # noqa: E402
from hushgate.training.exporting.segment_network import export_segment_network  # noqa: E402
from hushgate.training.models import FAMILIES, SegmentNetwork, build_model, settings_of  # noqa: E402
from hushgate.training.models.exported_file import load_exported  # noqa: E402
from tests.helpers.small_models import SMALL, hush_of  # noqa: E402

CARD = CardConfig("small", "voice", licence="MIT")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_holds_all_that_its_network_needs(family: str, tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = build_model(SMALL[family] | {"family": family})
    path = tmp_path / "small.onnx"
    if isinstance(network, SegmentNetwork):
        export_segment_network(network, CARD, 8000, path)
    else:
        export_network(hush_of(network), CARD, path)
    read = load_exported(path)
    assert settings_of(read) == settings_of(network)
    for name, value in read.state_dict().items():
        if not name.startswith(getattr(read, "training_only", ())):
            torch.testing.assert_close(value, network.state_dict()[name], msg=name)
