"""Settings of the server: address, limits, and the presets and models that clients may name."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEBIBYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """Upper bounds of what clients can make the server do.

    Attributes:
        max_body_mb: Size of an upload, MiB.
        max_output_mb: Size of a result, MiB.
        max_duration_s: Length of a recording, seconds.
        max_job_s: Time in which a recording must be cleaned, seconds, reading and sending not counted.
        max_jobs: Recordings that are cleaned at once, each in a process of its own.
        max_uploads: Requests with a recording that are open at once, those that wait for a job included.
        max_streams: WebSocket streams at once.
        max_stream_load: Processor time that all streams together may need, in cores. Each stream counts with
            what a trial run of its effect took.
        max_stream_s: Length of a stream, seconds.
        max_stream_idle_s: Time without a frame after which a stream is closed, seconds.
        max_stream_channels: Channels of a stream.
        max_stream_speed: How fast a stream may run, times real time; faster ones are slowed down.
        max_connections: Connections at once. Of those that have not sent a request, the oldest give way.
        header_s: Time in which a request's head must arrive, seconds.
        slow_client_s: Time that a client may fall behind `min_client_rate`, seconds.
        min_client_rate: Bytes per second at which clients must send and take bodies.
        job_memory_mb: Memory of a job's process, MiB (Linux).
        shutdown_s: Time that running work gets at the end, seconds.

    Raises:
        ValueError: A limit that is not a positive number.
    """

    max_body_mb: float = 1024.0
    max_output_mb: float = 4096.0
    max_duration_s: float = 4 * 3600.0
    max_job_s: float = 1800.0
    max_jobs: int = field(default_factory=lambda: max(1, (os.cpu_count() or 1) - 1))
    max_uploads: int = 16
    max_streams: int = 64
    max_stream_load: float = 0.7
    max_stream_s: float = 24 * 3600.0
    max_stream_idle_s: float = 60.0
    max_stream_channels: int = 8
    max_stream_speed: float = 1.25
    max_connections: int = 512
    header_s: float = 10.0
    slow_client_s: float = 20.0
    min_client_rate: float = 1000.0
    job_memory_mb: float = 2048.0
    shutdown_s: float = 30.0

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if not 0 < value < float("inf"):
                raise ValueError(f"{entry.name} must be a number above 0 (got {value}).")


@dataclass(frozen=True)
class ServeSettings:
    """What the server serves, where, and to whom.

    Attributes:
        host, port: Address to listen at; port 0 lets the system choose one.
        token: Bearer token that every request but `/health` and `/ready` must carry; None for none.
        origins: Web origins besides the server's own whose pages may use it, such as "https://example.org".
        presets: Files that clients may name as presets, besides the shipped ones, by name.
        models: Files that clients may name as models, besides the shipped ones, by name.
        trust_models: Load `models` without the limits of docs/security.md.
        folder: Where temporary files go.
        limits: Upper bounds.

    Raises:
        ValueError: A port, a token or an origin that cannot be used.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    origins: tuple[str, ...] = ()
    presets: Mapping[str, Path] = field(default_factory=dict)
    models: Mapping[str, Path] = field(default_factory=dict)
    trust_models: bool = False
    folder: Path | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"port must be between 0 and 65535 (got {self.port}).")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token):
            raise ValueError("the token must be printable ASCII characters, at least one.")
        for origin in self.origins:
            if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
                raise ValueError(f"an origin is like https://example.org, without a path (got {origin!r}).")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def for_jobs(self) -> dict[str, Any]:
        """What a job's process needs of the settings, as plain values for JSON."""
        return {
            "presets": {name: os.fspath(path) for name, path in self.presets.items()},
            "models": {name: os.fspath(path) for name, path in self.models.items()},
            "trust_models": self.trust_models,
            "memory_bytes": round(self.limits.job_memory_mb * MEBIBYTE),
            "output_bytes": round(self.limits.max_output_mb * MEBIBYTE),
        }
