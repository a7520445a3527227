"""What all tests share: levels, the seed, small models with known answers."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import Model, available_models, load_model
from tests.helpers import command_line, tiny_models
from tests.helpers.command_line import RunCli
from tests.helpers.live_room import Room
from tests.helpers.tiny_models import VARIANTS
from tests.helpers.tiny_segments import SEGMENT_VARIANTS

# Left out of the everyday loop (-m "not slow"): they train networks, kill processes, decode films, compile
# the native core or run whole benchmarks.
SLOW = (
    "tests/benchmarks/",
    "tests/docs/test_example_scripts.py",
    "tests/docs/test_five_projects.py",
    "tests/docs/test_site.py",
    "tests/docs/test_tutorials.py",
    "tests/docs/test_notebooks.py",
    "tests/engine/test_engines.py",
    "tests/native/",
    "tests/plugin/audio_files/test_corpus.py",
    "tests/plugin/audio_files/test_films.py",
    "tests/plugin/batching/test_batch_crash.py",
    "tests/plugin/batching/test_batch_remote.py",
    "tests/plugin/commands/test_standard_streams.py",
    "tests/plugin/commands/test_tune_command.py",
    "tests/plugin/live/test_virtual_microphone.py",
    "tests/plugin/pictures/listening/test_in_browser.py",
    "tests/plugin/serving/test_hostile_clients.py",
    "tests/plugin/serving/test_server.py",
    "tests/plugin/tuner/test_tuner.py",
    "tests/training/adapting/",
    "tests/training/commands/",
    "tests/training/config/test_shipped_configs.py",
    "tests/training/evaluate/",
    "tests/training/fitting/",
    "tests/training/models/",
    "tests/training/search/",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=20261, help="drives settings and noise of all tests")
    parser.addoption(
        "--fuzz", type=int, default=0, help="inputs that tests/fuzz/test_fuzz.py tries in addition"
    )
    parser.addoption("--kills", type=int, default=4, help="processes that tests/fuzz/test_kills.py kills")
    parser.addoption("--from-level", type=int, default=0, help="leave out tests below this level")
    parser.addoption("--level", type=int, default=5, help="leave out tests above this level (1 to 10)")


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts the suite in the background lets it ignore Ctrl-C, and every process that the tests
    # start and interrupt would inherit that.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # So does nohup with SIGHUP.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.addinivalue_line(
        "markers", "level(number): strictness, 1 to 10, after pluginval; tests without it always run"
    )
    config.addinivalue_line("markers", "slow: left out of the everyday loop, pytest -m 'not slow'")


def pytest_report_header(config: pytest.Config) -> str:
    shipped = ", ".join(available_models()) or "none"
    return f"hushgate: seed {config.option.seed}, level {config.option.level}, shipped models: {shipped}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def level(item: pytest.Item) -> int:
        mark = item.get_closest_marker("level")
        return mark.args[0] if mark else 0

    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    levels = range(config.option.from_level, config.option.level + 1)
    others = [item for item in items if level(item) not in levels]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if level(item) in levels]


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Noise and settings; the same in every run with the same --seed, whichever tests run."""
    return np.random.default_rng(request.config.option.seed)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `NAME.onnx` for every variant of `tiny_models` and `tiny_segments`."""
    folder = tmp_path_factory.mktemp("tiny")
    for name, build in {**VARIANTS, **SEGMENT_VARIANTS}.items():
        build().save(folder / f"{name}.onnx")
    return folder


@pytest.fixture(params=[*(f"tiny-{name}" for name in (*VARIANTS, *SEGMENT_VARIANTS)), *available_models()])
def any_model(request: pytest.FixtureRequest, tiny_folder: Path) -> Model:
    """Every tiny variant, then every shipped model: a new one cannot escape the tests."""
    name: str = request.param
    return load_model(tiny_folder / f"{name[5:]}.onnx" if name.startswith("tiny-") else name)


@pytest.fixture
def identity(tiny_folder: Path) -> Model:
    return load_model(tiny_folder / "identity.onnx")


@pytest.fixture
def stateful(tiny_folder: Path) -> Model:
    return load_model(tiny_folder / "stateful.onnx")


@pytest.fixture
def keeps_low(tiny_folder: Path) -> Model:
    return load_model(tiny_folder / "low.onnx")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model files: identity, stateful (has memory) and half (a gain of 0.5)."""
    folder = tmp_path_factory.mktemp("models")
    tiny_models.identity().save(folder / "identity.onnx")
    tiny_models.stateful().save(folder / "stateful.onnx")
    tiny_models.constant_mask(0.5).save(folder / "half.onnx")
    tiny_models.constant_mask(2.0).save(folder / "double.onnx")
    return folder


@pytest.fixture
def voice(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """The shipped voice model; before it ships, a tiny one stands in for it."""
    if "voice" not in available_models():
        folder = tmp_path_factory.mktemp("shipped")
        tiny_models.stateful().save(folder / "voice.onnx")
        monkeypatch.setattr("hushgate.engine.model_files.model._MODELS_FOLDER", folder)
    return "voice"


@pytest.fixture
def run_cli() -> RunCli:
    """Run `hushgate` in a process of its own."""
    return command_line.run_cli


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
