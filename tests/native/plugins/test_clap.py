"""The CLAP in a host of our own: its sound, its state in parts, resets, and rates that are refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import load_model
from tests.native.compiled import DPF, NATIVE, compiler
from tests.native.plugins.test_plugins import MODELS, RATE, expected_sound
from tests.native.test_parity import Audio, sound

pytestmark = pytest.mark.level(7)

SETTINGS = ("mix=0.75", "gate threshold=-40", "attenuation limit=20", "output=1", "model=1")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """native/tests/clap_host.cpp."""
    headers = DPF / "distrho" / "src"
    if not headers.is_dir():
        pytest.skip("no headers of CLAP (Debian's dpf-source)")
    path = tmp_path_factory.mktemp("host") / "clap_host"
    command = [compiler(), "-std=c++17", f"-I{headers}", str(NATIVE / "tests" / "clap_host.cpp")]
    subprocess.run([*command, "-o", str(path), "-ldl"], check=True, capture_output=True)
    return path


def _run(
    host: Path, plugin: Path, audio: Audio, *arguments: str, rate: int = RATE, locales: Path | None = None
) -> tuple[Audio, dict[str, float]]:
    """The sound that comes out, and the parameters and the latency."""
    done = subprocess.run(
        [host, plugin, str(rate), str(len(audio)), "333", *arguments],
        input=audio.tobytes(),
        env={**os.environ, **({} if locales is None else {"LOCPATH": str(locales)})},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = (line.split("=") for line in done.stderr.decode().splitlines() if "=" in line)
    readings = {name: float(value) for name, value in rows}
    return np.frombuffer(done.stdout, np.float32).reshape(audio.shape), readings


@pytest.mark.parametrize("model", MODELS)
def test_clap_gives_the_sound_of_the_denoiser(model: str, host: Path, plugins: Path) -> None:
    audio = sound(RATE, 2)
    settings = ("mix=0.75", "gate threshold=-40", "attenuation limit=120", f"model={MODELS.index(model)}")
    found, readings = _run(host, plugins / "hushgate.clap", audio, *settings)
    expected = expected_sound(model, audio, mix=0.75, gate_threshold_db=-40.0)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-5)
    assert readings["latency"] == load_model(model).latency_samples(RATE)
    assert readings["gate threshold"] == -40.0


def test_mono_gives_the_sound_of_the_denoiser(host: Path, plugins: Path) -> None:
    audio = sound(RATE, 1)
    found, _ = _run(host, plugins / "hushgate-mono.clap", audio)
    np.testing.assert_allclose(found, expected_sound("voice", audio), rtol=0.0, atol=1e-5)


@pytest.mark.parametrize(
    "parts", [("--write=100",), ("--write=7", "--read=100"), ("--read=7",), ("--read=1",)]
)
def test_the_state_may_go_in_parts(parts: tuple[str, ...], host: Path, plugins: Path) -> None:
    silence = np.zeros((2, 333), np.float32)
    _, whole = _run(host, plugins / "hushgate.clap", silence, *SETTINGS)
    assert (whole["mix"], whole["gate threshold"], whole["output"], whole["model"]) == (0.75, -40.0, 1.0, 1.0)
    assert _run(host, plugins / "hushgate.clap", silence, *SETTINGS, *parts)[1] == whole


def test_the_state_is_read_in_a_locale_with_commas(host: Path, plugins: Path, tmp_path: Path) -> None:
    program = shutil.which("localedef")
    if program is None:
        pytest.skip("no localedef (Debian's libc-bin)")
    command = [program, "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no German locale (Debian's locales)")
    silence = np.zeros((2, 333), np.float32)
    arguments = ("mix=0.75", "--locale=de_DE.UTF-8")
    _, readings = _run(host, plugins / "hushgate.clap", silence, *arguments, locales=tmp_path)
    assert readings["mix"] == 0.75


@pytest.mark.parametrize(("symbol", "name"), [("mix", "mix"), ("hum_reduction_db", "hum reduction")])
def test_what_a_state_lacks_has_its_default(symbol: str, name: str, host: Path, plugins: Path) -> None:
    silence = np.zeros((2, 333), np.float32)
    _, defaults = _run(host, plugins / "hushgate.clap", silence)
    _, found = _run(host, plugins / "hushgate.clap", silence, f"--drop={symbol}")
    assert found[name] == defaults[name]
    assert found == defaults


def test_no_sound_outlives_a_reset(host: Path, plugins: Path) -> None:
    audio = sound(RATE, 2)
    at = 20 * 333
    found, _ = _run(host, plugins / "hushgate.clap", audio, "--reset=20")
    np.testing.assert_allclose(found[:, at:], expected_sound("voice", audio[:, at:]), rtol=0.0, atol=1e-5)


def test_a_refused_rate_passes_the_sound_on_until_another_comes(host: Path, plugins: Path) -> None:
    audio = sound(RATE, 2)
    found, readings = _run(host, plugins / "hushgate.clap", audio, rate=2_000_000)
    np.testing.assert_array_equal(found, audio)
    assert readings["latency"] == 0
    found, readings = _run(host, plugins / "hushgate.clap", audio, "--before=2000000")
    np.testing.assert_allclose(found, expected_sound("voice", audio), rtol=0.0, atol=1e-5)
    assert readings["latency"] == load_model("voice").latency_samples(RATE)
