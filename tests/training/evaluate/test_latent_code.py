"""What `hushgate inspect-latent` measures, and that checkpoints and exported files give the same."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.commands.main import main  # noqa: E402
from hushgate.engine import BlockDenoiser  # noqa: E402
from hushgate.training.config.mixture_schema import DataConfig  # noqa: E402
from hushgate.training.config.schema import CardConfig, Config  # noqa: E402
from hushgate.training.evaluate.latent_code import CodeStatistics, collect_codes, load_encoder  # noqa: E402
from hushgate.training.exporting.checkpoint import export_checkpoint  # noqa: E402
from hushgate.training.fitting.denoising_module import DenoisingModule  # noqa: E402
from tests.helpers.small_models import SMALL  # noqa: E402

RATE = 4000


def _checkpoint(folder: Path, family: str, **model: Any) -> Path:
    torch.manual_seed(0)
    settings = SMALL[family] | {"family": family} | model
    config = Config(
        model=settings, data=DataConfig(sample_rate=RATE), card=CardConfig(name=family, licence="MIT")
    )
    module = DenoisingModule(config)
    path = folder / f"{family}.ckpt"
    torch.save({"hyper_parameters": {"config": config.to_dict()}, "state_dict": module.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "noise").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        audio = rng.standard_normal(2 * RATE) * 0.1 * (number + 1) / 3
        soundfile.write(folder / "noise" / f"{number}.wav", audio, RATE)
    soundfile.write(folder / "noise" / "silence.wav", np.zeros(RATE), RATE)
    return folder


def test_figures_of_a_code_that_is_known() -> None:
    """Two dimensions that vary independently, one that copies the first, one that stands still."""
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 20_000))
    codes = np.stack([first + 3.0, second, first, np.full_like(first, 0.5)], axis=1).astype(np.float32)
    statistics = CodeStatistics.of(codes)
    assert statistics.mean == pytest.approx([3.0, 0.0, 0.0, 0.5], abs=0.03)
    assert statistics.spread == pytest.approx([1.0, 1.0, 1.0, 0.0], abs=0.03)
    assert statistics.unused.tolist() == [False, False, False, True]
    # Eigenvalues 2, 1, 0, 0.
    assert statistics.effective == pytest.approx(9.0 / 5.0, abs=0.03)
    with pytest.raises(ValueError, match=r"unused_below must be between 0\.0 and 1\.0"):
        CodeStatistics.of(codes, 2.0)


@pytest.mark.parametrize(("family", "size"), [("latent_ae", 7), ("wave_ae", 4), ("conv_vae", 5)])
def test_checkpoints_and_exported_files_have_the_same_code(
    family: str, size: int, recordings: Path, tmp_path: Path
) -> None:
    checkpoint = _checkpoint(tmp_path, family)
    files = sorted(recordings.rglob("*.wav"))
    codes = collect_codes(load_encoder(checkpoint), files)
    assert codes.shape[1] == size
    assert codes.std(axis=0).max() > 0.0
    exported = export_checkpoint(checkpoint, tmp_path / "model.onnx").path
    assert collect_codes(load_encoder(exported), files) == pytest.approx(codes, abs=1e-4)


def test_a_code_is_that_of_the_sound_as_the_engine_hears_it(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inputs of the engine's segments include those whose codes are collected."""
    exported = export_checkpoint(
        _checkpoint(tmp_path, "latent_ae", segment_hop_frames=1), tmp_path / "model.onnx"
    )
    encoder = load_encoder(exported.path)
    seen: list[np.ndarray] = []

    def record(self: object, segments: np.ndarray) -> np.ndarray:
        seen.append(segments.copy())
        return segments

    monkeypatch.setattr(type(exported), "run_segments", record)
    file = recordings / "noise" / "1.wav"
    engine = BlockDenoiser(exported)
    engine.prepare(RATE, 512, 1)
    engine.process(soundfile.read(file, dtype="float32")[0][None])
    codes = collect_codes(encoder, [file])
    heard = np.concatenate([encoder.encode(segment) for segment in seen])
    assert np.abs(heard - codes[0]).max(axis=1).min() < 1e-5


def test_models_without_a_code_and_silence_are_refused(recordings: Path, tmp_path: Path) -> None:
    for family in ("unet", "hush"):
        checkpoint = _checkpoint(tmp_path, family)
        for path in (checkpoint, export_checkpoint(checkpoint, tmp_path / f"{family}.onnx").path):
            with pytest.raises(ValueError, match="has no code to inspect"):
                load_encoder(path)
    encoder = load_encoder(_checkpoint(tmp_path, "wave_ae"))
    with pytest.raises(ValueError, match="data must hold recordings above -80 dBFS"):
        collect_codes(encoder, [recordings / "noise" / "silence.wav"])


def test_a_limit_takes_recordings_from_all_of_them(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hushgate.training.evaluate import latent_code

    taken: list[str] = []

    def collect(encoder: object, files: list[Path]) -> np.ndarray:
        taken.extend(path.name for path in files)
        return np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)

    monkeypatch.setattr(latent_code, "collect_codes", collect)
    checkpoint = _checkpoint(tmp_path, "wave_ae")
    for limit in ("3", "9"):
        assert main(["inspect-latent", str(checkpoint), "--data", str(recordings), "--limit", limit]) == 0
    assert taken == ["0.wav", "1.wav", "silence.wav", "0.wav", "1.wav", "2.wav", "silence.wav"]


def test_the_command_prints_a_table_and_writes_files(recordings: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need the extra hushgate[plot]")
    checkpoint = _checkpoint(tmp_path, "wave_ae")
    folder = tmp_path / "code"

    def hushgate(*more: str | Path, expect: int = 0) -> str:
        run = subprocess.run(
            [sys.executable, "-m", "hushgate", "inspect-latent", checkpoint, "--data", recordings, *more],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == expect, run.stderr
        return run.stdout + run.stderr

    printed = hushgate("-o", folder)
    assert re.search(r"\d+ codes of 4 dimensions, \d unused, \d\.\d effective", printed)
    assert len(re.findall(r"^ +[0-3] +", printed, re.MULTILINE)) == 4
    rows = list(csv.DictReader((folder / "code.csv").open(encoding="utf-8")))
    assert [row["dimension"] for row in rows] == ["0", "1", "2", "3"]
    expected = CodeStatistics.of(collect_codes(load_encoder(checkpoint), sorted(recordings.rglob("*.wav"))))
    assert [float(row["spread"]) for row in rows] == pytest.approx(expected.spread.tolist(), rel=1e-4)
    assert (folder / "code.png").read_bytes().startswith(b"\x89PNG")
    assert "exists" in hushgate("-o", folder, expect=2)
    assert "--csv is now -o DIR" in hushgate("--csv", "code.csv", expect=2)
    assert "limit must be at least 1" in hushgate("--limit", "0", expect=2)
