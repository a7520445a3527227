"""Training on several processes: shares of a batch, and batch statistics over all of them.

Together they compute what one process would: each takes its part of every batch, normalizes with the mean and
variance of the full batch, and averages its gradients with the others (DistributedDataParallel).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch.plugins.layer_sync import LayerSync, TorchSyncBatchNorm
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn
from torch.distributed.nn import functional as shared
from torch.utils.data import Sampler

from hushgate.training.config.schema import Config


class BatchShareSampler(Sampler[int]):
    """Number the examples of one epoch, of each batch only this process's part.

    Part r of n of a batch begins at its example r * size / n, so batches are the same with any number of
    processes.

    Args:
        num_batches: Batches of an epoch.
        batch_size: Examples of a batch, of all processes together; a multiple of their number.

    Attributes:
        start: Number of the epoch's first example, which the trainer moves on before every epoch.
        rank, world_size: Which process this is, of how many.
    """

    def __init__(self, num_batches: int, batch_size: int) -> None:
        self.num_batches, self.batch_size = num_batches, batch_size
        self.start, self.rank, self.world_size = 0, 0, 1

    def __len__(self) -> int:
        return self.num_batches * (self.batch_size // self.world_size)

    def __iter__(self) -> Iterator[int]:
        size = self.batch_size // self.world_size
        for batch in range(self.num_batches):
            first = self.start + batch * self.batch_size + self.rank * size
            yield from range(first, first + size)


class EveryNth(Sampler[int]):
    """Deal the validation examples out to the processes, one by one; attributes as above."""

    def __init__(self, num_examples: int) -> None:
        self.num_examples = num_examples
        self.rank, self.world_size = 0, 1

    def __len__(self) -> int:
        return len(range(self.rank, self.num_examples, self.world_size))

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank, self.num_examples, self.world_size))


class SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalization over the batches of all processes, on any device.

    PyTorch's own (SyncBatchNorm) refuses the CPU. Shapes: (batch, channels, ...) to the same.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"input must have 2 dimensions or more (got {input.ndim}).")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        axes = [0, *range(2, x.ndim)]
        # Sums and squares in one message, whose gradients are exchanged alike; in double precision, because
        # their difference is what counts.
        wide = torch.float64
        count = torch.tensor([x.numel() / x.shape[1]], dtype=wide, device=x.device)
        sums = torch.cat([count, x.sum(axes, dtype=wide), x.square().sum(axes, dtype=wide)])
        sums = shared.all_reduce(sums)
        means, squares = (sums[1:] / sums[0]).chunk(2)
        mean, variance = means.float(), (squares - means.square()).float()
        self._track(mean.detach(), variance.detach(), float(sums[0]))
        shape = [1, -1, *[1] * (x.ndim - 2)]
        normal = (x - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        result: Tensor = normal.to(input.dtype)
        return result

    def _track(self, mean: Tensor, variance: Tensor, count: float) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        # PyTorch takes a missing momentum as the mean over all batches.
        share = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (count / (count - 1.0)), share)


class ShareBatchNorms(LayerSync):
    """Make every batch normalization of a model share its statistics; undone after training."""

    def __init__(self) -> None:
        self._own_classes: dict[nn.Module, type[nn.Module]] = {}

    def apply(self, model: nn.Module) -> nn.Module:
        for module in model.modules():
            # Change the class in place: optimizer and checkpoints keep their parameters, buffers and names.
            if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d):
                self._own_classes[module] = type(module)
                module.__class__ = SharedBatchNorm
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        for module, own_class in self._own_classes.items():
            module.__class__ = own_class
        self._own_classes.clear()
        return model


def share_plan(config: Config, on_cuda: bool) -> dict[str, Any]:
    """Lightning's arguments for the configured devices, nodes and strategy.

    With one device these are Lightning's defaults. A training with a discriminator runs two graphs a step,
    each of which leaves the other's weights without gradients, and DDP must be set to find them.
    """
    train = config.train
    if train.devices * train.nodes == 1:
        return {"devices": 1, "strategy": train.strategy}
    strategy: Any = train.strategy
    if strategy in ("auto", "ddp"):
        strategy = DDPStrategy(find_unused_parameters=bool(config.loss.adversarial))
    return {
        "devices": train.devices,
        "num_nodes": train.nodes,
        "strategy": strategy,
        "plugins": [TorchSyncBatchNorm() if on_cuda else ShareBatchNorms()],
    }
