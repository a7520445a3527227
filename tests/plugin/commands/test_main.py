"""The command line as a whole: help, exit statuses, one-line errors, what gets imported."""

from __future__ import annotations

import argparse
import importlib.metadata
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

import hushgate
from hushgate.__main__ import run
from hushgate.commands import main as cli
from hushgate.commands.parser import bind_negative_values
from tests.helpers.command_line import RunCli
from tests.helpers.seeded_noise import noise
from tests.helpers.waiting import wait_for_file


def imported_by(code: str) -> set[str]:
    """Top-level modules, and hushgate's own, after `code` ran in a fresh interpreter."""
    code += "\nimport sys; print(*sorted(sys.modules), sep='\\n', file=sys.__stderr__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stderr.split())


def test_neither_layer_imports_torch_or_training() -> None:
    modules = imported_by("import hushgate.engine\nfrom hushgate import Denoiser, available_models, stream")
    assert "hushgate.effects.denoiser" in modules
    assert not {"torch", "hushgate.training", "lightning", "scipy"} & modules


def test_denoise_without_a_preset_loads_no_pedalboard(tmp_path: Path) -> None:
    sound, out = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(sound, noise(48_000, 1), 16_000)
    words = ["denoise", str(sound), "-o", str(out), "--quiet"]
    modules = imported_by(f"from hushgate.commands.main import main; main({words!r})")
    assert out.exists()
    # Nor numpy.ma, whose import takes as long as that of all our own modules together.
    assert not {"pedalboard", "pedalboard_native", "numpy.ma", "tests"} & modules


def test_the_engine_needs_neither_pedalboard_nor_files() -> None:
    modules = imported_by("import hushgate.engine\nhushgate.engine.BlockDenoiser")
    assert not {"pedalboard", "pedalboard_native", "soundfile", "rich", "hushgate.effects.denoiser"} & modules


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    modules = imported_by(f"from hushgate.commands.main import main\nmain({arguments!r})")
    assert not {"numpy", "onnxruntime", "torch", "pedalboard", "soundfile", "rich"} & modules


@pytest.mark.parametrize("command", ["denoise", "batch", "live", "tune", "plot", "presets", "models"])
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    modules = imported_by(f"from hushgate.commands.main import main\nmain([{command!r}, '--help'])")
    assert not {"numpy", "onnxruntime", "torch", "pedalboard", "soundfile", "rich"} & modules


def test_importing_hushgate_loads_nothing_and_names_everything() -> None:
    assert not {"numpy", "onnxruntime", "pedalboard"} & imported_by("import hushgate")
    for name in hushgate.__all__:
        assert getattr(hushgate, name) is not None
        assert name in dir(hushgate)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        hushgate.nonsense  # noqa: B018


def test_help_works_twice_narrow_and_without_a_locale(run_cli: RunCli) -> None:
    for columns in ("80", "20"):
        done = run_cli("--help", LC_ALL="C", COLUMNS=columns)
        assert done.returncode == 0
        assert done.stdout.isascii()
        assert done.stderr == b""
        for command in ("denoise", "models", "train", "export"):
            assert command.encode() in done.stdout


def test_version_is_that_of_the_installation(run_cli: RunCli) -> None:
    assert run_cli("--version").stdout.split() == [b"hushgate", hushgate.__version__.encode()]
    assert importlib.metadata.version("hushgate") == hushgate.__version__


def test_the_console_command_is_installed() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="hushgate")
    assert script.load() is run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["denoize"], "invalid choice: 'denoize'. Did you mean denoise?"),
        (
            ["denoise", "a.wav", "--presett", "x"],
            "--presett x. Did you mean --preset?",
        ),
        (["denoise"], "required: INPUT"),
        (["denoise", "--loud", "a.wav"], "unrecognized arguments: --loud"),
        (["denoise", "a.wav", "--mix"], "argument --mix: expected one argument"),
        (["denoise", "nothing.wav"], "nothing.wav: No such file or directory"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("hushgate: error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_no_command_shows_five_to_start_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n  hushgate ") == 5
    assert max(map(len, captured.err.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_flags_and_names(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("denoise", "attenuation-limit-db", "podcast"):
        assert word in script


@pytest.mark.parametrize("command", ["denoise", "batch", "live", "plot", "tune", "presets", "models"])
def test_help_fits_80_columns(command: str, run_cli: RunCli) -> None:
    shown = run_cli(command, "--help", COLUMNS="80").stdout.decode()
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.startswith(f"usage: hushgate {command} [options]")


class FailingCommand:
    """A command that raises an error."""

    help = "fail 100 % of the time"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        pass

    def run(self, args: argparse.Namespace) -> int:
        raise self.error


class FakeEntryPoint:
    """An add-on that registers a command."""

    name = "fail"

    def __init__(self, error: BaseException, load_error: Exception | None = None) -> None:
        self.error = error
        self.load_error = load_error

    def load(self) -> FailingCommand:
        if self.load_error:
            raise self.load_error
        return FailingCommand(self.error)


def add_command(monkeypatch: pytest.MonkeyPatch, point: FakeEntryPoint) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.wav"), "a.wav: No such file or directory"),
        (FileExistsError("a.wav exists."), "a.wav exists."),
        (ValueError("mix must be\n  between 0 and 1."), "mix must be between 0 and 1."),
        (RuntimeError(""), "RuntimeError"),
        (KeyError("frames"), "KeyError: 'frames' (a fault of hushgate; --debug shows where)"),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            "No module named 'torch'. Install it with: pip install 'hushgate[train]'.",
        ),
        (
            ModuleNotFoundError("No module named 'xyz'", name="xyz"),
            "No module named 'xyz'. Install it with pip.",
        ),
        (
            ImportError("loss.opinion needs the package speechmos: pip install speechmos."),
            "loss.opinion needs the package speechmos: pip install speechmos.",
        ),
        (
            ImportError("cannot import name 'x' from 'y'", name="y"),
            "ImportError: cannot import name 'x' from 'y' (a fault of hushgate; --debug shows where)",
        ),
    ],
)
def test_every_error_is_one_line_and_with_debug_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    add_command(monkeypatch, FakeEntryPoint(error))
    assert cli.main(["fail"]) == 2
    assert capsys.readouterr().err == f"hushgate: error: {line}\n"
    with pytest.raises(type(error)):
        cli.main(["fail", "--debug"])


def test_interruption_has_its_own_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_command(monkeypatch, FakeEntryPoint(KeyboardInterrupt()))
    assert cli.main(["fail"]) == 130
    assert capsys.readouterr().err == "hushgate: interrupted\n"


def test_a_broken_add_on_does_not_take_the_others_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_command(monkeypatch, FakeEntryPoint(ValueError(), load_error=ImportError("no such thing")))
    assert cli.main(["--help"]) == 0
    assert "not usable: no such thing" in capsys.readouterr().out
    assert cli.main(["models"]) == 0
    assert cli.main(["fail"]) == 2


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, identity: str) -> None:
    soundfile.write(tmp_path / "a.wav", noise(480_000), 48_000)
    command = [
        sys.executable,
        "-m",
        "hushgate",
        "denoise",
        tmp_path / "a.wav",
        "-o",
        "-",
        "--model",
        identity,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # type: ignore[arg-type]
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminate"]
)
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, identity: str, sent: int, status: int) -> None:
    target = tmp_path / "out"
    target.mkdir()
    # Sound that never ends: the run is in the middle of its work whenever the signal comes.
    command = [
        sys.executable,
        "-m",
        "hushgate",
        "denoise",
        "-",
        "-o",
        target / "out.wav",
        "--model",
        identity,
    ]
    header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0\x77\x01\0\x02\0\x10\0"
    header += b"data\xff\xff\xff\xff"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # type: ignore[arg-type]
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(header + bytes(1_000_000))
        process.stdin.flush()
        wait_for_file(target)
        assert len(list(target.iterdir())) == 1
        process.send_signal(sent)
        _, stderr = process.communicate(timeout=60.0)
    assert process.returncode == status
    assert list(target.iterdir()) == []
    assert b"Traceback" not in stderr


def test_file_names_need_not_be_valid_text(tmp_path: Path, identity: str, run_cli: RunCli) -> None:
    name = os.fsdecode(b'caf\xe9 "quoted" \xf0\x9f\x8e\xb8.wav')
    soundfile.write(tmp_path / "a.wav", noise(4800), 48_000)
    (tmp_path / "a.wav").rename(tmp_path / name)
    done = run_cli("denoise", name, "--model", identity, cwd=tmp_path, LC_ALL="C.UTF-8")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.iterdir())) == 2


def test_negative_values_may_follow_their_flag() -> None:
    bound = bind_negative_values(["--a", "-inf", "--b", "-1e-3", "--c=1", "-inf", "--d", "-o", "-5"])
    assert bound == ["--a=-inf", "--b=-1e-3", "--c=1", "-inf", "--d", "-o", "-5"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("denoise a.wav --output residual", "--output residual is now --residual"),
        ("denoise a.wav --output-file b.wav", "--output-file is now -o FILE"),
        ("batch a --output-dir b", "--output-dir is now -o DIR"),
        ("batch a -o b --output-residual", "--output-residual is now --residual"),
        ("plot a.wav --figure b.png", "--figure is now -o FILE"),
        ("live --input 1", "--input is now --input-device DEVICE"),
        ("live --output 1", "--output is now --output-device DEVICE"),
        ("tune --live --input 1", "--input is now --input-device DEVICE"),
    ],
)
def test_an_old_flag_is_an_error_that_names_the_new_one(
    old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(old.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("hushgate: error: ")
    assert new in error
    assert error.count("\n") == 1


def test_events_are_printed_with_verbose_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Logs(FailingCommand):
        def run(self, args: argparse.Namespace) -> int:
            logging.getLogger("hushgate.batching").warning("a worker process died (%s)", "SIGKILL")
            logging.getLogger("hushgate.live").debug("fine")
            return 0

    point = FakeEntryPoint(ValueError())
    point.load = lambda: Logs(ValueError())  # type: ignore[method-assign]
    add_command(monkeypatch, point)
    assert cli.main(["fail"]) == 0
    assert capsys.readouterr().err == ""
    for _ in range(2):  # the first call leaves no handler behind
        assert cli.main(["fail", "--verbose"]) == 0
        version, *lines = capsys.readouterr().err.splitlines()
        assert version.startswith(f"hushgate.commands: hushgate {hushgate.__version__}, Python 3.")
        assert lines == [
            "hushgate.batching: a worker process died (SIGKILL)",
            "hushgate.live: fine",
        ]


def test_events_are_printed_while_messages_of_libraries_are_discarded() -> None:
    script = """
import logging, os, sys
import hushgate.commands.main as main
from hushgate.commands import models
from hushgate.live.terminal.quiet_stderr import native_messages_held

def run(args):
    with native_messages_held():
        os.write(2, b"ALSA lib: nonsense")
        logging.getLogger("hushgate.live").warning("overload")
    return 0

models.run = run
sys.exit(main.main(["models", "--verbose"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.splitlines()[1:] == ["hushgate.live: overload"]


def test_names_cannot_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["denoise", "a\x1b[2J\n.wav"]) == 2
    assert capsys.readouterr().err == "hushgate: error: a\\x1b[2J\\n.wav: No such file or directory\n"
    assert cli.main(["denoise", "a.wav", "--\x1b[2J"]) == 2
    assert "\x1b" not in capsys.readouterr().err
