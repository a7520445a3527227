"""Mixtures at the full band: what the stock holds, what is known above, and how a network is shown it."""

from __future__ import annotations

import csv
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="training needs the extra hushgate[train]")

from hushgate.training.config.mixture_schema import DataConfig, MixConfig, SourceSpec  # noqa: E402
from hushgate.training.mixtures.augmentations import active_level_db  # noqa: E402
from hushgate.training.mixtures.band_split import BandSplit  # noqa: E402
from hushgate.training.mixtures.dataset import MixtureDataset  # noqa: E402
from hushgate.training.mixtures.full_band_mixer import FullBandMixer, check_target_rates, make_mixer  # noqa: E402
from hushgate.training.mixtures.mixer import Mixer  # noqa: E402
from hushgate.training.mixtures.stock import Part, Stock  # noqa: E402
from hushgate.training.models.hush import HushConfig  # noqa: E402
from hushgate.training.models.torch_framing import Framing  # noqa: E402
from hushgate.training.recordings.manifest import SPLITS  # noqa: E402
from tests.helpers.plain_mix import PLAIN  # noqa: E402

RATE, MIX_RATE = 16_000, 48_000
SHAPE = HushConfig(upper_edges_hz=(8000.0, 9500.0, 11500.0, 14000.0, 17500.0))
MIX = replace(PLAIN, stock=6)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two voices, at 16 and 48 kHz, and a room: direct sound, and one echo each after 20 and 100 ms."""
    folder = tmp_path_factory.mktemp("full-band")
    rng = np.random.default_rng(0)
    rows = [("path", "kind", "split", "label")]
    for name, kind, rate in (("narrow/a.wav", "speech", RATE), ("wide/b.wav", "speech", MIX_RATE)):
        (folder / name).parent.mkdir()
        soundfile.write(folder / name, 0.2 * rng.standard_normal(2 * rate), rate)
        rows.append((name, kind, "train", name))
    response = np.zeros(MIX_RATE // 4)
    response[[0, MIX_RATE // 50, MIX_RATE // 10]] = 1.0, 0.5, 0.25
    soundfile.write(folder / "r.wav", response, MIX_RATE, "FLOAT")
    rows.append(("r.wav", "rir", "train", "hall"))
    with open(folder / "manifest.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def _data(recordings: Path, cache: Path) -> DataConfig:
    return DataConfig((str(recordings),), RATE, 1.0, MIX_RATE, cache=str(cache))


def _mixer(recordings: Path, cache: Path, prefix: str = "", **changes: Any) -> FullBandMixer:
    mix = replace(MIX, targets=(SourceSpec("speech", prefix),), **changes)
    mixer = make_mixer(_data(recordings, cache), mix, "train")
    assert isinstance(mixer, FullBandMixer)
    return mixer


def test_training_needs_targets_with_bands_above(recordings: Path, tmp_path: Path) -> None:
    data = _data(recordings, tmp_path)
    check_target_rates(data, replace(MIX, targets=(SourceSpec("speech"),)))
    with pytest.raises(ValueError, match=r"above data\.sample_rate \(got 1 at 16000 Hz or less\)"):
        check_target_rates(data, replace(MIX, targets=(SourceSpec("speech", "narrow"),)))


def test_without_a_rate_for_it_mixing_is_as_before(recordings: Path, tmp_path: Path) -> None:
    data = replace(_data(recordings, tmp_path), mix_rate=0)
    assert type(make_mixer(data, PLAIN, "train")) is Mixer
    with pytest.raises(ValueError, match=r"data\.cache must name a folder"):
        make_mixer(replace(_data(recordings, tmp_path), cache=""), MIX, "train")


def test_example_number_i_is_always_the_same(recordings: Path, tmp_path: Path) -> None:
    busy: dict[str, Any] = {
        "voice_change": 0.5,
        "channel": 0.5,
        "equalizer": 0.5,
        "room": 0.5,
        "band_limit": 0.3,
    }
    first = [_mixer(recordings, tmp_path / "one", **busy).mixture(1, i) for i in range(8)]
    other = _mixer(recordings, tmp_path / "two", **busy)
    for index in reversed(range(8)):
        again = other.mixture(1, index)
        assert np.array_equal(again.noisy, first[index].noisy)
        assert np.array_equal(again.clean, first[index].clean)
        assert again.record == first[index].record
    assert not np.array_equal(other.mixture(2, 0).noisy, first[0].noisy)


def test_what_is_known_ends_where_recordings_end(recordings: Path, tmp_path: Path) -> None:
    narrow = _mixer(recordings, tmp_path, "narrow")
    assert {narrow.mixture(1, i).record.top_hz for i in range(20)} == {8000.0}
    wide = _mixer(recordings, tmp_path, "wide")
    tops = [wide.mixture(1, i).record.top_hz for i in range(60)]
    # Some pass for recordings at lower rates, so that a network meets every number of unknown bands.
    assert {24_000.0, 22_050.0, 8000.0} <= set(tops) <= {24e3, 22.05e3, 16e3, 12e3, 11.025e3, 8e3}


@pytest.mark.parametrize("snr_db", [-6.0, 12.0])
def test_noise_is_set_by_what_lies_in_the_networks_band(
    snr_db: float, recordings: Path, tmp_path: Path
) -> None:
    mixer = _mixer(recordings, tmp_path, "narrow", snr_db=(snr_db,) * 3)
    split = BandSplit(RATE, MIX_RATE, SHAPE)
    for index in range(4):
        mixture = mixer.mixture(1, index)
        noisy, clean, _ = split(mixture.noisy, mixture.clean, 8000.0)
        measured = active_level_db(clean, RATE) - 10 * np.log10(np.mean((noisy - clean) ** 2))
        assert measured == pytest.approx(snr_db, abs=0.5)  # the floor of the converter adds a little


def test_the_early_part_of_a_room_stays_in_the_target(recordings: Path, tmp_path: Path) -> None:
    mixer = _mixer(recordings, tmp_path, "wide", room=1.0, room_kind="rir", clean_only=1.0)
    measured = [n for n in range(6) if "r.wav" in str(mixer._make_voice(n).changes)]
    assert measured
    for number in measured:
        part = mixer._make_voice(number)
        late = part.heard - part.kept
        assert not late[: MIX_RATE // 20].any()
        level = 10 * np.log10(np.mean(late**2) / np.mean(part.kept**2))
        assert -26.0 < level < -12.0  # an echo at -12 dB of the direct sound, up to 12 dB further away


def test_a_part_is_made_once(tmp_path: Path) -> None:
    stock, calls = Stock(tmp_path / "stock"), []

    def make() -> Part:
        calls.append(1)
        sound = np.linspace(-0.5, 0.5, 100, dtype=np.float32)
        return Part(sound, 0.5 * sound, 12_000.0, ["a"], ["b"])

    first = stock.get("target", 3, make)
    second = Stock(tmp_path / "stock").get("target", 3, make)
    assert len(calls) == 1
    assert np.array_equal(first.heard, second.heard)
    assert second.heard == pytest.approx(np.linspace(-0.5, 0.5, 100), abs=2e-5)
    assert second.kept == pytest.approx(0.5 * second.heard, abs=2e-5)
    assert (second.top_hz, second.names, second.changes) == (12_000.0, ["a"], ["b"])
    silent = stock.get("noise", 0, lambda: Part(first.heard, np.zeros(100, np.float32), 8e3))
    assert not silent.kept.any()
    assert [path.name for path in sorted((tmp_path / "stock").iterdir())] == [
        "noise-000000.npz",
        "target-000003.npz",
    ]


# -- as the network hears it ----------------------------------------------------------------------


def test_a_split_keeps_everything_below_and_its_frames_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    count = MIX_RATE // 2
    spectrum = np.fft.rfft(rng.standard_normal(count))
    low = spectrum.copy()
    low[round(7990 * count / MIX_RATE) :] = 0.0
    noisy, clean = (np.fft.irfft(one, count).astype(np.float32) for one in (spectrum, low))
    split = BandSplit(RATE, MIX_RATE, SHAPE)
    heard, kept, above = split(noisy, clean, 24_000.0)
    assert len(heard) == len(kept) == RATE // 2
    assert kept == pytest.approx(clean[::3], abs=1e-5)
    framing = Framing(RATE, SHAPE.frame_ms, SHAPE.overlap)
    ours = framing.analyse(torch.from_numpy(kept)[None])
    assert above.shape == (ours.shape[1], 5, 4)
    full = Framing(MIX_RATE, SHAPE.frame_ms, SHAPE.overlap).analyse(torch.from_numpy(noisy)[None])[0]
    power = full.square().sum(-1)
    torch.testing.assert_close(torch.from_numpy(above[:, 0, 0]), power[:, 256:304].mean(-1))
    torch.testing.assert_close(torch.from_numpy(above[:, 4, 0]), power[:, 560:768].mean(-1))
    assert above[..., 1].all()
    # The target has nothing above 8 kHz.
    assert above[2:-2, 1:, 2].max() < 1e-3 * above[2:-2, 1:, 0].min()
    low_frames = Framing(MIX_RATE, SHAPE.frame_ms, SHAPE.overlap).analyse(torch.from_numpy(clean)[None])
    # Near the edge of the band the lower rate folds back what the window spreads.
    inside = slice(2, -2), slice(0, 240)
    torch.testing.assert_close(ours[0][inside], low_frames[0][inside], atol=2e-4, rtol=0.0)


def test_without_bands_above_only_the_sound_is_left() -> None:
    noisy, clean = np.random.default_rng(0).standard_normal((2, MIX_RATE // 4)).astype(np.float32)
    alone = BandSplit(RATE, MIX_RATE, None)(noisy, clean, 24_000.0)
    assert len(alone) == 2
    with_bands = BandSplit(RATE, MIX_RATE, SHAPE)(noisy, clean, 24_000.0)
    assert all(np.array_equal(one, other) for one, other in zip(alone, with_bands, strict=False))
    with pytest.raises(ValueError, match=r"data\.mix_rate must be a multiple of .* 16000 Hz \(got 40000\)"):
        BandSplit(RATE, 40_000, None)


def test_above_what_is_known_nothing_is_told() -> None:
    audio = np.random.default_rng(0).standard_normal(MIX_RATE // 4).astype(np.float32)
    above = BandSplit(RATE, MIX_RATE, SHAPE)(audio, audio, 12_000.0)[2]
    assert above[0, :, 1].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert not above[:, 2:].any()
    # A target that is the mixture: all three powers are one.
    assert above[:, :2, 2] == pytest.approx(above[:, :2, 0], rel=1e-4)
    assert above[:, :2, 3] == pytest.approx(above[:, :2, 0], rel=1e-4)


@pytest.mark.parametrize("rate", [16_000, 24_000, 40_000])
def test_rates_that_do_not_fit_are_refused(rate: int) -> None:
    with pytest.raises(ValueError, match=r"data\.mix_rate must be a multiple of data\.sample_rate, 16000 Hz"):
        BandSplit(RATE, rate, SHAPE)


def test_a_data_set_shows_what_lies_above(recordings: Path, tmp_path: Path) -> None:
    mixer = _mixer(recordings, tmp_path, "wide")
    noisy, clean, above = MixtureDataset(mixer, 1, 4, BandSplit(RATE, MIX_RATE, SHAPE))[2]
    assert noisy.shape == clean.shape == (RATE,)
    assert above.shape[1:] == (5, 4)


def test_mix_config_defaults_leave_other_configurations_alone() -> None:
    assert (MixConfig().voice_change, MixConfig().channel, DataConfig().mix_rate) == (0.0, 0.0, 0)


def test_the_splits_share_no_part(recordings: Path, tmp_path: Path) -> None:
    """Voices and noises of the same recordings and generators: only the random choices can differ."""
    rows = list(csv.reader((recordings / "manifest.csv").read_text().splitlines()))
    lines = [[str(recordings / path), *rest] for path, *rest in rows[1:]]
    folder = tmp_path / "data"
    folder.mkdir()
    with open(folder / "manifest.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [rows[0]] + [[p, kind, split, label] for p, kind, _, label in lines for split in SPLITS]
        )
    mix = replace(MIX, targets=(SourceSpec("speech"),), speed=(0.8, 1.2))
    parts: list[bytes] = []
    for split in SPLITS:
        mixer = make_mixer(_data(folder, tmp_path / "cache"), mix, split)
        assert isinstance(mixer, FullBandMixer)
        for number in range(4):
            parts += [mixer._make_voice(number).heard.tobytes(), mixer._make_noise(number).heard.tobytes()]
    assert len(set(parts)) == len(parts) == 3 * 4 * 2


@pytest.mark.parametrize(
    ("changes", "is_new"),
    [
        ({"room": 0.5}, True),
        ({"speed": (0.9, 1.1)}, True),
        ({"snr_db": (0.0, 1.0, 2.0)}, False),
        ({"clean_only": 0.3, "clip": 0.2, "channel": 0.1, "level_db": (-30.0, -20.0)}, False),
    ],
)
def test_a_stock_is_made_again_for_other_settings_of_its_parts(
    changes: dict[str, Any], is_new: bool, recordings: Path, tmp_path: Path
) -> None:
    for more in ({}, changes):
        _mixer(recordings, tmp_path, **more).mixture(1, 0)
    assert len(list(tmp_path.glob("stock-train-*"))) == 1 + is_new


@pytest.mark.parametrize("change", ["label", "target", "room"])
def test_a_stock_is_made_again_for_other_recordings(change: str, recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(recordings, folder)
    cache = tmp_path / "cache"
    _mixer(folder, cache, room=0.5, room_kind="rir")
    if change == "label":  # which recordings of a speaker follow each other
        text = (folder / "manifest.csv").read_text()
        (folder / "manifest.csv").write_text(text.replace("train,wide/b.wav", "train,narrow/a.wav"))
    else:
        path = folder / {"target": "wide/b.wav", "room": "r.wav"}[change]
        os.utime(path, ns=(1, 1))
    _mixer(folder, cache, room=0.5, room_kind="rir")
    assert len(list(cache.glob("stock-train-*"))) == 2


def test_bands_of_targets_and_clipping_are_heard(recordings: Path, tmp_path: Path) -> None:
    banded = (SourceSpec("speech", "wide", band_hz=(2000.0, 4000.0)),)
    data = _data(recordings, tmp_path)
    for index in range(3):
        clean = make_mixer(data, replace(MIX, targets=banded), "train").mixture(1, index).clean
        power = np.abs(np.fft.rfft(clean * np.hanning(len(clean)))) ** 2
        hz = np.fft.rfftfreq(len(clean), 1.0 / MIX_RATE)
        assert power[(hz > 1800.0) & (hz < 4400.0)].sum() > 0.99 * power.sum()
    clipped = _mixer(recordings, tmp_path, "wide", clip=1.0, floor=0.0).mixture(1, 0)
    assert any("clipped" in change for change in clipped.record.changes)
    assert np.sum(np.abs(clipped.noisy) > 0.999 * np.abs(clipped.noisy).max()) > 10


@pytest.mark.parametrize("key", ["second_target", "drive", "cabinet", "breaks", "pairs"])
def test_what_full_band_mixtures_lack_is_refused(key: str, recordings: Path, tmp_path: Path) -> None:
    words = rf"mix\.{key} must be 0 with data\.mix_rate \(got 0\.5\).* Set mix\.{key} or data\.mix_rate to 0"
    changes: dict[str, Any] = {key: 0.5}
    with pytest.raises(ValueError, match=words):
        _mixer(recordings, tmp_path, **changes)
