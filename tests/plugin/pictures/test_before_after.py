"""Pictures of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import Chain, render
from hushgate.commands.main import main
from tests.helpers.seeded_noise import noise

pytest.importorskip("matplotlib", reason="needs the extra plot")

from hushgate.pictures.before_after import plot_file


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A tone in noise, and the tone alone."""
    time = np.arange(48_000) / 48_000
    tone = 0.3 * np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    before, after = tmp_path / "be $x$ fore.wav", tmp_path / "after.wav"
    soundfile.write(before, np.stack([tone, tone]).T + noise(48_000, 2), 48_000)
    soundfile.write(after, np.stack([tone, tone]).T, 48_000)
    return before, after


def test_before_after_and_removed_share_one_time_axis(pair: tuple[Path, Path]) -> None:
    figure = plot_file(*pair)
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert len(panels) == 6
    assert {axes.get_xlim() for axes in panels} == {(0.0, 1.0)}
    assert [axes.get_title() for axes in panels[::2]] == ["before", "after", "removed"]
    levels = [np.asarray(axes.images[0].get_array()) for axes in panels[1::2]]
    tone = int(np.searchsorted(np.geomspace(40.0, 24_000.0, 257), 1000.0)) - 1
    high = slice(200, 256)
    assert levels[1][high].max() < levels[0][high].mean() - 20  # no noise after
    assert levels[2][high].mean() == pytest.approx(levels[0][high].mean(), abs=1.0)  # it was removed
    assert levels[2][tone].mean() < levels[0][tone].mean() - 15  # the tone was not
    assert len({image.get_clim() for axes in panels[1::2] for image in axes.images}) == 1


@pytest.mark.parametrize(
    ("name", "start"), [("figure.png", b"\x89PNG"), ("figure.pdf", b"%PDF"), ("figure.svg", b"<?xml")]
)
def test_the_command_writes_a_picture_and_overwrites_none(
    pair: tuple[Path, Path], tmp_path: Path, name: str, start: bytes
) -> None:
    arguments = ["plot", str(pair[1]), "-o", str(tmp_path / name), "--quiet"]
    assert main(arguments) == 0
    assert (tmp_path / name).read_bytes().startswith(start)
    assert main(arguments) == 2
    (tmp_path / name).write_bytes(b"old")
    if name == "figure.png":
        assert main([*arguments, "--overwrite"]) == 0
        assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["after.wav", "-o", "figure.bmp"], "must be a .png"),
        (["after.wav", "-o", "no/figure.png"], "does not exist"),
        (["missing.wav", "-o", "figure.png"], "missing.wav: No such file"),
        (["after.wav", "short.wav", "-o", "figure.png"], "length in samples 48000 against 100"),
        (["after.wav", "mono.wav", "-o", "figure.png"], "number of channels 2 against 1"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_leaves_nothing(
    pair: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("short.wav", noise(100, 2), 48_000)
    soundfile.write("mono.wav", noise(48_000, 1), 48_000)
    before = sorted(tmp_path.iterdir())
    assert main(["plot", *arguments]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("num_samples", [1, 700])
def test_the_shortest_recordings_can_be_drawn(tmp_path: Path, num_samples: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((num_samples, 1), np.float32), 8000)
    plot_file(tmp_path / "a.wav").savefig(tmp_path / "a.png")


def test_a_length_that_the_container_does_not_say_is_counted(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="M4A needs the extra formats")
    soundfile.write(tmp_path / "take.wav", noise(48_000), 48_000)
    render(Chain([]), tmp_path / "take.wav", tmp_path / "take.m4a")
    assert plot_file(tmp_path / "take.m4a").get_axes()[0].get_xlim()[1] == pytest.approx(1.0, abs=0.05)
