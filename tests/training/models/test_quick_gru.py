"""The recurrence that trains faster computes what PyTorch's does, and the same gradients."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from torch import nn  # noqa: E402

from hushgate.training.models.quick_gru import run_gru  # noqa: E402


@pytest.mark.parametrize("frames", [1, 2, 9])
@pytest.mark.parametrize(("num_in", "num_out"), [(5, 5), (3, 7)])
def test_states_and_gradients_are_those_of_pytorch(frames: int, num_in: int, num_out: int) -> None:
    torch.manual_seed(0)
    gru = nn.GRU(num_in, num_out).double()
    x = torch.randn(frames, 4, num_in, dtype=torch.double, requires_grad=True)
    hidden = torch.randn(1, 4, num_out, dtype=torch.double, requires_grad=True)
    leaves = (x, hidden, *gru.parameters())
    found = []
    for run in (gru, lambda *given: run_gru(gru, *given)):
        states, last = run(x, hidden)
        loss = (states * torch.linspace(-1.0, 2.0, frames, dtype=torch.double)[:, None, None]).sum()
        gradients = torch.autograd.grad((loss + last.square().sum()).tanh() + states.square().sum(), leaves)
        found.append((states, last, *gradients))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_network_computes_the_same_whether_it_trains_or_not() -> None:
    from hushgate.training.models.hush_layers import BandBlock

    torch.manual_seed(0)
    block = BandBlock(6, 12, 2)
    x, hidden = torch.randn(5 * 2 * 6, 12), torch.randn(2, 6, 12)
    for norm in (block.time_out.norm, block.band_out.norm):
        assert isinstance(norm, nn.BatchNorm1d)
        norm.eval()
    found = []
    for mode in (True, False):
        block.training = mode
        found.append(block(x, hidden, 5))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
