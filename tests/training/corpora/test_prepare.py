"""From a corpus to a manifest that training reads; and nothing half-written when something goes wrong."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.config.mixture_schema import SourceSpec
from hushgate.training.corpora.corpus import Recording
from hushgate.training.corpora.prepare import Preparation, prepare, summarize
from hushgate.training.corpora.prepared_config import find_config, write_config
from hushgate.training.corpora.silence import SilenceRule
from hushgate.training.mixtures.mixer import Mixer
from hushgate.training.recordings.manifest import read_manifest
from tests.helpers.trees import RATE, TREES, sound


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Five speakers with two takes each, 0.4 and 0.5 s."""
    for speaker in "abcde":
        for number in range(2):
            sound(tmp_path / "speech" / speaker / f"{speaker}{number}.wav", 0.4 + 0.1 * number)
    return tmp_path / "speech"


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_corpora_gather_in_one_manifest_and_a_second_run_replaces_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    esc, snsd = TREES["esc50"](tmp_path / "esc"), TREES["ms-snsd"](tmp_path / "snsd")
    first = prepare("ms-snsd", [snsd], out).rows
    prepare("esc50", [esc], out)
    assert len(read_manifest(out / "manifest.csv")) == len(first) + 10
    (snsd / "clean_train" / "p234_001.wav").unlink()
    prepare("ms-snsd", [snsd], out)
    lines = read_manifest(out / "manifest.csv")
    assert len(lines) == len(first) - 1 + 10
    assert {line["source"] for line in lines} == {"MS-SNSD", "ESC-50"}
    assert sorted(path.name for path in out.iterdir()) == ["manifest.csv"]


def test_what_is_prepared_can_be_mixed_as_it_stands(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare("ms-snsd", [TREES["ms-snsd"](tmp_path / "snsd")], out)
    assert write_config(out) == out / "mix.toml"
    config = find_config(str(out), (), ["data.segment_s=0.5"])
    assert config.data.sample_rate == RATE
    for split in ("train", "val", "test"):
        mixture = Mixer(config.data, config.mix, split).mixture(0, 0)
        assert mixture.clean.any()
        assert mixture.record.noises
        names = {line["path"] for line in read_manifest(out / "manifest.csv") if line["split"] == split}
        assert {*mixture.record.targets, *mixture.record.noises} <= names


def test_pairs_are_mixed_as_recorded(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare("voicebank-demand", [TREES["voicebank-demand"](tmp_path / "pairs")], out)
    write_config(out)
    config = find_config(str(out), (), ["data.segment_s=0.5"])
    assert config.mix.pairs == 1.0
    mixture = Mixer(config.data, config.mix, "val").mixture(0, 3)
    (name,) = mixture.record.targets
    clean = soundfile.read(out / name)[0]
    lag = np.argmax(np.correlate(clean, mixture.clean, "valid"))
    cut = clean[lag : lag + len(mixture.clean)]
    scale = float(mixture.clean @ cut / (cut @ cut))
    np.testing.assert_allclose(mixture.clean, scale * cut, atol=2e-4)
    noise = (mixture.noisy - mixture.clean) / scale
    assert noise.std() == pytest.approx(0.05, rel=0.1)


def test_a_configuration_of_ones_own_is_kept(tmp_path: Path, speech: Path) -> None:
    prepare("folders", [speech], tmp_path / "out")
    path = write_config(tmp_path / "out")
    assert path is not None
    mine = path.read_text().partition("\n")[2] + "# mine\n"
    path.write_text(mine)
    assert write_config(tmp_path / "out") is None
    assert path.read_text() == mine
    # Without recorded noise it is synthesized.
    assert find_config(str(tmp_path / "out"), (), ()).mix.noises == (SourceSpec("synthesized"),)
    with pytest.raises(FileNotFoundError, match=r"must hold mix\.toml"):
        find_config(str(tmp_path), (), ())


def test_long_short_and_empty_recordings_are_left_out(tmp_path: Path, speech: Path) -> None:
    soundfile.write(speech / "a" / "none.wav", np.zeros(0), RATE)
    done = prepare("folders", [speech], tmp_path / "out", Preparation(max_s=0.45))
    assert {row.seconds for row in done.rows} == {0.4}
    assert done.dropped == {"longer than 0.45 s": 5, "empty": 1}
    done = prepare("folders", [speech], tmp_path / "out", Preparation(min_s=0.45))
    assert {row.seconds for row in done.rows} == {0.5}
    before = (tmp_path / "out" / "manifest.csv").read_bytes()
    with pytest.raises(ValueError, match=r"nothing of any folders is left: 10 longer than 0\.1 s, 1 empty"):
        prepare("folders", [speech], tmp_path / "out", Preparation(max_s=0.1))
    assert (tmp_path / "out" / "manifest.csv").read_bytes() == before


def test_files_that_cannot_be_read_are_named_or_skipped(tmp_path: Path, speech: Path) -> None:
    (speech / "a" / "a0.wav").write_bytes(b"no sound at all")
    with pytest.raises(ValueError, match=r"a0\.wav must be a sound file .*--skip-unreadable"):
        prepare("folders", [speech], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    done = prepare("folders", [speech], tmp_path / "out", Preparation(skip_unreadable=True))
    assert len(done.rows) == 9
    assert done.unreadable == [str(speech / "a" / "a0.wav")]


def test_files_that_break_off_are_named(tmp_path: Path, speech: Path) -> None:
    whole = sound(speech / "a" / "long.flac", 3.0)
    whole.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"long\.flac must be readable to its end"):
        prepare("folders", [speech], tmp_path / "out", Preparation(sample_rate=16_000))
    assert not (tmp_path / "out" / "manifest.csv").exists()


def test_copies_are_resampled_and_the_corpus_is_not_touched(tmp_path: Path, speech: Path) -> None:
    before = _files(speech)
    rows = prepare("folders", [speech], tmp_path / "out", Preparation(sample_rate=16_000)).rows
    assert _files(speech) == before
    for row in rows:
        audio, rate = soundfile.read(tmp_path / "out" / row.path)
        source, _ = soundfile.read(
            speech / Path(row.path).parent.name / Path(row.path).name.removesuffix(".flac")
        )
        assert rate == row.sample_rate == 16_000
        assert len(audio) / rate == pytest.approx(row.seconds, abs=1e-3)
        # Well inside, a tone is the same tone.
        np.testing.assert_allclose(audio[1000:-1000:2], source[500:-500], atol=1e-3)


def test_copies_are_used_again_unless_the_source_is_newer(tmp_path: Path, speech: Path) -> None:
    settings = Preparation(sample_rate=16_000)
    rows = prepare("folders", [speech], tmp_path / "out", settings).rows

    def stamp(path: str) -> int:
        return (tmp_path / "out" / path).stat().st_mtime_ns

    stamps = {row.path: stamp(row.path) for row in rows}
    changed = sound(speech / "b" / "b0.wav", 0.7)
    again = prepare("folders", [speech], tmp_path / "out", settings).rows
    fresh = {
        row.path for row in again if (tmp_path / "out" / row.path).stat().st_mtime_ns != stamps[row.path]
    }
    assert {Path(path).name for path in fresh} == {changed.name + ".flac"}
    assert next(row.seconds for row in again if row.path in fresh) == pytest.approx(0.7, abs=1e-3)


def test_corpora_may_lie_behind_links(tmp_path: Path, speech: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a0.wav").symlink_to(speech / "a" / "a0.wav")
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "far" / "away")
    for settings, path in (
        (Preparation(), "../../linked/a0.wav"),
        (Preparation(sample_rate=16_000), "a0.wav.flac"),
    ):
        (row,) = prepare("folders", [tmp_path / "linked"], tmp_path / "out", settings).rows
        assert row.path.endswith(path)
        assert row.path.startswith("audio/folders-") == settings.changes_sound
        assert (tmp_path / "out" / row.path).is_file()


def test_silent_stretches_go_from_both_takes_of_a_pair_alike(tmp_path: Path) -> None:
    time = np.arange(3 * RATE) / RATE
    clean = 0.3 * np.sin(2 * np.pi * 300 * time) * ((time < 1.0) | (time > 2.0))
    for name, audio in (("clean", clean), ("noisy", clean + 0.01 * np.sin(2 * np.pi * 1000 * time))):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "take.wav", audio, RATE)
    settings = Preparation(silence=SilenceRule(longest_s=0.3, keep_s=0.2))
    (row,) = prepare("pairs", [tmp_path / "clean", tmp_path / "noisy"], tmp_path / "out", settings).rows
    short, _ = soundfile.read(tmp_path / "out" / row.path)
    noisy, _ = soundfile.read(tmp_path / "out" / row.noisy)
    assert len(short) == len(noisy)
    assert row.seconds == pytest.approx(2.2, abs=0.03)
    assert np.abs(noisy - short).max() == pytest.approx(0.01, abs=2e-3)


def test_recordings_that_are_all_silence_are_left_out(tmp_path: Path, speech: Path) -> None:
    soundfile.write(speech / "a" / "silence.wav", np.zeros(RATE), RATE)
    done = prepare("folders", [speech], tmp_path / "out", Preparation(silence=SilenceRule()))
    assert done.dropped == {"silent": 1}
    assert len(done.rows) == 10


def test_copies_must_not_lie_inside_the_corpus(speech: Path) -> None:
    with pytest.raises(ValueError, match="output must lie outside the corpus"):
        prepare("folders", [speech], speech / "out", Preparation(sample_rate=16_000))
    assert not (speech / "out").exists()


def test_shares_keep_speakers_together_unless_asked_otherwise(tmp_path: Path, speech: Path) -> None:
    rows = prepare("folders", [speech], tmp_path / "out", Preparation(split="60/20/20")).rows
    by_speaker = {label: {row.split for row in rows if row.label == label} for label in "abcde"}
    assert sorted(split for splits in by_speaker.values() for split in splits) == sorted(
        ["train", "train", "train", "val", "test"]
    )
    settings = Preparation(split="60/20/20", split_by="file", seed=1)
    rows = prepare("folders", [speech], tmp_path / "out", settings).rows
    assert any(len({row.split for row in rows if row.label == label}) > 1 for label in "abcde")


def test_splits_do_not_depend_on_where_the_corpus_lies(tmp_path: Path, speech: Path) -> None:
    settings = Preparation(split="60/20/20", seed=4)

    def splits(name: str) -> list[tuple[str, str]]:
        return [(r.label, r.split) for r in prepare("folders", [speech], tmp_path / name, settings).rows]

    before = splits("one")
    speech = speech.rename(tmp_path / "elsewhere")
    assert splits("two") == before
    settings = replace(settings, split_by="file")
    before = splits("three")
    speech = speech.rename(tmp_path / "again")
    assert splits("four") == before


def test_a_final_run_trains_on_validation_too(tmp_path: Path) -> None:
    snsd = TREES["ms-snsd"](tmp_path / "snsd")
    plain = prepare("ms-snsd", [snsd], tmp_path / "plain").rows
    merged = prepare("ms-snsd", [snsd], tmp_path / "merged", Preparation(merge_validation=True)).rows
    train = {row.path for row in merged if row.split == "train"}
    assert train == {r.path.replace("plain", "merged") for r in plain if r.split in ("train", "val")}
    # Validation stays, so that training still runs; tests stay apart.
    assert [r.path for r in merged if r.split == "val"] == [r.path for r in plain if r.split == "val"]
    assert not train & {row.path for row in merged if row.split == "test"}


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    prepare("folders", [speech], out)
    before = _files(out)
    write_bytes, written = Path.write_bytes, []

    def full(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) > 3:
            write_bytes(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        prepare("folders", [speech], out, Preparation(sample_rate=16_000))
    monkeypatch.undo()
    copied = {name: content for name, content in _files(out).items() if name.startswith("audio")}
    assert len(copied) == 3
    assert {**before, **copied} == _files(out)
    assert all(soundfile.info(out / name).frames for name in copied)


def test_an_interrupted_run_leaves_the_manifest_and_goes_on(tmp_path: Path, speech: Path) -> None:
    out = tmp_path / "out"
    prepare("folders", [speech], out)
    before = (out / "manifest.csv").read_bytes()

    def interrupted(items: Iterable[Recording], what: str) -> Iterator[Recording]:
        for number, item in enumerate(items):
            if what == "writing" and number == 4:
                raise KeyboardInterrupt
            yield item

    settings = Preparation(sample_rate=16_000)
    with pytest.raises(KeyboardInterrupt):
        prepare("folders", [speech], out, settings, progress=interrupted)
    assert (out / "manifest.csv").read_bytes() == before
    # What a killed run leaves under another name goes away, too.
    (part,) = (out / "audio").iterdir()
    (part / ".hushgate-part-1-x.flac").write_bytes(b"half")
    undisturbed = prepare("folders", [speech], tmp_path / "other", settings).rows
    assert prepare("folders", [speech], out, settings).rows == undisturbed
    assert _files(out / "audio") == _files(tmp_path / "other" / "audio")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"split": "60/20"}, "split must be official or shares"),
        ({"split_by": "song"}, "split_by must be one of"),
        ({"validation": 1.0}, "validation must be a share"),
        ({"min_s": 3.0, "max_s": 2.0}, "min_seconds must be between"),
        ({"sample_rate": 0}, "sample_rate must be 1000 Hz or more"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(Preparation(), **settings)  # type: ignore[arg-type]


def test_the_summary_counts_what_there_is(tmp_path: Path, speech: Path) -> None:
    head, train, val = summarize(
        prepare("folders", [speech], tmp_path / "out", Preparation(validation=0.2)).rows
    )
    assert head.split() == ["kind", "split", "files", "hours", "labels"]
    assert train.split() == ["speech", "train", "8", "0.00", "4"]
    assert val.split() == ["speech", "val", "2", "0.00", "1"]
