"""Training of hushgate's models: data, networks, losses, export, evaluation (PyTorch, extra `train`)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hushgate.engine.lazy_names import load_on_use

if TYPE_CHECKING:
    from hushgate.training.adapting.adapt import Adapted, adapt

logging.getLogger(__name__).addHandler(logging.NullHandler())

__all__ = ["Adapted", "adapt"]

_HOME = {"Adapted": "hushgate.training.adapting.adapt", "adapt": "hushgate.training.adapting.adapt"}

__getattr__, __dir__ = load_on_use(__name__, _HOME)
