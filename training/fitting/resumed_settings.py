"""What may change between a training and its continuation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only

from hushgate.training.config.schema import Config
from hushgate.training.mixtures.resumable_folder import differences
from hushgate.training.models import complete_settings
from hushgate.training.models.checkpoint import read_checkpoint
from hushgate.training.models.mask_corrections import CORRECTIONS

_LOG = logging.getLogger(__name__)
# Held by the optimizer's state whatever is configured, unfit for it, or what makes the examples one series.
_FIXED = (
    "train.seed", "train.batch_size", "train.learning_rate", "train.optimizer", "train.weight_decay",
    "train.only", "data.sample_rate", "data.segment_s", "loss.discriminator_channels",
    "loss.discriminator_learning_rate",
)  # fmt: skip
# Of [model], what training does not use.
_OUTSIDE_TRAINING = (*CORRECTIONS, "steady_noise")
_IGNORED = ("search", "card")


def check_resumed(config: Config, checkpoint: Path) -> None:
    """Refuse settings that a resumed training would ignore or fail with, and log which others are new.

    Raises:
        ValueError: The file is no checkpoint of `hushgate train`, or such a setting is another; says which.
    """
    started, _ = read_checkpoint(checkpoint)
    defaults = Config().to_dict() | {"model": complete_settings({"family": config.model.get("family")})}
    before, now = (
        {name: table | dict(values.get(name, {})) for name, table in defaults.items() if name not in _IGNORED}
        for values in (started, config.to_dict())
    )
    changed = []
    for name in differences(before, now):
        table, key = name.split(".")
        old, new = before[table].get(key), now[table].get(key)
        if _is_fixed(name, old, new):
            raise ValueError(
                f"{checkpoint} was made with {name} = {old!r}, and a resumed training cannot change it "
                f"(got {new!r}). Resume with the old value, or begin a new training with --init-from."
            )
        changed.append(name)
    if changed:
        rank_zero_only(_LOG.warning)("%s goes on with another %s", checkpoint, ", ".join(changed))


def _is_fixed(name: str, old: Any, new: Any) -> bool:
    if name == "loss.adversarial":  # a discriminator would come or go
        return bool(old) != bool(new)
    if name == "train.patience":  # restored by Lightning
        return bool(old and new)
    table, key = name.split(".")
    return name in _FIXED or (table == "model" and key not in _OUTSIDE_TRAINING)
