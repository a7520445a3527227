"""The mixer's examples as PyTorch's data sets and samplers take them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import Dataset, Sampler

from hushgate.training.mixer import Mixer

__all__ = ["EpochSampler", "Mixer", "MixtureDataset"]


class MixtureDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """A mixer's examples of one seed, by number."""

    def __init__(self, mixer: Mixer, seed: int, num_examples: int) -> None:
        self.mixer, self.seed, self.num_examples = mixer, seed, num_examples

    def __len__(self) -> int:
        return self.num_examples

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        noisy, clean = self.mixer.example(self.seed, index)
        return torch.from_numpy(noisy), torch.from_numpy(clean)


class EpochSampler(Sampler[int]):
    """Number the examples of one epoch from `start`, which the trainer moves on before every epoch."""

    def __init__(self, examples_per_epoch: int) -> None:
        self.examples_per_epoch = examples_per_epoch
        self.start = 0

    def __len__(self) -> int:
        return self.examples_per_epoch

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.start + self.examples_per_epoch))
