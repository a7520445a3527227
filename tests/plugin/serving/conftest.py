"""One server for all tests of a file that do not need their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.serving.running_server import Server

PACKAGES = ("prometheus_client", "starlette", "uvicorn", "websockets")


@pytest.fixture(scope="session", autouse=True)
def _needs_the_extra() -> None:
    for name in PACKAGES:
        pytest.importorskip(name, reason=f"{name} is not installed (extra serve)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """A server with the tiny models, one job process and low limits."""
    names = ("identity", "stateful", "half")
    flags = [f"--add-model={name}={models / f'{name}.onnx'}" for name in names]
    limits = ["--max-jobs=1", "--max-duration-s=600", "--max-body-mb=32", "--max-stream-load=50"]
    with Server(tmp_path_factory.mktemp("serve"), *flags, *limits, "--max-stream-speed=1000") as running:
        yield running
