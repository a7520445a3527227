"""Every script in `examples/` runs as its user would run it, and does what it says."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import Chain, Denoiser, load_preset, stream_file

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOISY = EXAMPLES / "noisy_speech.flac"
# make_example.py needs espeak-ng and makes the file that all others use.
SCRIPTS = {path.stem for path in EXAMPLES.glob("*.py")} - {"make_example"}

pytestmark = pytest.mark.usefixtures("voice")

RunExample = Callable[..., str]


@pytest.fixture
def run_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunExample:
    """Run a script in a folder of its own; what it prints."""

    def run(name: str, *arguments: str | Path) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def read(path: Path) -> np.ndarray:
    return np.asarray(soundfile.read(path, dtype="float32")[0])


def cleaned(effect: Chain) -> np.ndarray:
    """What the effect makes of the file, which it hears ahead."""
    return np.asarray(np.concatenate(list(stream_file(effect, NOISY)), axis=1)[0])


def test_every_script_is_tested() -> None:
    assert {name for name in globals() if name.startswith("test_runs_")} == {
        f"test_runs_{s}" for s in SCRIPTS
    }


def test_runs_pedalboard_chain(run_example: RunExample, tmp_path: Path) -> None:
    assert "1536 samples of latency taken out" in run_example("pedalboard_chain", NOISY, "out.wav")
    expected = cleaned(Chain.from_preset("podcast"))
    np.testing.assert_allclose(read(tmp_path / "out.wav"), expected, atol=1e-4)


def test_runs_clean_stems(run_example: RunExample, tmp_path: Path) -> None:
    for name in ("a.flac", "b.flac"):
        (tmp_path / name).write_bytes(NOISY.read_bytes())
    printed = run_example("clean_stems", "a.flac", "b.flac", "-o", "out", "--threads", "2")
    assert printed.count("100%") == 2
    expected = cleaned(Chain(load_preset("stems-vocal").make_effects()))
    for name in ("a.flac", "b.flac"):
        np.testing.assert_allclose(read(tmp_path / "out" / name), expected, atol=1e-4)


def test_runs_realtime_loop(run_example: RunExample, tmp_path: Path) -> None:
    printed = run_example("realtime_loop")
    assert "gain reduction" in printed
    assert "99 of 100 under" in printed
    out = read(tmp_path / "cleaned.wav")
    assert not out[:1536].any()  # the latency that a live host hears
    assert np.abs(out[1536:]).max() > 0.01


def test_the_realtime_loop_keeps_bits_and_the_last_samples(run_example: RunExample, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", read(NOISY)[:5000], 48_000, subtype="PCM_24")
    run_example("realtime_loop", "in.wav", "out.wav")
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.frames, info.subtype) == (5000, "PCM_24")


@pytest.mark.parametrize("name", sorted(SCRIPTS - {"clean_stems"}))
def test_no_script_writes_over_its_input(run_example: RunExample, tmp_path: Path, name: str) -> None:
    (tmp_path / "take.flac").write_bytes(NOISY.read_bytes())
    with pytest.raises((SystemExit, ValueError)):
        run_example(name, "take.flac", "take.flac")
    assert (tmp_path / "take.flac").read_bytes() == NOISY.read_bytes()


def test_stems_with_one_name_are_refused(run_example: RunExample, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "vox.flac").write_bytes(NOISY.read_bytes())
    with pytest.raises(SystemExit):
        run_example("clean_stems", "a/vox.flac", "b/vox.flac", "-o", "out")
    with pytest.raises(ValueError, match="input"):
        run_example("clean_stems", "a/vox.flac", "-o", "a")
    assert (tmp_path / "a" / "vox.flac").read_bytes() == NOISY.read_bytes()
    assert not (tmp_path / "out").exists()


def test_runs_parallel_dry_wet(run_example: RunExample, tmp_path: Path) -> None:
    run_example("parallel_dry_wet", NOISY, "out.wav")
    out, noisy = read(tmp_path / "out.wav"), read(NOISY)
    assert out.shape == noisy.shape
    # Both branches begin and end together: the sound is where it was.
    lags = np.fft.irfft(np.fft.rfft(out) * np.conj(np.fft.rfft(noisy)))
    assert np.abs(lags).argmax() == 0


def test_runs_listen_to_residual(run_example: RunExample, tmp_path: Path) -> None:
    assert "clean + residual differs from noisy by" in run_example("listen_to_residual", NOISY, "out.wav")
    residual = Denoiser("voice", output="residual")(read(NOISY), 48_000)
    np.testing.assert_allclose(read(tmp_path / "out.wav"), residual, atol=1e-4)
