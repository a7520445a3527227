"""The benchmarks' own arithmetic, and a small run of each."""

from __future__ import annotations

import ast
import csv
import doctest
import json
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the benchmarks need scipy (extra train)")
pytest.importorskip("soxr", reason="the benchmarks need soxr (extra train)")
import gate
import noise_floor
import pauses
import quality
import rates
import speed
import tuner
from support import denoisers as systems
from support import machine, metrics, recordings, tables, testsets, voice_sets

from hushgate import denoise
from tests.helpers.tiny_models import identity

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder like the real one: two speakers and two noises, some of them not for testing."""
    rng = np.random.default_rng(1)
    time = np.arange(5 * 16_000) / 16_000
    rows = []
    for number in range(4):
        voice = sum(np.sin(2 * np.pi * 120.0 * k * time + number) / k for k in range(1, 20))
        speech = 0.1 * voice * np.maximum(0.0, np.sin(2 * np.pi * (2.0 + number) * time))
        for kind, audio in (("speech", speech), ("noise", 0.1 * rng.standard_normal(len(time)))):
            name = f"{kind}{number}.flac"
            soundfile.write(tmp_path / name, audio + 0.01, 16_000)
            rows.append((name, kind, "train" if number < 2 else "val", "rain" if kind == "noise" else name))
    with (tmp_path / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "kind", "split", "label"), *rows])
    return tmp_path


def test_voice_set_follows_its_seed_and_uses_validation_files_only(data: Path) -> None:
    first, again = (voice_sets.voice_set([data], 8, 3) for _ in range(2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.noisy, two.noisy)
    assert not np.array_equal(first[0].noisy, voice_sets.voice_set([data], 8, 4)[0].noisy)
    assert {item.name.split()[1] for item in first} == {"speech2.flac", "speech3.flac"}


def test_voice_set_has_the_snr_and_level_that_it_names(data: Path) -> None:
    for item in voice_sets.voice_set([data], 8, 3):
        power = [float(np.mean(sound**2)) for sound in (item.clean, item.noisy - item.clean)]
        assert f"{10 * math.log10(power[0] / power[1]):.1f}" == f"{float(item.groups['SNR'][:-3]):.1f}"
        assert np.abs(item.noisy).max() < 1.0
        if item.groups["level"] == "-45 dBFS":
            assert recordings.level_db(item.clean[0].astype(np.float64)) == pytest.approx(-45.0, abs=0.1)


def test_high_noise_stays_in_its_band() -> None:
    noise = voice_sets.high_noise(16_000, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(noise))
    assert spectrum[:4_000].max() < 1e-9 * spectrum.max()


def test_paired_folders_are_read_with_their_own_rate(tmp_path: Path) -> None:
    for part in ("clean", "noisy"):
        (tmp_path / part).mkdir()
        soundfile.write(tmp_path / part / "a.wav", np.full((800, 2), 0.25), 22_050)
    (item,) = testsets.paired_set([tmp_path], 5, 0)
    assert (item.clean.shape, item.sample_rate) == ((2, 800), 22_050)
    (tmp_path / "noisy" / "a.wav").unlink()
    with pytest.raises(ValueError, match="must hold sound files"):
        testsets.paired_set([tmp_path], 5, 0)


def test_paired_table_shows_the_difference_on_the_same_items() -> None:
    scores = [
        tables.Score(system, str(item), {}, {"PESQ": item + gain})
        for system, gain in (("noisy", 0.0), ("hushgate:voice", 0.5))
        for item in range(3)
    ]
    assert "+0.50 ± 0.00" in tables.paired_table(scores, "hushgate:voice")


def test_missing_peer_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "noisereduce", None)
    usable, skipped = systems.usable_systems(["noisy", "noisereduce"], [])
    assert usable == ["noisy"]
    assert "noisereduce skipped (needs noisereduce)" in skipped[0]


@pytest.mark.parametrize("name", [name for name in systems.PEERS if name != "noisy"])
def test_peers_return_what_they_got_in_shape(name: str) -> None:
    usable, skipped = systems.usable_systems([name], [])
    if not usable:
        pytest.skip(skipped[0])
    audio = machine.test_signal(44_100, 2, 1.0)
    noise = (0.1 * audio,) if systems.needs_noise(name) else ()
    output = systems.make_system(name)(audio, 44_100, *noise)
    assert output.dtype == np.float32
    assert output.shape[0] == 2
    assert abs(output.shape[1] - audio.shape[1]) <= 2
    assert 0.0 < np.abs(output).max() < 2.0
    version, handling = systems.describe(name)
    assert any(digit in version for digit in "0123456789")
    assert handling


def test_quality_prints_tables_and_writes_every_score(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("pesq", "pystoi", "speechmos"):
        pytest.importorskip(package, reason="needs the extra bench")
    model = identity().save(tmp_path / "tiny.onnx")
    target = tmp_path / "scores.json"
    flags = ["--data", str(data), "--items", "4", "--peer", "noisy", "--model", str(model)]
    assert quality.main([*flags, "--files", "--json", str(target)]) == 0
    printed = capsys.readouterr().out
    assert "| **hushgate tiny** |" in printed
    assert "| **hushgate tiny, files** |" in printed
    assert "| **hushgate tiny, files** minus noisy |" in printed
    assert "-2.5 dB (n=1)" in printed
    scores = json.loads(target.read_text())["scores"]
    by_system = [[s["values"]["SI-SDR dB"] for s in scores if s["system"] == name] for name in ("noisy",)]
    assert by_system[0] == pytest.approx([-2.5, 2.5, 7.5, 12.5], abs=0.3)
    ours = [s["values"]["SI-SDR dB"] for s in scores if s["system"] != "noisy"]
    assert ours == pytest.approx(by_system[0] * 2, abs=0.05)


@pytest.mark.parametrize("seconds", [3.0, 9.0])
def test_files_sound_as_the_commands_make_them(seconds: float) -> None:
    noisy = (0.1 * np.random.default_rng(3).standard_normal((1, round(seconds * 16_000)))).astype(np.float32)
    as_file = systems.make_system(systems.FILES + "voice")(noisy, 16_000)[:, : noisy.shape[1]]
    np.testing.assert_allclose(as_file, denoise(noisy, 16_000), rtol=0.0, atol=1e-6)
    as_stream = systems.make_system(systems.HUSHGATE + "voice")(noisy, 16_000)[:, : noisy.shape[1]]
    assert np.abs(as_file - as_stream).max() > 1e-3


def test_rates_find_an_identity_model_to_change_nothing(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("pesq", reason="needs the extra bench")
    process = systems.make_system(systems.HUSHGATE + str(identity().save(tmp_path / "tiny.onnx")))
    (clean, noisy), *_ = rates.scenes(data, 1, 0, 5.0)
    for rate in (8_000, 44_100):
        reading = rates.read_scene(process, clean, noisy, rate)
        assert reading.noise_reduction == pytest.approx(0.0, abs=0.01)
        # 5 dB, and half of the white noise lies above the shared band.
        assert reading.si_sdr_shared == pytest.approx(8.0, abs=0.2)


def test_speed_measures_live_blocks_and_whole_files(tmp_path: Path) -> None:
    name = systems.HUSHGATE + str(identity().save(tmp_path / "tiny.onnx"))
    bench = speed.Bench(name, seconds=0.5, live_seconds=1.0)
    result = speed.best_of([bench.round(), bench.round()])
    assert len(result.live_wall_ms) == 100
    assert all(timing.wall_s > 0.0 for timing in result.whole.values())
    assert "48 kHz x 1" in speed.whole_table([result])
    assert "**hushgate tiny**" in speed.live_table([result])


def test_examples_in_the_docstrings_are_right() -> None:
    assert doctest.testmod(metrics) == (0, 1)


def test_bad_input_is_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quality.main(["--data", str(tmp_path / "none"), "--peer", "noisy"]) == 2
    assert "none" in capsys.readouterr().err
    assert rates.main(["--data", str(tmp_path), "--model", "no-such-model"]) == 2
    assert "no-such-model" in capsys.readouterr().err
    assert noise_floor.main(["--data", str(tmp_path / "none")]) == 2
    assert "noise_floor.py: error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "flag"), [(quality, "--items"), (pauses, "--items"), (gate, "--phrases"), (tuner, "--items")]
)
def test_counts_are_1_or_more(script: ModuleType, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        script.main(["--data", "data", "--notes", "notes", flag, "0"])
    assert f"argument {flag}: must be 1 or more (got 0)" in capsys.readouterr().err


def test_no_benchmark_imports_another() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in BENCHMARKS.rglob("*.py")}
    commands = {path for path, text in texts.items() if "\nif __name__ ==" in text}
    names = {".".join(path.relative_to(BENCHMARKS).with_suffix("").parts) for path in commands}
    names |= {path.stem for path in commands}
    assert {"quality", "support.bass", "adapting.noises"} <= names
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            imported: set[str] = set()
            if isinstance(node, ast.Import):
                imported = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            assert not imported & names, f"{path.name} imports {imported & names}: see support/"
