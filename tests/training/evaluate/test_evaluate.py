"""Evaluation: right figures, systems run as users run them, and tables that say what they are worth."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="evaluation needs the extra hushgate[evaluate]")
pytest.importorskip("soxr", reason="evaluation needs the extra hushgate[evaluate]")

from hushgate.training.evaluate import confidence
from hushgate.training.evaluate.alignment import align
from hushgate.training.evaluate.examine import Examiner, examine_all
from hushgate.training.evaluate.measures import MEASURES, make_measures
from hushgate.training.evaluate.measures.base import Item, Measure
from hushgate.training.evaluate.measures.wer import PocketSphinx
from hushgate.training.evaluate.report import Results, against, overall
from hushgate.training.evaluate.sound_pairs import (
    MixtureSet,
    PairSet,
    measured_snr_db,
    read_texts,
    snr_group,
)
from hushgate.training.evaluate.systems import make_process, parse_system, prepare
from tests.helpers import tiny_models
from tests.helpers.tiny import write_workshop

RATE = 16_000
PLAIN = ("si_sdr", "snr", "mse", "lsd")


def _measure(name: str) -> Measure:
    needed = {
        "pesq": "pesq",
        "stoi": "pystoi",
        "dnsmos": "speechmos",
        "visqol": "visqol",
        "wer": "pocketsphinx",
    }
    if name in needed:
        pytest.importorskip(needed[name], reason="the extra hushgate[evaluate] is not installed")
    return make_measures([name])[0]


def _item(clean: np.ndarray, noisy: np.ndarray | None = None, rate: int = RATE) -> Item:
    clean = np.atleast_2d(clean).astype(np.float32)
    return Item("a", clean if noisy is None else np.atleast_2d(noisy).astype(np.float32), clean, rate)


def _speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    """Buzzing syllables with moving formants: what PESQ and STOI take for speech."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    buzz = sum(np.sin(n * pitch) / n for n in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 3 * time + rng.uniform(0, 6)), 0, None)
    return (0.1 * buzz * syllables + 1e-4 * rng.standard_normal(len(time))).astype(np.float32)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Six pairs of tones in noise of 0, 10 and 20 dB SNR, at 8 kHz, two of them in stereo."""
    rng = np.random.default_rng(0)
    for folder in ("clean", "noisy"):
        (tmp_path / "pairs" / folder).mkdir(parents=True)
    time = np.arange(4_000) / 8_000
    for number in range(6):
        channels = 2 if number % 3 == 0 else 1
        clean = 0.2 * np.sin(2 * np.pi * (300 + 100 * number) * time)[:, None] * np.ones(channels)
        noise = rng.standard_normal(clean.shape)
        noise *= np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-(number // 2) / 2)
        for folder, sound in (("clean", clean), ("noisy", clean + noise)):
            soundfile.write(tmp_path / "pairs" / folder / f"{number}.wav", sound, 8_000, subtype="FLOAT")
    return tmp_path / "pairs"


# -- measures -----------------------------------------------------------------------------------


def test_ratios_and_errors_are_what_they_say() -> None:
    rng = np.random.default_rng(0)
    clean = rng.standard_normal(RATE).astype(np.float32) * 0.1
    noise = rng.standard_normal(RATE).astype(np.float32) * 0.01
    item = _item(clean)

    def value(name: str, output: np.ndarray) -> float:
        (figure,) = _measure(name)(item, output[None]).values()
        return figure

    assert value("snr", clean + noise) == pytest.approx(20.0, abs=0.2)
    assert value("si_sdr", 0.5 * (clean + noise)) == pytest.approx(20.0, abs=0.2)
    # A wrong level is noise to the SNR: half of it is 6 dB.
    assert value("snr", 0.5 * clean) == pytest.approx(6.02, abs=0.01)
    assert value("mse", clean + noise) == pytest.approx(-40.0, abs=0.2)
    assert value("lsd", 0.1 * clean) == pytest.approx(20.0, abs=0.01)
    assert value("lsd", clean) == 0.0
    assert value("si_sdr", clean) == value("snr", clean) == 100.0


def test_silence_has_an_error_but_no_ratio() -> None:
    silence = np.zeros((1, RATE), np.float32)
    for name in PLAIN:
        for figure in _measure(name)(_item(silence), silence + np.float32(0.01)).values():
            assert math.isnan(figure) == (name in ("si_sdr", "snr"))
    # An output of silence is the worst there is, not as good as 0 dB.
    assert _measure("si_sdr")(_item(silence[0] + np.sin(np.arange(RATE), dtype=np.float32)), silence) == {
        "si_sdr_db": -100.0
    }


@pytest.mark.parametrize("name", ["pesq", "stoi"])
def test_speech_measures_prefer_less_noise_at_any_rate(name: str) -> None:
    measure = _measure(name)
    clean = _speech_like(3.0)
    noise = np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    item = _item(clean)
    figures = [
        next(iter(measure(item, (clean + level * noise)[None]).values())) for level in (0.0, 0.02, 0.2)
    ]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > figures[2] + 0.1
    assert all(math.isnan(one) for one in measure(_item(0 * clean), 0 * clean[None]).values())


def test_dnsmos_rates_the_output_alone_and_hears_noise() -> None:
    measure = _measure("dnsmos")
    # Four of it make one window.
    clean = _speech_like(2.26)
    noise = 0.1 * np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    item = _item(clean)
    quiet, loud = (measure(item, sound[None]) for sound in (clean, clean + noise))
    assert set(quiet) == {column.name for column in measure.columns}
    assert all(1.0 <= rating <= 5.0 for rating in quiet.values())
    assert quiet["dnsmos_bak"] > loud["dnsmos_bak"] + 0.3
    # What speechmos 0.0.1.1 itself returns for this input.
    ramp = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(RATE * 10) / RATE) * np.linspace(0, 1, RATE * 10)
    rated = measure(_item(ramp), ramp[None].astype(np.float32))
    assert list(rated.values()) == pytest.approx(DNSMOS_OF_RAMP, abs=2e-3)


# Speech, background, overall, P.808.
DNSMOS_OF_RAMP = [0.871, 0.716, 0.818, 2.025]


def test_visqol_prefers_less_noise() -> None:
    measure = _measure("visqol")
    clean = _speech_like(1.5)
    noise = np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    figures = [measure(_item(clean), (clean + level * noise)[None])["visqol"] for level in (0.0, 0.1)]
    assert figures[0] > 4.5 > figures[1]
    assert math.isnan(measure(_item(clean), 0 * clean[None])["visqol"])


def test_word_errors_count_against_text_or_the_clean_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pocketsphinx", reason="the extra hushgate[evaluate] is not installed")
    measure = _measure("wer")
    readings = {1.0: ["one", "two", "three", "four"], 0.5: ["one", "too", "four"]}
    monkeypatch.setattr(PocketSphinx, "read", lambda self, audio, rate: readings[float(audio[0, 0])])
    ones = np.ones((1, RATE), np.float32)
    # "two" heard as "too", "three" not at all: 2 of 4.
    assert measure(_item(ones), ones * np.float32(0.5)) == {"wer": 50.0, "wer_words": 4.0}
    text = Item("b", ones, ones, RATE, text="One; two FOUR!")
    assert measure(text, ones) == {"wer": pytest.approx(100.0 / 3), "wer_words": 3.0}
    silent = Item("c", ones, ones, RATE, text="...")
    assert math.isnan(measure(silent, ones)["wer"])


def test_the_recognizer_reads_the_same_sound_alike_every_time() -> None:
    measure = _measure("wer")
    clean = _speech_like(0.6)
    item = Item("a", clean[None], clean[None], RATE)
    assert measure(item, clean[None])["wer"] in (0.0, pytest.approx(math.nan, nan_ok=True))
    assert math.isnan(measure(Item("s", clean[None], 0 * clean[None], RATE), clean[None])["wer"])


def test_unknown_and_missing_measures_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="measure must be one of si_sdr, snr"):
        make_measures(["loudness"])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"measure pesq needs .* pip install 'hushgate\[evaluate\]'"):
        make_measures(["pesq"])
    assert MEASURES[:2] == ("si_sdr", "snr")


# -- systems ------------------------------------------------------------------------------------


def test_models_and_presets_run_aligned_through_the_plugin(tmp_path: Path) -> None:
    model = tiny_models.constant_mask(0.5).save(tmp_path / "half.onnx")
    preset = tmp_path / "mine.toml"
    preset.write_text('version = 1\n[[chain]]\neffect = "Denoiser"\nmodel = "half.onnx"\nmix = 0.5\n')
    rng = np.random.default_rng(0)
    for channels in (1, 2):
        noisy = rng.standard_normal((channels, 5_000)).astype(np.float32) * 0.1
        for source, gain in ((model, 0.5), (preset, 0.75)):
            process = make_process(parse_system(str(source)))
            np.testing.assert_allclose(process(noisy, RATE), gain * noisy, atol=1e-4)


def test_checkpoints_are_exported_and_run_by_the_engine(tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="training needs the extra hushgate[train]")
    from hushgate.training.config.schema import load_config
    from hushgate.training.fitting.trainer import train

    workshop = write_workshop(tmp_path)
    overrides = [f"data.folders=['{workshop / 'data'}']", "train.max_steps=1", "train.logger='none'"]
    train(load_config(workshop / "tiny.toml", overrides), tmp_path / "run", progress=False)
    system = parse_system(f"mine={tmp_path / 'run' / 'last.ckpt'}")
    runnable = prepare(system, tmp_path)
    assert (runnable.name, Path(runnable.source).suffix) == ("mine", ".onnx")
    noisy = np.random.default_rng(0).standard_normal((2, 3_000)).astype(np.float32) * 0.1
    # A mask network that has learnt next to nothing passes sound nearly as it is, aligned.
    output = make_process(runnable)(noisy, 4_000)
    assert output.shape == noisy.shape
    assert np.corrcoef(output.ravel(), noisy.ravel())[0, 1] > 0.9
    (tmp_path / "junk.ckpt").write_bytes(b"junk")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        prepare(parse_system(str(tmp_path / "junk.ckpt")), tmp_path)


def test_programs_get_files_and_their_delay_is_taken_out(tmp_path: Path) -> None:
    system = parse_system("copy=cp {input} {output}")
    assert (system.name, system.is_program) == ("copy", True)
    noisy = np.random.default_rng(0).standard_normal((2, 900)).astype(np.float32) * 0.1
    np.testing.assert_array_equal(make_process(system)(noisy, RATE), noisy)
    late = np.concatenate([np.zeros((2, 70), np.float32), noisy], axis=1)
    np.testing.assert_array_equal(align(noisy, late, 100), noisy)
    early = align(noisy, noisy[:, 30:], 100)
    np.testing.assert_array_equal(early[:, 30:], noisy[:, 30:])
    with pytest.raises(RuntimeError, match="false failed with status 1"):
        make_process(parse_system("false {input} {output}"))(noisy, RATE)


def test_systems_that_are_none_are_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"SYSTEM must be a shipped model \(.*voice"):
        parse_system("vocie")
    with pytest.raises(FileNotFoundError, match=r"nowhere.onnx does not exist"):
        parse_system(str(tmp_path / "nowhere.onnx"))
    assert parse_system("mine=voice").name == "mine"
    assert parse_system("preset:podcast").name == "preset:podcast"


# -- items --------------------------------------------------------------------------------------


def test_pairs_are_matched_by_name_and_know_their_ratio(pairs: Path) -> None:
    items = PairSet(pairs / "clean", pairs / "noisy", {"1": "hello"})
    assert items[0].clean.shape == (2, 4_000)
    assert items[1].text == "hello"
    for index, snr_db in ((0, 0.0), (2, 10.0), (5, 20.0)):
        assert measured_snr_db(items[index].clean, items[index].noisy) == pytest.approx(snr_db, abs=0.01)
    (pairs / "clean" / "3.wav").unlink()
    with pytest.raises(ValueError, match=r"3.wav has no file of the same name"):
        PairSet(pairs / "clean", pairs / "noisy")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        PairSet(pairs / "other", pairs / "noisy")


def test_manifests_of_written_mixtures_tell_ratio_and_noise(pairs: Path) -> None:
    rows = [("path", "noisy", "snr_db", "noises")]
    rows += [(f"clean/{n}.wav", f"noisy/{n}.wav", "7.5", "synthesized hum;a/dog.wav") for n in range(5)]
    rows += [("clean/5.wav", "noisy/5.wav", "", "synthesized hum")]
    with open(pairs / "manifest.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    items = PairSet(pairs / "clean", pairs / "noisy")
    assert items[0].groups == {"SNR": "5 to 10 dB", "noise kind": "several", "noise": "several"}
    assert items[5].groups["noise"] == "hum"


@pytest.mark.parametrize("mix_rate", [0, 12_000])
def test_mixtures_are_those_that_training_validates_with(mix_rate: int, tmp_path: Path) -> None:
    from hushgate.training.config.schema import load_config
    from hushgate.training.mixtures.full_band_mixer import make_mixer

    workshop = write_workshop(tmp_path)
    overrides = (
        f"data.folders=['{workshop / 'data'}']",
        f"data.mix_rate={mix_rate}",
        f"data.cache='{tmp_path / 'cache'}'",
        "mix.stock=4",
    )
    items = MixtureSet(workshop / "tiny.toml", overrides, "val", None, 0)
    assert len(items) == 2
    config = load_config(workshop / "tiny.toml", overrides)
    noisy, clean = make_mixer(config.data, config.mix, "val").example(0, 1)
    assert items[1].sample_rate == (mix_rate or 4_000)
    np.testing.assert_array_equal(items[1].noisy[0], noisy)
    np.testing.assert_array_equal(items[1].clean[0], clean)
    assert items[1].groups["noise"] in ("coloured", "several", "none")


def test_texts_and_rows_are_found_for_files_in_subfolders(tmp_path: Path) -> None:
    for role in ("clean", "noisy"):
        for chapter in ("1", "2"):
            folder = tmp_path / role / chapter
            folder.mkdir(parents=True)
            soundfile.write(
                folder / f"84-{chapter}-0000.wav", np.full(80, 0.1 + 0.1 * (role == "noisy")), 8_000
            )
    lines = [f"clean/{n}/84-{n}-0000.wav,noisy/{n}/84-{n}-0000.wav,{10 * n}" for n in (1, 2)]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,noisy,snr_db", *lines]))
    pairs = PairSet(tmp_path / "clean", tmp_path / "noisy", {"84-1-0000": "HELLO", "2/84-2-0000": "GOOD DAY"})
    assert [pairs[index].text for index in (0, 1)] == ["HELLO", "GOOD DAY"]
    assert [pairs[index].groups["SNR"] for index in (0, 1)] == ["10 to 15 dB", "20 to 25 dB"]


def test_groups_are_named_after_classes_and_not_after_paths(tmp_path: Path) -> None:
    lines = ["path,noisy,noises"]
    names = (
        "/sounds/street/3.wav",
        "noise/esc10/rain/1.ogg",
        "synthesized hum",
        "ESC-50/audio/1-17-B.wav",
    )
    for number, noise in enumerate(names):
        for role in ("clean", "noisy"):
            (tmp_path / role).mkdir(exist_ok=True)
            soundfile.write(
                tmp_path / role / f"{number}.wav", np.full(80, 0.1 + 0.1 * (role == "noisy")), 8_000
            )
        lines.append(f"clean/{number}.wav,noisy/{number}.wav,{noise}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    pairs = PairSet(tmp_path / "clean", tmp_path / "noisy")
    groups = [pairs[index].groups for index in range(4)]
    assert [group["noise"] for group in groups] == ["street", "rain", "hum", "1-17-B"]
    assert [group["noise kind"] for group in groups] == ["recorded", "recorded", "synthesized", "recorded"]


def test_texts_are_read_with_any_usual_separator(tmp_path: Path) -> None:
    path = tmp_path / "texts"
    path.write_text("a.wav\thello there\nb, good day\n84-1-0000 MISTER QUILTER\n\n")
    assert read_texts(path) == {"a": "hello there", "b": "good day", "84-1-0000": "MISTER QUILTER"}
    path.write_text("alone\n")
    with pytest.raises(ValueError, match="line 1, must hold"):
        read_texts(path)


def test_groups_of_ratios_are_five_decibels_wide() -> None:
    assert [snr_group(v) for v in (-5.0, 0.0, 4.99)] == ["-5 to 0 dB", "0 to 5 dB", "0 to 5 dB"]
    assert snr_group(math.nan) == "none"


# -- statistics ---------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", ["bootstrap", "t"])
def test_intervals_hold_the_true_mean_as_often_as_they_say(interval: str) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        estimate = confidence.estimate_mean(rng.normal(3.0, 2.0, 40).tolist(), interval=interval)
        held += estimate.low <= 3.0 <= estimate.high
    assert 51 <= held <= 60


def test_means_follow_weights_and_leave_out_what_is_missing() -> None:
    estimate = confidence.estimate_mean([10.0, 40.0, math.nan], [3.0, 1.0, 5.0])
    assert estimate.mean == pytest.approx(17.5)
    assert estimate.count == 2
    assert math.isnan(confidence.estimate_mean([]).mean)
    assert math.isnan(confidence.estimate_mean([1.0]).low)
    exact = confidence.estimate_mean([1.0, 2.0, 3.0], interval="t")
    assert exact.high - exact.mean == pytest.approx(2.484, abs=1e-3)


def test_paired_comparison_sees_what_means_hide() -> None:
    rng = np.random.default_rng(0)
    easy = rng.normal(0.0, 20.0, 50)
    comparison = confidence.compare((easy + 0.5 + 0.1 * rng.standard_normal(50)).tolist(), easy.tolist())
    assert comparison.difference.low > 0.4
    assert comparison.wins == 1.0
    assert comparison.p_value < 1e-6
    worse = confidence.compare([2.0, 2.0], [1.0, 2.0], higher_is_better=False)
    assert worse.wins == 0.25


# -- all together -------------------------------------------------------------------------------


def test_scores_do_not_depend_on_the_number_of_jobs(pairs: Path) -> None:
    items = PairSet(pairs / "clean", pairs / "noisy")
    systems = [parse_system("noisy"), parse_system("same=cp {input} {output}")]
    alone = examine_all(items, systems, PLAIN)
    assert [score.system for score in alone[:2]] == ["noisy", "same"]
    assert alone == examine_all(items, systems, PLAIN, jobs=2)
    with pytest.raises(RuntimeError, match="bad failed on 0: false failed"):
        Examiner(items, [parse_system("bad=false {input} {output}")], ["snr"]).examine(0)


def test_tables_compare_systems_on_the_same_items(pairs: Path) -> None:
    items = PairSet(pairs / "clean", pairs / "noisy")
    systems = [parse_system("noisy"), parse_system("same=cp {input} {output}")]
    columns = [column for measure in make_measures(["snr"]) for column in measure.columns]
    results = Results(examine_all(items, systems, ["snr"]), columns, "t")
    assert results.groups() == ["SNR"]
    assert "| noisy | 10.00 [" in overall(results)
    assert "| same: SNR, dB | +0.00 [+0.00, +0.00] | 50 % | - | 6 |" in against(results, "noisy")


def test_the_command_writes_csv_report_and_pictures(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    import argparse

    from hushgate.training.commands.evaluate import EvaluateCommand

    model = tiny_models.identity().save(tmp_path / "same.onnx")

    def run(*arguments: str) -> int:
        parser = argparse.ArgumentParser()
        EvaluateCommand.add_arguments(parser)
        return EvaluateCommand.run(parser.parse_args([str(model), "--pairs", str(pairs), *arguments]))

    output = tmp_path / "report"
    assert run("-o", str(output)) == 0
    assert "| same |" in capsys.readouterr().out
    with open(output / "files.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert rows[0]["system"] == "noisy"
    assert float(rows[0]["snr_db"]) == pytest.approx(0.0, abs=0.01)
    report = (output / "report.md").read_text()
    assert "## By SNR" in report
    assert "## Against noisy" in report
    assert (output / "overall.png").stat().st_size > 1_000
    assert (output / "by-snr.png").exists()
    with pytest.raises(FileExistsError, match="--overwrite"):
        run("-o", str(output))
    with pytest.raises(ValueError, match="one of --config, --pairs"):
        run("--config", "voice")
    with pytest.raises(ValueError, match="--baseline must be one of noisy, same"):
        run("--baseline", "voice")
