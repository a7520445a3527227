"""The noise of recordings that have no clean version: what the model takes away from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hushgate.training.adapting.recordings import Audio, Recording
from hushgate.training.adapting.start import Start
from hushgate.training.models import Network
from hushgate.training.models.torch_framing import Framing

_PART_S = 20.0


def estimate_targets(noisy: Sequence[Recording], start: Start) -> list[Recording]:
    """Return what the model makes of each recording."""
    shape = start.network.config
    framing = Framing(start.sample_rate, shape.frame_ms, shape.overlap)
    return [
        Recording(one.path, enhance(start.network, framing, one.audio, start.sample_rate)) for one in noisy
    ]


def removed(noisy: Sequence[Recording], estimates: Sequence[Recording]) -> list[Recording]:
    """Return what the model takes away from each recording.

    Mixed anew with other speech it teaches the model this noise (bootstrapped remixing after Tzinis et al.
    2022, with clean speech in place of the model's own estimates of it).
    """
    return [
        Recording(one.path, one.audio - estimate.audio)
        for one, estimate in zip(noisy, estimates, strict=True)
    ]


def enhance(network: Network, framing: Framing, audio: Audio, sample_rate: int) -> Audio:
    """Run a network over a recording (samples,), in evaluation mode, in parts of 20 s."""
    network.eval()
    size = round(_PART_S * sample_rate)
    device = next(network.parameters()).device
    parts = []
    with torch.no_grad():
        for first in range(0, len(audio), size):
            part = torch.from_numpy(audio[None, first : first + size]).to(device)
            spectrum, _ = network.enhance(framing.analyse(part))
            parts.append(framing.synthesize(spectrum, part.shape[-1])[0].cpu().numpy())
    return np.concatenate(parts) if parts else audio
