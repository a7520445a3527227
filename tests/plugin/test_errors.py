"""The error classes that users catch."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil

import pytest

import hushgate
from hushgate import errors
from hushgate.errors import interruptions_unwrapped
from tests.helpers.missing_packages import lacks_a_package


def _error_classes() -> list[type[Exception]]:
    """Every public exception class that a module of hushgate defines, training's included."""
    pytest.importorskip("torch")
    found = []
    # In a checkout the three packages lie in different folders.
    packages = [
        importlib.import_module(name) for name in ("hushgate", "hushgate.engine", "hushgate.training")
    ]
    modules = [
        module
        for package in packages
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for module in modules:
        if module.name.endswith("__main__"):
            continue
        try:
            names = vars(importlib.import_module(module.name))
        except ImportError as error:
            if not lacks_a_package(module.name, error):
                raise
            continue
        for value in names.values():
            is_ours = inspect.isclass(value) and value.__module__ == module.name
            if is_ours and issubclass(value, Exception) and not value.__name__.startswith("_"):
                found.append(value)
    return found


def test_every_error_class_is_a_hushgate_error() -> None:
    classes = _error_classes()
    assert len(set(classes)) >= 10
    assert [error for error in classes if not issubclass(error, hushgate.HushgateError)] == []


def test_every_error_class_of_the_plugin_is_exported() -> None:
    # Those of the server are answers to its clients; none reaches a Python program.
    others = (".training.", ".serving.")
    classes = [error for error in _error_classes() if not any(part in error.__module__ for part in others)]
    names = {error.__name__ for error in classes}
    assert names <= set(hushgate.__all__)


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("AudioFileError", (ValueError,)),
        ("ChannelLayoutError", (RuntimeError, ValueError)),
        ("DeviceError", (RuntimeError,)),
        ("DuplicateEffectError", (RuntimeError, ValueError)),
        ("EngineError", (RuntimeError,)),
        ("ModelError", (ValueError,)),
        ("PlanError", (ValueError,)),
        ("PresetError", (ValueError,)),
    ],
)
def test_an_error_is_also_the_built_in_one_it_was(name: str, bases: tuple[type[Exception], ...]) -> None:
    error = getattr(hushgate, name)
    assert all(issubclass(error, base) for base in bases)


def test_one_except_clause_catches_what_hushgate_refuses() -> None:
    with pytest.raises(hushgate.HushgateError, match="there is no preset"):
        hushgate.load_preset("no-such-preset")
    with pytest.raises(hushgate.HushgateError, match="must be a shipped name"):
        hushgate.load_model("no-such-model")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FileNotFoundError(2, "No such file", "take.wav"), "take.wav: No such file"),
        (ValueError("first\n  second"), "first second"),
        (RuntimeError(), "RuntimeError"),
        (KeyError("x"), "KeyError: 'x' (a fault of hushgate)"),
    ],
)
def test_an_error_becomes_one_line(error: Exception, text: str) -> None:
    assert errors.describe_error(error) == text


def test_a_missing_package_is_named_with_the_extra_that_installs_it() -> None:
    text = errors.describe_error(ModuleNotFoundError("No module named 'sounddevice'", name="sounddevice"))
    assert "pip install 'hushgate[live]'" in text


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_while_a_class_is_made_comes_out_as_itself(
    interruption: type[BaseException],
) -> None:
    class Interrupting:
        def __set_name__(self, owner: type, name: str) -> None:
            raise interruption

    with pytest.raises(interruption), interruptions_unwrapped():
        type("Made", (), {"attribute": Interrupting()})


@pytest.mark.parametrize("cause", [KeyError("inner"), asyncio.CancelledError()])
def test_other_errors_pass_unchanged(cause: BaseException) -> None:
    wrapped = ValueError("outer")
    wrapped.__cause__ = cause
    with pytest.raises(ValueError, match="outer") as caught, interruptions_unwrapped():
        raise wrapped
    assert caught.value is wrapped
