"""Which optimizer moves which weights, and how far."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")
pytest.importorskip("lightning", reason="training needs the extra hushgate[train]")

from hushgate.training.config.schema import TrainConfig  # noqa: E402
from hushgate.training.fitting.optimizers import MuonAdamW, hidden_matrices, make_optimizer  # noqa: E402
from hushgate.training.models import Hush, HushConfig, build_model  # noqa: E402

MUON = TrainConfig(optimizer="muon", learning_rate=1e-2, weight_decay=0.0)


def _network(**changes: Any) -> Hush:
    torch.manual_seed(0)
    small: dict[str, Any] = {"num_bins": 64, "channels": 8, "bands": 6, "band_channels": 12, "num_heads": 2}
    return Hush(HushConfig(**small, upper_from_hz=1500.0, **changes))


def test_every_weight_is_in_one_group() -> None:
    network = _network(presence=True)
    optimizer = make_optimizer(network, MUON)
    ours = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(ours) == sorted(map(id, network.parameters()))
    hidden = {id(p) for p in hidden_matrices(network)}
    names = {name for name, p in network.named_parameters() if id(p) in hidden}
    assert {"blocks.1.gru.weight_hh_l0", "down.0.product.linear.weight", "join.linear.weight"} <= names
    assert not any(
        name.startswith(("encode", "decode", "squeeze", "expand", "band", "presence")) for name in names
    )
    assert {id(p) for p in optimizer.param_groups[0]["params"]} == hidden


def test_a_step_turns_hidden_matrices_and_moves_all_others_by_the_learning_rate() -> None:
    network = _network()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimizer = make_optimizer(network, MUON)
    for p in network.parameters():
        p.grad = torch.randn(p.shape)
    optimizer.step()
    steps = {name: p.detach() - before[name] for name, p in network.named_parameters()}
    # AdamW's first step is the sign of the gradient.
    torch.testing.assert_close(steps["decode.weight"].abs(), torch.full_like(steps["decode.weight"], 1e-2))
    # Muon's has singular values near 1, scaled to a step of a fifth of AdamW's.
    turned = steps["blocks.0.gru.weight_ih_l0"]
    size = float(turned.square().mean().sqrt())
    assert 0.15e-2 < size < 0.25e-2
    values = torch.linalg.svdvals(turned)
    assert float(values.max() / values.min()) < 4.0


def test_schedules_reach_both_parts() -> None:
    network = _network()
    optimizer = make_optimizer(network, MUON)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0 if step else 1.0)
    for _ in range(2):
        before = {name: p.detach().clone() for name, p in network.named_parameters()}
        for p in network.parameters():
            p.grad = torch.randn(p.shape)
        optimizer.step()
        schedule.step()
    for name, p in network.named_parameters():
        assert torch.equal(p, before[name]), name


def test_a_state_is_restored() -> None:
    first, second = _network(), _network()
    ours, theirs = make_optimizer(first, MUON), make_optimizer(second, MUON)
    assert isinstance(theirs, MuonAdamW)
    torch.manual_seed(1)
    gradients = [[torch.randn(p.shape) for p in first.parameters()] for _ in range(3)]

    def step(network: Hush, optimizer: Any, number: int) -> None:
        for p, gradient in zip(network.parameters(), gradients[number], strict=True):
            p.grad = gradient.clone()
        optimizer.step()

    step(first, ours, 0)
    second.load_state_dict(first.state_dict())
    theirs.load_state_dict(copy.deepcopy(ours.state_dict()))
    for number in (1, 2):
        step(first, ours, number)
        step(second, theirs, number)
    for (name, one), other in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_weights_that_do_not_train_are_left_out() -> None:
    network = _network(presence=True)
    network.requires_grad_(False)
    assert network.presence is not None
    network.presence.requires_grad_()
    optimizer = make_optimizer(network, MUON)
    ours = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert ours == {id(p) for p in network.presence.parameters()}


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"train\.optimizer must be 'adamw' .* \(got 'muon'\)"):
        make_optimizer(build_model({"family": "conv_ae"}), MUON)
    with pytest.raises(ValueError, match=r"optimizer must be one of adamw, muon \(got 'sgd'\)"):
        TrainConfig(optimizer="sgd")
