"""Training with Lightning: one module for every mask network, one function that runs it."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader

from hushgate.training.config import Config
from hushgate.training.losses import DenoisingLoss, si_sdr
from hushgate.training.mixing import EpochSampler, Mixer, MixtureDataset
from hushgate.training.models import Hush, build_model
from hushgate.training.spectrum import Framing, apply_mask

_SILENCE = 1e-8
_MIXED_DB = 40.0
# Batches that are heard before a training that starts from an exported model.
_STATISTICS_BATCHES = 8


class DenoisingModule(lightning.LightningModule):
    """A mask network with its framing, loss and optimizer.

    Batches are (noisy, clean), each (batch, samples). The loss sees both at a common level: quiet recordings
    count as much as loud ones.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.save_hyperparameters({"config": config.to_dict()})
        self.network = build_model(config.model)
        shape = self.network.config
        self.framing = Framing(config.data.sample_rate, shape.frame_ms, shape.overlap)
        self.loss = DenoisingLoss(config.loss, config.data.sample_rate)

    def forward(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """Map noisy (batch, samples) to the estimate (batch, samples) and its spectrum."""
        spectrum = self.framing.analyse(noisy)
        state = self.network.initial_state(len(noisy))
        mask, upper_gain, _ = self.network(spectrum[:, :, : self.network.config.num_bins], state)
        masked = apply_mask(spectrum, mask.float(), upper_gain.float())
        return self.framing.synthesize(masked, noisy.shape[-1]), masked

    def _loss(self, noisy: Tensor, clean: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        estimate, masked = self(noisy)
        level = clean.square().mean(-1, keepdim=True)
        level = torch.where(level > _SILENCE**2, level, noisy.square().mean(-1, keepdim=True))
        gain = (level + _SILENCE**2).rsqrt()
        loss, terms = self.loss(
            estimate * gain,
            clean * gain,
            masked * gain[:, :, None, None],
            self.framing.analyse(clean * gain),
        )
        return loss, terms, estimate

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        loss, terms, _ = self._loss(*batch)
        self.log("train/loss", loss, prog_bar=True)
        self.log_dict({f"train/{name}": value for name, value in terms.items()})
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        noisy, clean = batch
        loss, _, estimate = self._loss(noisy, clean)
        before = si_sdr(noisy, clean)
        # Silent and clean examples have no meaningful ratio to improve.
        mixed = before.abs() < _MIXED_DB
        self.log("val/loss", loss, prog_bar=True, batch_size=len(noisy))
        if mixed.any():
            gained = (si_sdr(estimate, clean) - before)[mixed].mean()
            self.log("val/si_sdr_gain_db", gained, prog_bar=True, batch_size=int(mixed.sum()))

    def configure_optimizers(self) -> Any:
        train = self.config.train
        matrices = [p for p in self.network.parameters() if p.ndim > 1]
        vectors = [p for p in self.network.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": train.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=train.learning_rate,
            betas=(0.9, 0.98),
        )

        def schedule(step: int) -> float:
            if step < train.warmup_steps:
                return (step + 1) / train.warmup_steps
            done = (step - train.warmup_steps) / max(1, train.max_steps - train.warmup_steps)
            return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def train(
    config: Config,
    run_dir: Path,
    *,
    resume: bool = False,
    init_from: Path | None = None,
    progress: bool = True,
    callbacks: Sequence[lightning.Callback] = (),
) -> Path:
    """Train as configured and return the last checkpoint's path.

    Args:
        config: What to train on what.
        run_dir: Folder for checkpoints (`last.ckpt`, `best.ckpt`) and TensorBoard logs.
        resume: Go on from `run_dir/last.ckpt`; without it that file must not exist.
        init_from: Checkpoint or exported model file whose weights to start from; not with `resume`.
        progress: Show a progress bar.
        callbacks: More of Lightning's callbacks, after our own.

    Raises:
        FileNotFoundError: Recordings, the checkpoint to resume or `init_from` are missing.
        FileExistsError: `run_dir` holds a training already.
        ValueError: `init_from` does not fit the configuration.
    """
    last = run_dir / "last.ckpt"
    if resume and not last.is_file():
        raise FileNotFoundError(f"{last} does not exist: there is no training to resume.")
    if not resume and last.exists():
        raise FileExistsError(f"{last} exists. Use --resume to go on, or another folder.")
    lightning.seed_everything(config.train.seed, verbose=False)
    torch.set_num_threads(config.train.threads)
    per_epoch = config.train.steps_per_epoch * config.train.batch_size
    mixer = Mixer(config.data, config.mix, "train")
    sampler = EpochSampler(per_epoch)
    loader = _loader(
        MixtureDataset(mixer, config.train.seed, config.train.max_steps * config.train.batch_size),
        config,
        sampler,
    )
    module = DenoisingModule(config)
    if init_from is not None and not resume:
        from hushgate.training.initialize import initialize  # which builds on this module

        initialize(module, init_from, _first_mixtures(mixer, config))
    # Another seed than training's, the same in every run: validation figures are comparable.
    validation = MixtureDataset(Mixer(config.data, config.mix, "val"), 0, config.data.val_examples)
    trainer = lightning.Trainer(
        default_root_dir=run_dir,
        accelerator={"cuda": "gpu"}.get(config.train.accelerator, config.train.accelerator),
        devices=1,
        precision=_precision(config),
        max_steps=config.train.max_steps,
        gradient_clip_val=config.train.gradient_clip,
        logger=TensorBoardLogger(run_dir, name="", version="logs"),
        log_every_n_steps=50,
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[
            WeightAveraging(avg_fn=_averaging(config.train.ema_decay)),
            _NewExamples(sampler, config.train.batch_size),
            LearningRateMonitor(),
            ModelCheckpoint(run_dir, "best", monitor="val/loss", enable_version_counter=False),
            # Apart from the best one: `save_last` would write only when the best improves.
            ModelCheckpoint(run_dir, "last", enable_version_counter=False),
            *callbacks,
        ],
    )
    trainer.fit(module, loader, _loader(validation, config), ckpt_path=last if resume else None)
    return last


def _first_mixtures(mixer: Mixer, config: Config) -> Iterator[Tensor]:
    """The noisy sides of the first training batches, mixed when asked for."""
    size = config.train.batch_size
    for first in range(0, _STATISTICS_BATCHES * size, size):
        examples = (mixer.example(config.train.seed, index)[0] for index in range(first, first + size))
        yield torch.stack([torch.from_numpy(noisy) for noisy in examples])


class _NewExamples(lightning.Callback):
    """Start every epoch at the example that the steps so far have reached.

    Not by Lightning's `set_epoch`: after resuming, its count is one epoch ahead.
    """

    def __init__(self, sampler: EpochSampler, batch_size: int) -> None:
        self.sampler = sampler
        self.batch_size = batch_size

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.sampler.start = trainer.global_step * self.batch_size


def _averaging(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Exponential averaging that starts as a plain mean.

    A fixed decay from the first step on would keep the initial weights, and the first variances of the batch
    normalizations, in the average for thousands of steps.
    """

    def average(averaged: Tensor, current: Tensor, num_averaged: Tensor | int) -> Tensor:
        share = max(1.0 - decay, 9.0 / (9.0 + float(num_averaged)))
        return averaged + (current - averaged) * share

    return average


def _on_cuda(config: Config) -> bool:
    return config.train.accelerator != "cpu" and torch.cuda.is_available()


def _precision(config: Config) -> Any:
    if config.train.precision != "auto":
        return config.train.precision
    processor = torch.cpu.get_capabilities()
    multiplies_bf16 = _on_cuda(config) or processor.get("avx512_bf16") or processor.get("amx_bf16")
    return "bf16-mixed" if multiplies_bf16 else "32-true"


def _loader(
    dataset: MixtureDataset, config: Config, sampler: EpochSampler | None = None
) -> DataLoader[tuple[Tensor, Tensor]]:
    workers = config.train.workers
    return DataLoader(
        dataset,
        config.train.batch_size,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=_on_cuda(config),
    )


def load_network(checkpoint: Path) -> tuple[Hush, Config]:
    """Read the averaged weights of a checkpoint into a network, in evaluation mode.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is no checkpoint of `hushgate train`.
    """
    if not checkpoint.is_file():
        raise FileNotFoundError(f"checkpoint {checkpoint} does not exist.")
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        config = Config.from_dict(content["hyper_parameters"]["config"], str(checkpoint))
        weights = content["state_dict"]
    except (KeyError, RuntimeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{checkpoint} is not a checkpoint of hushgate train ({type(error).__name__})."
        ) from error
    module = DenoisingModule(config)
    module.load_state_dict(weights)
    return module.network.eval(), config
