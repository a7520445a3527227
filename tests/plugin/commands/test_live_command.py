"""`hushgate live`: options, devices, messages, errors in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import available_models, available_presets, load_preset
from hushgate.commands.main import main
from hushgate.live import session
from hushgate.live.terminal import keyboard
from hushgate.live.terminal.keyboard import ConsoleKeys, NoKeys, TerminalKeys, keys_of_terminal
from hushgate.live.terminal.quiet_stderr import native_messages_held
from tests.helpers.command_line import RunCli
from tests.helpers.live_fakes import RATE, FakeBackend
from tests.helpers.seeded_noise import noise


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """What `hushgate live` runs on instead of PortAudio."""
    fake = FakeBackend(noise(1, 2 * RATE))
    monkeypatch.setattr(session, "_default_backend", lambda: fake)
    return fake


def test_run_for_a_time_records_and_says_what_it_did(
    backend: FakeBackend, identity: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "take.wav"
    assert main(["live", "--model", identity, "--duration", "0.5", "--record", str(target)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Desk Microphone -> Headphones, 48000 Hz, mono, blocks of 256, latency 42")
    assert any(line.startswith("callback load: median") for line in lines)
    assert lines[-1] == f"recorded to {target}"
    recorded, _ = soundfile.read(target, dtype="float32")
    np.testing.assert_allclose(recorded, backend.played[0, : RATE // 2], atol=2**-23)


def test_every_option_arrives(backend: FakeBackend, identity: str) -> None:
    options = "--input-device 0 --output-device head --block-size 128 --sample-rate 16000 --channels 2"
    options += " --device-latency-ms 50"
    assert main(["live", "--model", identity, "--duration", "0.2", "--quiet", *options.split()]) == 0
    (request,) = backend.requests
    assert (request.input.index, request.output.index, request.block_size) == (0, 1, 128)
    assert (request.sample_rate, request.num_inputs, request.device_latency_s) == (16_000.0, 2, 0.05)


def test_parameters_and_residual_are_heard(backend: FakeBackend, models: Path) -> None:
    assert main(["live", "--model", str(models / "half.onnx"), "--duration", "0.5", "--quiet"]) == 0
    denoised = backend.played
    backend.blocks.clear()
    arguments = ["live", "--model", str(models / "half.onnx"), "--duration", "0.5", "--quiet"]
    assert main([*arguments, "--residual", "--mix", "0.5"]) == 0
    # The residual of a mix of one half is a quarter: half of what is taken away.
    size = RATE // 2
    np.testing.assert_allclose(backend.played[:, :size], 0.5 * denoised[:, :size], atol=1e-4)


def test_json_lines_end_with_the_final_status(
    backend: FakeBackend, identity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["live", "--model", identity, "--duration", "1.2", "--json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert objects[-1]["elapsed_s"] == 1.2
    assert objects[-1]["num_overloads"] == 0
    assert objects[-1]["gate_threshold_db"] is None


def test_devices_are_listed_for_people_and_programs(
    backend: FakeBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["live", "--list-devices"]) == 0
    text = capsys.readouterr().out
    assert "  0  Desk Microphone  [Fake]  2 in, 0 out, 44100 Hz  (default input)" in text
    assert main(["live", "--list-devices", "--json"]) == 0
    devices = json.loads(capsys.readouterr().out)
    assert [device["name"] for device in devices] == ["Desk Microphone", "Headphones"]
    assert devices[1]["is_default_output"] is True


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--input-device guitar", "input 'guitar' is no input device. There is: 0 'Desk Microphone'."),
        ("--sample-rate 0", "sample_rate must be above 0.0 Hz (got 0.0)."),
        ("--block-size 1", "block_size must be between 16 and 16384 samples (got 1)."),
        ("--block-size x", "argument --block-size: invalid int value: 'x'"),
        ("--channels 3", "num_channels must be at most 2"),
        ("--duration -5", "duration_s must be between 0.1 and 1e7 s (got -5.0)."),
        ("--mix 2", "mix must be between 0.0 and 1.0"),
        ("--model /nowhere/x.onnx", "/nowhere/x.onnx"),
        ("--preset nosuch", "nosuch"),
        ("--record /nowhere/x.wav", "the folder /nowhere does not exist"),
        ("--record take.xyz", "cannot tell the format from the extension '.xyz'"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    backend: FakeBackend, identity: str, capsys: pytest.CaptureFixture[str], options: str, text: str
) -> None:
    model = [] if "--model" in options else ["--model", identity]
    assert main(["live", *model, "--duration", "0.2", *options.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith("hushgate: error: ")
    assert text in error
    assert error.count("\n") == 1
    assert backend.num_open == 0


def test_device_that_disappears_is_one_line_and_status_2(
    backend: FakeBackend, identity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.gone_after = 30
    assert main(["live", "--model", identity]) == 2
    error = capsys.readouterr().err
    assert error.endswith("stopped: the device or its sound server has gone.\n")
    assert error.count("\n") == 1


def test_missing_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert main(["live", "--list-devices"]) == 2
    assert "pip install 'hushgate[live]'" in capsys.readouterr().err


def test_missing_library_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["live", "--list-devices"]) == 2
    assert "PortAudio library not found. Install PortAudio" in capsys.readouterr().err


def test_help_starts_neither_sound_nor_models(run_cli: RunCli) -> None:
    code = (
        "import sys; from hushgate.commands.main import main; main(['live', '--help']); "
        "print([m for m in ('sounddevice', 'onnxruntime', 'pedalboard') if m in sys.modules])"
    )
    assert run_cli("live", "--help").stdout.startswith(b"usage: hushgate live")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# -- terminals ----------------------------------------------------------------------------------

needs_terminals = pytest.mark.skipif(keyboard.termios is None, reason="no terminals of this kind here")  # type: ignore[attr-defined]


@needs_terminals
def test_keys_come_singly_and_the_terminal_is_as_before_afterwards() -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    try:
        before = termios.tcgetattr(theirs)
        with TerminalKeys(theirs) as keys:
            assert not termios.tcgetattr(theirs)[3] & termios.ICANON
            assert keys.read(0.0) == ""
            os.write(ours, b"b+")
            assert keys.read(1.0) == "b+"
            os.write(ours, b"\x1b[A")  # an arrow is no [ and no A
            assert keys.read(1.0) == ""
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)


@needs_terminals
def test_terminal_that_goes_away_is_no_more_keys_and_no_error() -> None:
    import pty
    import tty

    ours, theirs = pty.openpty()
    keys = TerminalKeys(theirs)
    tty.setcbreak(theirs)
    os.close(ours)
    assert keys.read(0.1) == ""
    assert keys.read(0.0) == ""
    os.close(theirs)


def test_no_keys_where_standard_input_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert isinstance(keys_of_terminal(), NoKeys)
    monkeypatch.setattr(sys, "stdin", None)
    assert isinstance(keys_of_terminal(), NoKeys)


def test_messages_of_libraries_are_held_and_our_own_arrive(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from hushgate.live.terminal.quiet_stderr import native_messages_held\n"
        "with native_messages_held():\n"
        "    os.write(2, b'ALSA lib says something')\n"
        "    print('ours', file=sys.stderr)\n"
        "os.write(2, b'after')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b"ours\nafter"


def test_held_messages_do_no_harm_without_a_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with native_messages_held():
        pass
    assert sys.stderr is None


@pytest.mark.skipif("voice" not in available_models(), reason="the presets' model has not shipped yet")
@pytest.mark.parametrize("preset", available_presets())
def test_every_preset_runs_live(backend: FakeBackend, preset: str) -> None:
    has_denoiser = any(entry["effect"] == "Denoiser" for entry in load_preset(preset).entries)
    mix = ["--mix", "0.5"] if has_denoiser else []
    assert main(["live", "--preset", preset, *mix, "--duration", "0.3", "--quiet"]) == 0
    assert np.isfinite(backend.played).all()
    assert backend.played.any()


class Console:
    """A console of Windows with keys that were typed."""

    def __init__(self, typed: str) -> None:
        self.typed = list(typed)

    def kbhit(self) -> bool:
        return bool(self.typed)

    def getwch(self) -> str:
        return self.typed.pop(0)


def test_a_console_of_windows_gives_plain_keys_and_ends_at_ctrl_c() -> None:
    with ConsoleKeys(Console("b\xe0H+\0;q")) as keys:
        assert keys.read(0.1) == "b+q"
        assert keys.read(0.0) == ""
    with pytest.raises(KeyboardInterrupt):
        ConsoleKeys(Console("b\x03")).read(0.1)
