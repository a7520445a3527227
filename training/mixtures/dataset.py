"""The mixer's examples as PyTorch's data sets take them."""

from __future__ import annotations

import torch
from torch.utils.data import Dataset

from hushgate.training.mixtures.mixer import Mixer

__all__ = ["Mixer", "MixtureDataset"]


class MixtureDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """A mixer's examples of one seed, by number."""

    def __init__(self, mixer: Mixer, seed: int, num_examples: int) -> None:
        self.mixer, self.seed, self.num_examples = mixer, seed, num_examples

    def __len__(self) -> int:
        return self.num_examples

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        noisy, clean = self.mixer.example(self.seed, index)
        return torch.from_numpy(noisy), torch.from_numpy(clean)
