"""Files through effects, block by block: the same sound as whole, nothing half-written, constant memory."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
import soundfile
from mutagen.flac import FLAC
from pedalboard.io import AudioFile

from hushgate import AudioFileError, Chain, Denoiser, render, stream_file
from tests.helpers.blocks import as_file
from tests.helpers.seeded_noise import noise

RATE = 44_100
LENGTH = 30_001


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    soundfile.write(path, noise(LENGTH, 2), RATE, subtype="PCM_24")
    return path


@pytest.fixture
def chain(stateful: str) -> Chain:
    return Chain([pedalboard.HighpassFilter(80.0), Denoiser(stateful), pedalboard.Compressor(-20.0, 2.0)])


def read(path: Path) -> np.ndarray:
    result: np.ndarray = soundfile.read(path, dtype="float32", always_2d=True)[0]
    return result


@pytest.mark.parametrize("block_size", [1_000, 65_536])
def test_a_rendered_file_is_what_the_whole_recording_gives(
    source: Path, tmp_path: Path, chain: Chain, block_size: int
) -> None:
    calls: list[tuple[int, int | None]] = []
    target = tmp_path / "out.wav"
    written = render(chain, source, target, block_size=block_size, progress=lambda *call: calls.append(call))
    assert written == LENGTH
    np.testing.assert_allclose(read(target), as_file(chain, read(source), RATE), atol=1e-5)
    info = soundfile.info(target)
    assert (info.subtype, info.samplerate, info.channels) == ("PCM_24", RATE, 2)
    done = [num_done for num_done, _ in calls]
    assert done == sorted(done)
    assert calls[-1] == (LENGTH, LENGTH)


@pytest.mark.parametrize("effect", ["native", "denoiser"])
def test_any_effect_renders(source: Path, tmp_path: Path, stateful: str, effect: str) -> None:
    plugin: Any = pedalboard.Pedalboard([pedalboard.Gain(-6.0)]) if effect == "native" else Denoiser(stateful)
    render(plugin, source, tmp_path / "out.wav", subtype="FLOAT", learn=False)
    np.testing.assert_allclose(read(tmp_path / "out.wav"), plugin(read(source), RATE), atol=1e-5)


@pytest.mark.parametrize("block_size", [2, 3, 8_192])
def test_open_files_of_pedalboard_and_soundfile_go_in_and_out(
    source: Path, tmp_path: Path, chain: Chain, block_size: int
) -> None:
    if block_size < 10:
        soundfile.write(source, noise(2_000, 2), RATE, subtype="PCM_24")
    expected = as_file(chain, read(source), RATE)
    with (
        AudioFile(str(source)) as file,
        AudioFile(str(tmp_path / "a.wav"), "w", RATE, 2, bit_depth=24) as out,
    ):
        assert render(chain, file, out, block_size=block_size) == len(expected)
    with (
        soundfile.SoundFile(source) as file,
        soundfile.SoundFile(tmp_path / "b.wav", "w", RATE, 2, "PCM_24") as out,
    ):
        render(chain, file, out, block_size=block_size)
        assert not file.closed
        assert not out.closed
    with AudioFile(str(source)) as file:
        render(chain, file, tmp_path / "c.flac", block_size=block_size)
    assert soundfile.info(tmp_path / "c.flac").subtype == "PCM_24"
    for name in ("a.wav", "b.wav", "c.flac"):
        np.testing.assert_allclose(read(tmp_path / name), expected, atol=1e-5)


def test_an_open_file_is_read_from_where_it_stands(source: Path, chain: Chain) -> None:
    expected = as_file(chain, read(source)[20_000:], RATE)
    totals = []
    with soundfile.SoundFile(source) as file:
        file.seek(20_000)
        blocks = list(stream_file(chain, file, progress=lambda _, total: totals.append(total)))
    np.testing.assert_allclose(np.concatenate(blocks, axis=1).T, expected, atol=1e-5)
    assert set(totals) == {LENGTH - 20_000}


def test_the_generator_yields_aligned_blocks_of_the_whole_length(source: Path, chain: Chain) -> None:
    blocks = list(stream_file(chain, source, block_size=4_096))
    assert len(blocks) > 5
    assert all(block.shape[1] for block in blocks)
    expected = as_file(chain, read(source), RATE)
    np.testing.assert_allclose(np.concatenate(blocks, axis=1).T, expected, atol=1e-5)


def test_a_generator_that_is_left_closes_its_file(source: Path, chain: Chain) -> None:
    blocks = stream_file(chain, source, block_size=4_096)
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    source.rename(source.with_name("moved.wav"))
    assert chain(noise(500), RATE).shape == (500,)


def test_a_file_is_never_loaded_whole(tmp_path: Path, identity: str) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16") as file:
        for _ in range(40):
            file.write(np.zeros(100_000, np.float32))
    chain = Chain([pedalboard.Gain(), Denoiser(identity)])
    chain(np.zeros(20_000, np.float32), 8_000)
    tracemalloc.start()
    try:
        render(chain, path, tmp_path / "out.wav", block_size=16_384)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000  # the file has 4 million samples, 16 MB


def test_an_interrupted_render_leaves_nothing(source: Path, tmp_path: Path, chain: Chain) -> None:
    def stop(num_done: int, num_samples: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(chain, source, tmp_path / "out.wav", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_what_cannot_be_rendered_is_said_and_leaves_nothing(
    source: Path, tmp_path: Path, chain: Chain
) -> None:
    out = tmp_path / "out.wav"
    with pytest.raises(ValueError, match="pedalboard's PitchShift cannot"):
        render(Chain([pedalboard.PitchShift(), *chain]), source, out)
    with pytest.raises(ValueError, match="pedalboard's GSMFullRateCompressor, Resample cannot"):
        render(
            pedalboard.Pedalboard([pedalboard.GSMFullRateCompressor(), pedalboard.Resample()]), source, out
        )
    with pytest.raises(ValueError, match="both input and output"):
        render(chain, source, source, overwrite=True)
    with pytest.raises(FileNotFoundError, match="gone"):
        render(chain, tmp_path / "gone.wav", out)
    with pytest.raises(TypeError, match="input must be a path"):
        render(chain, 3, out)
    with pytest.raises(TypeError, match="output must be a path"):
        render(chain, source, 3)
    with pytest.raises(ValueError, match="block_size must be 1 sample or more"):
        render(chain, source, out, block_size=0)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioFileError, match=r"text\.wav"):
        render(chain, tmp_path / "text.wav", out)
    with (
        soundfile.SoundFile(tmp_path / "other.wav", "w", 48_000, 2) as other,
        pytest.raises(ValueError, match=r"sample_rate of the input, 44100 \(got 48000\)"),
    ):
        render(chain, source, other)
    assert not out.exists()
    render(chain, source, out)
    with pytest.raises(FileExistsError):
        render(chain, source, out)


def test_the_result_passes_from_process_to_process(source: Path, tmp_path: Path, identity: str) -> None:
    done = render(Denoiser(identity), source, tmp_path / "out.wav")
    for copied in (pickle.loads(pickle.dumps(done)), copy.copy(done), copy.deepcopy(done)):
        assert (copied, copied.summary) == (LENGTH, done.summary)


def test_chapters_stay_with_the_whole_recording_and_their_loss_is_said(tmp_path: Path, identity: str) -> None:
    source = tmp_path / "book.flac"
    soundfile.write(source, noise(RATE), RATE)
    flac = FLAC(source)
    flac["CHAPTER001"] = "00:00:00.500"
    flac.save()
    whole = render(Denoiser(identity), source, tmp_path / "whole.flac")
    assert FLAC(tmp_path / "whole.flac")["CHAPTER001"] == ["00:00:00.500"]
    assert whole.summary.warnings == ()
    part = render(Denoiser(identity), source, tmp_path / "part.flac", end_s=0.7)
    assert [warning.endswith("removed: chapters.") for warning in part.summary.warnings] == [True]
