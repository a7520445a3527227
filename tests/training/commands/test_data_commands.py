"""`hushgate data`: every part from the command line, and every mistake in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hushgate.commands.main import main
from hushgate.training.recordings.manifest import read_manifest
from tests.helpers.trees import TREES, sound

SMALL = ["--set", "data.segment_s=0.4"]


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    TREES["ms-snsd"](tmp_path / "snsd")
    assert (
        main(["data", "prepare", "ms-snsd", str(tmp_path / "snsd"), "-o", str(tmp_path / "p"), "--quiet"])
        == 0
    )
    return tmp_path / "p"


def _error(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    capsys.readouterr()
    assert main(["data", *map(str, arguments)]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert error.startswith("hushgate: error: ")
    return error


def test_a_corpus_becomes_mixtures(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mixed"
    assert main(["data", "mix", str(prepared), "-o", str(out), "--num", "3", "--noise", *SMALL]) == 0
    assert "3 mixtures, 0.00 h" in capsys.readouterr().out
    assert len(read_manifest(out / "manifest.csv")) == 3
    assert sorted(path.name for path in out.iterdir()) == [
        "clean",
        "manifest.csv",
        "mix.json",
        "noise",
        "noisy",
    ]
    hours = ["--hours", "0.001", "--seed", "4", "--split", "test", "--format", "wav"]
    assert main(["data", "mix", str(prepared), "-o", str(tmp_path / "h"), *hours, *SMALL, "--quiet"]) == 0
    rows = read_manifest(tmp_path / "h" / "manifest.csv")
    assert len(rows) == 9  # 3.6 s
    assert {(row["split"], row["seed"], row["path"][-4:]) for row in rows} == {("test", "4", ".wav")}


def test_shipped_configurations_and_files_mix_other_folders(prepared: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        "[data]\nsample_rate = 8000\nsegment_s = 0.4\n"
        '[[mix.targets]]\nkind = "speech"\n[[mix.noises]]\nkind = "noise"\n'
    )
    flags = ["--data", str(prepared), "--num", "1", "--quiet"]
    assert main(["data", "mix", str(mine), "-o", str(tmp_path / "a"), *flags]) == 0
    assert main(["data", "mix", "music", "-o", str(tmp_path / "b"), *flags]) == 2  # no music there


def test_what_was_prepared_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = TREES["esc50"](tmp_path / "esc")
    flags = [
        "-o",
        str(tmp_path / "p"),
        "--esc10",
        "--val-fold",
        "1",
        "--test-fold",
        "2",
        "--max-seconds",
        "10",
    ]
    assert main(["data", "prepare", "esc50", str(folder), *flags]) == 0
    out = capsys.readouterr().out
    assert [line.split()[:3] for line in out.splitlines()[1:4]] == [
        ["noise", "train", "3"], ["noise", "val", "1"], ["noise", "test", "1"],
    ]  # fmt: skip
    assert "manifest" in out
    # Nothing to keep yet: no configuration either.
    assert not (tmp_path / "p" / "mix.toml").exists()


def test_skipped_files_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound(tmp_path / "s" / "good.wav")
    (tmp_path / "s" / "bad.wav").write_bytes(b"bad")
    flags = ["-o", str(tmp_path / "p"), "--skip-unreadable"]
    assert main(["data", "prepare", "folders", str(tmp_path / "s"), *flags]) == 0
    out, error = capsys.readouterr()
    assert "left out   1 unreadable" in out
    assert error == f"hushgate: warning: left out {tmp_path / 's' / 'bad.wav'}, which cannot be read\n"


def test_a_preview_is_drawn(prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    picture = tmp_path / "p.png"
    flags = ["-o", str(picture), "--stft", "256/64", "--stft", "1024/256", "--index", "2"]
    assert main(["data", "preview", str(prepared), *flags, *SMALL]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "exists already" in _error(capsys, "preview", prepared, *flags)
    files = ["--clean", str(sound(tmp_path / "c.wav")), "--noisy", str(sound(tmp_path / "n.wav"))]
    assert (
        main(["data", "preview", *files, *flags, "--overwrite", "--scale", "log", "--window", "hamming"]) == 0
    )
    assert "either CONFIG, or --clean and --noisy" in _error(capsys, "preview", "-o", tmp_path / "q.png")
    assert "either CONFIG" in _error(capsys, "preview", "-o", tmp_path / "q.png", *files[:2])
    assert not (tmp_path / "q.png").exists()


def test_files_are_copied_clean_and_with_noise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        sound(tmp_path / "in" / f"{name}.wav")
    (tmp_path / "in" / "c.wav").write_bytes(b"bad")
    out = tmp_path / "out"
    flags = ["-o", str(out), "--split", "2^10", "--snr-db", "3", "--band-hz", "1000", "2000"]
    assert main(["data", "add-noise", str(tmp_path / "in"), *flags, "--skip-unreadable"]) == 0
    printed, error = capsys.readouterr()
    assert printed == f"8 pairs, 0.00 h: {out / 'manifest.csv'}\n"  # 3200 samples each
    assert "left out" in error
    assert {row["snr_db"] for row in read_manifest(out / "manifest.csv")} == {"3.0000"}


def test_mistakes_are_said_in_one_line(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out: list[str | Path] = ["-o", tmp_path / "new"]
    for arguments, words in (
        (("prepare", "esc50", prepared), "is not laid out as ESC-50: it must hold meta/esc50.csv"),
        (("prepare", "esc50", tmp_path / "absent"), "does not exist"),
        (("prepare", "esc51", prepared), "invalid choice"),
        (
            ("prepare", "ms-snsd", tmp_path / "snsd", "--esc10"),
            "--esc10 must not be given with corpus",
        ),
        (("prepare", "ms-snsd", tmp_path / "snsd", "--subset", "x"), "--subset must not be given"),
        (("prepare", "ms-snsd", tmp_path / "snsd", "--split", "most"), "split must be official or shares"),
        (("mix", prepared, "--num", "0"), "num must be 1 or more"),
        (("mix", prepared, "--hours", "-1"), "hours must be above 0"),
        (("mix", prepared), "one of the arguments --num --hours is required"),
        (("mix", tmp_path, "--num", "1"), "must hold mix.toml"),
        (("mix", "voise", "--num", "1"), "no configuration is named 'voise'"),
        (("mix", prepared, "--num", "1", "--set", "mix.snr=1"), "has no key 'snr'"),
        (("mix", prepared, "--num", "1", "--set", "mix.snr_shape='normal'"), "snr_shape must be one of"),
        (("mix", prepared, "--num", "1", "--data", tmp_path / "gone"), "No such file or directory"),
        (("add-noise", prepared, "--split", "2^"), "--split must be 1 to 2^31 samples"),
        (("add-noise", prepared, "--snr-db", "1", "2", "3"), "must have one or two values"),
        (("add-noise", prepared, "--noise", "whit"), "noise must be a file, a folder, synthesized"),
        (("rooms", "--num", "0"), "num must be 1 or more"),
        (("rooms", "--rt60-s", "0.5", "0.1"), "rt60_s must rise"),
        (("render", "--kind", "guitar", "--minutes", "0"), "minutes must be above 0"),
        (
            ("render", "--kind", "music", "--minutes", "1", "--style", "notes"),
            "styles must only be given for",
        ),
        (("render", "--kind", "guitar", "--minutes", "1", "--style", "slap"), "styles must be of phrases"),
        (("preview", prepared, "--stft", "wide"), "the figure must be a"),
        (("preview", prepared, "--figure", "p.png"), "--figure is now -o FILE"),
        (("render", "--kind", "guitar", "--minutes", "1", "--out", "x"), "--out is now -o DIR"),
    ):
        assert words in _error(capsys, *arguments, *out)
    assert not (tmp_path / "new").exists()


def test_a_missing_soundfont_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fluidsynth", reason="needs pyfluidsynth and libfluidsynth", exc_type=ImportError)
    monkeypatch.setenv("HUSHGATE_SOUNDFONT", "replaced by the flag")
    flags: list[str | Path] = ["render", "--kind", "guitar", "--minutes", "0.1", "-o", tmp_path / "new"]
    assert "none.sf2" in _error(capsys, *flags, "--soundfont", tmp_path / "none.sf2")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("module", "extra"), [("pyroomacoustics", "rooms"), ("matplotlib.figure", "plot")])
def test_missing_extras_are_named(
    module: str, extra: str, prepared: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, module, None)
    part: list[str | Path] = ["rooms", "-o", tmp_path / "new"] if extra == "rooms" else [
        "preview", prepared, *SMALL, "-o", tmp_path / "p.png"
    ]  # fmt: skip
    assert f"pip install 'hushgate[{extra}]'" in _error(capsys, *part)


@pytest.mark.parametrize("part", ["prepare", "sets", "mix", "render", "rooms", "preview"])
def test_every_part_has_help(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", part, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: hushgate data {part}")
    assert "--debug" in out


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_traceback_can_be_asked_for_before_or_after_the_part(place: str, tmp_path: Path) -> None:
    flags = ["prepare", "esc50", str(tmp_path), "-o", str(tmp_path / "out")]
    arguments = ["data", "--debug", *flags] if place == "before" else ["data", *flags, "--debug"]
    with pytest.raises(ValueError, match="is not laid out"):
        main(arguments)
