"""Every model that ships: whole, described, the same as when it was exported, and good at its task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hushgate import engine
from hushgate.engine import available_models, load_model

MODELS = available_models()
FOLDER = Path(engine.__file__).parent / "models"
ROOT = Path(__file__).resolve().parents[3]
CLEAN = Path(__file__).parents[2] / "data" / "clean_speech.flac"
Audio = NDArray[np.float32]


def _level_db(audio: Audio) -> float:
    return 10.0 * float(np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-20))


def _si_sdr(estimate: Audio, target: Audio) -> float:
    projection = target * (np.dot(estimate, target) / np.dot(target, target))
    return _level_db(projection) - _level_db(estimate - projection)


def _denoised(model: str, audio: Audio, sample_rate: float) -> Audio:
    denoiser = engine.BlockDenoiser(model)
    denoiser.prepare(sample_rate, 8192, 1)
    whole = np.concatenate([denoiser.process(audio[None]), denoiser.flush()], axis=1)[0]
    result: Audio = whole[whole.size - audio.size :]
    return result


def _pink_noise(num_samples: int, sample_rate: float, level_db: float) -> Audio:
    """Pink from 20 Hz upward."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(num_samples))
    frequencies = np.fft.rfftfreq(num_samples, 1.0 / sample_rate)
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(frequencies, 20.0)), num_samples)
    result: Audio = (noise * 10.0 ** (level_db / 20.0) / np.sqrt(np.mean(noise**2))).astype(np.float32)
    return result


@pytest.fixture(scope="module")
def speech() -> tuple[Audio, int]:
    result: tuple[Audio, int] = soundfile.read(CLEAN, dtype="float32")
    return result


def test_the_default_model_ships() -> None:
    assert "voice" in MODELS


@pytest.mark.parametrize("name", MODELS)
def test_every_model_answers_as_on_the_day_of_its_export(name: str) -> None:
    assert load_model(name).verify() < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_small_and_described(name: str) -> None:
    info = load_model(name).info
    assert (FOLDER / f"{name}.onnx").stat().st_size < 1_000_000
    assert info.name == name
    assert info.description
    assert info.licence
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for section in ("## Data", "## Measured", "## Limits"):
        assert section in card
    diary = f"docs/development/{name}-training.md"
    assert diary in card
    assert "## Training" in (ROOT / diary).read_text(encoding="utf-8")
    assert f"{info.num_parameters:,}" in card


@pytest.mark.parametrize("level_db", [-26.0, -46.0])
def test_voice_improves_speech_in_noise_loud_or_quiet(speech: tuple[Audio, int], level_db: float) -> None:
    clean, rate = speech
    clean = clean * np.float32(10.0 ** ((level_db - _level_db(clean)) / 20.0))
    noisy = clean + _pink_noise(clean.size, rate, level_db - 5.0)
    cleaned = _denoised("voice", noisy, rate)
    assert _si_sdr(cleaned, clean) > _si_sdr(noisy, clean) + 5.0
    # Before the first word there is noise only.
    lead_in = slice(0, int(0.7 * rate))
    assert _level_db(cleaned[lead_in]) < _level_db(noisy[lead_in]) - 20.0


def test_voice_leaves_clean_speech_as_it_is(speech: tuple[Audio, int]) -> None:
    clean, rate = speech
    cleaned = _denoised("voice", clean, rate)
    assert _si_sdr(cleaned, clean) > 15.0
    assert _level_db(cleaned) == pytest.approx(_level_db(clean), abs=0.5)


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 48_000, 96_000])
def test_voice_removes_noise_at_every_sample_rate(sample_rate: int) -> None:
    noise = _pink_noise(2 * sample_rate, sample_rate, -40.0)
    cleaned = _denoised("voice", noise, sample_rate)
    assert _level_db(cleaned[sample_rate:]) < _level_db(noise[sample_rate:]) - 20.0


def _string(frequency_hz: float, seconds: float, sample_rate: float) -> Audio:
    """A plucked string: stiff, its upper partials weaker and sooner gone; silence before the pluck."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    audio = np.zeros_like(time)
    for number in range(1, 25):
        partial_hz = number * frequency_hz * np.sqrt(1.0 + 8e-5 * number**2)
        if partial_hz < 0.45 * sample_rate:
            decay = np.exp(-time * (0.8 + 0.25 * number))
            audio += number**-1.1 * decay * np.sin(2.0 * np.pi * partial_hz * time + number)
    silence = np.zeros(round(0.5 * sample_rate))
    return (0.1 * np.concatenate([silence, audio])).astype(np.float32)


def _white_noise(target: Audio, snr_db: float) -> Audio:
    noise = np.random.default_rng(2).standard_normal(target.size)
    level_db = _level_db(target) - snr_db
    result: Audio = (noise * 10.0 ** (level_db / 20.0)).astype(np.float32)
    return result


@pytest.mark.parametrize(
    ("model", "frequency_hz", "gain_db"),
    [
        *(("guitar", frequency_hz, 8.0) for frequency_hz in (82.41, 110.0, 196.0, 329.63)),
        *(("bass", frequency_hz, 7.0) for frequency_hz in (41.2, 55.0, 98.0, 220.0)),
    ],
)
def test_a_string_stays_as_it_is_and_comes_out_of_noise(
    model: str, frequency_hz: float, gain_db: float
) -> None:
    clean = _string(frequency_hz, 2.0, 16_000)
    untouched = _denoised(model, clean, 16_000)
    assert _si_sdr(untouched, clean) > 25.0
    assert _level_db(untouched) == pytest.approx(_level_db(clean), abs=0.1)
    cleaned = _denoised(model, clean + _white_noise(clean, 5.0), 16_000)
    assert _si_sdr(cleaned, clean) > 5.0 + gain_db


@pytest.mark.parametrize("model", ["guitar", "bass"])
def test_models_of_strings_turn_down_noise(model: str) -> None:
    noise = _pink_noise(3 * 16_000, 16_000, -30.0)
    assert _level_db(_denoised(model, noise, 16_000)) < _level_db(noise) - 20.0


def test_bass_keeps_the_lowest_string_of_five() -> None:
    clean = _string(30.87, 2.0, 16_000)
    assert _level_db(_denoised("bass", clean, 16_000)) == pytest.approx(_level_db(clean), abs=3.0)


def test_guitar_turns_down_speech(speech: tuple[Audio, int]) -> None:
    talk, rate = speech
    assert _level_db(_denoised("guitar", talk, rate)) < _level_db(talk) - 5.0


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize("snr_db", [10.0, 20.0, 30.0])
def test_music_loses_its_hiss_and_nothing_else(sample_rate: int, snr_db: float) -> None:
    chord = [_string(f, 3.0, sample_rate) for f in (110.0, 220.0, 277.18, 329.63, 440.0)]
    clean = np.sum(chord, axis=0, dtype=np.float32)
    cleaned = _denoised("music", clean + _white_noise(clean, snr_db), sample_rate)  # type: ignore[arg-type, operator]
    assert _si_sdr(cleaned, clean) > snr_db + 3.0  # type: ignore[arg-type]
    assert _level_db(cleaned) == pytest.approx(_level_db(clean), abs=0.2)  # type: ignore[arg-type]


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_music_leaves_clean_music_as_it_is(sample_rate: int) -> None:
    chord = [_string(f, 3.0, sample_rate) for f in (98.0, 196.0, 246.94, 293.66)]
    clean = np.sum(chord, axis=0, dtype=np.float32)
    assert _si_sdr(_denoised("music", clean, sample_rate), clean) > 30.0  # type: ignore[arg-type]
