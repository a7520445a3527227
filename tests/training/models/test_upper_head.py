"""A network that hears bands above its bins: what it answers there, learns there, and exports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.engine import BlockDenoiser, load_model  # noqa: E402
from hushgate.training.config.schema import CardConfig  # noqa: E402
from hushgate.training.exporting.mask_network import export_network  # noqa: E402
from hushgate.training.models.hush import Hush, HushConfig  # noqa: E402
from hushgate.training.models.upper_head import upper_loss  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

PLAIN = HushConfig(num_bins=64, channels=8, bands=6, band_channels=12, num_heads=2, upper_from_hz=1500.0)
HEARS = replace(PLAIN, upper_edges_hz=(2000.0, 3000.0, 4500.0), upper_top_hz=6000.0)
CARD = CardConfig("small", "test", "For tests.", "MIT", "nobody")


def _network(config: HushConfig = HEARS) -> Hush:
    torch.manual_seed(3)
    network = Hush(config).eval()
    if network.upper is not None:
        torch.nn.init.normal_(network.upper.answer.weight)
    return network


def _heard(frames: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    spectrum = torch.randn(batch, frames, 64, 2, generator=generator) * 0.1
    levels = torch.rand(batch, frames, 3, 2, generator=generator) * 0.01
    levels[..., 1] = 1.0
    return spectrum, levels


def test_it_answers_with_a_gain_for_each_band_and_leaves_the_bins_as_they_are() -> None:
    network, (spectrum, levels) = _network(), _heard(20, 2)
    plain = _network(PLAIN)
    plain.load_state_dict({k: v for k, v in network.state_dict().items() if not k.startswith("upper.")})
    with torch.no_grad():
        answer = network(spectrum, network.initial_state(2), levels)
    assert answer.upper_gain.shape == (2, 20, 3)
    assert 0.0 <= float(answer.upper_gain.min()) < float(answer.upper_gain.max()) <= 1.0
    torch.testing.assert_close(answer.mask, plain(spectrum, plain.initial_state(2)).mask)


def test_a_new_head_lets_nearly_all_pass() -> None:
    network, (spectrum, levels) = Hush(HEARS).eval(), _heard(5)
    gain = network(spectrum, network.initial_state(1), levels).upper_gain
    assert gain.min() > 0.95


def test_a_call_without_levels_knows_nothing_above() -> None:
    network, (spectrum, levels) = _network(), _heard(10)
    state = network.initial_state(1)
    nothing = network(spectrum, state, torch.zeros_like(levels)).upper_gain
    torch.testing.assert_close(network(spectrum, state).upper_gain, nothing)
    assert not torch.allclose(network(spectrum, state, levels).upper_gain, nothing)


def test_the_exported_graph_hears_the_same_and_carries_its_state(tmp_path: Path) -> None:
    network, (spectrum, levels) = _network(), _heard(60, 2)
    with torch.no_grad():
        wanted = network(spectrum, network.initial_state(2), levels)
    path = tmp_path / "small.onnx"
    export_network(network, CARD, path)
    model = load_model(path)
    assert model.info.format_version == 3
    assert model.info.upper_band_edges_hz == HEARS.upper_edges_hz
    assert model.info.upper_top_hz == 6000.0
    assert model.verify() < 1e-4
    state, masks, gains = model.initial_state(2), [], []
    for part, above in zip(torch.split(spectrum, 7, dim=1), torch.split(levels, 7, dim=1), strict=True):
        mask, gain, _, state = model.run(part.numpy(), state, above.numpy())
        masks.append(mask)
        gains.append(gain)
    np.testing.assert_allclose(np.concatenate(masks, axis=1), wanted.mask.numpy(), atol=1e-4)
    np.testing.assert_allclose(np.concatenate(gains, axis=1), wanted.upper_gain.numpy(), atol=1e-4)


@pytest.mark.parametrize("rate", [4_000, 7_350, 8_000, 12_000, 44_100])
def test_it_works_at_every_rate_and_in_blocks_of_any_size(rate: int, tmp_path: Path) -> None:
    export_network(_network(), CARD, tmp_path / "small.onnx")
    audio = np.random.default_rng(0).standard_normal((2, rate)).astype(np.float32) * 0.1
    outputs = []
    for block in (rate, 101):
        denoiser = BlockDenoiser(tmp_path / "small.onnx")
        denoiser.prepare(rate, block, 2)
        parts = [denoiser.process(audio[:, i : i + block]) for i in range(0, rate, block)]
        outputs.append(np.concatenate(parts, axis=1))
    assert np.isfinite(outputs[0]).all()
    assert outputs[1] == pytest.approx(outputs[0], abs=1e-5)


@pytest.mark.parametrize(
    "edges", [(2500.0, 3000.0), (2000.0, 2000.0), (2000.0, 1000.0), (2000.0, 7000.0)], ids=str
)
def test_bands_must_rise_from_where_the_bins_end(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"upper_edges_hz must rise from 2000 Hz"):
        replace(HEARS, upper_edges_hz=edges)


def test_a_presence_head_may_be_there_as_well(tmp_path: Path) -> None:
    network, (spectrum, levels) = _network(replace(HEARS, presence=True)), _heard(9)
    answer = network(spectrum, network.initial_state(1), levels)
    assert answer.presence is not None
    assert len(answer.state) == len(network.state_names) == len(network.initial_state(1))
    export_network(network, CARD, tmp_path / "both.onnx")
    assert load_model(tmp_path / "both.onnx").info.has_presence


# -- loss -----------------------------------------------------------------------------------------


def _powers(speech: float, noise: float, frames: int = 30) -> tuple[Tensor, Tensor]:
    """What lies above, and a target below: speech and noise that have nothing to do with one another."""
    values = torch.tensor([speech + noise, 1.0, speech, speech])
    target = torch.full((1, frames, 64, 2), 0.05)
    return values.expand(1, frames, 3, 4).clone(), target


def test_the_best_gain_keeps_speech_and_removes_noise() -> None:
    gains = torch.linspace(0.0, 1.0, 101)

    def best(speech: float, noise: float) -> float:
        above, target = _powers(speech, noise)
        return float(
            gains[min(range(101), key=lambda i: upper_loss(gains[i].expand(1, 30, 3), above, target).mean())]
        )

    assert best(1e-3, 0.0) == 1.0
    assert best(0.0, 1e-3) == 0.0
    assert 0.4 < best(1e-3, 1e-3) < 0.8


def test_unknown_bands_and_the_level_do_not_count() -> None:
    above, target = _powers(1e-3, 1e-3)
    gain = torch.full((1, 30, 3), 0.5)
    wanted = upper_loss(gain, above, target).mean()
    unknown = above.clone()
    unknown[..., 2, :] = torch.tensor([5.0, 0.0, 3.0, 4.0])
    torch.testing.assert_close(upper_loss(gain, unknown, target).mean(), wanted)
    louder = above * torch.tensor([100.0, 1.0, 100.0, 100.0])
    torch.testing.assert_close(upper_loss(gain, louder, 10.0 * target).mean(), wanted, rtol=1e-4, atol=0.0)
    unknown[..., 1] = 0.0
    assert float(upper_loss(gain, unknown, target).mean()) == 0.0


def test_the_loss_is_finite_in_silence_and_moves_the_head() -> None:
    network = Hush(HEARS).train()
    spectrum, levels = _heard(12)
    whole = torch.nn.functional.pad(spectrum, (0, 0, 0, 1))
    above = torch.cat([levels, torch.zeros(1, 12, 3, 2)], dim=-1)
    _, terms = network.enhance(whole, torch.zeros_like(whole), above)
    loss = terms["upper"].mean()
    loss.backward()
    assert torch.isfinite(loss)
    assert network.upper is not None
    moved = network.upper.answer.bias.grad
    assert moved is not None
    assert moved.abs().sum() > 0.0
    silent = network.enhance(torch.zeros_like(whole), torch.zeros_like(whole), torch.zeros_like(above))[1]
    assert float(silent["upper"].mean()) == 0.0
