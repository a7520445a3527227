"""The training loop of an adaptation: short, resumable, and never worse than what it found on the way."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hushgate.audio_files.atomic_write import AtomicFile
from hushgate.training.adapting.budget import Budget, learning_rate
from hushgate.training.adapting.check import Check, Scores, gains
from hushgate.training.losses import DenoisingLoss
from hushgate.training.models import Hush, Network
from hushgate.training.models.torch_framing import Framing

_CHECKS = 8
# Forgetting that costs nothing in the choice of the best weights, dB, and what more of it counts.
_FREE_FORGETTING_DB, _FORGETTING_COUNTS = 0.1, 3.0


@dataclass(frozen=True)
class FitConfig:
    """How the network is trained.

    Args:
        seed: Seed of the mixtures.
        own, general: Examples of a batch, of the user's mixtures and of general ones.
        learning_rate: Its peak.
        ema_decay: Decay of the averaged weights, a step.
        gradient_clip: Largest gradient norm.
    """

    seed: int = 1
    own: int = 6
    general: int = 2
    learning_rate: float = 5e-4
    ema_decay: float = 0.97
    gradient_clip: float = 5.0


@dataclass
class FitState:
    """Everything that an interrupted adaptation needs to go on as if nothing had happened."""

    step: int = 0
    best_step: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    best_gains: tuple[float, float] = (0.0, 0.0)
    num_checks: int = 0


@dataclass(frozen=True)
class Progress:
    """What a user sees while it runs: share done, time left (s), and the gains of the best so far (dB)."""

    done: float
    left_s: float | None
    own_gain_db: float
    general_gain_db: float


class Fit:
    """An adaptation of a network in progress.

    Args:
        network: With normalizations folded in; trained in place.
        framing: Its framing.
        loss: Loss of the estimates.
        draw: Batch by step number: noisy and clean, the user's examples first.
        check: Held-back mixtures.
        config: How to train.
        place: File of the state; written at every check.
    """

    def __init__(
        self,
        network: Network,
        framing: Framing,
        loss: DenoisingLoss,
        draw: Callable[[int], tuple[Tensor, Tensor]],
        check: Check,
        config: FitConfig,
        place: Path,
    ) -> None:
        self.network, self.framing, self.loss, self.config = network, framing, loss, config
        self._draw, self._check, self._place = draw, check, place
        self.teacher = copy.deepcopy(network).eval().requires_grad_(False)
        self._freeze_heads()
        self._averaged = copy.deepcopy(network).requires_grad_(False)
        self._trained = [one for one in network.parameters() if one.requires_grad]
        self._optimizer = torch.optim.AdamW(self._trained, betas=(0.9, 0.98), weight_decay=0.0)
        self.before: Scores = check(network)
        self.state = FitState(best=_copied(network))
        self._is_in_step = False

    def _freeze_heads(self) -> None:
        """Leave the gains above the bins as they are: examples at this rate have nothing there."""
        if isinstance(self.network, Hush) and self.network.upper is not None:
            self.network.upper.requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    def run(self, budget: Budget, report: Callable[[Progress], None]) -> None:
        """Train until the budget is used; an interruption keeps the best so far and the state."""
        state = self.state
        if not self._place.exists():
            self.save(budget)
        try:
            with ThreadPoolExecutor(1) as mixing:
                batch = mixing.submit(self._draw, state.step)
                while (done := budget.progress(state.step)) < 1.0:
                    noisy, clean = batch.result()
                    batch = mixing.submit(self._draw, state.step + 1)
                    self._is_in_step = True
                    self._train_step(noisy, clean, done)
                    state.step += 1
                    self._is_in_step = False
                    done = budget.progress(state.step)
                    if done >= (state.num_checks + 1) / _CHECKS:
                        self._take_stock(budget)
                    report(Progress(done, budget.left_s(state.step), *state.best_gains))
                batch.cancel()
        except KeyboardInterrupt:
            # Half a step is no state to go on from: that of the last check stays.
            self._compare()
            if not self._is_in_step:
                self.save(budget)
            raise
        if state.best_step != state.step:
            self._take_stock(budget)

    def _train_step(self, noisy: Tensor, clean: Tensor, done: float) -> None:
        config, network = self.config, self.network
        torch.manual_seed(config.seed + 1_000_003 * self.state.step)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(config.learning_rate, done)
        network.train()
        loss = self._batch_loss(noisy.to(self.device), clean.to(self.device))
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained, config.gradient_clip)
        self._optimizer.step()
        share = max(1.0 - config.ema_decay, 1.0 / (1.0 + self.state.step))
        with torch.no_grad():
            for averaged, current in zip(
                self._averaged.state_dict().values(), network.state_dict().values(), strict=True
            ):
                if averaged.is_floating_point():
                    averaged.lerp_(current, share)

    def _batch_loss(self, noisy: Tensor, clean: Tensor) -> Tensor:
        framing = self.framing
        mixed, target = framing.analyse(noisy), framing.analyse(clean)
        spectrum, own_terms = self.network.enhance(mixed, target)
        estimate = framing.synthesize(spectrum, noisy.shape[-1])
        loss, *_ = self.loss.at_common_level(noisy, clean, target, estimate, spectrum)
        return sum((term.mean() for term in own_terms.values()), start=loss)

    def _take_stock(self, budget: Budget) -> None:
        """Compare the averaged weights, and write the state."""
        self.state.num_checks += 1
        self._compare()
        self.save(budget)

    def _compare(self) -> None:
        """Measure the averaged weights, and keep them if they are the best so far."""
        state = self.state
        own, general = gains(self.before, self._check(self._averaged))
        if _merit(own, general) > _merit(*state.best_gains):
            state.best, state.best_step = _copied(self._averaged), state.step
            state.best_gains = own, general

    def save(self, budget: Budget) -> None:
        """Write the state in one step."""
        content: dict[str, Any] = {
            "state": vars(self.state),
            "network": self.network.state_dict(),
            "averaged": self._averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "used_s": budget.elapsed_s,
        }
        with AtomicFile(self._place, overwrite=True) as file:
            torch.save(content, file.part)

    def resume(self) -> float:
        """Continue from the state that was written; returns the seconds that were used.

        Raises:
            ValueError: The file is no such state.
        """
        try:
            content = torch.load(self._place, map_location=self.device, weights_only=True)
            self.state = FitState(**content["state"])
            self.network.load_state_dict(content["network"])
            self._averaged.load_state_dict(content["averaged"])
            self._optimizer.load_state_dict(content["optimizer"])
            return float(content["used_s"])
        except Exception as error:  # the reader raises many types
            raise ValueError(
                f"{self._place} cannot be resumed ({type(error).__name__}). Start again without --resume."
            ) from error

    def take_best(self) -> None:
        """Give the network the best weights that were found."""
        self.network.load_state_dict(self.state.best)
        self.network.eval()


def _merit(own: float, general: float) -> float:
    """What the choice of the best weights maximizes: the user's gain, less what was forgotten."""
    return own + _FORGETTING_COUNTS * min(0.0, general + _FREE_FORGETTING_DB)


def _copied(network: Network) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
