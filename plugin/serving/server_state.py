"""What the endpoints of one server share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hushgate.serving.catalogue import Catalogue
from hushgate.serving.files.job_pool import JobPool
from hushgate.serving.files.spool import Spool
from hushgate.serving.metrics import Metrics
from hushgate.serving.request_fields import RequestError
from hushgate.serving.settings import ServeSettings
from hushgate.serving.streams.stream_budget import StreamBudget

_RETRY_S = 5


class ServerState:
    """Catalogue, limits, job processes and running work of one server.

    Args:
        settings: See there.
        spool: Entered; for temporary files.
        jobs: Processes that clean recordings.

    Attributes:
        is_draining: The server ends as soon as what runs has finished; nothing new is taken.
        num_uploads: Requests with a recording that are open.
        ending: Set when time is up for streams, too.

    Raises:
        OSError, PresetError, ModelError, ValueError: A configured preset or model cannot be used.
    """

    def __init__(self, settings: ServeSettings, spool: Spool, jobs: JobPool) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.spool = spool
        self.catalogue = Catalogue(settings.presets, settings.models, trust_models=settings.trust_models)
        self.jobs = jobs
        self.metrics = Metrics()
        self.budget = StreamBudget(settings.limits.max_streams, settings.limits.max_stream_load)
        self.threads = ThreadPoolExecutor(2, thread_name_prefix="hushgate-stream")
        self.is_draining = False
        self.num_uploads = 0
        self.ending = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Whether recordings or streams are being cleaned."""
        return bool(self.num_uploads or self.budget.num_streams)

    def check_open(self) -> None:
        """Refuse new work at the end.

        Raises:
            RequestError: The server is shutting down.
        """
        if self.is_draining:
            raise RequestError("the server is shutting down. Try another one.", 503, _RETRY_S)

    @contextlib.contextmanager
    def upload(self) -> Iterator[None]:
        """Room for one more recording.

        Raises:
            RequestError: There is none, or the server is shutting down.
        """
        self.check_open()
        if self.num_uploads >= self.limits.max_uploads:
            self.metrics.refused.labels("upload").inc()
            raise RequestError(
                f"the server has {self.num_uploads} recordings to clean and takes no more. Try again later.",
                503,
                _RETRY_S,
            )
        self.num_uploads += 1
        self.metrics.uploads.set(self.num_uploads)
        try:
            yield
        finally:
            self.num_uploads -= 1
            self.metrics.uploads.set(self.num_uploads)
