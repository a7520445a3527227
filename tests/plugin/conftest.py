"""What the plugin tests share: tiny models with known answers, sound, and the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hushgate.engine import available_models
from tests.engine import tiny_models
from tests.plugin.live_room import Room

RunCli = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model files: identity, stateful (has memory) and half (a gain of 0.5)."""
    folder = tmp_path_factory.mktemp("models")
    tiny_models.identity().save(folder / "identity.onnx")
    tiny_models.stateful().save(folder / "stateful.onnx")
    tiny_models.constant_mask(0.5).save(folder / "half.onnx")
    tiny_models.constant_mask(2.0).save(folder / "double.onnx")
    return folder


@pytest.fixture(scope="session")
def identity(models: Path) -> str:
    return str(models / "identity.onnx")


@pytest.fixture(scope="session")
def stateful(models: Path) -> str:
    return str(models / "stateful.onnx")


@pytest.fixture
def voice(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """The shipped voice model; before it ships, a tiny one stands in for it."""
    if "voice" not in available_models():
        folder = tmp_path_factory.mktemp("shipped")
        tiny_models.stateful().save(folder / "voice.onnx")
        monkeypatch.setattr("hushgate.engine.model._MODELS_FOLDER", folder)
    return "voice"


@pytest.fixture
def run_cli() -> RunCli:
    """Run `hushgate` in a process of its own."""

    def run(
        *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "hushgate", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env={**os.environ, **environment},
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def room() -> Iterator[Room]:
    """A room without a sound card; needs what `why_not` names."""
    # Not pytest's own folder: the path of a socket may not be long.
    folder = Path(tempfile.mkdtemp(prefix="hushgate-"))
    try:
        with Room(folder) as room:
            listed = room.hushgate("live", "--list-devices").communicate(timeout=60)[0]
            if b"pulse" not in listed:
                pytest.skip("ALSA has no plugin for PulseAudio here (Debian: libasound2-plugins)")
            yield room
    finally:
        shutil.rmtree(folder)


def noise(*shape: int, seed: int = 0, scale: float = 0.1) -> NDArray[np.float32]:
    """Reproducible noise."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)
