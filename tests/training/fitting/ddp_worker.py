"""One process of three shared trainings: python ddp_worker.py CONFIG DATA OUTPUT [TABLE.KEY=VALUE ...].

A plain training, one against a discriminator and one with a head for presence, in `OUTPUT/plain` and so on;
what each saw and the losses it logged go to rank-N.json there. Its parts also serve the test that compares it
with one process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning

from hushgate.training.config.schema import load_config
from hushgate.training.fitting.trainer import train


class Record(lightning.Callback):
    """The loss of every step and validation, and a mark of every example."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.validations: list[float] = []
        self.examples: list[list[float]] = []
        self.rank = 0

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.rank = trainer.global_rank
        self.losses.append(float(trainer.callback_metrics["train/loss"]))
        self.examples.append([float(noisy.abs().sum()) for noisy in batch[0]])

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        self.validations.append(float(trainer.callback_metrics["val/loss"]))


def run(config: Path, data: Path, output: Path, overrides: Sequence[str]) -> Record:
    """Train and return the record."""
    record = Record()
    loaded = load_config(config, [f"data.folders=['{data}']", *overrides])
    train(loaded, output, progress=False, callbacks=[record])
    return record


VARIANTS = {
    "plain": (),
    "adversarial": ("loss.adversarial=1.0", "loss.discriminator_channels=2"),
    "presence": ("model.presence=true",),
}


if __name__ == "__main__":
    config, data, output = map(Path, sys.argv[1:4])
    for name, overrides in VARIANTS.items():
        record = run(config, data, output / name, [*sys.argv[4:], *overrides])
        seen = {name: getattr(record, name) for name in ("losses", "validations", "examples")}
        (output / name / f"rank-{record.rank}.json").write_text(json.dumps(seen), encoding="utf-8")
