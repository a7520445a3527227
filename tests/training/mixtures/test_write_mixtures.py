"""Mixtures as files: the same for the same seed, whole or not there, going on where a run stopped."""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.config.mixture_schema import DataConfig, MixConfig, SourceSpec
from hushgate.training.config.schema import Config
from hushgate.training.mixtures.full_band_mixer import make_mixer
from hushgate.training.mixtures.mixer import Mixer
from hushgate.training.mixtures.resumable_folder import Row
from hushgate.training.mixtures.write_mixtures import MixJob, write_mixtures
from hushgate.training.recordings.manifest import read_manifest
from tests.helpers.plain_mix import PLAIN
from tests.helpers.trees import RATE, sound

JOURNAL_NAME = ".mix-journal.csv"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(4):
        sound(folder / "speech" / f"s{number}.wav", 0.8, 200.0 + 40 * number)
        sound(folder / "noise" / f"n{number}.wav", 0.3, 2000.0 + 300 * number)
    rows = [(f"{k}/{k[0]}{n}.wav", k, "train", f"{k}{n}") for k in ("speech", "noise") for n in range(4)]
    with open(folder / "manifest.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "kind", "split", "label"), *rows])
    return Config(
        data=DataConfig((str(folder),), RATE, 0.5),
        mix=MixConfig(
            (SourceSpec("speech"),), (SourceSpec("noise"), SourceSpec("pink")), snr_db=(0.0, 2.5, 5.0)
        ),
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_the_same_seed_gives_the_same_files_in_one_process_or_several(
    suffix: str, config: Config, tmp_path: Path
) -> None:
    job = MixJob(config, seed=7, suffix=suffix, with_noise=True)
    for name, workers in (("one", 0), ("again", 0), ("several", 2)):
        write_mixtures(job, tmp_path / name, 6, workers=workers)
    one = _files(tmp_path / "one")
    assert one == _files(tmp_path / "again") == _files(tmp_path / "several")
    assert len(one) == 3 * 6 + 2
    write_mixtures(replace(job, seed=8), tmp_path / "other", 6)
    name = f"noisy/0000003.{suffix}"
    assert _files(tmp_path / "other")[name] != one[name]


def test_files_are_what_training_mixes_on_the_fly(config: Config, tmp_path: Path) -> None:
    write_mixtures(MixJob(config, seed=7, with_noise=True), tmp_path, 8)
    mixer = Mixer(config.data, config.mix, "train")
    for row in read_manifest(tmp_path / "manifest.csv"):
        clean, noisy, noise = (
            soundfile.read(tmp_path / row[name], dtype="float32")[0] for name in ("path", "noisy", "noise")
        )
        mixture = mixer.mixture(7, int(row["index"]))
        gain = 10.0 ** (float(row["gain_db"]) / 20.0)
        np.testing.assert_allclose(noisy, gain * mixture.noisy, atol=1e-4)
        np.testing.assert_allclose(clean, gain * mixture.clean, atol=1e-4)
        np.testing.assert_allclose(noise, noisy - clean, atol=3e-7)
        assert np.abs(noisy).max() < 1.0


def test_full_band_mixtures_are_those_of_training_at_their_rate(config: Config, tmp_path: Path) -> None:
    data = replace(config.data, mix_rate=3 * RATE, cache=str(tmp_path / "cache"))
    wide = replace(config, data=data, mix=replace(config.mix, stock=4))
    (row,) = read_manifest(write_mixtures(MixJob(wide, seed=7), tmp_path / "wide", 1))
    noisy, rate = soundfile.read(tmp_path / "wide" / row["noisy"], dtype="float32")
    mixture = make_mixer(data, wide.mix, "train").mixture(7, 0)
    assert (rate, row["sample_rate"], row["seconds"]) == (3 * RATE, str(3 * RATE), "0.5")
    np.testing.assert_allclose(noisy, 10.0 ** (float(row["gain_db"]) / 20.0) * mixture.noisy, atol=1e-4)
    with pytest.raises(ValueError, match="another sample_rate"):
        write_mixtures(MixJob(config, seed=7), tmp_path / "wide", 1)
    # The level of the noise is that in the network's band.
    narrow = replace(wide, data=replace(data, sample_rate=RATE // 2))
    with pytest.raises(ValueError, match=r"another data\.sample_rate"):
        write_mixtures(MixJob(narrow, seed=7), tmp_path / "wide", 1)


def test_the_manifest_says_how_each_mixture_was_made(config: Config, tmp_path: Path) -> None:
    plain = replace(
        PLAIN, noises=config.mix.noises, snr_shape="uniform", snr_db=(0.1, 0.3, 0.5), level_db=(-30.0, -20.0)
    )
    job = MixJob(replace(config, mix=plain), split="train", seed=2, with_noise=True)
    rows = read_manifest(write_mixtures(job, tmp_path, 12))
    assert [row["index"] for row in rows] == [str(index) for index in range(12)]
    for row in rows:
        assert (row["kind"], row["split"], row["seed"], row["seconds"]) == ("mixture", "train", "2", "0.5")
        assert all(name.startswith("speech/s") for name in row["targets"].split(";"))
        assert all(
            name.startswith("noise/n") or name == "synthesized pink" for name in row["noises"].split(";")
        )
        assert 0.1 <= float(row["snr_db"]) <= 0.5
        assert -30.0 <= float(row["level_db"]) <= -20.0
        clean = soundfile.read(tmp_path / row["path"])[0]
        noise = soundfile.read(tmp_path / row["noise"])[0]
        measured = 10.0 * np.log10(np.mean(clean**2) / np.mean(noise**2))
        assert float(row["measured_snr_db"]) == pytest.approx(measured, abs=0.01)
    assert {row["label"] for row in rows} <= {f"speech/s{number}.wav" for number in range(4)}


def test_loud_mixtures_keep_their_sum(config: Config, tmp_path: Path) -> None:
    loud = replace(config, mix=replace(config.mix, level_db=(-1.0, -1.0), noise_only=0.0, clean_only=0.0))
    rows = read_manifest(write_mixtures(MixJob(loud, with_noise=True), tmp_path, 3))
    assert min(float(row["gain_db"]) for row in rows) < -1.0
    for row in rows:
        clean, noisy, noise = (soundfile.read(tmp_path / row[name])[0] for name in ("path", "noisy", "noise"))
        np.testing.assert_allclose(noisy, clean + noise, atol=3e-7)
        assert np.abs(noisy).max() <= 0.9991


def test_mixtures_can_be_trained_on_as_pairs(config: Config, tmp_path: Path) -> None:
    rows = read_manifest(write_mixtures(MixJob(config, seed=1), tmp_path, 3))
    mix = MixConfig((SourceSpec("mixture"),), pairs=1.0)
    mixture = Mixer(DataConfig((str(tmp_path),), RATE, 0.5), mix, "train").mixture(0, 0)
    (row,) = [row for row in rows if row["path"] == mixture.record.targets[0]]
    clean, noisy = (soundfile.read(tmp_path / row[name])[0] for name in ("path", "noisy"))
    scale = float(mixture.clean @ clean / (clean @ clean))
    np.testing.assert_allclose(mixture.noisy, scale * noisy, atol=1e-4 * abs(mixture.noisy).max() + 1e-5)


def _stop_after(count: int) -> object:
    def progress(rows: Iterable[Row], total: int) -> Iterator[Row]:
        for number, row in enumerate(rows):
            if number == count:
                raise KeyboardInterrupt
            yield row

    return progress


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stopped_run_goes_on_and_ends_as_an_undisturbed_one(
    workers: int, config: Config, tmp_path: Path
) -> None:
    job = MixJob(config, seed=3)
    write_mixtures(job, tmp_path / "whole", 9)
    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        write_mixtures(job, out, 9, workers=workers, progress=_stop_after(4))  # type: ignore[arg-type]
    assert not (out / "manifest.csv").exists()
    # Also the row that was complete when the run was stopped.
    assert len((out / JOURNAL_NAME).read_text().splitlines()) == 5
    # Killed in the middle of a line and of a file.
    with open(out / JOURNAL_NAME, "a") as journal:
        journal.write("clean/0000004.fl")
    (out / "clean" / ".hushgate-part-1-0000005.flac").write_bytes(b"half")
    stamps = {index: (out / "noisy" / f"{index:07d}.flac").stat().st_mtime_ns for index in range(4)}
    (out / "noisy" / "0000002.flac").unlink()
    mixed: list[int] = []

    def count(rows: Iterable[Row], total: int) -> Iterator[Row]:
        for row in rows:
            mixed.append(int(row["index"]))
            yield row

    write_mixtures(job, out, 9, workers=workers, progress=count)
    assert _files(out) == _files(tmp_path / "whole")
    assert sorted(mixed) == [2, 5, 6, 7, 8]
    for index in (0, 1, 3):
        assert (out / "noisy" / f"{index:07d}.flac").stat().st_mtime_ns == stamps[index]


def test_more_can_be_added_later(config: Config, tmp_path: Path) -> None:
    job = MixJob(config, seed=3)
    write_mixtures(job, tmp_path / "grown", 2)
    write_mixtures(job, tmp_path / "grown", 5)
    write_mixtures(job, tmp_path / "whole", 5)
    assert _files(tmp_path / "grown") == _files(tmp_path / "whole")


def test_another_job_does_not_mix_in(config: Config, tmp_path: Path) -> None:
    job = MixJob(config, seed=3)
    write_mixtures(job, tmp_path / "out", 2)
    before = _files(tmp_path / "out")
    louder = replace(config, mix=replace(config.mix, snr_db=(10.0, 11.0, 12.0)))
    for other, word in (
        (replace(job, seed=4), "seed"),
        (replace(job, with_noise=True), "noise"),
        (replace(job, config=louder), r"mix\.snr_db"),
        (replace(job, config=replace(config, data=replace(config.data, segment_s=0.4))), "segment_s"),
    ):
        with pytest.raises(ValueError, match=f"made with another {word}"):
            write_mixtures(other, tmp_path / "out", 2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("text")
    with pytest.raises(FileExistsError, match="must be a new or empty folder"):
        write_mixtures(job, tmp_path / "mine", 2)
    assert _files(tmp_path / "out") == before
    assert set(_files(tmp_path / "mine")) == {"thesis.txt"}


def test_changed_recordings_are_another_job(config: Config, tmp_path: Path) -> None:
    sound(tmp_path / "r" / "speech" / "a.wav", 0.5)
    own = Config(
        data=DataConfig((str(tmp_path / "r"),), RATE, 0.3),
        mix=MixConfig((SourceSpec("speech"),), (SourceSpec("white"),)),
    )
    write_mixtures(MixJob(own), tmp_path / "out", 1)
    sound(tmp_path / "r" / "speech" / "b.wav", 0.5)
    with pytest.raises(ValueError, match="made with another recordings"):
        write_mixtures(MixJob(own), tmp_path / "out", 1)


def test_a_full_disk_leaves_whole_files_only(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes = Path.write_bytes
    clean_files: set[Path] = set()

    def full(path: Path, content: bytes) -> int:
        # Names of temporary files are random: the third clean file is that of mixture 2.
        clean_files.update([path] if path.parent.name == "clean" else [])
        if len(clean_files) == 3:
            write_bytes(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_mixtures(MixJob(config), tmp_path / "out", 4)
    assert caught.value.filename == str(tmp_path / "out" / "clean" / "0000002.flac")
    monkeypatch.undo()
    left = _files(tmp_path / "out")
    assert set(left) == {JOURNAL_NAME, "mix.json"} | {
        f"{folder}/000000{index}.flac" for folder in ("clean", "noisy") for index in (0, 1)
    }
    write_mixtures(MixJob(config), tmp_path / "out", 4)
    write_mixtures(MixJob(config), tmp_path / "whole", 4)
    assert _files(tmp_path / "out") == _files(tmp_path / "whole")


def test_missing_recordings_are_said_before_anything_is_written(config: Config, tmp_path: Path) -> None:
    song = replace(config, mix=replace(config.mix, targets=(SourceSpec("song"),)))
    with pytest.raises(ValueError, match="kind 'song'"):
        write_mixtures(MixJob(song), tmp_path / "out", 2)
    assert not (tmp_path / "out").exists()


def test_damaged_settings_are_named(config: Config, tmp_path: Path) -> None:
    (tmp_path / "mix.json").write_text("{")
    with pytest.raises(ValueError, match=r"mix\.json is damaged"):
        write_mixtures(MixJob(config), tmp_path, 2)


def test_settings_are_plain_data(config: Config) -> None:
    settings = MixJob(config).settings()
    assert json.loads(json.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("change", "words"),
    [({"suffix": "mp3"}, "format must be one of"), ({"seed": -1}, "seed must be 0 or more")],
)
def test_wrong_jobs_are_named(change: dict[str, object], words: str, config: Config, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        MixJob(config, **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="num must be 1 or more"):
        write_mixtures(MixJob(config), tmp_path / "out", 0)
    with pytest.raises(ValueError, match="workers must be 0 or more"):
        write_mixtures(MixJob(config), tmp_path / "out", 1, workers=-1)
