"""What an adaptation starts from: a shipped model, a model file or a checkpoint."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from hushgate.engine.model_files.model import load_model
from hushgate.engine.signal.framing import frame_size_for
from hushgate.training.config.schema import CardConfig, LossConfig, load_config, shipped_config
from hushgate.training.models import Network
from hushgate.training.models.checkpoint import load_network
from hushgate.training.models.exported_file import load_exported

# Hz. A network is adapted at the lowest of these rates that has all of its bins.
_RATES = (8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_CHECKPOINT = ".ckpt"
# More than in a long training: with the SNR weight of the trainings, what a noise costs hardly moves within
# minutes (+0.2 instead of +0.6 dB after the same steps).
_SNR_WEIGHT = 3.0
# Lowest rate of the model of PESQ, Hz.
_SPEECH_RATE = 16_000


@dataclass(frozen=True)
class Start:
    """A trained network and what is known about it.

    Attributes:
        name: How the user named it.
        network: With normalizations folded into the products before them.
        card: Name, task and licence of the model it comes from.
        sample_rate: Rate to adapt it at, Hz.
        loss: The loss of its training, without the terms that take long.
    """

    name: str
    network: Network
    card: CardConfig
    sample_rate: int
    loss: LossConfig


def load_start(name: str | Path) -> Start:
    """Load a shipped model by its name, a model file, or a checkpoint of `hushgate train`.

    Raises:
        FileNotFoundError: No such file, or no shipped model of that name.
        ValueError: The file is none of these, or does not say which network it holds.
    """
    if Path(name).suffix == _CHECKPOINT:
        network, config = load_network(Path(name))
        rate = config.data.sample_rate
        return Start(str(name), network.fuse(), config.card, rate, _quick(config.loss, rate))
    model = load_model(name)
    network, info = load_exported(model.path), model.info
    card = CardConfig(info.name, info.task, info.description, info.licence, info.attribution)
    rate = round(info.segment.sample_rate) if info.segment is not None else _lowest_rate(network)
    return Start(str(name), network, card, rate, _loss_of(info.task, rate))


def _lowest_rate(network: Network) -> int:
    shape = network.config
    for rate in _RATES:
        if frame_size_for(rate, shape.frame_ms, shape.overlap) // 2 + 1 >= shape.num_bins:
            return rate
    return _RATES[-1]


def _loss_of(task: str, sample_rate: int) -> LossConfig:
    """The loss that the shipped model of a task was trained with, or the default one."""
    try:
        return _quick(load_config(shipped_config(task)).loss, sample_rate)
    except FileNotFoundError:
        return LossConfig()


def _quick(loss: LossConfig, sample_rate: int) -> LossConfig:
    """A loss without a second network, which would take most of the time there is."""
    perceptual = loss.perceptual if sample_rate >= _SPEECH_RATE else 0.0
    return dataclasses.replace(
        loss,
        snr=max(_SNR_WEIGHT, loss.snr),
        perceptual=perceptual,
        opinion=0.0,
        adversarial=0.0,
        feature_matching=0.0,
    )
