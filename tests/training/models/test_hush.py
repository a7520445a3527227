"""The network, its framing and losses, and the way from PyTorch to the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.engine import BlockDenoiser, Model  # noqa: E402
from hushgate.training.config.schema import CardConfig, LossConfig  # noqa: E402
from hushgate.training.exporting import mask_network, onnx_file  # noqa: E402
from hushgate.training.losses import DenoisingLoss, si_sdr, signal_to_noise_loss  # noqa: E402
from hushgate.training.models import Hush, HushConfig  # noqa: E402
from hushgate.training.models.mask_corrections import settle  # noqa: E402
from hushgate.training.models.torch_framing import Framing, apply_mask  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor


CARD = CardConfig(name="small", task="voice", licence="MIT")
SMALL = HushConfig(num_bins=64, channels=8, bands=6, band_channels=12, num_heads=2, upper_from_hz=1500.0)


def _network(seed: int = 0, config: HushConfig = SMALL) -> Hush:
    """An untrained network that is far from the identity: random weights and running statistics."""
    torch.manual_seed(seed)
    network = Hush(config)
    with torch.no_grad():
        network.decode.weight.mul_(10.0)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0.0, 0.1)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
    return network.eval()


def _spectrum(frames: int, batch: int = 1, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    result: Tensor = torch.randn(batch, frames, SMALL.num_bins, 2, generator=generator) * 0.1
    return result


def test_a_new_network_hardly_changes_the_sound() -> None:
    torch.manual_seed(0)
    network = Hush(SMALL).eval()
    mask, upper_gain, *_ = network(_spectrum(20), network.initial_state(1))
    assert (mask[..., 0] - 1.0).abs().mean() < 0.15
    assert mask[..., 1].abs().mean() < 0.15
    assert upper_gain.min() > 0.7


@pytest.mark.parametrize(
    ("gain_db", "relieved_db"),
    [(3.0, 3.0), (0.0, 0.0), (-3.0, -1.28), (-6.0, -2.83), (-12.0, -7.34), (-20.0, -16.16), (-60.0, -60.00)],
)
def test_relief_gives_back_what_is_suppressed_and_leaves_what_passes(
    gain_db: float, relieved_db: float
) -> None:
    gain = 10.0 ** (gain_db / 20.0)
    mask = torch.tensor([[0.6, -0.8], [0.6 * gain, -0.8 * gain]])
    power = torch.tensor([100.0, 1.0])  # nearly all of it in the bin that passes
    relieved = settle(mask, power, 6.0, False)
    assert 20.0 * torch.log10(relieved[1].norm()).item() == pytest.approx(relieved_db, abs=0.03)
    torch.testing.assert_close(relieved[0], mask[0])
    torch.testing.assert_close(relieved[1] / relieved[1].norm(), torch.tensor([0.6, -0.8]))


def test_frames_of_which_little_passes_get_no_relief() -> None:
    mask = torch.tensor([[1.0, 0.0], [0.1, 0.0]]).expand(3, 2, 2)
    # A frame of noise, one between, and one of music: what passes has 0.2, 0.6 and 0.9 of the power.
    power = torch.tensor([[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]])
    gains_db = 20.0 * torch.log10(settle(mask, power, 6.0, False)[:, 1, 0])
    assert gains_db[0] == pytest.approx(-20.0, abs=1e-3)
    assert -20.0 < gains_db[1] < gains_db[2] == pytest.approx(-16.2, abs=0.1)


def test_pauses_are_squared_and_music_is_not() -> None:
    mask = torch.tensor([[0.9, 0.0], [0.0, 0.1]]).expand(4, 2, 2)
    # What passes has about 0.01, 0.026, 0.04 and 0.5 of the power.
    power = torch.tensor([[0.0, 1.0], [0.02, 0.98], [0.04, 0.96], [0.6, 0.4]])
    squared = settle(mask, power, 0.0, True)
    gains = squared.norm(dim=-1)
    torch.testing.assert_close(gains[:2], torch.tensor([[0.81, 0.01]] * 2))
    assert ((gains[2] < mask[2].norm(dim=-1)) & (gains[2] > gains[0])).all()
    torch.testing.assert_close(squared[3], mask[3])
    assert squared[0, 1, 0] == 0.0  # the phase stays


@pytest.mark.parametrize("loudest", [1.0, 0.05])
def test_relief_and_squared_pauses_act_on_what_ships_and_not_on_what_trains(loudest: float) -> None:
    plain, changed = (
        _network(config=replace(SMALL, relief_db=db, silent_pauses=db > 0.0)) for db in (0.0, 6.0)
    )
    for network in (plain, changed):
        with torch.no_grad():  # three of four bins pass, or hardly
            network.decode.weight.mul_(0.02)
            network.decode.bias.copy_(torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.2, 0.0]) * loudest)
    spectrum = _spectrum(20)
    state = plain.initial_state(1)
    mask, upper_gain, *_ = plain(spectrum, state)
    found, found_upper, *_ = changed(spectrum, state)
    inside = SMALL.num_bins - SMALL.stride
    mask, power = mask[:, :, :inside], spectrum.square().sum(-1)[:, :, :inside]
    expected = settle(mask, power, 6.0, False) if loudest > 0.5 else settle(mask, power, 0.0, True)
    torch.testing.assert_close(found[:, :, :inside], expected)
    assert ((found_upper > upper_gain) == (loudest > 0.5)).all()
    torch.testing.assert_close(changed.train()(spectrum, state)[0], plain.train()(spectrum, state)[0])


@pytest.mark.parametrize(("gain", "relieved_db"), [(0.2, -6.25), (0.003, -50.2)])
def test_the_gain_above_the_bins_is_relieved_outside_training(gain: float, relieved_db: float) -> None:
    plain, changed = (_network(config=replace(SMALL, upper_relief_db=db)) for db in (0.0, 9.0))
    for network in (plain, changed):
        with torch.no_grad():
            network.decode.weight.zero_()
            network.decode.bias.copy_(torch.tensor([gain, 0.0]).repeat(SMALL.stride))
    spectrum, state = _spectrum(3), plain.initial_state(1)
    found_db = 20.0 * torch.log10(changed(spectrum, state)[1].detach())
    assert found_db.min() == pytest.approx(relieved_db, abs=0.05)
    assert found_db.max() == pytest.approx(relieved_db, abs=0.05)
    inside = SMALL.num_bins - SMALL.stride
    torch.testing.assert_close(
        changed(spectrum, state)[0][:, :, :inside], plain(spectrum, state)[0][:, :, :inside]
    )
    torch.testing.assert_close(changed.train()(spectrum, state)[1], plain.train()(spectrum, state)[1])


@pytest.mark.parametrize(("below", "upper_db"), [(1.0, 0.0), (0.25, 0.0), (0.125, -6.02), (0.0, -200.0)])
def test_the_gain_above_the_bins_falls_where_nothing_below_passes(below: float, upper_db: float) -> None:
    plain, changed = (_network(config=replace(SMALL, silent_upper_pauses=there)) for there in (False, True))
    first = SMALL.upper_from_bin
    mask = torch.zeros(3, 1, SMALL.num_bins - SMALL.stride, 2)
    mask[:, :, :first, 1], mask[:, :, first:, 0] = below, 1.0
    for network, expected_db in ((plain, 0.0), (changed, upper_db)):
        continued, gain = network._continued(mask)
        assert 20.0 * torch.log10(gain.max() + 1e-10).item() == pytest.approx(expected_db, abs=0.01)
        torch.testing.assert_close(continued[:, :, : -SMALL.stride], mask)
        torch.testing.assert_close(continued[:, :, -SMALL.stride :, 0], gain.expand(-1, -1, SMALL.stride))
    torch.testing.assert_close(changed.train()._continued(mask)[1], plain._continued(mask)[1])


def test_silent_upper_pauses_need_bins_to_look_at() -> None:
    with pytest.raises(ValueError, match=r"^upper_from_hz must leave a bin below it .* \(got 0\)"):
        replace(SMALL, silent_upper_pauses=True, upper_from_hz=0.0)


@pytest.mark.parametrize("name", ["relief_db", "upper_relief_db"])
@pytest.mark.parametrize("value", [-1.0, 21.0, float("nan")])
def test_a_relief_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be between 0 and 20 dB"):
        HushConfig(**{name: value})  # type: ignore[arg-type]


def test_state_carries_over_from_call_to_call() -> None:
    network, spectrum = _network(), _spectrum(50, batch=2)
    whole, *_, last = network(spectrum, network.initial_state(2))
    state, parts = network.initial_state(2), []
    for part in spectrum.split([1, 7, 30, 12], dim=1):
        mask, *_, state = network(part, state)
        parts.append(mask)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(state[0], last[0], atol=1e-5, rtol=0)


def test_masks_do_not_know_the_future() -> None:
    network, spectrum = _network(), _spectrum(30)
    changed = spectrum.clone()
    changed[:, 20:] += 1.0
    first, *_ = network(spectrum, network.initial_state(1))
    second, *_ = network(changed, network.initial_state(1))
    torch.testing.assert_close(first[:, :20], second[:, :20])
    assert not torch.allclose(first[:, 20:], second[:, 20:])


def test_folding_the_normalization_changes_nothing() -> None:
    network, spectrum = _network(), _spectrum(20)
    before, *_ = network(spectrum, network.initial_state(1))
    after, *_ = network.fuse()(spectrum, network.initial_state(1))
    torch.testing.assert_close(before, after, atol=1e-5, rtol=0)


@pytest.mark.parametrize("overlap", [2, 4])
@pytest.mark.parametrize("num_samples", [1, 511, 16_000])
def test_framing_gives_the_sound_back(overlap: int, num_samples: int) -> None:
    framing = Framing(16_000, 32.0, overlap)
    audio = torch.randn(2, num_samples)
    torch.testing.assert_close(
        framing.synthesize(framing.analyse(audio), num_samples), audio, atol=1e-5, rtol=0
    )


def test_exported_model_runs_in_the_engine_as_in_pytorch(tmp_path: Path) -> None:
    network = _network()
    path = tmp_path / "small.onnx"
    info = mask_network.export_network(network, CARD, path).info
    assert (info.name, info.num_bins, info.frame_ms) == ("small", 64, 32.0)
    assert list(tmp_path.iterdir()) == [path]

    audio = np.random.default_rng(0).standard_normal(8_000).astype(np.float32) * 0.1
    framing = Framing(16_000, 32.0, 2)
    with torch.no_grad():
        spectrum = framing.analyse(torch.from_numpy(audio)[None])
        mask, upper_gain, *_ = network(spectrum[:, :, :64], network.initial_state(1))
        expected = framing.synthesize(apply_mask(spectrum, mask, upper_gain), len(audio))[0].numpy()
    engine = BlockDenoiser(path)
    engine.prepare(16_000, 8_192, 1)
    streamed = np.concatenate(
        [engine.process(audio[None, :5_000]), engine.process(audio[None, 5_000:])], axis=1
    )
    streamed = np.concatenate([streamed, engine.flush()], axis=1)[0, engine.latency_samples :]
    np.testing.assert_allclose(streamed[: len(expected)], expected[: len(streamed)], atol=2e-5)


@pytest.mark.parametrize("steady_noise", [False, True])
def test_an_exported_model_says_whether_its_noise_is_steady(steady_noise: bool, tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    mask_network.export_network(_network(config=replace(SMALL, steady_noise=steady_noise)), CARD, path)
    assert Model(path).info.steady_noise == steady_noise


@pytest.mark.parametrize(("tolerance", "what"), [("_TOLERANCE", "answer"), ("_STATE_TOLERANCE", "state")])
def test_an_export_that_differs_is_not_written(
    tolerance: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mask_network, tolerance, 1e-12)
    with pytest.raises(onnx_file.ExportError, match=f"{what} differs .* nothing was written"):
        mask_network.export_network(_network(), CARD, tmp_path / "small.onnx")
    assert not list(tmp_path.iterdir())


def test_losses_prefer_the_better_estimate_and_vanish_for_the_best() -> None:
    torch.manual_seed(0)
    framing = Framing(16_000, 32.0, 2)
    target = torch.randn(2, 8_000)
    noise = torch.randn(2, 8_000)

    def loss(level: float) -> float:
        estimate = target + level * noise
        total, _ = DenoisingLoss(LossConfig(), 16_000)(
            estimate, target, framing.analyse(estimate), framing.analyse(target)
        )
        return float(total)

    assert loss(0.0) < loss(0.1) < loss(0.5) < loss(1.0)
    assert loss(0.0) == pytest.approx(-15.0, abs=0.1)
    assert signal_to_noise_loss(target + 0.1 * noise, target) == pytest.approx([-20.0, -20.0], abs=0.4)


def test_silent_targets_have_a_finite_loss_and_gradient() -> None:
    framing = Framing(16_000, 32.0, 2)
    estimate = torch.full((1, 4_000), 1e-3, requires_grad=True)
    target = torch.zeros(1, 4_000)
    total, terms = DenoisingLoss(LossConfig(), 16_000)(
        estimate, target, framing.analyse(estimate), framing.analyse(target)
    )
    total.backward()
    assert terms["snr"] == 0.0
    assert estimate.grad is not None
    assert bool(torch.isfinite(estimate.grad).all())


def test_si_sdr_ignores_scale_and_measures_noise() -> None:
    torch.manual_seed(1)
    target, noise = torch.randn(1, 16_000), torch.randn(1, 16_000)
    assert float(si_sdr(0.3 * (target + 0.1 * noise), target)) == pytest.approx(20.0, abs=0.3)


def test_wrong_shapes_are_refused_on_construction() -> None:
    with pytest.raises(ValueError, match="num_bins must be a multiple of stride"):
        HushConfig(num_bins=65)
    with pytest.raises(ValueError, match="multiple of num_heads"):
        HushConfig(band_channels=50)
    with pytest.raises(ValueError, match=r"below 3875 Hz, where the masks of num_bins = 128 end"):
        HushConfig(num_bins=128)
