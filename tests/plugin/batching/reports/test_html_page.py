"""HTML reports: index, players, copies of what browsers do not play."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import batch
from hushgate.batching.planning.results import FileResult
from hushgate.batching.reports.html_page import _duration, render_page
from hushgate.pictures.listening.browser_sounds import BrowserCopy
from tests.helpers.seeded_noise import noise

RATE = 16_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A WAV, an AIFF in a folder, and a file that is none."""
    (tmp_path / "in" / "tapes").mkdir(parents=True)
    soundfile.write(tmp_path / "in" / "a.wav", 0.1 * noise(RATE), RATE)
    soundfile.write(tmp_path / "in" / "tapes" / "b.aiff", 0.1 * noise(RATE), RATE)
    (tmp_path / "in" / "broken.wav").touch()
    return tmp_path / "in"


def _report(folder: Path, model: Path, **arguments: object) -> str:
    report = folder.parent / "report.html"
    given = {"recursive": True, "jobs": 0, "reports": [report], **arguments}
    batch(folder, folder.parent / "out", model=model, **given)  # type: ignore[arg-type]
    report = report if report.exists() else folder / "report.html"
    return report.read_text(encoding="utf-8")


def test_the_index_leads_to_every_file(folder: Path, models: Path) -> None:
    page = _report(folder, models / "half.onnx")
    links = re.findall(r'<a href="#(file-\d+)">([^<]+)</a>', page)
    assert {name for _, name in links} == {"a.wav", "tapes/b.aiff", "broken.wav"}
    assert links[0][1] == "broken.wav"  # it needs attention
    for target, name in links:
        assert f'id="{target}">\n<h2>{name}' in page


def test_a_long_name_costs_no_page(folder: Path, models: Path) -> None:
    name = "o" * 240 + ".wav"
    (folder / "a.wav").rename(folder / name)
    for report in range(2):  # the second finds the copy of the first
        page = _report(folder, models / "half.onnx", overwrite=bool(report))
        assert name in page
        (copy,) = re.findall(r'src="(report\.sounds/[0-9a-f]{64}\.removed\.flac)"', page)
        assert soundfile.info(folder.parent / copy).frames == RATE


def test_an_interrupted_file_leaves_no_sound_for_the_page(
    folder: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = BrowserCopy.__exit__

    def interrupted(copy: BrowserCopy, *details: object) -> None:
        leave(copy, *details)
        raise KeyboardInterrupt  # its output has no name yet

    monkeypatch.setattr(BrowserCopy, "__exit__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _report(folder, models / "half.onnx")
    assert list((folder.parent / "report.sounds").rglob("*.flac")) == []


def test_formats_that_browsers_do_not_play_are_played_from_a_copy(folder: Path, models: Path) -> None:
    page = _report(folder, models / "half.onnx", output_residual=True)
    players = re.findall(r'<audio[^>]* src="([^"]+)"', page)
    assert [link for link in players if "sounds" not in link] == [
        "in/a.wav",
        "out/a.wav",
        "out/a.residual.wav",
    ]
    copies = [link for link in players if "sounds" in link]
    assert copies == [f"report.sounds/tapes/b.aiff.{name}.flac" for name in ("before", "after", "removed")]
    before, after, removed = (soundfile.read(folder.parent / copy)[0] for copy in copies)
    assert np.allclose(before - after, removed, atol=2e-4)


def test_copies_are_written_once(folder: Path, models: Path) -> None:
    _report(folder, models / "half.onnx")
    copy = folder.parent / "report.sounds" / "tapes" / "b.aiff.before.flac"
    # Newer than its source by more than the clock's step.
    os.utime(copy, ns=(10**18 * 3, 10**18 * 3))
    _report(folder, models / "half.onnx", resume=True)
    assert copy.stat().st_mtime_ns == 10**18 * 3


def test_a_copy_that_cannot_be_written_costs_only_its_player(folder: Path, models: Path) -> None:
    (folder.parent / "report.sounds").write_text("in the way")
    page = _report(folder, models / "half.onnx")
    assert "no copy that browsers play" in page
    assert 'src="out/a.wav"' in page
    assert (folder.parent / "report.sounds").read_text() == "in the way"


def test_what_was_removed_is_played_without_a_residual(folder: Path, models: Path) -> None:
    page = _report(folder, models / "half.onnx")
    copies = re.findall(r'src="(report\.sounds/[^"]+\.removed\.flac)"', page)
    assert copies == ["report.sounds/a.wav.removed.flac", "report.sounds/tapes/b.aiff.removed.flac"]
    before = soundfile.read(folder / "a.wav")[0]
    after = soundfile.read(folder.parent / "out" / "a.wav")[0]
    removed = soundfile.read(folder.parent / copies[0])[0]
    assert np.allclose(before - after, removed, atol=1e-4)
    # A page from the journal plays them, too.
    assert _report(folder, models / "half.onnx", resume=True).count(".removed.flac") == 2


def test_removed_sound_that_cannot_be_written_is_shown_all_the_same(folder: Path, models: Path) -> None:
    (folder.parent / "report.sounds").write_text("in the way")
    page = _report(folder, models / "half.onnx")
    assert page.count('alt="spectrogram, removed') == 2
    assert page.count("not written as a file") == 2
    assert not re.search(r'src="[^"]+\.removed\.flac"', page)


def test_a_page_inside_of_the_inputs_adds_none(folder: Path, models: Path) -> None:
    _report(folder, models / "half.onnx", reports=[folder / "report.html"])
    assert (folder / "report.sounds" / "a.wav.removed.flac").is_file()
    result = batch(
        folder,
        folder.parent / "again",
        model=models / "half.onnx",
        recursive=True,
        jobs=0,
        reports=[folder / "report.html"],
    )
    assert {file.name for file in result.files} == {"a.wav", "tapes/b.aiff", "broken.wav"}


def test_figures_are_worded_as_in_every_command(tmp_path: Path) -> None:
    file = FileResult(
        "in/a.wav",
        "a.wav",
        "done",
        "",
        duration_s=119.7,
        real_time_factor=0.5 / 0.15,
        num_clipped=3,
        clip_gain_db=-1.5,
        peak_before_dbfs=-3.0,
    )
    summary = {
        "num_files": 1,
        "num_done": 1,
        **{f"num_{status}": 0 for status in ("resumed", "skipped", "failed", "unfinished")},
        "duration_s": 119.7,
        "elapsed_s": 3599.9,
        "real_time_factor": 0.5 / 0.15,
    }
    data = {
        "summary": summary,
        "settings": {},
        "warnings": [],
        "hushgate": "1",
        "settings_hash": "0",
        "created": "",
    }
    text = html.unescape(render_page(data, [file], tmp_path / "r.html"))
    assert "2 min 0 s of sound in 1 h 0 min 0 s, 0.3 times real time" in text
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th><td>(.*?)</td>', text))
    assert rows["length"] == "2 min 0 s"
    assert rows["level"] == "silence -> silence"
    assert rows["peak"] == "-3.0 dBFS -> silence, 3 samples clipped, turned down 1.5 dB"
    assert rows["speed"] == "0.3 times real time"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0.0, "0.00 s"),
        (59.99, "59.99 s"),
        (59.999, "1 min 0 s"),
        (7322.6, "2 h 2 min 3 s"),
    ],
)
def test_lengths_have_no_sixty_seconds(seconds: float | None, text: str) -> None:
    assert _duration(seconds) == text
