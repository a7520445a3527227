"""File loop: levels, warnings, progress and refusals that all commands share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hushgate import AudioFileError, Chain, Denoiser
from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.open_audio import open_input, open_output
from hushgate.rendering.file_loop import FileLoop
from tests.helpers.seeded_noise import noise
from tests.helpers.tiny_models import constant_mask, overflowing

RATE = 48_000


class Sound:
    """A reader of sound in memory."""

    def __init__(self, sound: np.ndarray, num_samples: int | None = None, rate: int = RATE) -> None:
        self.format = AudioFormat(rate, sound.shape[0], num_samples, "WAV", "FLOAT")
        self.warnings: list[str] = []
        self._sound = sound

    def blocks(self, block_size: int = 65_536) -> Iterator[np.ndarray]:
        for start in range(0, self._sound.shape[1], block_size):
            yield self._sound[:, start : start + block_size]


class Spoiler:
    """An effect whose output is not finite."""

    def process(self, block: np.ndarray, sample_rate: float, buffer_size: int = 0, reset: bool = True) -> Any:
        return np.full_like(block, np.inf)

    def reset(self) -> None:
        pass


def run(loop: FileLoop) -> np.ndarray:
    return np.concatenate(list(loop.blocks()), axis=1)


@pytest.mark.parametrize("block_size", [480, 65_536])
def test_levels_and_lengths_are_those_of_input_and_output(identity: str, block_size: int) -> None:
    sound = np.full((2, 30_000), 0.5, np.float32)
    calls: list[tuple[int, int | None]] = []
    loop = FileLoop(
        Denoiser(identity),
        Sound(sound),
        "take",
        block_size=block_size,
        measure=True,
        progress=lambda *call: calls.append(call),
    )
    out = run(loop)
    assert out.shape == sound.shape
    assert loop.num_samples == 30_000
    assert loop.meter is not None
    assert loop.meter.figures().level_before_dbfs == pytest.approx(-6.02, abs=0.01)
    assert loop.meter.figures().level_after_dbfs == pytest.approx(
        20 * np.log10(np.sqrt(np.mean(out**2))), abs=0.01
    )
    assert calls[-1] == (30_000, None)
    assert loop.warnings() == []


def test_input_that_is_not_finite_becomes_silence_for_everyone_and_is_counted() -> None:
    sound = noise(1, 5_000)
    sound[0, [10, 20, 30]] = np.nan, np.inf, 1e30
    seen: list[np.ndarray] = []
    loop = FileLoop(Chain(), Sound(sound), "take", on_input=lambda block: seen.append(block.copy()))
    out = run(loop)
    assert not out[0, [10, 20, 30]].any()
    np.testing.assert_array_equal(np.concatenate(seen, axis=1), out)
    assert loop.warnings() == ["samples that were not finite and became silence: 3."]


def test_output_that_is_not_finite_is_an_error_that_names_the_recording() -> None:
    with pytest.raises(RuntimeError, match="take: the effect gave samples that are not finite"):
        run(FileLoop(Spoiler(), Sound(noise(1, 500)), "take"))


def test_a_recording_without_sound_is_refused_unless_allowed() -> None:
    empty = np.empty((1, 0), np.float32)
    with pytest.raises(AudioFileError, match="take holds no sound"):
        list(FileLoop(Chain(), Sound(empty), "take").blocks())
    assert list(FileLoop(Chain(), Sound(empty), "take", allow_empty=True).blocks()) == []


def test_a_model_that_fails_is_named(tmp_path: Path) -> None:
    overflowing().save(tmp_path / "overflowing.onnx")
    denoiser = Denoiser(tmp_path / "overflowing.onnx")
    sound = noise(1, 48_000, scale=0.01)
    sound[:, 20_000:21_000] *= 1e8
    loop = FileLoop(denoiser, Sound(sound), "take")
    run(loop)
    assert denoiser.num_faulty_frames > 0
    (warning,) = loop.warnings()
    assert warning == (
        f"{denoiser.model}: frames in which the model failed, now silent: {denoiser.num_faulty_frames}."
    )


def test_a_model_that_fails_most_of_the_time_is_an_error(tmp_path: Path) -> None:
    constant_mask(1e9).save(tmp_path / "loud.onnx")
    loop = FileLoop(Denoiser(tmp_path / "loud.onnx"), Sound(noise(1, 48_000)), "take")
    with pytest.raises(RuntimeError, match=r"take: the model .*loud.onnx failed in \d+ of \d+ frames"):
        run(loop)


def test_clipping_is_reported_with_the_remedy_of_the_command(tmp_path: Path) -> None:
    sound = np.zeros((1, 1_000), np.float32)
    sound[0, :7] = 1.5
    reader = Sound(sound)
    loop = FileLoop(Chain(), reader, "take")
    with open_output(tmp_path / "out.wav", reader.format, "-", subtype="PCM_16") as writer:
        for block in loop.blocks():
            writer.write(block)
    assert loop.warnings(writer, clip_remedy="Turn it down.") == [
        "samples beyond full scale, clipped in PCM_16: 7. Turn it down."
    ]


def test_faults_of_the_reader_come_first(tmp_path: Path) -> None:
    with open_input(_cut_file(tmp_path), allow_truncated=True) as reader:
        loop = FileLoop(Chain(), reader, "take")
        run(loop)
        assert "is cut short" in loop.warnings()[0]


def _cut_file(folder: Path) -> Path:
    import soundfile

    path = folder / "cut.wav"
    soundfile.write(path, noise(10_000), RATE, subtype="FLOAT")
    path.write_bytes(path.read_bytes()[:20_000])
    return path


@pytest.mark.parametrize(
    ("rate", "is_tested"), [(6_000, False), (8_000, True), (192_000, True), (352_800, False)]
)
def test_rates_that_no_model_was_tested_for_are_warned_of(
    rate: int, is_tested: bool, identity: str, caplog: pytest.LogCaptureFixture
) -> None:
    loop = FileLoop(Denoiser(model=identity), Sound(np.zeros((1, 4_000), np.float32), rate=rate), "talk.wav")
    run(loop)
    found = [warning for warning in loop.warnings() if "made and tested for 8000 to 192000 Hz" in warning]
    assert len(found) == (not is_tested)
    assert ("outside the tested sample rates" in caplog.text) == (not is_tested)
    without = FileLoop(Chain([]), Sound(np.zeros((1, 4_000), np.float32), rate=rate), "talk.wav")
    run(without)
    assert without.warnings() == []
