"""`hushgate train` as a newcomer calls it: what is missing is said, with the next step."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.commands.main import main

TINY = [
    part
    for change in (
        "model.channels=8",
        "model.bands=6",
        "model.band_channels=12",
        "model.num_heads=2",
        "train.max_steps=2",
        "train.steps_per_epoch=1",
        "train.warmup_steps=1",
        "train.batch_size=2",
        "train.workers=0",
        "train.logger='none'",
        "data.val_examples=2",
        "data.segment_s=1.0",
    )
    for part in ("--set", change)
]


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for kind in ("speech", "noise"):
        (tmp_path / "mine" / kind).mkdir(parents=True)
        for index in range(10):
            soundfile.write(
                tmp_path / "mine" / kind / f"{index}.wav", rng.standard_normal(16_000) * 0.1, 16_000
            )
    return "mine"


def test_without_data_the_next_step_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "voice"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for words in ("--data FOLDER", "hushgate data prepare", "hushgate adapt"):
        assert words in error


def test_a_shipped_recipe_trains_on_a_folder_of_ones_own(
    recordings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "voice", "--data", recordings, *TINY]) == 0
    output = capsys.readouterr()
    assert "last.ckpt" in output.out
    assert "no recordings of music: left out" in output.err
    assert "`Trainer.fit`" not in output.err
    assert "GPU" not in output.err


def test_a_shipped_model_is_named_to_start_from(recordings: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "voice", "--data", recordings, "--init-from", "voice", *TINY]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "voice.onnx has" in error
    assert "It fits with" in error
    assert "model.channels=32" in error


def test_an_interruption_in_the_first_epoch_says_when_a_checkpoint_comes(
    recordings: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hushgate.training.mixtures.mixer import Mixer

    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Mixer, "mixture", interrupt)
    assert main(["train", "voice", "--data", recordings, *TINY]) == 130
    assert "train.steps_per_epoch=1 writes them more often" in capsys.readouterr().err
