"""The optimizers of trainings."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from hushgate.training.config.schema import TrainConfig
from hushgate.training.models import Hush, Network

_BETAS = (0.9, 0.98)


class MuonAdamW(torch.optim.Optimizer):
    """Muon for the hidden matrices of a network, AdamW for all its other weights, as one optimizer.

    Steps of both are of a similar size at the same learning rate. Sources: Jordan et al. 2024, "Muon: an
    optimizer for hidden layers in neural networks"; Liu et al. 2025, "Muon is scalable for LLM training".

    Args:
        hidden: Matrices between layers of a network.
        others: Parameter groups for AdamW.
        learning_rate: Peak of the schedule.
        weight_decay: Of the hidden matrices.
    """

    def __init__(
        self,
        hidden: list[nn.Parameter],
        others: list[dict[str, Any]],
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        muon = torch.optim.Muon(
            hidden, lr=learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
        )
        adamw = torch.optim.AdamW(others, lr=learning_rate, betas=_BETAS)
        self._parts: tuple[torch.optim.Optimizer, torch.optim.Optimizer] = (muon, adamw)
        super().__init__([*muon.param_groups, *adamw.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Let both parts work on this optimizer's groups and state, which schedules and checkpoints know."""
        muon, adamw = self._parts
        muon.param_groups, adamw.param_groups = self.param_groups[:1], self.param_groups[1:]
        muon.state = adamw.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()

    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss


def make_optimizer(network: Network, train: TrainConfig) -> torch.optim.Optimizer:
    """Make the optimizer of a training, for the weights of the network that train.

    Raises:
        ValueError: `train.optimizer` is "muon" for a network of another family than hush.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    hidden: list[nn.Parameter] = []
    if train.optimizer == "muon":
        if not isinstance(network, Hush):
            raise ValueError(
                "train.optimizer must be 'adamw' for networks other than hush (got 'muon'): Muon is for "
                "matrices between layers, and most weights of those are convolutions."
            )
        hidden = [p for p in hidden_matrices(network) if p.requires_grad]
    known = {id(p) for p in hidden}
    matrices = [p for p in trained if p.ndim > 1 and id(p) not in known]
    vectors = [p for p in trained if p.ndim <= 1]
    others = [
        {"params": matrices, "weight_decay": train.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if not hidden:
        return torch.optim.AdamW(others, lr=train.learning_rate, betas=_BETAS)
    return MuonAdamW(hidden, others, train.learning_rate, train.weight_decay)


def hidden_matrices(network: Hush) -> list[nn.Parameter]:
    """Matrices between the layers of a hush network: not those of its ends, bands and heads."""
    parts = (network.down, network.widen, network.blocks, network.narrow, network.join, network.up)
    return [p for part in parts for p in part.parameters() if p.ndim > 1]
