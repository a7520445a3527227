"""What a model makes of held-back mixtures: how far it gains over the one it started from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hushgate.training.adapting.mixing import Mixtures, draw
from hushgate.training.losses import si_sdr
from hushgate.training.models import Network
from hushgate.training.models.torch_framing import Framing

_AT_ONCE = 8
OWN, GENERAL = "own", "general"


@dataclass(frozen=True)
class Scores:
    """SI-SDR, dB (examples,), of outputs for the user's mixtures and for general ones."""

    own: Tensor
    general: Tensor


class Check:
    """Fixed held-back mixtures, kept in memory.

    Args:
        mixtures: Mixers of the held-back recordings.
        framing: The network's.
        seed: Seed of the mixtures.
        own, general: Number of each.
    """

    def __init__(self, mixtures: Mixtures, framing: Framing, seed: int, own: int, general: int) -> None:
        self._framing = framing
        self._pairs = [draw(mixtures.own, seed, 0, own), draw(mixtures.general, seed, 0, general)]

    def __call__(self, network: Network) -> Scores:
        """Run the network, in evaluation mode, over all mixtures."""
        was_training = network.training
        network.eval()
        scores = [self._score(network, noisy, clean) for noisy, clean in self._pairs]
        network.train(was_training)
        return Scores(*scores)

    def _score(self, network: Network, noisy: Tensor, clean: Tensor) -> Tensor:
        device = next(network.parameters()).device
        outputs = []
        with torch.no_grad():
            for part in noisy.split(_AT_ONCE):
                spectrum, _ = network.enhance(self._framing.analyse(part.to(device)))
                outputs.append(self._framing.synthesize(spectrum, part.shape[-1]).cpu())
        return si_sdr(torch.cat(outputs), clean)


def gains(before: Scores, after: Scores) -> tuple[float, float]:
    """Mean change of SI-SDR, dB: of the user's mixtures, and of general ones."""
    return tuple(  # type: ignore[return-value]  # two
        float((getattr(after, name) - getattr(before, name)).mean()) for name in (OWN, GENERAL)
    )
