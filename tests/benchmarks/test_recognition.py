"""recognition.py: its arithmetic by hand, its mixtures, and a run with a recognizer of one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the benchmarks need scipy (extra train)")
pytest.importorskip("soxr", reason="the benchmarks need soxr (extra train)")
import recognition
from recognition import Count, difference, rate

TEXTS = {"one": "ONE TWO THREE FOUR", "two": "FIVE SIX"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for kind, names in (("speech/anna", TEXTS), ("noise/rain", ("rain", "wind"))):
        (tmp_path / kind).mkdir(parents=True)
        for name in names:
            sound = 0.1 * rng.standard_normal(8_000)
            soundfile.write(tmp_path / kind / f"{name}.wav", sound, 16_000, subtype="FLOAT")
    (tmp_path / "texts.txt").write_text("".join(f"{name} {text}\n" for name, text in TEXTS.items()))
    return tmp_path


def _count(utterance: str, errors: int, words: int, system: str = "noisy") -> Count:
    return Count("fake", system, utterance, "0 dB", errors, words)


def test_rates_are_errors_over_words_and_differences_are_paired() -> None:
    before = [_count("a", 4, 8), _count("a", 2, 8), _count("b", 0, 4)]
    after = [_count("a", 2, 8), _count("a", 2, 8), _count("b", 1, 4)]
    assert rate(before).mean == pytest.approx(100.0 * 6 / 20)
    assert difference(after, before).mean == pytest.approx(100.0 * (5 - 6) / 20)
    assert rate(before).count == 2, "utterances, not readings"


def test_mixtures_have_the_snr_of_their_condition(data: Path) -> None:
    sounds = list(recognition.utterances([data], TEXTS, 7))
    assert [sound.condition for sound in sounds] == [*recognition.CONDITIONS] * 2
    clean = sounds[0].audio[0].astype(np.float64)
    for sound, snr_db in zip(sounds[1:5], recognition.SNRS_DB, strict=True):
        mixed = sound.audio[0].astype(np.float64)
        # Scaled as a whole: the part that goes with the clean sound is the clean sound, within chance.
        share = np.dot(mixed, clean) / np.dot(clean, clean)
        power = np.mean((share * clean) ** 2) / np.mean((mixed - share * clean) ** 2)
        assert 10 * np.log10(power) == pytest.approx(snr_db, abs=1.0)
    with pytest.raises(ValueError, match="no recording of --data has a text"):
        list(recognition.utterances([data], {}, 7))


def test_a_run_and_its_csv(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recognition, "normalized_words", lambda text: text.lower().split())
    monkeypatch.setattr(
        recognition, "make_recognizer", lambda name: lambda audio, sample_rate: "one two six four five"
    )
    texts = ["--texts", str(data / "texts.txt"), "--recognizer", "whisper"]
    flags = ["--data", str(data), *texts, "--system", "noisy", "--condition", "clean", "--condition", "5 dB"]
    assert recognition.main([*flags, "--csv", str(tmp_path / "out.csv")]) == 0
    first = capsys.readouterr().out
    # "one two six four five": two errors in four words, and four in two.
    assert "2 utterances, 6 words" in first
    assert "| untouched | 100.0 ± 75.0 | 100.0 ± 75.0 | 100.0 ± 75.0 |" in first
    (tmp_path / "more.csv").write_text(
        "recognizer,system,utterance,condition,errors,words\n"
        "whisper,GTCRN,one,5 dB,1,4\nwhisper,GTCRN,two,5 dB,0,2\n"
    )
    more = ["--add", str(tmp_path / "out.csv"), "--add", str(tmp_path / "more.csv")]
    assert recognition.main(["--data", str(data), *texts, *more]) == 0
    shown = capsys.readouterr().out
    assert "| GTCRN | - | 16.7 ± 12.5 | 16.7 ± 12.5 |" in shown
    again = ["--data", str(data), *texts, "--add", str(tmp_path / "out.csv")]
    assert recognition.main(again) == 0
    assert capsys.readouterr().out == first


def test_systems_are_peers_presets_and_settings(tiny_folder: Path, data: Path) -> None:
    sound = recognition._at_peak(np.random.default_rng(2).standard_normal(16_000))
    for name in ("noisy", f"{tiny_folder / 'bands.onnx'}:mix=0.0"):
        np.testing.assert_allclose(recognition.make_denoiser(name)(sound), sound, atol=1e-6)
    with pytest.raises(ValueError, match="mix"):
        recognition.make_denoiser(f"{tiny_folder / 'bands.onnx'}:mix=7.0")(sound)


def test_the_texts_that_come_with_it_are_whole() -> None:
    texts = recognition.read_texts(recognition.TEXTS)
    assert len(texts) == 27
    assert all(text == text.upper() and not any(one.isdigit() for one in text) for text in texts.values())
