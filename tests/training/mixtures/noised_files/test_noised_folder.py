"""Clean and noised copies: exact samples, exact SNR, resumable, whole or not there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.audio_files.file_reader import FileReader
from hushgate.training.config.mixture_schema import DataConfig, MixConfig, SourceSpec
from hushgate.training.mixtures.augmentations import active_level_db
from hushgate.training.mixtures.mixer import Mixer
from hushgate.training.mixtures.noised_files.noise_streams import NoiseSpec
from hushgate.training.mixtures.noised_files.noised_folder import NoiseJob, add_noise
from hushgate.training.mixtures.noised_files.noised_pair import write_pair

RATE = 22_050
FORMATS = (("wav", "PCM_16"), ("flac", "PCM_24"), ("aiff", "PCM_16"), ("mp3", None), ("ogg", None))
WHITE = NoiseJob((NoiseSpec("white"),))


def _song(number: int, seconds: float = 0.7, channels: int = 2) -> np.ndarray:
    time = np.arange(round(seconds * RATE) + 13 * number) / RATE
    swell = 0.2 + 0.8 * (np.sin(2 * np.pi * (2 + number % 3) * time) > 0.0)
    tones = [np.sin(2 * np.pi * (220 + 37 * number + 90 * one) * time) * swell for one in range(channels)]
    return 0.1 * (1 + number % 7) * np.stack(tones, axis=1)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty songs in five formats, some near full scale, in two folders."""
    folder = tmp_path_factory.mktemp("songs")
    for number in range(20):
        suffix, subtype = FORMATS[number % 5]
        path = folder / ("a" if number % 2 else "b") / f"song {number}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, _song(number, channels=1 + number % 2), RATE, subtype=subtype)
    return folder


@pytest.fixture(scope="module")
def few(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One song in each format."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted(songs.rglob("song [0-4].*")):
        target = folder / path.relative_to(songs)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
    return folder


def _read(path: Path) -> np.ndarray:
    with FileReader(path) as reader:
        return np.concatenate(list(reader.blocks()), axis=1).astype(np.float64)


def _db(ratio: float) -> float:
    return float(10 * np.log10(ratio))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("snr_of", ["file", "active"])
def test_twenty_songs_in_five_formats(snr_of: str, songs: Path, tmp_path: Path) -> None:
    job = replace(WHITE, snr_of=snr_of, snr_db=(-5.0, 40.0), seed=3)
    done = add_noise(songs, tmp_path / "out", job)
    assert len(done.rows) == 20
    for row in done.rows:
        clean, noisy = tmp_path / "out" / row["path"], tmp_path / "out" / row["noisy"]
        original = Path(row["original"])
        assert clean.relative_to(tmp_path / "out" / "clean") == original.relative_to(songs)
        assert noisy.relative_to(tmp_path / "out" / "noisy").with_suffix("") == original.relative_to(
            songs
        ).with_suffix("")
        assert clean.read_bytes() == original.read_bytes()
        before, after = _read(clean), _read(noisy)
        assert before.shape == after.shape
        with FileReader(original) as source, FileReader(noisy) as copy:
            assert source.format.sample_rate == copy.format.sample_rate
        added = np.mean((after - before) ** 2)
        if snr_of == "file":
            measured = _db(float(np.mean(before**2) / added))
        else:
            # Of several channels, the windows' mean counts.
            joint = np.sqrt(np.mean(before**2, axis=0)).astype(np.float32)
            measured = active_level_db(joint, RATE) - _db(float(added))
        assert measured == pytest.approx(float(row["snr_db"]), abs=0.01)
        assert measured == pytest.approx(float(row["measured_snr_db"]), abs=1e-3)
        assert (row["snr_of"], row["seed"], row["noises"]) == (snr_of, "3", "synthesized white")
    kept = [row for row in done.rows if row["path"].rpartition(".")[2] == row["noisy"].rpartition(".")[2]]
    assert {row["path"].rpartition(".")[2] for row in kept} == {"wav", "flac", "aiff"}


def test_mixtures_beyond_full_scale_are_floats_and_not_clipped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.flac", _song(6, channels=1) / 0.7 * 0.99, RATE, subtype="PCM_16")
    (row,) = add_noise(tmp_path / "loud.flac", tmp_path / "out", replace(WHITE, snr_db=(0.0, 0.0))).rows
    noisy, _ = soundfile.read(tmp_path / "out" / row["noisy"])
    assert (row["noisy"], row["noisy_format"]) == ("noisy/loud.wav", "FLOAT")
    assert np.abs(noisy).max() > 1.2


def test_faint_noise_gets_the_bits_that_it_needs(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "soft.wav", 1e-3 * _song(6, channels=1), RATE, subtype="PCM_16")
    (row,) = add_noise(tmp_path / "soft.wav", tmp_path / "out", replace(WHITE, snr_db=(30.0, 30.0))).rows
    assert (row["noisy"], row["noisy_format"]) == ("noisy/soft.wav", "PCM_24")
    assert float(row["measured_snr_db"]) == pytest.approx(30.0, abs=0.01)


@pytest.mark.parametrize("last", ["pad", "drop"])
def test_clips_hold_the_samples_of_the_file(last: str, few: Path, tmp_path: Path) -> None:
    size = 4_096
    done = add_noise(few, tmp_path / "out", replace(WHITE, clip_samples=size, last=last))
    by_song: dict[str, list[dict[str, str]]] = {}
    for row in done.rows:
        by_song.setdefault(row["original"], []).append(row)
    for original, rows in by_song.items():
        sound = _read(Path(original))
        count = -(-sound.shape[1] // size) if last == "pad" else sound.shape[1] // size
        assert len(rows) == count
        clips = [_read(tmp_path / "out" / row["path"]) for row in rows]
        assert {clip.shape for clip in clips} == {(len(sound), size)}
        padded = np.pad(sound, ((0, 0), (0, size)))[:, : count * size]
        assert np.array_equal(np.concatenate(clips, axis=1), padded)
        assert [float(row["start_s"]) for row in rows] == [
            pytest.approx(number * size / RATE, abs=1e-6) for number in range(count)
        ]


def test_quiet_copies_keep_the_ratio(few: Path, tmp_path: Path) -> None:
    done = add_noise(few, tmp_path / "out", replace(WHITE, quiet=1.0, quiet_db=(-30.0, -20.0)))
    assert len(done.rows) == 10
    quiet = [row for row in done.rows if row["gain_db"] != "0.0000"]
    for row in quiet:
        clean, noisy = (_read(tmp_path / "out" / row[name]) for name in ("path", "noisy"))
        original = _read(Path(row["original"]))
        assert _db(np.mean(clean**2) / np.mean(original**2)) == pytest.approx(float(row["gain_db"]), abs=0.01)
        ratio = _db(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
        assert ratio == pytest.approx(float(row["snr_db"]), abs=0.01)


def test_shares_keep_folders_together(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / "in" / f"artist{number}").mkdir(parents=True)
        for song in range(2):
            soundfile.write(tmp_path / "in" / f"artist{number}" / f"{song}.wav", _song(1, 0.05), RATE)
    rows = add_noise(tmp_path / "in", tmp_path / "out", replace(WHITE, shares="60/20/20")).rows
    splits = {row["label"]: row["split"] for row in rows}
    assert sorted(splits.values()) == ["test"] * 2 + ["train"] * 6 + ["val"] * 2
    assert all(splits[row["label"]] == row["split"] for row in rows)


def test_noise_of_recordings_is_named_and_found_again(few: Path, tmp_path: Path) -> None:
    soundfile.write(
        tmp_path / "n.wav", np.random.default_rng(1).normal(0, 0.1, 3 * RATE), RATE, subtype="FLOAT"
    )
    job = replace(WHITE, noises=(NoiseSpec(str(tmp_path / "n.wav")),))
    row = next(row for row in add_noise(few, tmp_path / "out", job).rows if row["path"].endswith(".wav"))
    clean, noisy = (_read(tmp_path / "out" / row[name]) for name in ("path", "noisy"))
    recording, _ = soundfile.read(row["noises"])
    start = round(float(row["noise_start_s"]) * RATE)
    gain = 10 ** (float(row["noise_gain_db"]) / 20)
    expected = gain * recording[start : start + clean.shape[1]]
    np.testing.assert_allclose(noisy - clean, np.broadcast_to(expected, clean.shape), atol=3e-5)


def test_a_stopped_run_is_continued_and_new_files_are_added(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    shutil.copytree(few, folder)
    job = replace(WHITE, quiet=0.5, clip_samples=8_000, shares="60/20/20")
    add_noise(folder, tmp_path / "whole", job)
    calls: list[tuple[object, ...]] = []

    def stops(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return write_pair(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("hushgate.training.mixtures.noised_files.noised_folder.write_pair", stops)
    with pytest.raises(KeyboardInterrupt):
        add_noise(folder, tmp_path / "stopped", job)
    assert not (tmp_path / "stopped" / "manifest.csv").exists()
    add_noise(folder, tmp_path / "stopped", job)
    assert _files(tmp_path / "stopped") == _files(tmp_path / "whole")
    done = len(calls)
    add_noise(folder, tmp_path / "stopped", job)
    assert len(calls) == done
    # A song that changed, and a new one.
    soundfile.write(folder / "b" / "song 0.wav", _song(2, 0.9), RATE)
    soundfile.write(folder / "new.wav", _song(3), RATE)
    rows = add_noise(folder, tmp_path / "stopped", job).rows
    assert {row["original"] for row in rows} >= {(folder / "new.wav").as_posix()}
    assert sum(row["original"].endswith("b/song 0.wav") for row in rows) >= 3
    names = {row[name] for row in rows for name in ("path", "noisy")}
    assert _files(tmp_path / "stopped").keys() == names | {"manifest.csv", "add-noise.json"}
    with pytest.raises(ValueError, match="made with another seed"):
        add_noise(folder, tmp_path / "stopped", replace(job, seed=1))


def test_digital_silence_gets_no_noise(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", np.zeros((500, 2)), RATE)
    (row,) = add_noise(tmp_path / "s.wav", tmp_path / "out", WHITE).rows
    assert (row["noises"], row["measured_snr_db"], row["noise_gain_db"]) == ("", "", "")
    assert not _read(tmp_path / "out" / row["noisy"]).any()


def test_names_that_differ_in_their_extension_stay_apart(tmp_path: Path) -> None:
    for suffix in ("wav", "mp3", "ogg"):
        soundfile.write(tmp_path / f"in.{suffix}", _song(1), RATE)
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in tmp_path.glob("in.*"):
        path.rename(folder / path.name)
    rows = add_noise(folder, tmp_path / "out", WHITE).rows
    assert {row["noisy"] for row in rows} == {"noisy/in.wav", "noisy/in.mp3.wav", "noisy/in.ogg.wav"}
    (tmp_path / "twice").mkdir()
    for name in ("a.wav", "a-quiet.wav"):
        soundfile.write(tmp_path / "twice" / name, _song(1), RATE)
    with pytest.raises(ValueError, match=r"would both be written to clean/a-quiet\.wav"):
        add_noise(tmp_path / "twice", tmp_path / "out2", replace(WHITE, quiet=1.0))


def test_transcripts_go_along(tmp_path: Path) -> None:
    folder = tmp_path / "LibriSpeech" / "103" / "1240"
    folder.mkdir(parents=True)
    for number in range(2):
        soundfile.write(folder / f"103-1240-000{number}.flac", _song(number, channels=1), RATE)
    (folder / "103-1240.trans.txt").write_text("103-1240-0000 CHAPTER ONE\n103-1240-0001 MISSUS RACHEL\n")
    add_noise(tmp_path / "LibriSpeech", tmp_path / "out", WHITE)
    assert (tmp_path / "out" / "texts.txt").read_text() == (
        "103-1240-0000 CHAPTER ONE\n103-1240-0001 MISSUS RACHEL\n"
    )


def test_training_reads_the_pairs(few: Path, tmp_path: Path) -> None:
    add_noise(few, tmp_path / "out", WHITE)
    data = DataConfig((str(tmp_path / "out"),), RATE, 0.5)
    mixer = Mixer(data, MixConfig((SourceSpec("mixture"),), pairs=1.0), "train")
    noisy, clean = mixer.example(0, 1)
    assert noisy.shape == clean.shape == (RATE // 2,)
    assert 0.0 < np.std(noisy - clean) < np.std(noisy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"snr_db": (5.0, 0.0)}, "snr must rise"),
        ({"snr_of": "all"}, "snr_of must be one of file, active"),
        ({"quiet": 1.5}, "quiet must be between 0 and 1"),
        ({"quiet_db": (-6.0, 3.0)}, "quiet_db must be 0 or less"),
        ({"last": "keep"}, "last must be one of pad, drop"),
        ({"shares": "60"}, "shares such as 60/20/20"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"noises": ()}, "at least one noise"),
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(WHITE, **change)  # type: ignore[arg-type]


def test_inputs_and_outputs_that_do_not_fit_are_refused(few: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="output must not lie in the folder"):
        add_noise(few, few / "noised", WHITE)
    with pytest.raises(FileNotFoundError):
        add_noise(tmp_path / "gone", tmp_path / "out", WHITE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold sound files"):
        add_noise(tmp_path / "empty", tmp_path / "out", WHITE)
    (tmp_path / "empty" / "bad.wav").write_bytes(b"bad")
    soundfile.write(tmp_path / "empty" / "good.wav", _song(1), RATE)
    done = add_noise(tmp_path / "empty", tmp_path / "out", WHITE, skip_unreadable=True)
    assert [path.name for path, _ in done.unreadable] == ["bad.wav"]
    assert len(done.rows) == 1
