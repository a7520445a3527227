"""Clean many sound files in one go: plan, run in processes or on a cluster, resume, report.

`hushgate.batch` is the way in; this package has a name of its own because that one is a function.
"""

from __future__ import annotations

from hushgate.batching.plan import PlanError
from hushgate.batching.results import BatchResult, FileResult
from hushgate.batching.run import View, batch

__all__ = ["BatchResult", "FileResult", "PlanError", "View", "batch"]
