"""A batch in this process: outputs, reports and refusals for every setting."""

from __future__ import annotations

import csv
import html.parser
import json
import os
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
import soundfile

import hushgate
from hushgate.batching import PlanError
from hushgate.batching.planning.journal import JOURNAL_NAME
from hushgate.commands.main import main
from tests.helpers.command_line import RunCli
from tests.helpers.seeded_noise import noise

RATE = 16_000


def write(path: Path, sound: np.ndarray, rate: int = RATE, **audio_format: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound.T, rate, **audio_format)
    return path


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """Three stems of one length, one of them deeper in the tree."""
    for seed, name in enumerate(("bass.wav", "vox.flac", "drums/kick.wav")):
        write(tmp_path / "stems" / name, noise(2, RATE, seed=seed), subtype="PCM_24")
    return tmp_path / "stems"


def files_in(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != JOURNAL_NAME)


def run(inputs: Path, output: Path, model: str | Path, **options: object) -> hushgate.BatchResult:
    return hushgate.batch(inputs, output, model=model, recursive=True, jobs=0, **options)  # type: ignore[arg-type]


def test_a_folder_comes_out_cleaned_and_mirrored(stems: Path, tmp_path: Path, models: Path) -> None:
    result = run(stems, tmp_path / "out", models / "half.onnx")
    assert [file.status for file in result.files] == ["done"] * 3
    assert files_in(tmp_path / "out") == ["bass.wav", "drums/kick.wav", "vox.flac"]
    for name in files_in(stems):
        before, after = soundfile.info(stems / name), soundfile.info(tmp_path / "out" / name)
        for fact in ("samplerate", "channels", "frames", "format", "subtype"):
            assert getattr(before, fact) == getattr(after, fact)
        sound = soundfile.read(stems / name)[0]
        assert np.abs(soundfile.read(tmp_path / "out" / name)[0] - 0.5 * sound).max() < 1e-6
    figures = result.files[0]
    assert figures.level_before_dbfs is not None
    assert figures.level_after_dbfs == pytest.approx(figures.level_before_dbfs - 6.02, abs=0.02)
    assert figures.noise_removed_db is None  # the model turns everything down alike
    assert figures.floor_unknown == "no pause in which something was removed"
    assert figures.duration_s == 1.0
    assert figures.num_samples == RATE


def test_a_preset_is_a_chain_with_its_latency_taken_out(stems: Path, tmp_path: Path, models: Path) -> None:
    preset = tmp_path / "loud.toml"
    preset.write_text(
        'version = 1\nname = "loud"\n[[chain]]\neffect = "Gain"\ngain_db = 12.0412\n'
        f'[[chain]]\neffect = "Denoiser"\nmodel = "{models / "half.onnx"}"\n'
    )
    result = hushgate.batch(stems, tmp_path / "out", preset=preset, template="{stem}-{preset}.{ext}", jobs=0)
    assert files_in(tmp_path / "out") == ["bass-loud.wav", "vox-loud.flac"]
    assert not result.failed
    sound = soundfile.read(stems / "bass.wav")[0]
    assert np.abs(soundfile.read(tmp_path / "out" / "bass-loud.wav")[0] - 2.0 * sound).max() < 1e-5


def test_parameters_reach_the_denoiser(stems: Path, tmp_path: Path, models: Path) -> None:
    run(stems, tmp_path / "out", models / "half.onnx", mix=0.0)
    for name in files_in(stems):  # dry: the very same samples
        assert np.array_equal(soundfile.read(tmp_path / "out" / name)[0], soundfile.read(stems / name)[0])
    with pytest.raises(ValueError, match="mix must be between"):
        run(stems, tmp_path / "out2", models / "half.onnx", mix=2.0)
    with pytest.raises(TypeError, match="no setting 'strength'"):
        run(stems, tmp_path / "out2", models / "half.onnx", strength=2.0)
    assert not (tmp_path / "out2").exists()


def test_output_and_residual_add_up_to_the_input(stems: Path, tmp_path: Path, stateful: str) -> None:
    result = run(stems, tmp_path / "out", stateful, output_residual=True)
    assert "drums/kick.residual.wav" in files_in(tmp_path / "out")
    for name in ("bass.wav", "vox.flac"):
        rest = (tmp_path / "out" / name).with_suffix(".residual" + Path(name).suffix)
        total = soundfile.read(tmp_path / "out" / name)[0] + soundfile.read(rest)[0]
        assert np.abs(total - soundfile.read(stems / name)[0]).max() < 2.0**-22
    assert result.files[0].residual_level_dbfs is not None


def test_format_and_sample_format_can_be_changed(stems: Path, tmp_path: Path, identity: str) -> None:
    run(stems, tmp_path / "out", identity, format="flac", subtype="pcm_16")
    assert files_in(tmp_path / "out") == ["bass.flac", "drums/kick.flac", "vox.flac"]
    assert soundfile.info(tmp_path / "out" / "bass.flac").subtype == "PCM_16"


def test_dither_comes_with_shorter_words_only_and_differs_between_stems(
    tmp_path: Path, identity: str
) -> None:
    sound = np.round(noise(1, RATE) * 2**15) / 2**15  # fits in 16 bits
    for name in ("a.wav", "b.wav"):
        write(tmp_path / "in" / name, sound, subtype="PCM_24")
    write(tmp_path / "short" / "a.wav", sound, subtype="PCM_16")

    def errors(source: str, output: str, name: str, **options: object) -> np.ndarray:
        run(tmp_path / source, tmp_path / output, identity, **options)
        result: np.ndarray = soundfile.read(tmp_path / output / name)[0] - sound[0]
        return result

    assert not errors("short", "same", "a.wav").any()
    assert not errors("in", "rounded", "a.wav", subtype="PCM_16", dither=False).any()
    a = errors("in", "dithered", "a.wav", subtype="PCM_16")
    b = soundfile.read(tmp_path / "dithered" / "b.wav")[0] - sound[0]
    assert a.any()
    assert np.abs(a).max() <= 2 * 2.0**-15
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.05


def test_output_and_residual_are_dithered_apart(tmp_path: Path, models: Path) -> None:
    sound, half = noise(1, RATE), models / "half.onnx"
    write(tmp_path / "in" / "a.wav", sound, subtype="FLOAT")
    run(tmp_path / "in", tmp_path / "out", half, subtype="PCM_16", output_residual=True)
    errors = [
        soundfile.read(tmp_path / "out" / f"a{end}.wav")[0] - 0.5 * sound[0] for end in ("", ".residual")
    ]
    assert all(0.0 < np.abs(error).max() <= 2 * 2.0**-15 for error in errors)
    assert abs(np.corrcoef(*errors)[0, 1]) < 0.05


def test_warnings_name_the_file_that_they_are_about(tmp_path: Path, identity: str) -> None:
    pytest.importorskip("soxr", reason="needs the extra formats")
    write(tmp_path / "in" / "a.wav", noise(1, 44_100), 44_100)
    file = run(tmp_path / "in", tmp_path / "out", identity, format="opus", output_residual=True).files[0]
    names = ("a.opus", "a.residual.opus")
    expected = [f"{tmp_path / 'out' / name}: OPUS has no 44100 Hz: converted to 48000 Hz." for name in names]
    assert list(file.warnings) == expected


@pytest.fixture
def hot(tmp_path: Path) -> Path:
    """Float sound with peaks 6 dB beyond full scale."""
    sound = noise(1, RATE, scale=0.02)
    sound[0, 8000:8050] = 2.0 * np.hanning(50)
    return write(tmp_path / "hot" / "hot.wav", sound, subtype="FLOAT")


def test_clipping_is_reported(hot: Path, tmp_path: Path, identity: str) -> None:
    file = run(hot, tmp_path / "out", identity, subtype="PCM_16").files[0]
    assert file.num_clipped
    assert any("beyond full scale" in warning for warning in file.warnings)
    kept = run(hot, tmp_path / "float", identity).files[0]  # float holds it
    assert (kept.num_clipped, kept.warnings) == (0, ())
    assert np.abs(soundfile.read(tmp_path / "float" / "hot.wav")[0]).max() > 1.9


def test_limiting_turns_down_only_the_peak(hot: Path, tmp_path: Path, identity: str) -> None:
    file = run(hot, tmp_path / "out", identity, subtype="PCM_24", clip_mode="limit").files[0]
    out, sound = soundfile.read(tmp_path / "out" / "hot.wav")[0], soundfile.read(hot)[0]
    assert (file.num_clipped, len(out)) == (0, RATE)
    assert file.clip_gain_db == pytest.approx(-6.1, abs=0.1)
    assert 0.97 < np.abs(out).max() < 0.99
    assert np.abs(out[:7900] - sound[:7900]).max() < 1e-6
    assert np.abs(out[8150:] - sound[8150:]).max() < 1e-6


def test_a_residual_that_was_limited_is_said(hot: Path, tmp_path: Path, models: Path) -> None:
    options: dict[str, object] = {"clip_mode": "limit", "subtype": "PCM_24", "output_residual": True}
    limited = run(hot, tmp_path / "out", models / "half.onnx", attenuation_limit_db=0.5, **options).files[0]
    assert not any("residual" in warning for warning in limited.warnings)
    loud = write(tmp_path / "loud" / "loud.wav", soundfile.read(hot)[0][None] * 2.0, subtype="FLOAT")
    limited = run(loud, tmp_path / "out", models / "half.onnx", **options).files[0]
    assert any("residual was turned down by up to 6.1 dB" in warning for warning in limited.warnings)


def test_rescaling_turns_the_whole_file_down_and_says_so(hot: Path, tmp_path: Path, identity: str) -> None:
    file = run(hot, tmp_path / "out", identity, subtype="PCM_24", clip_mode="rescale", dither=False).files[0]
    out, sound = soundfile.read(tmp_path / "out" / "hot.wav")[0], soundfile.read(hot)[0]
    assert file.num_clipped == 0
    assert file.clip_gain_db is not None
    assert np.abs(out - sound * 10 ** (file.clip_gain_db / 20)).max() < 2e-3 * np.abs(out).max()
    assert 0.97 < np.abs(out).max() < 0.99
    assert files_in(tmp_path / "out") == ["hot.wav"]  # nothing is left of the first pass


def test_samples_that_are_no_numbers_become_silence_even_before_native_effects(
    tmp_path: Path, models: Path
) -> None:
    sound = noise(1, RATE)
    sound[0, 100:110] = np.nan
    write(tmp_path / "in" / "a.wav", sound, subtype="FLOAT")
    preset = tmp_path / "p.toml"
    preset.write_text('version = 1\nname = "p"\n[[chain]]\neffect = "HighpassFilter"\n')
    file = hushgate.batch(tmp_path / "in", tmp_path / "out", preset=preset, jobs=0).files[0]
    assert file.warnings == ("samples that were not finite and became silence: 10.",)
    assert np.isfinite(soundfile.read(tmp_path / "out" / "a.wav")[0]).all()


def test_one_pattern_may_be_given_as_text(stems: Path, tmp_path: Path, identity: str) -> None:
    assert [file.name for file in run(stems, tmp_path / "a", identity, globs="v*").files] == ["vox.flac"]
    left = run(stems, tmp_path / "b", identity, exclude="*x*").files
    assert sorted(file.name for file in left) == ["bass.wav", "drums/kick.wav"]


def test_a_wrong_setting_is_answered_from_all_there_are(stems: Path, tmp_path: Path, identity: str) -> None:
    with pytest.raises(TypeError, match=r"'residual'\. Did you mean output_residual\?"):
        run(stems, tmp_path / "out", identity, residual=True)
    with pytest.raises(TypeError, match=r"'zzz'\. Settings: inputs, .* globs, .* mix, .* device\."):
        run(stems, tmp_path / "out", identity, zzz=True)


# -- what is there already -------------------------------------------------------------------------


def test_existing_outputs_are_refused_before_any_work(stems: Path, tmp_path: Path, identity: str) -> None:
    write(tmp_path / "out" / "vox.flac", noise(1, 100))
    before = (tmp_path / "out" / "vox.flac").read_bytes()
    with pytest.raises(PlanError, match=r"vox\.flac is already there\. Pass overwrite=True"):
        run(stems, tmp_path / "out", identity)
    assert files_in(tmp_path / "out") == ["vox.flac"]
    result = run(stems, tmp_path / "out", identity, skip_existing=True)
    assert {file.name: file.status for file in result.files}["vox.flac"] == "skipped"
    assert (tmp_path / "out" / "vox.flac").read_bytes() == before
    result = run(stems, tmp_path / "out", identity, overwrite=True)
    assert [file.status for file in result.files] == ["done"] * 3
    assert (tmp_path / "out" / "vox.flac").read_bytes() != before
    with pytest.raises(ValueError, match="contradict"):
        run(stems, tmp_path / "out", identity, overwrite=True, skip_existing=True)


def test_resume_does_only_what_is_unfinished(stems: Path, tmp_path: Path, identity: str) -> None:
    run(stems, tmp_path / "out", identity)
    (tmp_path / "out" / "vox.flac").unlink()
    write(stems / "drums" / "kick.wav", noise(2, RATE, seed=9), subtype="PCM_24")  # a new take
    times = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in files_in(tmp_path / "out")}
    result = run(stems, tmp_path / "out", identity, resume=True)
    statuses = {file.name: file.status for file in result.files}
    assert statuses == {"bass.wav": "resumed", "vox.flac": "done", "drums/kick.wav": "done"}
    assert (tmp_path / "out" / "bass.wav").stat().st_mtime_ns == times["bass.wav"]
    assert result.files[0].duration_s == 1.0  # the figures of the first run
    again = run(stems, tmp_path / "out", identity, resume=True)
    assert {file.status for file in again.files} == {"resumed"}


def test_resume_notices_changed_settings(stems: Path, tmp_path: Path, models: Path) -> None:
    run(stems, tmp_path / "out", models / "identity.onnx")
    with pytest.raises(PlanError, match=r"3 finished files were made with other settings \(changed: mix\)"):
        run(stems, tmp_path / "out", models / "identity.onnx", resume=True, mix=0.5)
    with pytest.raises(PlanError, match=r"changed: model"):
        run(stems, tmp_path / "out", models / "half.onnx", resume=True)
    result = run(stems, tmp_path / "out", models / "half.onnx", resume=True, overwrite=True)
    assert {file.status for file in result.files} == {"done"}
    with pytest.raises(PlanError, match="1 finished file was made with other settings"):
        run(stems / "bass.wav", tmp_path / "out", models / "half.onnx", resume=True, mix=0.5)


def test_one_bad_file_never_stops_the_rest(stems: Path, tmp_path: Path, identity: str) -> None:
    (stems / "a.wav").write_text("this is no sound")
    (stems / "empty.flac").touch()
    os.mkfifo(stems / "pipe.wav")  # without a writer
    result = run(stems, tmp_path / "out", identity)
    assert sorted(file.name for file in result.failed) == ["a.wav", "empty.flac", "pipe.wav"]
    assert files_in(tmp_path / "out") == ["bass.wav", "drums/kick.wav", "vox.flac"]
    assert "is empty" in (result.failed[1].error or "")
    assert "is no regular file" in (result.failed[2].error or "")


def test_files_cut_short_can_be_taken_as_they_are(tmp_path: Path, identity: str) -> None:
    path = write(tmp_path / "in" / "a.wav", noise(1, RATE))
    path.write_bytes(path.read_bytes()[:-8000])
    assert run(path, tmp_path / "out", identity).failed
    file = run(path, tmp_path / "out", identity, allow_truncated=True).files[0]
    assert file.num_samples == RATE - 4000
    assert "cut short" in file.warnings[0]


# -- reports ---------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """Checks that tags nest, and collects links and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.scripts = 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name == "src"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_reports_say_everything_and_survive_any_name(tmp_path: Path, stateful: str) -> None:
    nasty = ['<script>alert("x")<!--.wav', "50% & 'quotes' #1?.wav", "Größe ☃.wav", "=1+1.wav"]
    for name in nasty:
        write(tmp_path / "in" / name, noise(1, RATE))
    latin = os.fsencode(tmp_path / "in") + b"/gr\xfc\xdfe.wav"  # not UTF-8
    with open(latin, "wb") as file:
        file.write((tmp_path / "in" / "=1+1.wav").read_bytes())
    (tmp_path / "in" / "bad <b>.wav").touch()
    (tmp_path / "reports").mkdir()
    reports = [tmp_path / "reports" / f"r.{kind}" for kind in ("json", "csv", "html")]
    result = run(tmp_path / "in", tmp_path / "out", stateful, reports=reports, output_residual=True)
    assert len(result.failed) == 1

    data = json.loads(reports[0].read_text(), parse_constant=lambda word: pytest.fail(word))
    assert data["summary"]["num_done"] == 5
    assert data["settings_hash"] == result.settings_hash
    by_name = {file["name"]: file for file in data["files"]}
    assert set(nasty) < set(by_name)
    expected = "duration_s level_before_dbfs level_after_dbfs floor_unknown peak_after_dbfs num_clipped"
    for key in f"{expected} real_time_factor model engine latency_samples settings_hash".split():
        assert by_name[nasty[0]][key] is not None, key
    assert "is empty" in by_name["bad <b>.wav"]["error"]

    with reports[1].open(newline="", encoding="utf-8", errors="surrogateescape") as table:
        rows = list(csv.DictReader(table))
    # A cell that a spreadsheet would read as a formula gets an apostrophe before it.
    assert sorted(row["name"].removeprefix("'") for row in rows) == sorted(by_name)
    assert "'=1+1.wav" in {row["name"] for row in rows}

    page = Page(reports[2].read_text())
    assert page.scripts == 1  # the players'
    assert nasty[0] in page.texts
    pictures = [link for link in page.links if link.startswith("data:image/png;base64,")]
    players = [link for link in page.links if not link.startswith("data:")]
    assert len(pictures) == 15
    assert len(players) == 15  # before, after, removed
    for link in players:
        assert os.path.exists(
            os.path.join(os.fsencode(reports[2].parent), urllib.parse.unquote_to_bytes(link))
        )


def test_a_report_may_lie_in_the_output_folder_before_there_is_one(
    stems: Path, tmp_path: Path, identity: str
) -> None:
    output = tmp_path / "new" / "out"
    run(stems, output, identity, reports=[output / "report.html", output / "report.json"])
    assert (output / "report.html").read_text().count("<audio") == 9
    assert json.loads((output / "report.json").read_text())["summary"]["num_done"] == 3


def test_reports_of_resumed_files_have_their_pictures(stems: Path, tmp_path: Path, identity: str) -> None:
    report = tmp_path / "r.html"
    run(stems, tmp_path / "out", identity, reports=[report])
    run(stems, tmp_path / "out", identity, reports=[report], resume=True)
    assert report.read_text().count("data:image/png") == 9


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("r.txt", "report must be a .json, .csv or .html file"),
        ("no/r.json", "does not exist"),
        ("d.csv", "folder"),
    ],
)
def test_reports_that_cannot_be_written_are_refused_before_any_work(
    stems: Path, tmp_path: Path, identity: str, report: str, message: str
) -> None:
    (tmp_path / "d.csv").mkdir()
    with pytest.raises((ValueError, OSError), match=message):
        run(stems, tmp_path / "out", identity, reports=[tmp_path / report])
    assert not (tmp_path / "out").exists()


def test_a_report_that_fails_in_the_end_costs_no_sound(
    stems: Path, tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hushgate.batching.run.write_report", full)
    result = run(stems, tmp_path / "out", identity, reports=[tmp_path / "r.json"])
    assert result.faults == (f"{tmp_path / 'r.json'} could not be written (No space left on device).",)
    assert len(result.having("done")) == 3


# -- the command -----------------------------------------------------------------------------------


def test_the_command_prints_a_line_per_file_and_failures_last(
    stems: Path, tmp_path: Path, identity: str, run_cli: RunCli
) -> None:
    (stems / "bad.wav").write_text("no sound")
    (stems / "notes.txt").touch()
    done = run_cli("batch", stems, "-r", "-o", tmp_path / "out", "--model", identity, "-j", "1")
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 6
    assert lines[4] == f"left alone: {stems / 'notes.txt'} (not the extension of a sound file)"
    assert lines[-1].startswith("4 files: 3 done, 1 failed, 1 other files left alone")
    assert done.stderr.decode().splitlines()[-1].startswith("hushgate: error: bad.wav: ")
    (stems / "bad.wav").unlink()
    again = run_cli("batch", stems, "-r", "-o", tmp_path / "out", "--model", identity, "--resume", "--quiet")
    assert (again.returncode, again.stdout, again.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out"], "needs files or folders"),
        (["stems"], "required: -o/--output"),
        (["nothing.wav", "-o", "out"], "nothing.wav: No such file or directory"),
        (["stems", "-o", "stems"], "would overwrite its own input"),
        (["stems", "-o", "stems/bass.wav"], "is no folder"),
        (["stems", "-o", "out", "--jobs", "-1"], "jobs must be 0 or more"),
        (["stems", "-o", "out", "--model", "nosuch"], "model must be a shipped name"),
        (["stems", "-o", "out", "--preset", "nosuch"], "there is no preset 'nosuch'"),
        (["stems", "-o", "out", "--overwrite", "--skip-existing"], "not allowed with"),
        (["stems", "-o", "out", "--glob", "*.xyz"], "no sound files found in stems (2 other files)"),
        (["stems", "-o", "out", "--list", "nolist.txt"], "nolist.txt: No such file"),
        (["stems", "-o", "out", "--scheduler", "tcp://127.0.0.1:9"], "tcp://127.0.0.1:9"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    stems: Path,
    identity: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    from hushgate.commands.main import main

    monkeypatch.chdir(stems.parent)
    monkeypatch.setattr("hushgate.batching.workers.dask_cluster._CONNECT_TIMEOUT_S", 0.2)
    model = [] if "--model" in arguments or "--preset" in arguments else ["--model", identity]
    assert main(["batch", *arguments, *model]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.startswith("hushgate: error: ")
    assert len(errors.strip().splitlines()) == 1
    assert files_in(stems) == ["bass.wav", "drums/kick.wav", "vox.flac"]
    assert not (stems.parent / "out").exists() or files_in(stems.parent / "out") == []


@pytest.mark.parametrize("again", ["resume", "skip_existing", "overwrite"])
def test_outputs_beside_their_inputs_are_not_cleaned_again(tmp_path: Path, identity: str, again: str) -> None:
    folder = tmp_path / "stems"
    folder.mkdir()
    for seed, name in enumerate(["a.wav", "b.wav"]):
        write(folder / name, noise(1, 4_000, seed=seed))
    options = {"model": identity, "jobs": 0, "template": "{stem}_clean.{ext}", "output_residual": True}
    assert len(hushgate.batch(folder, folder, **options).having("done")) == 2  # type: ignore[arg-type]
    names = sorted(path.name for path in folder.iterdir())
    result = hushgate.batch(folder, folder, **options, **{again: True})  # type: ignore[arg-type]
    assert [file.name for file in result.files] == ["a.wav", "b.wav"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [os.path.basename(path) for path, reason in result.ignored if "earlier run" in reason] == [
        "a_clean.residual.wav",
        "a_clean.wav",
        "b_clean.residual.wav",
        "b_clean.wav",
    ]


def test_the_command_names_the_files_it_leaves_alone(
    tmp_path: Path, identity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "stems"
    folder.mkdir()
    write(folder / "a.wav", noise(1, 4_000))
    for name in ("notes.txt", "b_raw.wav", *(f"{number}.pdf" for number in range(7))):
        (folder / name).touch()
    arguments = ["batch", str(folder), "-o", str(tmp_path / "out"), "--model", identity, "-j", "0"]
    assert main([*arguments, "--exclude", "*_raw.wav"]) == 0
    out = capsys.readouterr().out
    assert f"left alone: {folder / 'b_raw.wav'} (matches --exclude *_raw.wav)\n" in out
    assert f"left alone: {folder / '0.pdf'} (not the extension of a sound file)\n" in out
    assert "left alone: 3 more (not the extension of a sound file; --verbose names all)\n" in out
    assert "1 file: 1 done, 9 other files left alone" in out


def test_a_journal_never_touches_an_input(stems: Path, tmp_path: Path, identity: str) -> None:
    before = (stems / "bass.wav").read_bytes()
    with pytest.raises(PlanError, match=r"bass\.wav is a report or journal and also .*bass\.wav"):
        run(stems, tmp_path / "out", identity, journal=stems / "bass.wav")
    with pytest.raises(ValueError, match=r"vox\.flac is not a journal of a batch"):
        run(stems / "drums", tmp_path / "out", identity, journal=stems / "vox.flac")
    assert (stems / "bass.wav").read_bytes() == before
