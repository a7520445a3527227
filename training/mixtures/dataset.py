"""Mixtures as a PyTorch data set."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from hushgate.training.mixtures.band_split import BandSplit
from hushgate.training.mixtures.mixer import Mixer


class MixtureDataset(Dataset[tuple[torch.Tensor, ...]]):
    """Examples of one seed by number: mixture, target, and with `split` powers of the bands above both.

    Args:
        mixer: Makes the examples.
        seed: Seed of the examples.
        num_examples: Number of examples.
        split: Splits full-band examples (see `BandSplit`); None leaves them as they are.
    """

    def __init__(self, mixer: Mixer, seed: int, num_examples: int, split: BandSplit | None = None) -> None:
        self.mixer, self.seed, self.num_examples = mixer, seed, num_examples
        self.split = split

    def __len__(self) -> int:
        return self.num_examples

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        mixture = self.mixer.mixture(self.seed, index)
        parts: tuple[np.ndarray, ...] = (mixture.noisy, mixture.clean)
        if self.split is not None:
            parts = self.split(mixture.noisy, mixture.clean, mixture.record.top_hz)
        return tuple(torch.from_numpy(part) for part in parts)
