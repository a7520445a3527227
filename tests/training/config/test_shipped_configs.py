"""Every configuration that ships: whole as it is, and small from the first step to sound in the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate import training  # noqa: E402
from hushgate.engine import BlockDenoiser  # noqa: E402
from hushgate.training.config.mixture_schema import SourceSpec  # noqa: E402
from hushgate.training.config.schema import Config, load_config  # noqa: E402
from hushgate.training.config.toml_tables import read_values  # noqa: E402
from hushgate.training.exporting.checkpoint import export_checkpoint  # noqa: E402
from hushgate.training.fitting.trainer import train  # noqa: E402
from hushgate.training.models import FAMILIES, build_model  # noqa: E402
from hushgate.training.models.torch_framing import Framing  # noqa: E402
from tests.helpers.small_models import SMALL  # noqa: E402

CONFIGS = sorted((Path(training.__file__).parent / "configs").glob("*.toml"))
RATE = 4000


def _values(value: Any) -> str:
    return json.dumps(value)


def _recordings(config: Config, folder: Path) -> Path:
    """A manifest with a recording for training and one for validation of all that a mixture asks for."""
    rows = ["path,kind,split,label"]
    rng = np.random.default_rng(0)
    rate = 3 * RATE if config.data.mix_rate else RATE
    rooms = [SourceSpec(config.mix.room_kind)] if config.mix.room_kind else []
    for number, spec in enumerate((*config.mix.targets, *config.mix.noises, *rooms)):
        if spec.is_synthesized:
            continue
        for split in ("train", "val"):
            path = folder / f"{spec.prefix or spec.kind}-{number}-{split}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            audio = np.cumsum(rng.standard_normal(2 * rate)) * np.hanning(2 * rate)
            soundfile.write(path, audio / np.abs(audio).max() / 2, rate)
            rows.append(f"{path.relative_to(folder)},{spec.kind},{split},label")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_every_family_has_a_configuration() -> None:
    assert {load_config(path).model["family"] for path in CONFIGS} == FAMILIES.keys()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_configuration_describes_itself_and_builds(path: Path) -> None:
    config = load_config(path)
    assert config.card.name == path.stem
    assert config.card.task
    assert config.card.description
    assert config.card.licence
    assert config.card.attribution
    network = build_model(config.model)
    num_parameters = sum(p.numel() for p in network.parameters())
    assert num_parameters > 10_000
    # Ours must stay light; the baselines are what they were.
    assert config.model["family"] != "hush" or num_parameters < 300_000
    shape, rate = network.config, config.data.sample_rate
    # What the network sees lies below half the rate that it is trained at.
    assert shape.num_bins * 1000.0 / shape.frame_ms <= 1.01 * rate / 2
    # Examples fill the segments that they are cut into: padding teaches nothing.
    audio = torch.zeros(1, round(config.data.segment_s * rate))
    frames = Framing(rate, shape.frame_ms, shape.overlap).analyse(audio).shape[1]
    segment = getattr(shape, "segment_frames", 1)
    assert frames >= 0.95 * segment * np.ceil(frames / segment)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_choice_of_a_shipped_search_makes_a_network(path: Path) -> None:
    study = pytest.importorskip("hushgate.training.search.study", reason="needs hushgate[search]")
    values = read_values(path, [])
    space = load_config(path).search.space
    study.check_space(space, values, path.stem)
    assert len(space) >= 2
    for name, entry in space.items():
        ends = entry["choices"] if "choices" in entry else [entry["low"], entry["high"]]
        for value in ends:
            settings = value if isinstance(value, dict) else {name: value}
            changed = Config.from_dict(study.with_settings(values, settings), path.stem)
            shape = build_model(changed.model).config
            assert shape.num_bins * 1000.0 / shape.frame_ms <= 1.01 * changed.data.sample_rate / 2


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_configuration_trains_exports_and_runs(path: Path, tmp_path: Path) -> None:
    shipped = load_config(path)
    family = shipped.model["family"]
    changes = {f"model.{key}": value for key, value in SMALL[family].items()} | {
        "data.folders": [str(_recordings(shipped, tmp_path / "data"))],
        "data.sample_rate": RATE,
        "data.segment_s": 0.5,
        "data.val_examples": 2,
        "train.max_steps": 2,
        "train.batch_size": 2,
        "train.warmup_steps": 1,
        "train.steps_per_epoch": 2,
        "train.workers": 0,
        "train.logger": "none",
        "train.accelerator": "cpu",
        # They need 16 kHz; tests/training/losses has them.
        "loss.perceptual": 0.0,
        "loss.opinion": 0.0,
    }
    if shipped.data.mix_rate:
        changes |= {
            "data.mix_rate": 3 * RATE,
            "data.cache": str(tmp_path / "cache"),
            "mix.stock": 3,
            "model.upper_edges_hz": [2000.0, 3000.0],
            "model.upper_top_hz": 6000.0,
        }
    if shipped.train.only:
        changes |= {"train.only": ""}  # a part alone needs the rest of a network to start from
    config = load_config(path, [f"{key}={_values(value)}" for key, value in changes.items()])
    checkpoint = train(config, tmp_path / "run", progress=False)
    model = export_checkpoint(checkpoint, tmp_path / "model.onnx")
    assert model.info.name == path.stem
    audio = np.random.default_rng(0).standard_normal((2, 24_000)).astype(np.float32) * 0.1
    outputs = []
    for block_size in (24_000, 700):
        engine = BlockDenoiser(model)
        engine.prepare(8_000, block_size, 2)
        parts = [engine.process(audio[:, i : i + block_size]) for i in range(0, 24_000, block_size)]
        outputs.append(np.concatenate([*parts, engine.flush()], axis=1)[:, engine.latency_samples :])
        assert engine.num_faulty_frames == 0
    assert outputs[0].shape == audio.shape
    assert np.abs(outputs[0]).max() > 1e-4
    assert outputs[1] == pytest.approx(outputs[0], abs=1e-5)
    if model.info.upper_top_hz is None:
        with pytest.raises(ValueError, match="no head for bands above its bins"):
            export_checkpoint(checkpoint, tmp_path / "plain.onnx", without_upper=True)
        assert not (tmp_path / "plain.onnx").exists()
