"""Lightning callbacks, atomic checkpoints, weight averaging and loggers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from torch import Tensor

from hushgate.audio_files.atomic_write import AtomicFile
from hushgate.training.fitting.distributed import BatchShareSampler, EveryNth

_PROJECT = "hushgate"


class NewExamples(lightning.Callback):
    """Start every epoch at the example that the steps so far have reached, with random numbers of its own.

    Not by Lightning's `set_epoch`: after resuming, its count is one epoch ahead. Random numbers in the
    network (dropout) follow from the step as well, so that a resumed training draws those of an undisturbed
    one; each process has others.
    """

    def __init__(self, samplers: Sequence[BatchShareSampler | EveryNth], batch_size: int, seed: int) -> None:
        self.samplers, self.batch_size, self.seed = samplers, batch_size, seed

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        for sampler in self.samplers:
            sampler.rank, sampler.world_size = trainer.global_rank, trainer.world_size

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        for sampler in self.samplers:
            if isinstance(sampler, BatchShareSampler):
                sampler.start = trainer.global_step * self.batch_size
        place = np.random.SeedSequence((self.seed, trainer.global_step, trainer.global_rank))
        torch.manual_seed(int(place.generate_state(1)[0]))


class AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints written in one step.

    Lightning writes to the system's folder for temporary files and moves the result, which on another file
    system is a copy that a crash can cut short.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with AtomicFile(target, overwrite=True) as file:
            torch.save(checkpoint, file.part)


def averaging(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Exponential averaging that starts as the mean of about the last ninth of the steps so far.

    A fixed decay from the first step on would keep the initial weights, and the first variances of the batch
    normalizations, in the average for thousands of steps.
    """

    def average(averaged: Tensor, current: Tensor, num_averaged: Tensor | int) -> Tensor:
        share = max(1.0 - decay, 9.0 / (9.0 + float(num_averaged)))
        return averaged + (current - averaged) * share

    return average


def make_logger(name: str, run_dir: Path) -> Logger | None:
    """The logger of that name, writing into `run_dir`; None for "none".

    Raises:
        ModuleNotFoundError: Weights & Biases is asked for and not installed (extra `wandb`).
    """
    if name == "tensorboard":
        return TensorBoardLogger(run_dir, name="", version="logs")
    if name == "none":
        return None
    importlib.import_module("wandb")
    # A resumed training becomes another run of the same group.
    return WandbLogger(
        name=run_dir.name,
        group=run_dir.name,
        project=_PROJECT,
        save_dir=run_dir,
        offline=name == "wandb-offline",
    )
