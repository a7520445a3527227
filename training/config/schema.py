"""Tables and keys of a training configuration, with their checks.

Every table of the file is one dataclass, `[data]` and `[mix]` in `mixture_schema`, the others here. Their
defaults are the only ones. `training/configs` holds the configurations of the shipped models.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hushgate.training.config.mixture_schema import DataConfig, MixConfig
from hushgate.training.config.toml_tables import build, read_values

LOSS_TERMS = (
    "magnitude",
    "complex",
    "snr",
    "silence",
    "mse",
    "quiet_mse",
    "log_magnitude",
    "level_mse",
    "si_sdr",
    "multi_resolution",
    "perceptual",
    "opinion",
    "adversarial",
    "feature_matching",
)
ADVERSARIAL_KINDS = ("hinge", "least_squares")
OPTIMIZERS = ("adamw", "muon")
LOGGERS = ("tensorboard", "wandb", "wandb-offline", "none")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss terms, 0 or more; a term of weight 0 costs nothing (see `training.losses`).

    Args:
        magnitude, complex: Weights of the power-compressed spectral errors.
        snr: Weight of the negative SNR, a dB.
        silence: Weight of the output's level against the mixture's, dB, where the target is silence.
        mse: Weight of the mean squared error of the magnitudes.
        quiet_mse: Weight of the same with frames weighted the more, the quieter they are.
        log_magnitude: Weight of the mean squared error of the magnitudes' logarithms.
        level_mse: Weight of the mean squared error of the levels in dB, -100 to 100 scaled to 0..1.
        si_sdr: Weight of the negative SI-SDR, a dB; unlike `snr` it lets the output level drift.
        multi_resolution: Weight of the multi-resolution STFT loss.
        perceptual: Weight of the disturbance of PESQ's model; speech at 16 kHz or more.
        opinion: Weight of the distance of DNSMOS's score from 5; speech at 16 kHz (see `OpinionLoss`).
        adversarial: Weight of the loss against a discriminator trained alongside.
        feature_matching: Weight of the distance of the discriminator's features; only with `adversarial`.
        log_floor_db: Floor of the levels in `log_magnitude`, dB below a full-scale sine.
        compression: Exponent of the magnitudes in `magnitude` and `complex`.
        snr_ceiling_db: SNR beyond which `snr` and `si_sdr` have little to gain, dB; above the best mixtures'
            own SNR.
        opinion_examples: Examples of a batch that `opinion` judges.
        perceptual_examples: Examples of a batch that `perceptual` judges, the first ones; 0 for all.
        adversarial_kind: "hinge" or "least_squares".
        adversarial_from_step: Step from which the discriminator takes part.
        discriminator_channels: Width of the discriminator.
        discriminator_learning_rate: Learning rate of the discriminator, constant.
    """

    magnitude: float = 70.0
    complex: float = 30.0
    snr: float = 0.5
    silence: float = 0.0
    mse: float = 0.0
    quiet_mse: float = 0.0
    log_magnitude: float = 0.0
    level_mse: float = 0.0
    si_sdr: float = 0.0
    multi_resolution: float = 0.0
    perceptual: float = 0.0
    opinion: float = 0.0
    adversarial: float = 0.0
    feature_matching: float = 0.0
    log_floor_db: float = -80.0
    compression: float = 0.3
    snr_ceiling_db: float = 30.0
    opinion_examples: int = 2
    perceptual_examples: int = 0
    adversarial_kind: str = "hinge"
    adversarial_from_step: int = 0
    discriminator_channels: int = 16
    discriminator_learning_rate: float = 2e-4

    def __post_init__(self) -> None:
        weights = {name: getattr(self, name) for name in LOSS_TERMS}
        for name, weight in weights.items():
            if not 0.0 <= weight < math.inf:
                raise ValueError(f"{name} must be a weight of 0 or more (got {weight}).")
        if not any(weights.values()):
            raise ValueError(f"one of {', '.join(LOSS_TERMS)} must be above 0.")
        if not -160.0 <= self.log_floor_db <= 0.0:
            raise ValueError(f"log_floor_db must be -160 to 0, dB (got {self.log_floor_db:g}).")
        if self.opinion_examples < 1:
            raise ValueError(f"opinion_examples must be at least 1 (got {self.opinion_examples}).")
        if self.feature_matching and not self.adversarial:
            raise ValueError("feature_matching needs a discriminator. Set adversarial above 0.")
        if self.adversarial_kind not in ADVERSARIAL_KINDS:
            raise ValueError(
                f"adversarial_kind must be one of {', '.join(ADVERSARIAL_KINDS)} "
                f"(got {self.adversarial_kind!r})."
            )


@dataclass(frozen=True)
class TrainConfig:
    """The run.

    Args:
        seed: Drives the weights and every mixture; 0 or more.
        max_steps: Optimizer steps.
        batch_size: Mixtures a step.
        learning_rate: Peak of the schedule: linear over `warmup_steps`, then cosine down to 1 % of it.
        optimizer: "adamw" or "muon", which takes AdamW for all weights but hidden matrices (see
            `MuonAdamW`); for networks of the family hush.
        weight_decay: The optimizer's, on matrices only.
        gradient_clip: Largest gradient norm.
        ema_decay: Decay of the averaged weights, a step; they are what is validated and exported.
        steps_per_epoch: Steps between validations and checkpoints.
        workers: Processes that mix; 0 mixes in the training process.
        threads: PyTorch threads on the CPU.
        accelerator: "auto", "cpu", "cuda" or "mps".
        precision: "32-true", "bf16-mixed", or "auto": bf16 on CUDA and on processors that multiply in it
            (twice as fast there), else 32 bit.
        devices: GPUs of each node, or processes where there is none; the batch is divided among them all.
        nodes: Machines.
        strategy: Lightning's, for more than one device: "auto" (DDP), "ddp", ...
        patience: Validations without improvement after which training ends; 0 never ends it early.
        logger: "tensorboard", "wandb", "wandb-offline" or "none".
        preview_clips: Validation examples that are logged as sound and spectrogram.
        preview_epochs: Epochs from one preview to the next; 0 logs none.
        only: Name of the one part of the network to train, "presence" for instance; the rest stays as it is.
    """

    seed: int = 1
    max_steps: int = 10_000
    batch_size: int = 16
    learning_rate: float = 2e-3
    warmup_steps: int = 300
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    gradient_clip: float = 5.0
    ema_decay: float = 0.999
    steps_per_epoch: int = 500
    workers: int = 1
    threads: int = 1
    accelerator: str = "auto"
    precision: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"
    patience: int = 0
    logger: str = "tensorboard"
    preview_clips: int = 2
    preview_epochs: int = 5
    only: str = ""

    def __post_init__(self) -> None:
        for names, least in (
            (("max_steps", "batch_size", "steps_per_epoch", "threads", "devices", "nodes"), 1),
            (("seed", "warmup_steps", "workers", "patience", "preview_clips", "preview_epochs"), 0),
        ):
            for name in names:
                if getattr(self, name) < least:
                    raise ValueError(f"{name} must be {least} or more (got {getattr(self, name)}).")
        if not self.learning_rate > 0.0:
            raise ValueError(f"learning_rate must be above 0 (got {self.learning_rate:g}).")
        if self.batch_size % (self.devices * self.nodes):
            raise ValueError(
                f"batch_size must be a multiple of devices times nodes, {self.devices * self.nodes} "
                f"(got {self.batch_size})."
            )
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)} (got {self.optimizer!r}).")
        if self.logger not in LOGGERS:
            raise ValueError(f"logger must be one of {', '.join(LOGGERS)} (got {self.logger!r}).")


@dataclass(frozen=True)
class SearchConfig:
    """Settings of `hushgate search`; training ignores them.

    Args:
        trials: Trainings in all, those of earlier and concurrent runs included.
        monitor: Logged value to compare trials by.
        direction: "minimize" or "maximize".
        sampler: "tpe", "random" or "grid" (every combination of the choices once, at most `trials` of them).
        pruner: "median", "hyperband" or "none": which trials end early.
        startup_trials: Trials that are drawn at random and never pruned.
        warmup_epochs: Epochs that every trial is given before it may be pruned.
        space: Name of a parameter, "table.key", to a table: `choices`; or `low` and `high` with `log` or
            `step`. A choice that is a table itself sets several keys at once.
    """

    trials: int = 30
    monitor: str = "val/loss"
    direction: str = "minimize"
    sampler: str = "tpe"
    pruner: str = "median"
    startup_trials: int = 5
    warmup_epochs: int = 1
    space: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"trials must be 1 or more (got {self.trials}).")
        for name, allowed in (
            ("direction", ("minimize", "maximize")),
            ("sampler", ("tpe", "random", "grid")),
            ("pruner", ("median", "hyperband", "none")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)} (got {getattr(self, name)!r}).")


@dataclass(frozen=True)
class CardConfig:
    """Name, task, licence and attribution in the exported file."""

    name: str = "model"
    task: str = "voice"
    description: str = ""
    licence: str = ""
    attribution: str = ""


@dataclass(frozen=True)
class Config:
    """All tables of a configuration file.

    `model` names a family of `training.models` under "family" and holds its parameters.
    """

    model: Mapping[str, Any] = field(default_factory=lambda: {"family": "hush"})
    data: DataConfig = field(default_factory=DataConfig)
    mix: MixConfig = field(default_factory=MixConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    card: CardConfig = field(default_factory=CardConfig)
    search: SearchConfig = field(default_factory=SearchConfig)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` turns into an equal configuration."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any], source: str = "config") -> Config:
        """Check plain data and return the configuration.

        Raises:
            ValueError: An unknown key or a value of the wrong type, named with `source` and its table.
        """
        return typing.cast(Config, build(Config, values, source))


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a TOML file; `overrides` are "table.key=value" with the value in TOML.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not TOML, an unknown key or a wrong value; says which.
    """
    return Config.from_dict(read_values(path, overrides), str(path))


def shipped_config(name: str) -> Path:
    """Return the path of a configuration that comes with hushgate.

    Raises:
        FileNotFoundError: No such name; lists those there are.
    """
    folder = Path(__file__).parents[1] / "configs"
    path = folder / f"{name}.toml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
        raise FileNotFoundError(f"no configuration is named {name!r} (shipped: {names}). Files end in .toml.")
    return path
