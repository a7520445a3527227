"""Batches of sound files: plan, worker processes or a cluster, resume, reports.

`hushgate.batch` is a function, so this package has another name. Names load when they are first used, so
that a worker process can set its thread limits before numpy is imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hushgate.batching.planning.plan import PlanError
    from hushgate.batching.planning.results import BatchResult, FileResult
    from hushgate.batching.progress_views import View
    from hushgate.batching.run import batch

__all__ = ["BatchResult", "FileResult", "PlanError", "View", "batch"]

_HOME = {
    "BatchResult": "hushgate.batching.planning.results",
    "FileResult": "hushgate.batching.planning.results",
    "PlanError": "hushgate.batching.planning.plan",
    "View": "hushgate.batching.progress_views",
    "batch": "hushgate.batching.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value
