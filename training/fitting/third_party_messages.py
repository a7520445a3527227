"""Messages of Lightning and PyTorch that do not concern the user of a training."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

_LOGGER = "lightning.pytorch.utilities.rank_zero"
_ADVERTISEMENTS = (
    "Tip:",
    "GPU available",
    "TPU available",
    "Detected KeyboardInterrupt",
    "`Trainer.fit` stopped",
    "litlogger",
    "litmodels",
)
_WARNINGS = (
    # The folder holds the logs of this very training by then; one that holds a training is refused before.
    r"Checkpoint directory .* exists and is not empty",
    r"The number of training batches .* is smaller than the logging interval",
    # Of Lightning's own code.
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)


def _concerns_the_user(record: logging.LogRecord) -> bool:
    return not any(words in record.getMessage() for words in _ADVERTISEMENTS)


@contextlib.contextmanager
def without_advertisements() -> Iterator[None]:
    """Hide advertisements, and warnings about what a training of hushgate does on purpose."""
    logger = logging.getLogger(_LOGGER)
    logger.addFilter(_concerns_the_user)
    try:
        with warnings.catch_warnings():
            for message in _WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        logger.removeFilter(_concerns_the_user)
