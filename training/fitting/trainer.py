"""Training with Lightning: one function that runs what a configuration describes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import (
    EarlyStopping,
    LearningRateMonitor,
    ModelCheckpoint,
    TQDMProgressBar,
    WeightAveraging,
)
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from hushgate.training.config.schema import Config
from hushgate.training.fitting.adversarial_module import make_module
from hushgate.training.fitting.callbacks import AtomicCheckpoints, NewExamples, averaging, make_logger
from hushgate.training.fitting.distributed import BatchShareSampler, EveryNth, share_plan
from hushgate.training.fitting.initial_weights import initialize
from hushgate.training.fitting.log_previews import Previews
from hushgate.training.fitting.resumed_settings import check_resumed
from hushgate.training.fitting.third_party_messages import without_advertisements
from hushgate.training.mixtures.band_split import BandSplit
from hushgate.training.mixtures.dataset import MixtureDataset
from hushgate.training.mixtures.full_band_mixer import check_target_rates, make_mixer
from hushgate.training.models import Hush, Network

_ACCELERATORS = ("auto", "cpu", "cuda", "mps")
# Batches that give the layer statistics of a training that starts from an exported model.
_STATISTICS_BATCHES = 8


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
        run_dir: Folder for checkpoints (`last.ckpt`, `best.ckpt`) and logs.
        resume: Go on from `run_dir/last.ckpt`; without it that file must not exist. Mixtures, weights of the
            loss and `train.max_steps` may be others than before.
        init_from: Checkpoint or exported model file whose weights to start from; not with `resume`.
        progress: Show a progress bar.
        callbacks: More of Lightning's callbacks, after our own.

    Raises:
        FileNotFoundError: Recordings, the checkpoint to resume or `init_from` are missing.
        FileExistsError: `run_dir` holds a training already.
        RuntimeError: The processor that `train.accelerator` names is not there.
        ValueError: The network does not fit the sample rate, `init_from` does not fit the configuration,
            there are too few validation examples, or `resume` cannot change a setting (see `check_resumed`).
    """
    last = run_dir / "last.ckpt"
    if resume and not last.is_file():
        raise FileNotFoundError(f"{last} does not exist: there is no training to resume.")
    if not resume and last.exists():
        raise FileExistsError(f"{last} exists. Use --resume to go on, or another folder.")
    if resume:
        check_resumed(config, last)
    _check_accelerator(config)
    lightning.seed_everything(config.train.seed, verbose=False)
    torch.set_num_threads(config.train.threads)
    # Made before the recordings are read, which may take long: it refuses a rate that does not fit.
    module = make_module(config)
    split = _band_split(config, module.network)
    mixer = make_mixer(config.data, config.mix, "train")
    examples = MixtureDataset(
        mixer, config.train.seed, config.train.max_steps * config.train.batch_size, split
    )
    # Another seed than training's, the same for all but seed 0: validation figures are comparable.
    seed = 0 if config.train.seed else 1
    validation = MixtureDataset(
        make_mixer(config.data, config.mix, "val"), seed, config.data.val_examples, split
    )
    if init_from is not None and not resume:
        initialize(module, init_from, _first_mixtures(examples, config))
    samplers = (
        BatchShareSampler(config.train.steps_per_epoch, config.train.batch_size),
        EveryNth(config.data.val_examples),
    )
    with without_advertisements():
        trainer = _trainer(config, run_dir, validation, samplers, progress, callbacks)
    for sampler in samplers:
        sampler.world_size = trainer.world_size
    if config.data.val_examples < trainer.world_size:
        raise ValueError(
            f"data.val_examples must be one for each process or more, {trainer.world_size} "
            f"(got {config.data.val_examples})."
        )
    run_dir.mkdir(parents=True, exist_ok=True)  # not before: a training that cannot begin leaves nothing
    share = config.train.batch_size // trainer.world_size
    with without_advertisements():
        trainer.fit(
            module,
            _loader(examples, config, samplers[0], share),
            _loader(validation, config, samplers[1], share),
            ckpt_path=last if resume else None,
            weights_only=True,
        )
    return last


def _check_accelerator(config: Config) -> None:
    """Refuse a processor that is not there, before anything is read."""
    wanted, devices = config.train.accelerator, config.train.devices
    # Not by the configuration's own checks: checkpoints of earlier versions may hold other names.
    if wanted not in _ACCELERATORS:
        raise ValueError(f"train.accelerator must be one of {', '.join(_ACCELERATORS)} (got {wanted!r}).")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise RuntimeError('train.accelerator = "mps" needs an Apple GPU (found none). Use "auto" or "cpu".')
    if wanted != "cuda":
        return
    if torch.version.cuda is None:
        raise RuntimeError(
            'train.accelerator = "cuda" needs a PyTorch with CUDA '
            f"(this one, {torch.__version__}, has none). "
            'Install one from pytorch.org, or use "auto" or "cpu".'
        )
    found = torch.cuda.device_count()
    if found < devices:
        raise RuntimeError(
            f'train.accelerator = "cuda" needs {devices} NVIDIA GPU{"s" * (devices > 1)} and a driver '
            f'(found {found}). Use "auto" or "cpu", or set train.devices lower.'
        )


def _trainer(
    config: Config,
    run_dir: Path,
    validation: MixtureDataset,
    samplers: tuple[BatchShareSampler, EveryNth],
    progress: bool,
    callbacks: Sequence[lightning.Callback],
) -> lightning.Trainer:
    train = config.train
    plan = share_plan(config, _on_cuda(config))
    plan["plugins"] = [*plan.get("plugins", []), AtomicCheckpoints()]
    logger = make_logger(train.logger, run_dir)
    ours: list[lightning.Callback] = [
        WeightAveraging(avg_fn=averaging(train.ema_decay)),
        NewExamples(samplers, train.batch_size, train.seed),
        ModelCheckpoint(run_dir, "best", monitor="val/loss", enable_version_counter=False),
        # Apart from the best one: `save_last` would write only when the best improves.
        ModelCheckpoint(run_dir, "last", enable_version_counter=False),
    ]
    if logger is not None:
        ours.append(LearningRateMonitor())
    if logger is not None and train.preview_epochs and train.preview_clips:
        # After the averaging, which swaps the weights for validation.
        ours.append(Previews(validation, train.preview_clips, train.preview_epochs, config.data.sample_rate))
    if train.patience:
        ours.append(EarlyStopping("val/loss", patience=train.patience, check_on_train_epoch_end=False))
    if progress:
        # Lightning's choice where rich is installed counts up to a last epoch, which is -2 without a limit of
        # epochs. With one, a resumed training would end early: an interrupted epoch counts as a whole one.
        ours.append(TQDMProgressBar())
    return lightning.Trainer(
        **plan,
        default_root_dir=run_dir,
        accelerator={"cuda": "gpu"}.get(train.accelerator, train.accelerator),
        precision=_precision(config),
        max_steps=train.max_steps,
        # A training with a discriminator clips the gradients of both networks itself.
        gradient_clip_val=None if config.loss.adversarial else train.gradient_clip,
        logger=logger or False,
        log_every_n_steps=50,
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[*ours, *callbacks],
    )


def _band_split(config: Config, network: Network) -> BandSplit | None:
    """How examples at `data.mix_rate` are split for a network; None where they are mixed at `sample_rate`.

    Raises:
        ValueError: A network that hears bands above its bins has no `data.mix_rate`, or no target with such
            bands; or the rates do not fit.
    """
    data = config.data
    shape = network.config if isinstance(network, Hush) and network.upper is not None else None
    if shape is not None and not data.mix_rate:
        raise ValueError(
            "with model.upper_edges_hz, data.mix_rate must be a rate that has such bands, 48000 Hz for "
            f"instance (got {data.mix_rate}): a network learns of them from no other examples."
        )
    if shape is not None:
        check_target_rates(data, config.mix)
    return BandSplit(data.sample_rate, data.mix_rate, shape) if data.mix_rate else None


def _first_mixtures(dataset: MixtureDataset, config: Config) -> Iterator[Tensor]:
    """The noisy sides of the first training batches, mixed when asked for."""
    size = config.train.batch_size
    for first in range(0, _STATISTICS_BATCHES * size, size):
        yield torch.stack([dataset[index][0] for index in range(first, first + size)])


def _on_cuda(config: Config) -> bool:
    return config.train.accelerator != "cpu" and torch.cuda.is_available()


def _precision(config: Config) -> Any:
    if config.train.precision != "auto":
        return config.train.precision
    processor = torch.cpu.get_capabilities()
    multiplies_bf16 = _on_cuda(config) or processor.get("avx512_bf16") or processor.get("amx_bf16")
    return "bf16-mixed" if multiplies_bf16 else "32-true"


def _loader(
    dataset: MixtureDataset, config: Config, sampler: Sampler[int], batch_size: int
) -> DataLoader[tuple[Tensor, ...]]:
    workers = config.train.workers
    return DataLoader(
        dataset,
        batch_size,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=_on_cuda(config),
    )
