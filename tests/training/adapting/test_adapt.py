"""Adaptations from recordings to a model file: results, interruptions, refusals, and errors in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.commands.main import main  # noqa: E402
from hushgate.effects.chain import Chain  # noqa: E402
from hushgate.engine import load_model  # noqa: E402
from hushgate.training import adapt  # noqa: E402
from hushgate.training.adapting import adapt as adapting  # noqa: E402
from hushgate.training.adapting.errors import (  # noqa: E402
    AdaptationInterrupted,
    AdaptationRefused,
    MaterialError,
)
from hushgate.training.config.schema import CardConfig  # noqa: E402
from hushgate.training.exporting.mask_network import export_network  # noqa: E402
from hushgate.training.exporting.segment_network import export_segment_network  # noqa: E402
from hushgate.training.models import Hush, HushConfig, SegmentNetwork, build_model  # noqa: E402
from hushgate.training.models.exported_file import load_exported  # noqa: E402
from tests.helpers.small_models import SMALL  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

RATE = 8000
QUICK: dict[str, Any] = {"steps": 8, "learning_rate": 2e-2, "threads": 1, "force": True}
SHAPE = HushConfig(
    num_bins=64, channels=8, bands=6, band_channels=12, num_blocks=1, num_heads=2, upper_from_hz=1500.0
)


@pytest.fixture(autouse=True)
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few held-back mixtures: the figures are not at stake here."""
    monkeypatch.setattr(adapting, "_CHOICE", (3, 2))
    monkeypatch.setattr(adapting, "_VERDICT", (6, 3))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that colours sound, so that a few steps improve it."""
    torch.manual_seed(1)
    network = Hush(SHAPE)
    with torch.no_grad():
        network.decode.bias.add_(torch.randn_like(network.decode.bias) * 0.5)
    path = tmp_path_factory.mktemp("start") / "small.onnx"
    export_network(network, CardConfig("small", "voice", licence="MIT", attribution="nobody"), path)
    return path


@pytest.fixture
def hiss(tmp_path: Path) -> Path:
    """Twelve seconds of noise in the left channel at another rate than the model's."""
    noise = np.random.default_rng(0).standard_normal((12 * 11_025, 2)) * (0.1, 0.05)
    soundfile.write(tmp_path / "hiss.flac", noise, 11_025)
    return tmp_path / "hiss.flac"


def _weights(path: Path) -> dict[str, Tensor]:
    return dict(load_exported(path).state_dict())


def _same(one: Path, other: Path) -> bool:
    first, second = _weights(one), _weights(other)
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_model_learns_a_noise_and_works_as_any_other(start: Path, hiss: Path, tmp_path: Path) -> None:
    output, preset = tmp_path / "mine.onnx", tmp_path / "mine.toml"
    shares: list[float] = []
    adapted = adapt(
        str(start),
        output,
        noise=[hiss],
        preset_output=preset,
        report=lambda progress: shares.append(progress.done),
        **QUICK,
    )
    assert adapted.own.mean > 0.1
    assert adapted.after_db == pytest.approx(adapted.before_db + adapted.own.mean, abs=1e-3)
    assert shares[-1] == 1.0
    assert sorted(shares) == shares
    info = load_model(output).info
    assert (info.name, info.task, info.licence) == ("mine", "voice", "MIT")
    assert "hiss.flac" in info.description
    assert "LibriSpeech" in info.attribution
    sound = np.zeros(RATE, np.float32)
    assert Chain.from_preset(preset)(sound, RATE).shape == sound.shape
    card = output.with_suffix(".md").read_text(encoding="utf-8")
    assert f"{adapted.own.mean:+.2f}" in card
    page = output.with_suffix(".html").read_text(encoding="utf-8")
    assert page.count("<audio") == 9
    assert "after, mine" in page
    assert not list(tmp_path.glob(".mine*"))


@pytest.mark.level(6)
def test_killed_and_resumed_equals_undisturbed(start: Path, hiss: Path, tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole.onnx", tmp_path / "halves.onnx"
    adapt(str(start), whole, noise=[hiss], **QUICK)

    def stop(progress: object) -> None:
        # Not KeyboardInterrupt, which saves: a process that is killed saves nothing more.
        if getattr(progress, "done") > 0.6:  # noqa: B009
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        adapt(str(start), halves, noise=[hiss], report=stop, **QUICK)
    assert not halves.exists()
    adapt(str(start), halves, noise=[hiss], resume=True, **QUICK)
    assert _same(whole, halves)


@pytest.mark.level(6)
def test_an_interruption_keeps_the_best_so_far(start: Path, hiss: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.onnx"

    def stop(progress: object) -> None:
        if getattr(progress, "done") > 0.6:  # noqa: B009
            raise KeyboardInterrupt

    with pytest.raises(AdaptationInterrupted, match=r"mine\.onnx has the best so far.*--resume"):
        adapt(str(start), output, noise=[hiss], report=stop, **QUICK)
    assert not _same(start, output)
    adapt(str(start), output, noise=[hiss], resume=True, overwrite=True, **QUICK)
    whole = tmp_path / "whole.onnx"
    adapt(str(start), whole, noise=[hiss], **QUICK)
    assert _same(whole, output)


def test_a_model_that_is_no_better_is_not_written(start: Path, hiss: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.onnx"
    # So little training that the averaged weights are those of the start.
    with pytest.raises(AdaptationRefused, match=r"no better .* --force"):
        adapt(str(start), output, noise=[hiss], steps=1, learning_rate=0.0, threads=1)
    assert not output.exists()


@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (np.zeros(20 * RATE), r"--noise must hold sound, but .*n\.wav is silence"),
        (np.ones(3 * RATE) * 0.1, r"--noise must hold 10 s of sound or more.*got 3\.0 s"),
        (np.zeros(0), r"n\.wav holds no sound"),
    ],
)
def test_recordings_of_no_use_are_named(start: Path, tmp_path: Path, sound: np.ndarray, message: str) -> None:
    soundfile.write(tmp_path / "n.wav", sound, RATE)
    with pytest.raises((MaterialError, ValueError), match=message):
        adapt(str(start), tmp_path / "mine.onnx", noise=[tmp_path / "n.wav"], steps=1)


def test_a_file_that_is_no_sound_is_one_line(
    start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "n.wav").write_bytes(b"RIFF, but no more than that")
    status = main(["adapt", str(start), "--noise", str(tmp_path / "n.wav"), "-o", str(tmp_path / "m.onnx")])
    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1
    assert "n.wav" in error


def test_nothing_to_adapt_to_names_the_flags(start: Path, tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match=r"--noise .* --target .* --noisy"):
        adapt(str(start), tmp_path / "mine.onnx")


def test_one_recording_may_be_given_as_text_and_a_preset_ends_in_toml(start: Path, tmp_path: Path) -> None:
    for noise in ("fan.wav", Path("fan.wav")):
        with pytest.raises(FileNotFoundError, match=r"--noise fan\.wav does not exist"):
            adapt(str(start), tmp_path / "mine.onnx", noise=noise)
    with pytest.raises(ValueError, match=r"the preset to write must end in \.toml \(got mine\.txt\)"):
        adapt(str(start), tmp_path / "mine.onnx", noise="fan.wav", preset_output=Path("mine.txt"))


def test_another_recording_cannot_be_resumed(start: Path, hiss: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.onnx"

    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(str(start), output, noise=[hiss], steps=8, threads=1, report=stop)
    other = np.random.default_rng(1).standard_normal(12 * RATE) * 0.1
    soundfile.write(tmp_path / "other.wav", other, RATE)
    again: dict[str, Any] = {"steps": 8, "threads": 1, "resume": True, "overwrite": True}
    with pytest.raises(MaterialError, match=r"--resume needs .* \(got another recordings\)"):
        adapt(str(start), output, noise=[tmp_path / "other.wav"], **again)
    with pytest.raises(MaterialError, match=r"\(got another learning_rate\)"):
        adapt(str(start), output, noise=[hiss], learning_rate=1e-3, **again)


def test_another_use_of_the_same_recordings_cannot_be_resumed(
    start: Path, hiss: Path, tmp_path: Path
) -> None:
    output, voice = tmp_path / "mine.onnx", _voice(tmp_path / "me.wav", 64.0)

    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(str(start), output, noise=[hiss], target=[voice], steps=8, threads=1, report=stop)
    again: dict[str, Any] = {"steps": 8, "threads": 1, "resume": True, "overwrite": True}
    with pytest.raises(MaterialError, match=r"\(got another sources\.only_target\)"):
        adapt(str(start), output, noise=[hiss], target=[voice], only_target=True, **again)
    with pytest.raises(MaterialError, match=r"\(got another recordings, sources\.own_target\)"):
        adapt(str(start), output, noise=[hiss], clean=[voice], **again)


def test_the_network_is_in_the_file(start: Path) -> None:
    assert json.loads(json.dumps(load_exported(start).config.num_bins)) == SHAPE.num_bins


def _voice(path: Path, seconds: float = 44.0) -> Path:
    """A tone that comes and goes, half a second each."""
    time = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, 0.3 * np.sin(2.0 * np.pi * 220.0 * time) * (time % 1.0 < 0.5), RATE)
    return path


def test_a_sound_of_ones_own_is_kept_and_others_are_noise(start: Path, tmp_path: Path) -> None:
    voice = _voice(tmp_path / "me.wav")
    output = tmp_path / "mine.onnx"
    adapted = adapt(str(start), output, target=[voice], only_target=True, **QUICK)
    assert adapted.own.mean > 0.0
    assert "only the sound of me.wav" in load_model(output).info.description


def test_noisy_recordings_are_enough(start: Path, tmp_path: Path) -> None:
    voice, _ = soundfile.read(_voice(tmp_path / "me.wav"), dtype="float32")
    noisy = voice + np.random.default_rng(2).standard_normal(len(voice)).astype(np.float32) * 0.05
    soundfile.write(tmp_path / "noisy.wav", noisy, RATE)
    output = tmp_path / "mine.onnx"
    adapted = adapt(str(start), output, noisy=[tmp_path / "noisy.wav"], **QUICK)
    assert adapted.own.mean > 0.0
    assert "noisy.wav, held back" in output.with_suffix(".html").read_text(encoding="utf-8")


def test_a_model_of_another_task_asks_for_clean_sound(tmp_path: Path, hiss: Path) -> None:
    with pytest.raises(MaterialError, match=r"guitar keeps guitar, .* --clean FOLDER"):
        adapt("guitar", tmp_path / "mine.onnx", noise=[hiss], steps=1)


def test_a_segment_network_adapts_from_its_file(tmp_path: Path, hiss: Path) -> None:
    torch.manual_seed(1)
    network = build_model(SMALL["conv_ae"] | {"family": "conv_ae"})
    assert isinstance(network, SegmentNetwork)
    path, output = tmp_path / "small.onnx", tmp_path / "mine.onnx"
    export_segment_network(network, CardConfig("small", "voice", licence="MIT"), RATE, path)
    adapt(str(path), output, noise=[hiss], **QUICK)
    assert load_model(output).info.segment == load_model(path).info.segment


def test_the_command_says_how_far_it_is_and_what_comes_next(
    start: Path, hiss: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine.onnx"
    command = ["adapt", str(start), "--noise", str(hiss), "-o", str(output), "--steps", "2", "--threads", "1"]
    assert main([*command, "--force"]) == 0
    printed = capsys.readouterr()
    assert "50%" in printed.err
    assert "100%, 0 s left: yours" in printed.err
    assert "on your own recordings" in printed.out
    assert f"hushgate denoise RECORDING --model {output}" in printed.out
