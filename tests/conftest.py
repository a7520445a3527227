"""What all tests share: levels, the seed, small models with known answers."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import Model, available_models, load_model
from tests.engine.tiny_models import VARIANTS
from tests.engine.tiny_segments import SEGMENT_VARIANTS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=20261, help="drives settings and noise of all tests")
    parser.addoption("--level", type=int, default=5, help="leave out tests above this level (1 to 10)")


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts the suite in the background lets it ignore Ctrl-C, and every process that the tests
    # start and interrupt would inherit that.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "level(number): strictness, 1 to 10, after pluginval; tests without it always run"
    )


def pytest_report_header(config: pytest.Config) -> str:
    shipped = ", ".join(available_models()) or "none"
    return f"hushgate: seed {config.option.seed}, level {config.option.level}, shipped models: {shipped}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def level(item: pytest.Item) -> int:
        mark = item.get_closest_marker("level")
        return mark.args[0] if mark else 0

    above = [item for item in items if level(item) > config.option.level]
    if above:
        config.hook.pytest_deselected(items=above)
        items[:] = [item for item in items if level(item) <= config.option.level]


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
