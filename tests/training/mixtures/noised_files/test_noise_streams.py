"""Noise piece by piece: the same for every block size, in its band, without seams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.mixtures.noised_files import noise_streams
from hushgate.training.mixtures.noised_files.noise_streams import NoiseSpec, open_noise

RATE = 16_000


def _read(spec: NoiseSpec, num_samples: int, block_size: int, num_channels: int = 2) -> np.ndarray:
    stream = open_noise(spec, (1, 2), RATE, num_channels, num_samples)
    sizes = [block_size] * (num_samples // block_size) + [num_samples % block_size]
    return np.concatenate([stream.read(size) for size in sizes if size], axis=1)


@pytest.mark.parametrize("name", ["white", "pink", "hum", "interference", "synthesized"])
@pytest.mark.parametrize("band_hz", [(0.0, 0.0), (4000.0, 7000.0)])
def test_what_is_read_does_not_depend_on_block_sizes(name: str, band_hz: tuple[float, float]) -> None:
    spec = NoiseSpec(name, band_hz)
    whole = _read(spec, RATE, RATE)
    assert whole.shape == (2, RATE)
    np.testing.assert_allclose(_read(spec, RATE, 777), whole, atol=2e-5 * np.abs(whole).max())


@pytest.mark.parametrize("name", ["white", "pink"])
def test_static_stays_in_its_band_and_differs_between_channels(name: str) -> None:
    left, right = _read(NoiseSpec(name, (4000.0, 8000.0)), 4 * RATE, 1_000)
    power = np.abs(np.fft.rfft(left * np.hanning(len(left)))) ** 2
    hz = np.fft.rfftfreq(len(left), 1 / RATE)
    assert power[hz < 3_950].sum() < 1e-6 * power.sum()
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.02


def test_pink_noise_falls_by_three_decibels_an_octave() -> None:
    noise = _read(NoiseSpec("pink"), 30 * RATE, RATE, 1)[0]
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / RATE)
    octaves = [power[(hz >= low) & (hz < 2 * low)].sum() for low in (125, 250, 500, 1_000, 2_000, 4_000)]
    assert 10 * np.log10(max(octaves) / min(octaves)) < 0.7


def test_white_noise_is_gaussian_and_never_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_streams, "LOOP_S", 1.0)
    noise = _read(NoiseSpec("white"), 3 * RATE, 999, 1)[0]
    assert abs(np.corrcoef(noise[:RATE], noise[RATE : 2 * RATE])[0, 1]) < 0.05
    assert np.mean(noise**4) / np.mean(noise**2) ** 2 == pytest.approx(3.0, abs=0.15)


def test_a_short_recording_is_repeated_without_clicks(tmp_path: Path) -> None:
    time = np.arange(round(0.3 * RATE)) / RATE
    soundfile.write(tmp_path / "n.wav", 0.5 * np.sin(2 * np.pi * 111.1 * time), RATE, subtype="FLOAT")
    noise = _read(NoiseSpec(str(tmp_path)), RATE, 700)
    assert np.abs(np.diff(noise)).max() < 1.6 * 0.5 * 2 * np.pi * 111.1 / RATE
    assert np.array_equal(noise[0], noise[1])
    assert np.sqrt(np.mean(noise[0, -4_000:] ** 2)) > 0.2


def test_recordings_keep_their_channels_and_are_resampled(tmp_path: Path) -> None:
    pytest.importorskip("soxr")
    time = np.arange(2 * 44_100) / 44_100
    both = np.stack([np.sin(2 * np.pi * 500 * time), np.sin(2 * np.pi * 900 * time)], axis=1)
    soundfile.write(tmp_path / "n.wav", 0.5 * both, 44_100, subtype="FLOAT")
    stream = open_noise(NoiseSpec(str(tmp_path / "n.wav")), (3,), RATE, 2, RATE)
    noise = stream.read(RATE)
    assert stream.name == (tmp_path / "n.wav").as_posix()
    assert 0.0 < stream.start_s < 1.0
    assert [int(np.argmax(np.abs(np.fft.rfft(channel)))) for channel in noise] == [500, 900]


def test_a_noise_without_sound_in_the_band_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "n.wav", np.sin(np.arange(RATE) * 0.05), RATE)
    with pytest.raises(ValueError, match="must have sound between 6000 and 8000 Hz"):
        open_noise(NoiseSpec(str(tmp_path / "n.wav"), (6000.0, 8000.0)), (0,), RATE, 1, RATE)
    with pytest.raises(ValueError, match="must begin below half the sample rate, 8000 Hz"):
        open_noise(NoiseSpec("white", (9000.0, 10_000.0)), (0,), RATE, 1, RATE)
    with pytest.raises(FileNotFoundError, match="or one of band, beeps"):
        NoiseSpec("whit")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold sound files"):
        NoiseSpec(str(tmp_path / "empty"))
