"""Batches of sound files: plan, worker processes or a cluster, resume, reports.

`hushgate.batch` is a function, so this package has another name. Names load when they are first used, so
that a worker process can set its thread limits before numpy is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushgate.engine.lazy_names import load_on_use

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

__getattr__, __dir__ = load_on_use(__name__, _HOME)
