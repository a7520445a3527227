"""The networks as Lightning trains them: framing, loss and optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from hushgate.training.config.schema import Config
from hushgate.training.fitting.optimizers import make_optimizer
from hushgate.training.losses import RELATIVE_TERMS, DenoisingLoss, is_sounding, si_sdr
from hushgate.training.losses.summed_loss import SummedLoss
from hushgate.training.models import Hush, build_model
from hushgate.training.models.torch_framing import Framing

_MIXED_DB = 40.0
_GAIN = "si_sdr_gain_db"


@dataclass(frozen=True)
class Assessment:
    """A batch's loss with its terms, the estimates, and the gains that brought them to a common level.

    `sums` are the terms of the network's own, before they were averaged.
    """

    loss: Tensor
    terms: dict[str, Tensor]
    sums: dict[str, SummedLoss]
    estimate: Tensor
    gain: Tensor


class DenoisingModule(lightning.LightningModule):
    """A network with its framing, loss and optimizer.

    Batches are (noisy, clean), each (batch, samples), and for a network that hears bands above its bins the
    powers of these, (batch, frames, bands, 4), as in `upper_loss`. The loss sees both sounds at a common
    level: quiet recordings count as much as loud ones.

    Raises:
        ValueError: The network does not fit the sample rate, or the configuration is wrong otherwise.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.save_hyperparameters({"config": config.to_dict()})
        self.network = build_model(config.model)
        shape = self.network.config
        self.framing = Framing(config.data.sample_rate, shape.frame_ms, shape.overlap)
        self._check_bins()
        if config.train.only:
            self.network.requires_grad_(False)
            self._only_part().requires_grad_()
        self.loss = DenoisingLoss(config.loss, config.data.sample_rate)

    def _check_bins(self) -> None:
        """Refuse a rate at which frames lack bins that the network needs; segment networks do without."""
        shape, sample_rate = self.network.config, self.config.data.sample_rate
        num_there = self.framing.frame_size // 2 + 1
        if isinstance(self.network, Hush) and num_there < shape.num_bins:
            width_hz = 1000.0 / shape.frame_ms
            edge_hz = shape.num_bins * width_hz
            raise ValueError(
                f"data.sample_rate must give frames model.num_bins bins, {shape.num_bins} of {width_hz:g} Hz "
                f"(got {sample_rate} Hz, which gives {num_there}). Bins up to {edge_hz:g} Hz need a rate of "
                f"at least {2.0 * edge_hz:g} Hz: raise it, or set model.num_bins lower and "
                "model.upper_from_hz below where its bins end."
            )

    def _only_part(self) -> nn.Module:
        only = self.config.train.only
        try:
            return self.network.get_submodule(only)
        except AttributeError:
            parts = ", ".join(name for name, part in self.network.named_children() if [*part.parameters()])
            raise ValueError(f"train.only must name a part of the network (got {only!r}): {parts}.") from None

    def train(self, mode: bool = True) -> DenoisingModule:
        """Set whether the network trains; with `train.only` that part alone, its rest as it ships."""
        super().train(mode)
        if mode and self.config.train.only:
            self.network.eval()
            self._only_part().train()
        return self

    def forward(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """Map noisy (batch, samples) to the estimate (batch, samples) and its spectrum."""
        return self._enhance(noisy)[:2]

    def _enhance(
        self, noisy: Tensor, target: Tensor | None = None, above: Tensor | None = None
    ) -> tuple[Tensor, Tensor, dict[str, SummedLoss]]:
        """Estimate, its spectrum, and the network's own loss terms, for which it may need the target's."""
        mixed = self.framing.analyse(noisy)
        if above is None or not isinstance(self.network, Hush):
            spectrum, terms = self.network.enhance(mixed, target)
        else:
            spectrum, terms = self.network.enhance(mixed, target, above)
        return self.framing.synthesize(spectrum, noisy.shape[-1]), spectrum, terms

    def assess(
        self,
        noisy: Tensor,
        clean: Tensor,
        mean_count: Callable[[Tensor], Tensor] | None = None,
        above: Tensor | None = None,
    ) -> Assessment:
        """Denoise a batch and compute its loss; `mean_count` as in `DenoisingLoss`."""
        target = self.framing.analyse(clean)
        estimate, spectrum, sums = self._enhance(noisy, target, above)
        loss, terms, gain = self.loss.at_common_level(noisy, clean, target, estimate, spectrum, mean_count)
        own_terms = {name: term.mean(mean_count) for name, term in sums.items()}
        loss = sum(own_terms.values(), start=loss)
        return Assessment(loss, terms | own_terms, sums, estimate, gain)

    @property
    def shares_batches(self) -> bool:
        """Whether other processes train on other parts of the same batches."""
        return bool(self.trainer.world_size > 1)

    def mean_count(self, count: Tensor) -> Tensor:
        """The mean over all processes of a number of examples, say, which each of them must ask for."""
        if not self.shares_batches:
            return count
        counts = self.all_gather(count)
        assert isinstance(counts, Tensor)
        return counts.mean()

    def training_step(self, batch: tuple[Tensor, ...], batch_index: int) -> Tensor | None:
        noisy, clean, *above = batch
        result = self.assess(noisy, clean, self.mean_count, *above)
        self.log_training(result.loss, result.terms)
        return result.loss

    def log_training(self, loss: Tensor, terms: Mapping[str, Tensor]) -> None:
        """Log a step's loss and its terms, as means over all processes."""
        self.log("train/loss", loss, prog_bar=True, sync_dist=self.shares_batches)
        self.log_dict(
            {f"train/{name}": value for name, value in terms.items()}, sync_dist=self.shares_batches
        )

    def on_validation_epoch_start(self) -> None:
        # Sum and number of examples of each term: the result does not depend on batches or processes.
        self._sums: dict[str, Tensor] = {}

    def validation_step(self, batch: tuple[Tensor, ...], batch_index: int) -> None:
        noisy, clean, *above = batch
        # Processes may have different numbers of batches here, so none may wait for the others.
        result = self.assess(noisy, clean, None, *above)
        num_sounding = int(is_sounding(clean * result.gain).sum())
        for name, value in result.terms.items():
            count = num_sounding if name in RELATIVE_TERMS else len(noisy)
            self._add(name, *result.sums.get(name, (value.float() * count, count)))
        before = si_sdr(noisy, clean)
        # Silent and clean examples have no meaningful ratio to improve.
        mixed = before.abs() < _MIXED_DB
        gains = torch.where(mixed, si_sdr(result.estimate, clean) - before, 0.0)
        num_mixed = int(mixed.sum())
        self._add(_GAIN, gains.sum(), num_mixed)

    def _add(self, name: str, total: Tensor, count: Tensor | int) -> None:
        so_far = self._sums.get(name, torch.zeros(2, device=self.device))
        self._sums[name] = so_far + torch.stack([total, total.new_tensor(float(count))])

    def on_validation_epoch_end(self) -> None:
        names = sorted(self._sums)
        gathered = self.all_gather(torch.stack([self._sums[name] for name in names]))
        assert isinstance(gathered, Tensor)
        sums = dict(zip(names, gathered.reshape(-1, len(names), 2).sum(0), strict=True))
        total_gain, num_mixed = sums.pop(_GAIN)
        means = {name: total / count.clamp(min=1.0) for name, (total, count) in sums.items()}
        of_network = sum(
            (means.pop(name) for name in names if name in means and name not in self.loss.names),
            start=torch.zeros((), device=self.device),
        )
        loss = self.loss.weighted(means, of_network)
        self.log("val/loss", loss, prog_bar=True, sync_dist=self.shares_batches)
        if num_mixed > 0.0:
            gain = total_gain / num_mixed
            self.log("val/si_sdr_gain_db", gain, prog_bar=True, sync_dist=self.shares_batches)

    def configure_optimizers(self) -> Any:
        train = self.config.train
        optimizer = make_optimizer(self.network, train)

        def schedule(step: int) -> float:
            if step < train.warmup_steps:
                return (step + 1) / train.warmup_steps
            done = (step - train.warmup_steps) / max(1, train.max_steps - train.warmup_steps)
            return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
