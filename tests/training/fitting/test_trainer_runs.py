"""Trainings that are killed, stopped early, watched, or held against a discriminator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny import write_workshop

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")
lightning = pytest.importorskip("lightning", reason="training needs the extra hushgate[train]")

from hushgate.training.config.schema import Config, load_config  # noqa: E402
from hushgate.training.config.toml_tables import read_values  # noqa: E402
from hushgate.training.fitting.denoising_module import DenoisingModule  # noqa: E402
from hushgate.training.fitting.trainer import train  # noqa: E402
from hushgate.training.mixtures.dataset import MixtureDataset  # noqa: E402
from hushgate.training.mixtures.full_band_mixer import make_mixer  # noqa: E402
from hushgate.training.models.checkpoint import load_network  # noqa: E402
from tests.helpers.small_models import hush_of  # noqa: E402


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_workshop(tmp_path_factory.mktemp("workshop"))


def _config(workshop: Path, *overrides: str) -> Config:
    folders = f"data.folders=['{workshop / 'data'}']"
    return load_config(workshop / "tiny.toml", [folders, "train.logger='none'", *overrides])


def _checkpoint(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(run / "last.ckpt", weights_only=True)
    return content


def _assert_equal_networks(one: Path, other: Path) -> None:
    states = [load_network(run / "last.ckpt")[0].state_dict() for run in (one, other)]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=0.0, atol=0.0, msg=name)


class _StopAfter(lightning.Callback):  # type: ignore[misc, name-defined]
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


def test_a_killed_training_resumed_ends_like_an_undisturbed_one(workshop: Path, tmp_path: Path) -> None:
    overrides = ("train.max_steps=60", "data.val_examples=1")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    flags = [flag for one in (*overrides, "train.logger='none'") for flag in ("--set", one)]
    command = [sys.executable, "-m", "hushgate", "train", str(workshop / "tiny.toml"), "--quiet"]
    process = subprocess.Popen([*command, "--data", str(workshop / "data"), "-o", str(killed), *flags])
    try:
        deadline = time.monotonic() + 240.0
        while not (killed / "last.ckpt").exists() and time.monotonic() < deadline:
            assert process.poll() is None, "the training ended before its first checkpoint"
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    reached = _checkpoint(killed)["global_step"]
    assert 0 < reached < 60
    train(_config(workshop, *overrides), killed, resume=True, progress=False)
    train(_config(workshop, *overrides), whole, progress=False)
    assert _checkpoint(killed)["global_step"] == 60
    _assert_equal_networks(killed, whole)


@pytest.mark.parametrize("name", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.level(6))])
def test_a_training_ends_by_a_signal_as_every_command_does(workshop: Path, tmp_path: Path, name: str) -> None:
    run, scratch = tmp_path / "run", tmp_path / "scratch"
    scratch.mkdir()
    flags = ["--data", str(workshop / "data"), "-o", str(run), "--quiet"]
    flags += ["--set", "train.max_steps=100000", "--set", "train.logger='none'"]
    with subprocess.Popen(
        [sys.executable, "-m", "hushgate", "train", str(workshop / "tiny.toml"), *flags],
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
    ) as process:
        deadline = time.monotonic() + 240.0
        while not (run / "last.ckpt").exists() and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        number = getattr(signal, name)
        process.send_signal(number)
        errors = process.communicate(timeout=60.0)[1].decode()  # children hold the pipe, too
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert name != "SIGINT" or errors.endswith("hushgate: interrupted\n")
    assert list(scratch.iterdir()) == []
    assert _checkpoint(run)["global_step"] > 0


def test_progress_counts_epochs_without_an_end(
    workshop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(_config(workshop), tmp_path, progress=True)
    printed = "".join(capsys.readouterr())
    assert "Epoch 1" in printed
    assert "/-" not in printed


def test_a_training_that_gets_worse_stops_early(workshop: Path, tmp_path: Path) -> None:
    # Far too high a learning rate: the first validation stays the best.
    overrides = ("train.learning_rate=100.0", "train.max_steps=60", "train.gradient_clip=1e9")
    train(_config(workshop, *overrides, "train.patience=2"), tmp_path, progress=False)
    assert _checkpoint(tmp_path)["global_step"] < 60


def test_a_training_against_a_discriminator_resumes_exactly(workshop: Path, tmp_path: Path) -> None:
    config = _config(
        workshop, "loss.adversarial=1.0", "loss.feature_matching=2.0", "loss.discriminator_channels=2"
    )
    train(config, tmp_path / "whole", progress=False)
    train(config, tmp_path / "parts", progress=False, callbacks=[_StopAfter(1)])
    # Both networks step once a batch; only the denoiser's steps count.
    assert _checkpoint(tmp_path / "parts")["global_step"] == 2
    train(config, tmp_path / "parts", resume=True, progress=False)
    _assert_equal_networks(tmp_path / "whole", tmp_path / "parts")
    ends = [_checkpoint(tmp_path / run)["current_model_state"] for run in ("whole", "parts")]
    judges = [name for name in ends[0] if name.startswith("discriminator.")]
    assert judges
    for name in judges:
        torch.testing.assert_close(ends[1][name], ends[0][name], rtol=0.0, atol=0.0, msg=name)
    # The discriminator changes what is learnt, and has learnt itself.
    train(_config(workshop), tmp_path / "plain", progress=False)
    plain, pulled = (hush_of(load_network(tmp_path / run / "last.ckpt")[0]) for run in ("plain", "whole"))
    assert not torch.equal(plain.decode.weight, pulled.decode.weight)


def test_dropout_is_resumed_too(workshop: Path, tmp_path: Path) -> None:
    """Random numbers inside the network follow from the step, not from what ran before."""
    draws: dict[str, list[float]] = {"whole": [], "parts": []}

    class Draw(lightning.Callback):  # type: ignore[misc, name-defined]
        def __init__(self, name: str) -> None:
            self.name = name

        def on_train_batch_start(self, *_: object) -> None:
            draws[self.name].append(float(torch.rand(())))

    config = _config(workshop)
    train(config, tmp_path / "whole", progress=False, callbacks=[Draw("whole")])
    train(config, tmp_path / "parts", progress=False, callbacks=[Draw("parts"), _StopAfter(1)])
    torch.rand(7)
    train(config, tmp_path / "parts", resume=True, progress=False, callbacks=[Draw("parts")])
    assert draws["parts"] == draws["whole"]
    assert len(set(draws["whole"])) == 4


def test_tensorboard_hears_and_sees_fixed_validation_examples(workshop: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="training needs the extra hushgate[train]",
    )
    config = _config(
        workshop, "train.logger='tensorboard'", "train.preview_epochs=2", "train.preview_clips=1"
    )
    train(config, tmp_path, progress=False)
    events = accumulator.EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    tags = events.Tags()
    assert tags["images"] == ["preview/0"]
    assert sorted(tags["audio"]) == ["preview/0/clean", "preview/0/denoised", "preview/0/noisy"]
    # Of two epochs, the second one.
    assert [image.step for image in events.Images("preview/0")] == [4]
    audio = events.Audio("preview/0/denoised")[0]
    assert audio.sample_rate == 4000
    assert "val/loss" in tags["scalars"]


def test_weights_and_biases_works_offline(
    workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="Weights & Biases is the extra hushgate[wandb]")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    config = _config(workshop, "train.logger='wandb-offline'", "train.max_steps=2", "train.preview_epochs=1")
    train(config, tmp_path, progress=False)
    import wandb

    wandb.finish()
    runs = list(tmp_path.glob("wandb/offline-run-*"))
    assert len(runs) == 1
    assert list(runs[0].glob("run-*.wandb"))
    assert list(runs[0].glob("files/media/audio/**/*.wav"))


def test_unknown_loggers_and_unequal_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="train: logger must be one of tensorboard, wandb"):
        Config.from_dict({"train": {"logger": "paper"}})
    with pytest.raises(
        ValueError, match=r"batch_size must be a multiple of devices times nodes, 6 \(got 16\)"
    ):
        Config.from_dict({"train": {"devices": 3, "nodes": 2}})


def test_a_checkpoint_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hushgate.training.fitting.callbacks import AtomicCheckpoints

    target = tmp_path / "last.ckpt"
    AtomicCheckpoints().save_checkpoint({"step": 1}, target)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        AtomicCheckpoints().save_checkpoint({"step": 2}, target)
    assert torch.load(target, weights_only=True) == {"step": 1}


def test_a_validation_does_not_depend_on_batches(workshop: Path, tmp_path: Path) -> None:
    """With heads, too, which judge other numbers of frames in every example."""
    found = []
    changes = ("model.presence=true", "mix.noise_only=0.4", "data.val_examples=6", "train.max_steps=1")
    config = _config(workshop, *changes, "train.steps_per_epoch=1", "train.batch_size=6")
    train(config, tmp_path, progress=False)
    module = DenoisingModule(config)
    module.load_state_dict(_checkpoint(tmp_path)["state_dict"])
    mixer = make_mixer(config.data, config.mix, "val")
    for size in (6, 4, 1):
        loader = torch.utils.data.DataLoader(MixtureDataset(mixer, 0, 6), size)
        trainer = lightning.Trainer(logger=False, accelerator="cpu", enable_progress_bar=False)
        (figures,) = trainer.validate(module, loader, verbose=False)
        found.append(figures["val/loss"])
    assert found[1:] == pytest.approx(found[:1] * 2, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("train.learning_rate=0.001", r"train\.learning_rate = 0\.002, .*\(got 0\.001\)"),
        ("train.seed=3", r"train\.seed = 1, "),
        ("train.batch_size=4", r"train\.batch_size = 2, "),
        ("train.optimizer='muon'", r"train\.optimizer = 'adamw', "),
        ("train.weight_decay=0.5", r"train\.weight_decay = 0\.01, "),
        ("model.channels=16", r"model\.channels = 8, "),
        ("model.presence=true", r"model\.presence = False, "),
        ("model.family='unet'", r"model\.family = 'hush', "),
        ("data.sample_rate=8000", r"data\.sample_rate = 4000, "),
        ("data.segment_s=1.0", r"data\.segment_s = 0\.5, "),
        ("loss.adversarial=1.0", r"loss\.adversarial = 0\.0, "),
    ],
)
def test_a_resumed_training_refuses_what_it_cannot_change(
    change: str, words: str, workshop: Path, tmp_path: Path
) -> None:
    config = _config(workshop)
    content = {"hyper_parameters": {"config": config.to_dict()}, "state_dict": {}}
    torch.save(content, tmp_path / "last.ckpt")
    overrides = [change] if "family" not in change else ["model={ family = 'unet' }"]
    values = read_values(workshop / "tiny.toml", [f"data.folders=['{workshop / 'data'}']"])
    if "family" in change:
        values["model"] = {"family": "unet"}
        changed = Config.from_dict(values)
    else:
        changed = _config(workshop, *overrides)
    with pytest.raises(ValueError, match=rf"last\.ckpt was made with {words}.*--init-from"):
        train(changed, tmp_path, resume=True, progress=False)


def test_a_second_phase_has_other_losses_and_mixtures(
    workshop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(_config(workshop, "train.max_steps=2"), tmp_path, progress=False)
    second = ("loss.silence=1.0", "mix.clean_only=0.2", "model.relief_db=6.0", "train.max_steps=4")
    train(_config(workshop, *second), tmp_path, resume=True, progress=False)
    (line,) = [record.getMessage() for record in caplog.records if "goes on" in record.getMessage()]
    assert line.endswith(
        "goes on with another model.relief_db, mix.clean_only, loss.silence, train.max_steps"
    )
    assert _checkpoint(tmp_path)["global_step"] == 4
    caplog.clear()
    train(_config(workshop, *second, "train.max_steps=4"), tmp_path, resume=True, progress=False)
    assert not [record for record in caplog.records if "goes on" in record.getMessage()]


def test_validation_shares_no_mixture_with_a_training_of_any_seed(workshop: Path, tmp_path: Path) -> None:
    batches: dict[str, list[bytes]] = {"train": [], "val": []}

    class Watch(lightning.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            batches["train"] += [
                (noisy - clean).numpy().tobytes() for noisy, clean in zip(*batch, strict=True)
            ]

        def on_validation_batch_start(self, trainer: Any, module: Any, batch: Any, *_: Any) -> None:
            batches["val"] += [(noisy - clean).numpy().tobytes() for noisy, clean in zip(*batch, strict=True)]

    data = f"data.folders=['{workshop / 'data'}', '{workshop / 'same'}']"
    # The same recording in both splits: only the random choices tell the mixtures apart.
    (workshop / "same").mkdir()
    files = sorted((workshop / "data" / "speech").glob("*.wav"))
    lines = [f"{files[0]},voice,{split},a" for split in ("train", "val")]
    (workshop / "same" / "manifest.csv").write_text("\n".join(["path,kind,split,label", *lines]))
    config = _config(workshop, data, "train.seed=0", "mix.targets=[{ kind = 'voice' }]")
    train(config, tmp_path, progress=False, callbacks=[Watch()])
    assert batches["train"]
    assert batches["val"]
    assert not set(batches["train"]) & set(batches["val"])


def test_an_unknown_processor_is_refused(workshop: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"train\.accelerator must be one of auto, cpu, cuda, mps \(got 'gpu'\)"
    ):
        train(_config(workshop, "train.accelerator='gpu'"), tmp_path / "run", progress=False)
