"""Prometheus metrics of the server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_FRAME_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_JOB_BUCKETS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)


class Metrics:
    """Counters and gauges of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.requests = Counter(
            "hushgate_requests", "Requests answered.", ("path", "status"), registry=registry
        )
        self.received_bytes = Counter(
            "hushgate_received_bytes", "Bytes of bodies and frames received.", registry=registry
        )
        self.sent_bytes = Counter(
            "hushgate_sent_bytes", "Bytes of bodies and frames sent.", registry=registry
        )
        self.uploads = Gauge(
            "hushgate_uploads", "Requests with a recording that are open.", registry=registry
        )
        self.jobs = Gauge("hushgate_jobs", "Recordings that are being cleaned.", registry=registry)
        self.job_seconds = Histogram(
            "hushgate_job_seconds",
            "Time to clean a recording, from a free process to its result.",
            buckets=_JOB_BUCKETS,
            registry=registry,
        )
        self.audio_seconds = Counter("hushgate_audio_seconds", "Sound cleaned.", ("kind",), registry=registry)
        self.streams = Gauge("hushgate_streams", "Streams that run.", registry=registry)
        self.stream_load = Gauge(
            "hushgate_stream_load", "Processor time set aside for running streams, cores.", registry=registry
        )
        self.frame_seconds = Histogram(
            "hushgate_frame_seconds",
            "Time from the arrival of a frame to its answer.",
            buckets=_FRAME_BUCKETS,
            registry=registry,
        )
        self.refused = Counter(
            "hushgate_refused", "Requests refused for want of room.", ("kind",), registry=registry
        )

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
