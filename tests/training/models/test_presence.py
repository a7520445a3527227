"""A network that says whether its target sounds: loss, head, what it does to pauses, training it alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.engine import BlockDenoiser  # noqa: E402
from hushgate.engine.model_files.model import load_model  # noqa: E402
from hushgate.training.config.schema import CardConfig, Config, load_config  # noqa: E402
from hushgate.training.exporting.mask_network import export_network  # noqa: E402
from hushgate.training.fitting import initial_weights  # noqa: E402
from hushgate.training.fitting.denoising_module import DenoisingModule  # noqa: E402
from hushgate.training.fitting.trainer import train  # noqa: E402
from hushgate.training.mixtures import augmentations  # noqa: E402
from hushgate.training.models import Hush, HushConfig  # noqa: E402
from hushgate.training.models.checkpoint import load_network  # noqa: E402
from hushgate.training.models.presence import presence_loss, steady  # noqa: E402
from tests.helpers.small_models import hush_of  # noqa: E402
from tests.helpers.tiny import write_workshop  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor


CARD = CardConfig(name="small", task="music", licence="MIT")
SMALL = HushConfig(
    num_bins=64, channels=8, bands=6, band_channels=12, num_heads=2, upper_from_hz=1500.0, presence=True
)


def _network() -> Hush:
    """A network that finds its target in some frames of noise, and in others not."""
    torch.manual_seed(0)
    network = Hush(SMALL).eval()
    assert network.presence is not None
    with torch.no_grad():
        network.presence.gather.weight.mul_(20.0)
        network.presence.answer.weight.normal_(0.0, 6.0)
        network.presence.answer.bias.zero_()
        logit = network(_spectrum(200), network.initial_state(1)).presence.logit
        network.presence.answer.bias.fill_(-float(logit.median()))
    return network


def _plain(network: Hush) -> Hush:
    plain = Hush(replace(SMALL, presence=False)).eval()
    weights = network.state_dict()
    plain.load_state_dict({name: weights[name] for name in plain.state_dict()})
    return plain


def _spectrum(frames: int, batch: int = 1, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    level = torch.linspace(-4.0, 0.0, frames).exp()[:, None, None]
    result: Tensor = torch.randn(batch, frames, SMALL.num_bins, 2, generator=generator) * level
    return result


def test_frames_in_which_the_target_is_missing_are_turned_down_by_40_db_and_others_not_at_all() -> None:
    network, spectrum = _network(), _spectrum(200)
    with torch.no_grad():
        answer = network(spectrum, network.initial_state(1))
        expected = _plain(network)(spectrum, _plain(network).initial_state(1))
    assert expected.presence is None
    logit = answer.presence.steady[0, :, 0]
    there, gone = logit > 0.5, logit < -0.5
    assert there.sum() > 20
    assert gone.sum() > 20
    torch.testing.assert_close(answer.mask[:, there], expected.mask[:, there])
    torch.testing.assert_close(answer.upper_gain[:, there], expected.upper_gain[:, there])
    torch.testing.assert_close(answer.mask[:, gone], 0.01 * expected.mask[:, gone])
    torch.testing.assert_close(answer.upper_gain[:, gone], 0.01 * expected.upper_gain[:, gone])
    between = ~there & ~gone
    ratio = answer.mask[0, between, 0, 0] / expected.mask[0, between, 0, 0]
    torch.testing.assert_close(20.0 * ratio.log10(), 40.0 * (logit[between] - 0.5), atol=1e-3, rtol=1e-4)


def test_presence_is_a_mean_that_onsets_need_not_wait_for() -> None:
    logit = torch.full((30, 2, 1), -3.0)
    logit[10:12] = 1.0  # doubtful: not enough to open
    logit[20:] = 6.0
    whole, recent = steady(logit, torch.zeros(2, 4))
    parts, state = [], torch.zeros(2, 4)
    for part in torch.split(logit, [1, 2, 9, 18]):
        found, state = steady(part, state)
        parts.append(found)
    torch.testing.assert_close(torch.cat(parts), whole)
    torch.testing.assert_close(state, recent)
    assert whole[4:20].max() < -0.9
    assert whole[20:].min() >= 4.0
    assert whole[24:].min() == pytest.approx(6.0)


def test_what_trains_is_not_turned_down() -> None:
    network, spectrum = _network(), _spectrum(20)
    found = network.train()(spectrum, network.initial_state(1)).mask
    plain = _plain(network).train()
    torch.testing.assert_close(found, plain(spectrum, plain.initial_state(1)).mask)


def test_the_exported_graph_says_it_too_and_carries_its_state(tmp_path: Path) -> None:
    network, spectrum = _network(), _spectrum(60, batch=2)
    with torch.no_grad():
        answer = network(spectrum, network.initial_state(2))
    path = tmp_path / "small.onnx"
    export_network(network, CARD, path)
    model = load_model(path)
    assert model.info.has_presence
    state, masks, presences = model.initial_state(2), [], []
    for part in torch.split(spectrum, 7, dim=1):
        mask, _, presence, state = model.run(part.numpy(), state)
        masks.append(mask)
        assert presence is not None
        presences.append(presence)
    np.testing.assert_allclose(np.concatenate(masks, axis=1), answer.mask.numpy(), atol=1e-4)
    np.testing.assert_allclose(
        np.concatenate(presences, axis=1), answer.presence.steady.sigmoid().numpy(), atol=1e-5
    )


def test_the_engine_reports_what_the_head_says(tmp_path: Path) -> None:
    network = _network()
    assert network.presence is not None
    with torch.no_grad():
        network.presence.answer.weight.zero_()
        network.presence.answer.bias.fill_(-1.0)
    export_network(network, CARD, tmp_path / "small.onnx")
    denoiser = BlockDenoiser(tmp_path / "small.onnx")
    denoiser.prepare(4_000, 512, 1)
    denoiser.process(np.random.default_rng(0).standard_normal((1, 5_000)).astype(np.float32))
    assert denoiser.presence == pytest.approx(1.0 / (1.0 + np.exp(1.0)), abs=1e-4)


def _tones(frames: int, sounding: slice, noise: float = 0.01) -> tuple[Tensor, Tensor]:
    """Spectra of a steady tone in some frames and of noise in all: mixture and target."""
    generator = torch.Generator().manual_seed(0)
    target = torch.zeros(1, frames, SMALL.num_bins, 2)
    target[:, sounding, 20] = 0.5
    return target + noise * torch.randn(1, frames, SMALL.num_bins, 2, generator=generator), target


def test_the_loss_asks_where_the_target_stands_out_of_what_was_added() -> None:
    spectrum, target = _tones(40, slice(10, 25))
    right = torch.full((1, 40), -9.0)
    right[:, 10:25] = 9.0
    assert float(presence_loss(right, spectrum, target).mean()) < 1e-3
    assert float(presence_loss(-right, spectrum, target).mean()) > 8.0
    weight = 15 * 3 + 25  # frames that sound count three times
    for frame, share in ((12, 3 / weight), (30, 1 / weight)):
        one_wrong = right.clone()
        one_wrong[0, frame] *= -1.0
        found = presence_loss(one_wrong, spectrum, target).mean()
        assert float(found) == pytest.approx(9.0 * share, rel=0.01)


def test_what_nobody_can_tell_does_not_count() -> None:
    """Targets of the noise's own level in every band, and digital silence."""
    noise = torch.randn(1, 30, SMALL.num_bins, 2, generator=torch.Generator().manual_seed(0))
    target = noise * 0.5
    silence = torch.zeros_like(noise)
    for mixture, wanted in ((target + noise, target), (silence, silence)):
        for logit in (-9.0, 9.0):
            loss = presence_loss(torch.full((1, 30), logit), mixture, wanted)
            assert loss.amount == 0.0
            assert loss.mean() == 0.0


def test_the_head_learns_and_moves_nothing_else() -> None:
    network = Hush(SMALL)
    spectrum, target = _tones(80, slice(30, 60), 0.05)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    before = {name: value.clone() for name, value in network.named_parameters()}
    losses = []
    for _ in range(80):
        loss = network.enhance(spectrum, target)[1]["presence"].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[0] > 1.0
    assert losses[-1] < 0.1
    for name, value in network.named_parameters():
        assert (value.grad is None) == (not name.startswith("presence.")), name
        if value.grad is None:
            torch.testing.assert_close(value, before[name], rtol=0.0, atol=0.0)


def _workshop_config(folder: Path, *changes: str) -> Config:
    write_workshop(folder)
    return load_config(
        folder / "tiny.toml", ["model.presence=true", f"data.folders=['{folder / 'data'}']", *changes]
    )


def test_a_model_file_without_the_head_gets_one_that_is_trained_alone(tmp_path: Path) -> None:
    path, run = tmp_path / "plain.onnx", tmp_path / "run"
    export_network(_plain(_network()), CARD, path)
    config = _workshop_config(tmp_path, "train.only='presence'", "mix.breaks=1.0", "train.learning_rate=0.1")
    short = replace(config, train=replace(config.train, max_steps=1, steps_per_epoch=1))
    early, _ = load_network(train(short, tmp_path / "short", init_from=path, progress=False))
    network = hush_of(load_network(train(config, run, init_from=path, progress=False))[0])
    before = early.state_dict()
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    assert any(name.startswith("presence.") for name in changed)
    assert all(name.startswith("presence.") for name in changed)
    # Read back, the head is there with the rest.
    again = tmp_path / "with.onnx"
    export_network(hush_of(load_network(run / "last.ckpt")[0]), CARD, again)
    read = DenoisingModule(config)
    initial_weights.initialize(read, again, [torch.randn(4, 8000) * 0.1])
    spectrum = _spectrum(30)
    with torch.no_grad():
        answers = [one(spectrum, one.initial_state(1)) for one in (network, hush_of(read.network).eval())]
    torch.testing.assert_close(answers[1].presence.logit, answers[0].presence.logit, atol=1e-4, rtol=1e-4)


def test_a_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = _workshop_config(tmp_path, "model.presence=false", "train.only='presence'")
    with pytest.raises(ValueError, match=r"train\.only .* \(got 'presence'\): .*encode.*, decode\.$"):
        DenoisingModule(config)


def test_breaks_are_silent_or_quiet_and_leave_most_of_the_sound() -> None:
    rng = np.random.default_rng(0)
    made = np.stack([augmentations.breaks(12_000, 4_000.0, rng) for _ in range(200)])
    assert made.dtype == np.float32
    assert made.min() == 0.0
    assert made.max() == 1.0
    assert 0.4 < (made < 1e-4).any(axis=1).mean() < 0.8
    assert (made < 0.18).any(axis=1).mean() > 0.9
    assert 0.4 < (made > 0.99).mean() < 0.8
