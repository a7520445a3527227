"""Sound and spectrograms of a few validation examples in the training log."""

from __future__ import annotations

from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from numpy.typing import NDArray
from torch import Tensor

from hushgate.pictures.colour_map import inferno
from hushgate.training.fitting.denoising_module import DenoisingModule
from hushgate.training.mixtures.dataset import MixtureDataset

_RANGE_DB = 80.0
_GAP_ROWS = 4


class Previews(lightning.Callback):
    """Log what the averaged weights make of the first validation examples.

    Args:
        validation: The validation set.
        num_clips: How many of its examples.
        every_epochs: Epochs from one preview to the next.
        sample_rate: Hz.

    Each example becomes one picture, spectrograms of the noisy, the denoised and the clean sound from top to
    bottom, and one recording; the noisy and clean ones are logged once.
    """

    def __init__(
        self, validation: MixtureDataset, num_clips: int, every_epochs: int, sample_rate: int
    ) -> None:
        self.validation = validation
        self.num_clips = min(num_clips, len(validation))
        self.every_epochs = every_epochs
        self.sample_rate = sample_rate
        self._are_inputs_logged = False

    def on_validation_epoch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        if not trainer.is_global_zero or (trainer.current_epoch + 1) % self.every_epochs:
            return
        assert isinstance(module, DenoisingModule)
        assert trainer.logger is not None
        for number in range(self.num_clips):
            noisy, clean = (one[None].to(module.device) for one in self.validation[number][:2])
            with torch.no_grad():
                estimate, _ = module(noisy)
            sounds = {"noisy": noisy, "denoised": estimate, "clean": clean}
            picture = stacked_spectrograms([module.framing.analyse(one)[0] for one in sounds.values()])
            step = trainer.global_step
            _log_image(trainer.logger, f"preview/{number}", picture, step)
            for name, sound in sounds.items():
                if name == "denoised" or not self._are_inputs_logged:
                    _log_audio(trainer.logger, f"preview/{number}/{name}", sound[0], step, self.sample_rate)
        self._are_inputs_logged = True


def stacked_spectrograms(spectra: list[Tensor]) -> NDArray[np.uint8]:
    """Draw spectra (frames, bins, 2) above one another on one scale of 80 dB: (height, width, 3)."""
    levels = [10.0 * torch.log10(one.float().square().sum(-1) + 1e-12).cpu().numpy() for one in spectra]
    top_db = max(float(level.max()) for level in levels)
    gap = np.full((_GAP_ROWS, len(levels[0]), 3), 255, dtype=np.uint8)
    rows: list[NDArray[np.uint8]] = []
    for level in levels:
        share = np.clip((level - top_db + _RANGE_DB) / _RANGE_DB, 0.0, 1.0)
        # Low frequencies at the bottom.
        rows += [_coloured(share.T[::-1]), gap]
    return np.concatenate(rows[:-1])


def _coloured(share: NDArray[Any]) -> NDArray[np.uint8]:
    return inferno()[np.rint(255.0 * share).astype(np.intp)]


def _log_image(logger: Logger, name: str, picture: NDArray[np.uint8], step: int) -> None:
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(name, picture, step, dataformats="HWC")
    elif isinstance(logger, WandbLogger):
        logger.log_image(name, [picture], step=None, caption=[f"step {step}: noisy, denoised, clean"])


def _log_audio(logger: Logger, name: str, sound: Tensor, step: int, sample_rate: int) -> None:
    audio = sound.float().cpu().clamp(-1.0, 1.0)
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_audio(name, audio[None], step, sample_rate)
    elif isinstance(logger, WandbLogger):
        logger.log_audio(
            name, [audio.numpy()], step=None, sample_rate=[sample_rate], caption=[f"step {step}"]
        )
