"""What mixing can be asked for beside its defaults; see docs/data.md."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.config.mixture_schema import DataConfig, MixConfig, SourceSpec
from hushgate.training.mixtures import augmentations
from hushgate.training.mixtures.mixer import Mixer, Mixture
from hushgate.training.recordings.clips import Clip, ClipPool, PairPool, UsedClip, list_clips
from hushgate.training.synthesis import noises
from tests.helpers.plain_mix import PLAIN

RATE = 16_000


def _tone(hz: float, seconds: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech (a tone of 200 Hz), short noises (500 and 900 Hz), a room response, and a pair."""
    folder = tmp_path_factory.mktemp("options")
    rows = [("path", "kind", "split", "label", "noisy")]
    for name, kind, audio in (
        ("s.wav", "speech", _tone(200.0, 2.0)),
        ("low.wav", "low", _tone(500.0, 0.3)),
        ("high.wav", "high", _tone(900.0, 0.3)),
    ):
        soundfile.write(folder / name, audio, RATE)
        rows.append((name, kind, "train", kind, ""))
    response = np.zeros((4_000, 2))
    response[1_000] = (0.5, 0.1)  # 62.5 ms on the way to the microphone
    response[1_800] = (-0.25, 0.1)  # and one reflection 50 ms later
    soundfile.write(folder / "r.wav", response, RATE, "FLOAT")
    rows.append(("r.wav", "room", "train", "hall", ""))
    noise = 0.02 * np.random.default_rng(0).standard_normal(RATE)
    soundfile.write(folder / "clean.wav", _tone(300.0, 1.0), RATE)
    soundfile.write(folder / "noisy.wav", _tone(300.0, 1.0) + noise, RATE)
    rows.append(("clean.wav", "take", "train", "ann", "noisy.wav"))
    with open(folder / "manifest.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def _mixtures(folder: Path, mix: MixConfig, count: int = 20, segment_s: float = 1.0) -> list[Mixture]:
    mixer = Mixer(DataConfig((str(folder),), RATE, segment_s), mix, "train")
    return [mixer.mixture(1, index) for index in range(count)]


def _power(audio: np.ndarray, low: float, high: float) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / RATE)
    return float(spectrum[(hz >= low) & (hz < high)].sum())


@pytest.mark.parametrize("limits", [(0.0, 2.5, 5.0), (0.1, 0.3, 0.5)])
def test_a_uniform_snr_fills_its_range(recordings: Path, limits: tuple[float, float, float]) -> None:
    made = _mixtures(recordings, replace(PLAIN, snr_db=limits, snr_shape="uniform"), 60)
    snr = np.array([mixture.record.snr_db for mixture in made])
    assert limits[0] <= snr.min() < snr.max() <= limits[2]
    quarters = np.histogram(snr, 4, (limits[0], limits[2]))[0]
    assert quarters.min() >= 5  # 15 expected in each, below 5 in one of a thousand
    for mixture in made[:5]:
        measured = augmentations.active_level_db(mixture.clean, RATE) - augmentations.level_db(
            mixture.noisy - mixture.clean
        )
        assert measured == pytest.approx(mixture.record.snr_db, abs=0.05)


def test_one_source_of_every_layer_is_in_every_mixture(recordings: Path) -> None:
    second = (SourceSpec("white", layer=1), SourceSpec("pink", layer=1))
    layered = replace(PLAIN, noises=(SourceSpec("low"), *second))
    found = set()
    for mixture in _mixtures(recordings, layered, 12):
        assert "low.wav" in mixture.record.noises
        (other,) = set(mixture.record.noises) - {"low.wav"}
        found.add(other)
        noise = mixture.noisy - mixture.clean
        assert _power(noise, 490, 510) > 10 * _power(noise, 1000, 1020)
        assert _power(noise, 2000, 7000) > 1e-4 * _power(noise, 0, 8000)
    assert found == {"synthesized white", "synthesized pink"}
    # On one layer they compete.
    flat = replace(PLAIN, noises=(SourceSpec("low"), SourceSpec("white")))
    assert all(len(set(mixture.record.noises)) == 1 for mixture in _mixtures(recordings, flat, 12))


@pytest.mark.parametrize("kind", ["white", "pink", "low"])
def test_a_band_keeps_nothing_else(recordings: Path, kind: str) -> None:
    low, high = (4_000.0, 8_000.0) if kind != "low" else (400.0, 600.0)
    # Loud, so that the floor of a converter that every mixture has lies 56 dB or more below.
    loud = replace(PLAIN, level_db=(-14.0, -14.0), snr_db=(0.0, 0.0, 0.0))
    banded = replace(loud, noises=(SourceSpec(kind, band_hz=(low, high)),))
    (mixture,) = _mixtures(recordings, banded, 1)
    noise = mixture.noisy - mixture.clean
    inside = _power(noise, 0.8 * low, RATE / 2 if high >= RATE / 2 else 1.25 * high)
    assert inside > (1.0 - 1e-3) * _power(noise, 0.0, RATE)
    with pytest.raises(ValueError, match="band_hz must begin below half the sample rate, 8000 Hz"):
        _mixtures(recordings, replace(PLAIN, noises=(SourceSpec("white", band_hz=(9e3, 1e4)),)), 1)


def test_a_cabinet_takes_the_fizz_of_overdriven_targets(recordings: Path) -> None:
    """An overdriven tone has odd harmonics up to the top, which a guitar loudspeaker does not play."""
    shares = []
    for cabinet in (0.0, 1.0):
        mix = replace(PLAIN, drive=1.0, cabinet=cabinet, clean_only=1.0)
        made = _mixtures(recordings, mix, 40)
        for one in made:
            assert any("overdrive" in change for change in one.record.changes)
            assert any("cabinet" in change for change in one.record.changes) == bool(cabinet)
        shares.append([_power(one.clean, 6e3, 8e3) / _power(one.clean, 0.0, 8e3) for one in made])
    # Loudspeakers roll off from 3 to 9 kHz on: at least half of them below 6 kHz.
    assert np.median(shares[1]) < 0.1 * np.median(shares[0])


def test_quiet_copies_are_lower_at_the_same_snr(recordings: Path) -> None:
    made = _mixtures(recordings, replace(PLAIN, quiet=0.5, quiet_db=(-30.0, -20.0)), 40)
    levels = np.array([augmentations.active_level_db(mixture.clean, RATE) for mixture in made])
    quiet = levels < -30.0
    assert 10 < quiet.sum() < 30
    np.testing.assert_allclose(levels[~quiet], -20.0, atol=0.1)
    assert levels[quiet].min() > -50.1
    assert levels[quiet].max() < -39.9
    for mixture, is_quiet in zip(made, quiet, strict=True):
        assert any("quiet" in change for change in mixture.record.changes) == is_quiet
        assert mixture.record.snr_db == 5.0


def test_rooms_come_from_files_without_their_way_to_the_microphone(recordings: Path) -> None:
    roomy = replace(PLAIN, room=1.0, room_kind="room", noises=(SourceSpec("low", fill="loop"),))
    (dry,) = _mixtures(recordings, replace(roomy, room=0.0), 1, 0.5)
    (wet,) = _mixtures(recordings, roomy, 1, 0.5)
    expected = dry.clean.astype(np.float64)
    # 2.5 ms before the direct sound stay.
    expected = np.concatenate([np.zeros(40), expected])[:8_000]
    expected[800:] -= 0.5 * expected[:-800].copy()
    scale = float(wet.clean @ expected / (expected @ expected))
    np.testing.assert_allclose(wet.clean, scale * expected, atol=1e-4)
    assert "target room r.wav" in wet.record.changes
    with pytest.raises(ValueError, match="kind 'hall', split 'train'"):
        _mixtures(recordings, replace(roomy, room_kind="hall"), 1)


def test_validation_without_rooms_of_its_own_uses_those_of_training(recordings: Path) -> None:
    synthetic = replace(PLAIN, room=1.0, room_kind="room")
    (recordings / "val").mkdir(exist_ok=True)
    soundfile.write(recordings / "val" / "v.wav", _tone(250.0, 1.0), RATE)
    with open(recordings / "val" / "manifest.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "kind", "split", "label"), ("v.wav", "speech", "val", "bob")])
    data = DataConfig((str(recordings), str(recordings / "val")), RATE, 0.5)
    assert "target room r.wav" in Mixer(data, synthetic, "val").mixture(0, 0).record.changes


def test_pairs_are_cut_but_not_mixed(recordings: Path) -> None:
    mix = replace(PLAIN, targets=(SourceSpec("take"),), pairs=1.0, noises=())
    made = _mixtures(recordings, mix, 6, 0.25)
    assert len({mixture.clean.tobytes() for mixture in made}) == 6
    for mixture in made:
        assert mixture.record.targets == ["clean.wav"]
        assert augmentations.active_level_db(mixture.clean, RATE) == pytest.approx(-20.0, abs=0.1)
        snr = augmentations.level_db(mixture.clean) - augmentations.level_db(mixture.noisy - mixture.clean)
        assert snr == pytest.approx(20 * np.log10(0.3 / np.sqrt(2) / 0.02), abs=0.5)
    longer = _mixtures(recordings, mix, 1, 1.5)[0]
    assert longer.clean.shape == (24_000,)
    assert np.count_nonzero(longer.clean) < 16_001
    mixed = _mixtures(recordings, replace(mix, pairs=0.5, noises=(SourceSpec("white"),)), 40)
    assert 10 < sum("mixture as recorded" in mixture.record.changes for mixture in mixed) < 30
    with pytest.raises(ValueError, match="has an entry in the manifest's column noisy"):
        _mixtures(recordings, replace(PLAIN, pairs=0.5), 1)


def test_takes_of_a_pair_must_be_equally_long(recordings: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", _tone(300.0, 0.5), RATE)
    with pytest.raises(ValueError, match=r"must be equally long \(got 1\.000 and 0\.500 s\)"):
        PairPool([Clip(recordings / "clean.wav", "c", "take", "train", "", tmp_path / "short.wav")], RATE)


@pytest.mark.parametrize("fill", ["loop", "pad"])
def test_short_noise_is_looped_or_padded(recordings: Path, fill: str) -> None:
    clips = [clip for clip in list_clips(recordings) if clip.kind == "low"]
    pool = ClipPool(clips, RATE)
    used: list[UsedClip] = []
    starts = set()
    for seed in range(6):
        audio = pool.draw(RATE, np.random.default_rng(seed), (0.0, 0.5), fill, used)
        assert audio.shape == (RATE,)
        assert audio.dtype == np.float32
        starts.add(int(np.argmax(np.abs(audio) > 1e-3)))
        # 0.3 s in the middle of silence, or sound from end to end without a step at the seams.
        sounding = np.count_nonzero(np.convolve(np.abs(audio), np.ones(64), "same") > 0.1) / RATE
        assert sounding == pytest.approx(0.3 if fill == "pad" else 1.0, abs=0.02)
        if fill == "loop":
            assert np.abs(np.diff(audio)).max() < 0.3
    assert [one.clip.name for one in used] == ["low.wav"] * 6
    assert all(one.is_whole for one in used) or fill == "loop"
    assert len(starts) > (3 if fill == "pad" else 0)


@pytest.mark.parametrize("fill", ["join", "loop", "pad"])
def test_long_noise_is_cut_at_a_random_place(recordings: Path, fill: str) -> None:
    clips = [clip for clip in list_clips(recordings) if clip.kind == "speech"]
    pool = ClipPool(clips, RATE)
    cuts = [pool.draw(777, np.random.default_rng(seed), (0.0, 0.5), fill) for seed in range(5)]
    assert all(_power(cut, 180, 220) > 0.8 * _power(cut, 0, 8000) for cut in cuts)
    assert len({cut.tobytes() for cut in cuts}) > 1


def test_the_record_names_everything_that_was_done(recordings: Path) -> None:
    busy = replace(
        PLAIN, speed=(0.8, 1.2), equalizer=1.0, room=1.0, band_limit=1.0, clip=1.0, moving_noise=1.0
    )  # fmt: skip
    words = {change.split()[1] for m in _mixtures(recordings, busy, 8) for change in m.record.changes}
    assert words == {"speed", "equalizer", "room", "band", "clipped", "swells", "floor"}
    (nothing,) = _mixtures(recordings, replace(PLAIN, noise_only=1.0), 1)
    assert nothing.record.targets == []
    assert np.isnan(nothing.record.snr_db)


def test_white_noise_is_flat_and_pink_noise_falls_by_3_db_an_octave() -> None:
    for name, slope in (("white", 0.0), ("pink", -3.0)):
        audio = noises.GENERATORS[name](8 * RATE, RATE, np.random.default_rng(1))
        octaves = [
            10 * np.log10(_power(audio, hz, 2 * hz) / hz) for hz in (125.0, 250.0, 500.0, 1000.0, 2000.0)
        ]
        np.testing.assert_allclose(np.diff(octaves), slope, atol=0.6)


def test_random_noise_is_drawn_from_a_fixed_list() -> None:
    # Examples of trained models depend on it; new generators are asked for by name.
    assert noises.RANDOM_NAMES == [
        "coloured", "random_spectrum", "band", "high_band", "tape_hiss", "hum", "machine", "clicks",
        "crackle", "wind", "beeps",
    ]  # fmt: skip
    assert set(noises.GENERATORS) == {*noises.RANDOM_NAMES, "white", "pink", "interference", "sustained"}


def test_sustained_tones_are_harmonic_and_do_not_fade() -> None:
    """What tells them from a plucked string: a second later they are as loud, but for the pauses."""
    falls, peaks = [], []
    for seed in range(20):
        audio = noises.sustained(4 * RATE, RATE, np.random.default_rng(seed)).astype(np.float64)
        levels = 10.0 * np.log10(np.mean(audio.reshape(40, -1) ** 2, axis=1) + 1e-6)
        sounding = levels > levels.max() - 20.0
        both = sounding[:-10] & sounding[10:]
        falls.extend((levels[:-10] - levels[10:])[both])
        spectrum = np.abs(np.fft.rfft(audio[:RATE] * np.hanning(RATE))) ** 2
        peaks.append(np.sort(spectrum)[-200:].sum() / spectrum.sum())
    assert abs(np.mean(falls)) < 1.0
    assert np.median(peaks) > 0.8  # most of the power on a few lines


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SourceSpec("noise", fill="repeat"), "fill must be one of join, loop, pad"),
        (lambda: SourceSpec("noise", band_hz=(8000.0, 4000.0)), "band_hz must be 0 or more and rise"),
        (lambda: MixConfig(snr_shape="normal"), "snr_shape must be one of triangular, uniform"),
        (lambda: MixConfig(snr_db=(5.0, 2.5, 0.0)), "snr_db must rise"),
    ],
)
def test_wrong_options_are_named(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]
