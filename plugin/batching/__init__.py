"""Clean many sound files in one go: plan, run in processes or on a cluster, resume, report.

`hushgate.batch` is the way in; this package has a name of its own because that one is a function.
Names load when they are first used, so that a worker process can set itself up before numpy comes.
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
