"""No command replaces its own input, under whatever name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

import hushgate
from hushgate.commands.main import main
from tests.helpers.seeded_noise import noise


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """An original in a folder of its own."""
    folder = tmp_path / "originals"
    folder.mkdir()
    soundfile.write(folder / "take.wav", noise(8000, 1), 16_000)
    return folder / "take.wav"


@pytest.fixture
def mounted(take: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder of the original, mounted in a second place."""
    place = tmp_path / "mounted"
    place.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a folder twice")
    made = subprocess.run(["mount", "--bind", take.parent, place], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no folder can be mounted twice here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def refused(capsys: pytest.CaptureFixture[str], take: Path, *command: str | Path) -> str:
    """Run a command that must not touch the original; what it says."""
    before, names = take.read_bytes(), sorted(os.listdir(take.parent))
    assert main([str(word) for word in command]) == 2
    assert take.read_bytes() == before
    assert sorted(os.listdir(take.parent)) == names
    return capsys.readouterr().err


def other_name(take: Path, kind: str) -> Path:
    name = take.parent.parent / f"{kind}.wav"
    if kind == "hard":
        os.link(take, name)
    else:
        name.symlink_to(take)
    return name


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_links_of_the_input_are_the_input(
    capsys: pytest.CaptureFixture[str], take: Path, identity: str, kind: str
) -> None:
    link = other_name(take, kind)
    denoise = ("denoise", "--model", identity, "--overwrite")
    assert "is both input and output" in refused(capsys, take, *denoise, take, "-o", link)
    batch = ("batch", "--model", identity, "--overwrite", "--jobs", "0", take, "-o", take.parent.parent)
    text = refused(capsys, take, *batch, "--template", f"{kind}.{{ext}}")
    assert "would overwrite" in text
    with pytest.raises(ValueError, match="is both input and output"):
        hushgate.render(hushgate.Chain(), take, link, overwrite=True)
    with take.open("rb") as file, pytest.raises(ValueError, match="is both input and output"):
        hushgate.render(hushgate.Chain(), file, link, overwrite=True)


def test_a_folder_that_is_mounted_twice_is_one_folder(
    capsys: pytest.CaptureFixture[str], take: Path, mounted: Path, identity: str
) -> None:
    denoise = ("denoise", "--model", identity, "--overwrite")
    assert "both input and output" in refused(capsys, take, *denoise, take, "-o", mounted / "take.wav")
    batch = ("batch", "--model", identity, "--overwrite", "--jobs", "0")
    assert "would overwrite the input" in refused(capsys, take, *batch, take.parent, "-o", mounted)


def test_a_picture_does_not_replace_the_recording(capsys: pytest.CaptureFixture[str], take: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    for name in ("link.png", "other.png"):
        os.link(take, take.parent / name)
        text = refused(capsys, take, "plot", take, "-o", take.parent / name, "--overwrite")
        assert "is both input and output" in text
        tune = ("tune", take, "--no-denoise", "--plot", take.parent / name, "--overwrite")
        assert "is both input and output" in refused(capsys, take, *tune)


def test_a_preset_does_not_replace_its_model(tmp_path: Path, identity: str) -> None:
    model = tmp_path / "model.onnx"
    shutil.copyfile(identity, model)
    os.link(model, tmp_path / "link.toml")
    before = model.read_bytes()
    with pytest.raises(ValueError, match="is both input and output"):
        hushgate.Chain([hushgate.Denoiser(model)]).save_preset(tmp_path / "link.toml", overwrite=True)
    assert model.read_bytes() == before


def test_reports_and_journals_do_not_replace_what_a_batch_reads(
    capsys: pytest.CaptureFixture[str], take: Path, identity: str
) -> None:
    listing = take.parent / "files.csv"
    listing.write_text(f"{take}\n")
    os.link(take, take.parent / "link.json")
    batch = ("batch", "--model", identity, "--jobs", "0", "--list", listing, "-o", take.parent.parent / "out")
    for option, name in (("--report", "files.csv"), ("--report", "link.json"), ("--journal", "link.json")):
        text = refused(capsys, take, *batch, option, take.parent / name)
        assert "both input and output" in text or "is a report or journal and also" in text
    assert listing.read_text() == f"{take}\n"
    report = take.parent / "report.json"
    text = refused(capsys, take, *batch, "--report", report, "--journal", report)
    assert "is a report or journal and also" in text


@pytest.mark.skipif(os.name != "posix", reason="the shell's redirections")
def test_redirected_standard_streams_are_seen_through(take: Path, identity: str) -> None:
    before = take.read_bytes()
    command = [sys.executable, "-m", "hushgate", "denoise", "--model", identity, "--overwrite"]
    with take.open("rb") as source:
        done = subprocess.run([*command, "-", "-o", take], stdin=source, capture_output=True, check=False)
    assert (done.returncode, take.read_bytes()) == (2, before), done.stderr
    assert b"is both input and output" in done.stderr
    with take.open("ab") as target:
        done = subprocess.run([*command, take, "-o", "-"], stdout=target, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, take.read_bytes()) == (2, before), done.stderr
    assert b"is both input and output" in done.stderr
