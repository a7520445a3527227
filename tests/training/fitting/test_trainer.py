"""A whole training, small: data from disk, steps, checkpoint, resume, export, sound through the engine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hushgate.commands.main import main
from tests.helpers.tiny import write_workshop

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")


def _hushgate(*arguments: str | Path, expect: int = 0) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "hushgate", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == expect, run.stderr
    return run.stdout + run.stderr


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_workshop(tmp_path_factory.mktemp("workshop"))


@pytest.mark.level(6)
def test_train_resume_export_and_denoise(workshop: Path) -> None:
    run, config = workshop / "run", workshop / "tiny.toml"
    common = ("train", config, "--data", workshop / "data", "--quiet")
    printed = _hushgate(*common, "-o", run, "--set", "train.max_steps=2")
    # Nothing of third parties: no advertisement, no warning about the folder that the logs are in.
    assert not re.search("Tip|TPU|Lit|not empty|deprecated|logging interval", printed)
    assert (run / "last.ckpt").is_file()
    assert list(run.glob("logs/events*"))

    # Never over an existing training by accident.
    assert "--resume" in _hushgate(*common, "-o", run, expect=2)

    _hushgate(*common, "-o", run, "--resume")
    step = torch.load(run / "last.ckpt", weights_only=True)["global_step"]
    assert step == 4

    model = workshop / "tiny.onnx"
    printed = _hushgate("export", run / "last.ckpt", "-o", model)
    assert re.search(r"tiny, [\d,]+ parameters", printed)
    assert "exists" in _hushgate("export", run / "last.ckpt", "-o", model, expect=2)

    from hushgate.engine import BlockDenoiser

    engine = BlockDenoiser(model)
    engine.prepare(48_000, 4_800, 2)
    assert np.isfinite(engine.process(np.full((2, 4_800), 0.1, np.float32))).all()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_interrupted_training_ends_like_an_undisturbed_one(workshop: Path, optimizer: str) -> None:
    from hushgate.training.config.schema import load_config
    from hushgate.training.fitting.trainer import train
    from hushgate.training.models.checkpoint import load_network

    folders = f"data.folders=['{workshop / 'data'}']"
    whole = load_config(workshop / "tiny.toml", [folders, f"train.optimizer='{optimizer}'"])
    undisturbed, interrupted = workshop / f"whole-{optimizer}", workshop / f"parts-{optimizer}"
    train(whole, undisturbed, progress=False)
    # The same schedule, stopped after the first epoch, as a crash between two epochs would.
    import lightning

    class Stop(lightning.Callback):
        def on_train_epoch_end(self, trainer: lightning.Trainer, *_: object) -> None:
            trainer.should_stop = True

    train(whole, interrupted, progress=False, callbacks=[Stop()])
    assert torch.load(interrupted / "last.ckpt", weights_only=True)["global_step"] == 2
    train(whole, interrupted, resume=True, progress=False)
    one, _ = load_network(undisturbed / "last.ckpt")
    other, _ = load_network(interrupted / "last.ckpt")
    for name, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, msg=name)


@pytest.mark.skipif(torch.version.cuda is not None, reason="this PyTorch has CUDA")
def test_a_missing_processor_is_named(
    workshop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--data", str(workshop / "data"), "-o", str(tmp_path / "run")]
    accelerator = ["--set", "train.accelerator='cuda'"]
    assert main(["train", str(workshop / "tiny.toml"), *places, *accelerator]) == 2
    printed = "".join(capsys.readouterr())
    assert "needs a PyTorch with CUDA" in printed
    assert "fault of hushgate" not in printed
    assert not (tmp_path / "run").exists()


def test_a_rate_too_low_for_the_network_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    from hushgate.training.config.schema import load_config, shipped_config
    from hushgate.training.fitting.trainer import train

    config = load_config(shipped_config("voice"), ["data.sample_rate=8000", "data.folders=['nowhere']"])
    words = r"^data\.sample_rate must .* \(got 8000 Hz.* at least 16000 Hz: raise it, or set model\.num_bins"
    with pytest.raises(ValueError, match=words):
        train(config, tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_bands_above_need_examples_that_have_them(workshop: Path) -> None:
    from hushgate.training.config.schema import load_config
    from hushgate.training.fitting.trainer import train

    changes = [f'data.folders=["{workshop / "data"}"]', "model.upper_edges_hz=[2000.0, 3000.0]"]
    config = load_config(workshop / "tiny.toml", changes)
    with pytest.raises(ValueError, match=r"data\.mix_rate must be a rate that has such bands.* \(got 0\)"):
        train(config, workshop / "nothing", progress=False)
    assert not (workshop / "nothing").exists()


def test_a_network_without_bands_above_trains_on_mixtures_at_a_higher_rate(workshop: Path) -> None:
    run = workshop / "mixed-at-12-kHz"
    changes = ("data.mix_rate=12000", f'data.cache="{workshop / "cache"}"', "mix.stock=4")
    flags = [flag for change in changes for flag in ("--set", change)]
    _hushgate("train", workshop / "tiny.toml", "--data", workshop / "data", "--quiet", "-o", run, *flags)
    assert (run / "last.ckpt").is_file()


def test_a_training_that_cannot_begin_leaves_no_folder(tmp_path: Path) -> None:
    said = _hushgate("train", "voice", "-o", tmp_path / "run", "--data", tmp_path / "nowhere", expect=2)
    assert "nowhere" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sample_rate", "num_bins", "fits"),
    # Frames of 120, 126, 128, 64 and 512 samples: not the rate alone tells, but its frame.
    [(3_750, 64, False), (3_900, 64, True), (4_000, 64, True), (2_000, 32, True), (16_000, 64, True)],
)
def test_a_network_runs_at_every_rate_that_is_not_refused(
    sample_rate: int, num_bins: int, fits: bool
) -> None:
    from hushgate.training.config.mixture_schema import DataConfig
    from hushgate.training.config.schema import Config
    from hushgate.training.fitting.denoising_module import DenoisingModule

    model = {"family": "hush", "num_bins": num_bins, "bands": 6, "upper_from_hz": 500.0}
    config = Config(model=model, data=DataConfig(sample_rate=sample_rate))
    if not fits:
        with pytest.raises(ValueError, match=r"which gives 61\)"):
            DenoisingModule(config)
        return
    estimate, _ = DenoisingModule(config).eval()(torch.randn(1, sample_rate))
    assert estimate.isfinite().all()


def test_foreign_checkpoints_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refusal(checkpoint: Path) -> str:
        assert main(["export", str(checkpoint), "-o", str(tmp_path / "x.onnx")]) == 2
        return capsys.readouterr().err

    junk = tmp_path / "junk.ckpt"
    junk.write_bytes(b"not a checkpoint")
    assert "junk.ckpt is not a checkpoint" in refusal(junk)
    assert "does not exist" in refusal(tmp_path / "no.ckpt")
    torch.save({"state_dict": {}}, junk)
    assert "is not a checkpoint" in refusal(junk)
    # One of ours with a wrong configuration says what is wrong.
    torch.save({"state_dict": {}, "hyper_parameters": {"config": {"train": {"sede": 1}}}}, junk)
    assert "junk.ckpt: train has no key 'sede'" in refusal(junk)
    assert not (tmp_path / "x.onnx").exists()
