"""`hushgate tune`: files, figures, the live needle, errors in one line."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import Tuner, available_models, live
from hushgate.commands.main import main
from hushgate.live import session
from hushgate.tuner import TUNINGS, Reading
from hushgate.tuner.live_views import NeedleView, TunerView
from hushgate.tuner.played_notes import played_notes
from hushgate.tuner.terminal import describe, draw_needle, notes_table
from tests.helpers.command_line import RunCli
from tests.helpers.live_fakes import FakeBackend, make_status
from tests.helpers.strings import PLUCK_S, coloured_noise, pluck

RATE = 16_000
NOTES = (("E2", 82.407, 3.0), ("A2", 110.0, -7.0), ("G3", 195.998, 14.0))


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Three strings, each a little off."""
    parts = [
        pluck(hz * 2.0 ** (cents / 1200.0), sample_rate=RATE, seconds=1.0, seed=seed)
        for seed, (_, hz, cents) in enumerate(NOTES)
    ]
    path = tmp_path / "take $x$.wav"
    soundfile.write(path, np.concatenate(parts), RATE)
    return path


def test_notes_come_as_a_table(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", str(take), "--no-denoise"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["from", "to,", "s", "note", "Hz", "cents", "±", "confidence"]
    assert len(rows) == 3
    for number, (row, (name, hz, cents)) in enumerate(zip(rows, NOTES, strict=True)):
        start, end, note, frequency, offset, spread, confidence, _ = row.split()
        begin = number * (1.0 + PLUCK_S) + PLUCK_S
        assert begin < float(start) < begin + 0.16
        assert begin + 0.9 < float(end) < begin + 1.2
        assert note == name
        assert float(frequency) == pytest.approx(hz * 2.0 ** (cents / 1200.0), abs=0.02)
        assert float(offset) == pytest.approx(cents, abs=0.15)
        assert float(spread) < 0.5
        assert float(confidence) > 70


def test_json_lines_hold_every_reading(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", str(take), "--no-denoise", "--json", "--tuning", "guitar", "--a4", "442"]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    sound, _ = soundfile.read(take, dtype="float32")
    expected = Tuner("guitar", a4_hz=442.0, sustained=False).process(sound, RATE)
    assert printed == [reading.to_dict() for reading in expected]
    assert set(printed[0]) == {"time_s", "frequency_hz", "note", "cents", "confidence"}
    assert printed[0]["note"] is None


def test_what_goes_through_a_model_is_read_at_its_own_time(
    take: Path, identity: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text(f'version = 1\nname = "mine"\n[[chain]]\neffect = "Denoiser"\nmodel = "{identity}"\n')
    assert main(["tune", str(take), "--preset", str(preset), "--json"]) == 0
    through = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["tune", str(take), "--no-denoise", "--json"]) == 0
    without = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [reading["note"] for reading in through] == [reading["note"] for reading in without]
    both = [(a["cents"], b["cents"]) for a, b in zip(through, without, strict=True) if a["note"]]
    assert max(abs(a - b) for a, b in both) < 0.05


def test_parameters_reach_the_denoiser(take: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    muted = [
        "--model",
        str(models / "half.onnx"),
        "--gate-threshold-db",
        "0",
        "--attenuation-limit-db",
        "120",
    ]
    assert main(["tune", str(take), *muted]) == 0
    assert capsys.readouterr().out == "no notes\n"


def test_other_notes_by_tuning_and_transposition(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", str(take), "--no-denoise", "--tuning", "D2,A2,D3", "--transpose", "2"]) == 0
    notes = [line.split()[2] for line in capsys.readouterr().out.splitlines()[1:]]
    assert notes == ["D2", "A2", "D3"]


@pytest.mark.parametrize(
    ("flags", "seconds"),
    [([], 0.35), (["--tuning", "guitar"], 0.35), (["--sustained"], 3.0), (["--tuning", "cello"], 3.0)],
)
def test_tones_that_do_not_fade_are_for_bowed_tunings_or_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], seconds: float
) -> None:
    time = np.arange(3 * RATE) / RATE
    tone = sum(np.sin(2.0 * np.pi * 110.0 * n * time) / n for n in range(1, 8))
    soundfile.write(tmp_path / "bow.wav", 0.1 * tone, RATE)
    assert main(["tune", str(tmp_path / "bow.wav"), "--no-denoise", "--json", *flags]) == 0
    readings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert max(r["time_s"] for r in readings if r["note"]) == pytest.approx(seconds, abs=0.15)


@pytest.fixture
def low_string(tmp_path: Path) -> str:
    """A bass's E1."""
    path = tmp_path / "bass.wav"
    soundfile.write(path, pluck(41.203, sample_rate=RATE, seconds=1.5, seed=0), RATE)
    return str(path)


@pytest.mark.parametrize("tuning", ["bass", "bass-5"])
def test_basses_are_read_without_the_guitar_model(
    low_string: str, tuning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["tune", low_string, "--json", "--tuning", tuning]
    assert main(flags) == 0
    printed = capsys.readouterr().out
    readings = [json.loads(line) for line in printed.splitlines()]
    assert min(r["time_s"] for r in readings if r["note"] == "E1") < PLUCK_S + 0.5
    assert main([*flags, "--no-denoise"]) == 0
    assert capsys.readouterr().out == printed
    assert main([*flags, "--preset", "de-hum"]) == 0
    assert capsys.readouterr().out == printed


def test_basses_get_a_model_that_was_asked_for(
    low_string: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    muted = ["--gate-threshold-db", "0", "--attenuation-limit-db", "120"]
    half = str(models / "half.onnx")
    preset = tmp_path / "half.toml"
    preset.write_text(f'version = 1\nname = "half"\n[[chain]]\neffect = "Denoiser"\nmodel = "{half}"\n')
    for chosen in (["--model", half], ["--preset", str(preset)]):
        assert main(["tune", low_string, "--tuning", "bass", *chosen, *muted]) == 0
        assert capsys.readouterr().out == "no notes\n"


def test_recordings_arrive_through_a_pipe(take: Path, run_cli: RunCli) -> None:
    done = run_cli("tune", "-", "--no-denoise", stdin=take.read_bytes())
    assert done.returncode == 0
    assert [line.split()[2] for line in done.stdout.decode().splitlines()[1:]] == ["E2", "A2", "G3"]


def test_silence_is_said_to_hold_no_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    assert main(["tune", str(tmp_path / "silence.wav"), "--no-denoise"]) == 0
    assert capsys.readouterr().out == "no notes\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "INPUT is missing. Name a sound file, or pass --live for the microphone."),
        (["TAKE", "--live"], "INPUT and --live exclude each other."),
        (["--live", "--plot", "a.png"], "--plot and --live exclude each other."),
        (["missing.wav"], "missing.wav: No such file"),
        (["TAKE", "--tuning", "banjolele"], "tuning must be one of chromatic, guitar, "),
        (["TAKE", "--tuning", "E2,X9"], "a note must be a letter A to G"),
        (["TAKE", "--a4", "44"], "a4_hz must be between 380.0 and 500.0 Hz (got 44.0)."),
        (["TAKE", "--transpose", "99"], "transpose must be between -36 and 36 semitones (got 99)."),
        (["TAKE", "--preset", "nosuch"], "there is no preset 'nosuch'"),
        (["TAKE", "--no-denoise", "--mix", "0.5"], "--no-denoise leaves nothing to set."),
        (["TAKE", "--no-denoise", "--preset", "guitar"], "--no-denoise leaves nothing to set."),
        (["TAKE", "--duration", "1"], "--duration is for --live."),
        (["TAKE", "--block-size", "64"], "--block-size is for --live."),
        (["TAKE", "--monitor"], "--monitor is for --live."),
        (["TAKE", "--tuning", "E2 A2 D3"], "or notes such as E2,A2,D3 (got 'E2 A2 D3')."),
        (["TAKE", "--mix", "7"], "mix must be between 0.0 and 1.0"),
        (["TAKE", "--no-denoise", "--plot", "a.bmp"], "the figure must be a .png"),
        (["TAKE", "--no-denoise", "--plot", "no/a.png"], "the folder no does not exist"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    take: Path, capsys: pytest.CaptureFixture[str], options: list[str], text: str
) -> None:
    assert main(["tune", *(str(take) if option == "TAKE" else option for option in options)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("hushgate: error: ")
    assert text in error
    assert error.count("\n") == 1


# -- pictures -----------------------------------------------------------------------------------


def test_the_picture_shows_pitch_before_and_after(
    take: Path, identity: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    preset, figure = tmp_path / "mine.toml", tmp_path / "pitch.png"
    preset.write_text(f'version = 1\nname = "mine"\n[[chain]]\neffect = "Denoiser"\nmodel = "{identity}"\n')
    arguments = ["tune", str(take), "--preset", str(preset), "--plot", str(figure)]
    assert main(arguments) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.splitlines()[-1] == f"figure   {figure}"
    assert main(arguments) == 2
    assert main([*arguments, "--overwrite"]) == 0


def test_dots_are_where_the_readings_are_and_held_ones_are_left_out() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    from hushgate.tuner import Targets
    from hushgate.tuner.pitch_plot import plot_readings

    readings = [
        Reading(0.1, None, None, None, 0.0),
        Reading(0.2, 110.5, "A2", 7.8, 0.9),
        Reading(0.3, 110.5, "A2", 7.8, 0.0),
    ]
    figure = plot_readings({"before": readings, "after": []}, Targets(), 1.0, "take")
    pitch, offset = figure.axes
    assert np.asarray(pitch.collections[0].get_offsets()).tolist() == [[0.2, 110.5]]
    assert np.asarray(offset.collections[0].get_offsets()).tolist() == [[0.2, 7.8]]
    assert "A2" in [label.get_text() for label in pitch.get_yticklabels()]
    assert pitch.get_xlim() == (0.0, 1.0)
    assert len(plot_readings({"after": []}, Targets("guitar"), 1.0, "silence").axes) == 2


# -- live ---------------------------------------------------------------------------------------


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """A microphone that hears a string, slowly enough for a reader beside it."""
    fake = FakeBackend(pluck(110.5, seconds=2.0)[np.newaxis], pause_s=0.0005)
    monkeypatch.setattr(session, "_default_backend", lambda: fake)
    return fake


def test_live_prints_readings_as_they_come(backend: FakeBackend, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--live", "--no-denoise", "--json", "--duration", "2"]) == 0
    readings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    times = [reading["time_s"] for reading in readings]
    np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-3)
    cents = [reading["cents"] for reading in readings if reading["note"] == "A2"]
    assert len(cents) > 10
    assert float(np.median(cents)) == pytest.approx(7.85, abs=0.1)
    assert not backend.played.any()  # a tuner is silent


def test_live_can_be_heard(backend: FakeBackend) -> None:
    assert main(["tune", "--live", "--no-denoise", "--quiet", "--monitor", "--duration", "1"]) == 0
    assert backend.played.any()


def test_live_without_a_terminal_prints_lines(
    backend: FakeBackend, identity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", "--live", "--no-denoise", "--tuning", "guitar", "--duration", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Desk Microphone -> Headphones, 48000 Hz")
    assert any("A2 +7.8 cents, 110.50 Hz" in line or "A2 +7.9 cents, 110.50 Hz" in line for line in lines)
    # How many blocks are late is up to the machine.
    assert any(re.fullmatch(r"dropouts 0, late blocks \d+, overloads 0", line) for line in lines)
    assert lines[-1] == "peak -10.5 -> -10.5 dBFS, nothing clipped"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--input-device guitar", "input 'guitar' is no input device."),
        ("--sample-rate 0", "sample_rate must be above 0.0 Hz"),
        ("--duration -5", "duration_s must be between"),
    ],
)
def test_live_errors_are_one_line(
    backend: FakeBackend, capsys: pytest.CaptureFixture[str], options: str, text: str
) -> None:
    assert main(["tune", "--live", "--no-denoise", *options.split()]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1
    assert backend.num_open == 0


def test_a_device_that_disappears_ends_the_needle_in_one_line(
    backend: FakeBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.gone_after = 30
    assert main(["tune", "--live", "--no-denoise", "--quiet"]) == 2
    assert capsys.readouterr().err.endswith("stopped: the device or its sound server has gone.\n")


@pytest.mark.skipif("voice" not in available_models(), reason="the preset's model has not shipped yet")
def test_the_preset_tuner_runs_before_the_needle(backend: FakeBackend) -> None:
    assert main(["tune", "--live", "--quiet", "--duration", "0.5"]) == 0


@pytest.mark.parametrize(("encoding", "width"), [("utf-8", 100), ("ascii", 100), ("utf-8", 40)])
def test_the_needle_points_to_its_cents_in_any_terminal(encoding: str, width: int) -> None:
    from rich.console import Console

    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding), width=width, color_system=None)
    mark = "#" if encoding == "ascii" else "\N{FULL BLOCK}"
    places = {}
    for cents in (-80.0, -50.0, -10.0, 0.0, 10.0, 50.0):
        with console.capture() as captured:
            console.print(draw_needle(Reading(1.0, 110.0, "A2", cents, 0.9), console))
        text = captured.get()
        text.encode(encoding)
        assert "A2" in text
        assert f"{cents:+.1f} cents" in text
        places[cents] = text.splitlines()[-1].find(mark)
    assert places[-80.0] == places[-50.0] < places[-10.0] < places[0.0] < places[10.0] < places[50.0]
    assert places[0.0] * 2 == places[-50.0] + places[50.0]
    with console.capture() as captured:
        console.print(draw_needle(None, console))
    assert mark not in captured.get()


def test_the_needle_view_draws_what_its_tap_brings(backend: FakeBackend) -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    view = NeedleView(Tuner("guitar"), console, title="tuner", has_keys=True)
    with pytest.raises(RuntimeError, match="must be attached"):
        view.show(make_status())
    from hushgate import Chain

    live.run(Chain(), view=view, on_session=view.attach, duration_s=1.5)
    assert view.reading is not None
    assert (view.reading.note, view.reading.cents) == ("A2", pytest.approx(7.85, abs=0.1))  # type: ignore[comparison-overlap]
    with console.capture() as captured:
        console.print(view.draw(make_status(is_bypassed=True)))
    for words in ("tuner", "A2", f"{view.reading.cents:+.1f} cents", "presence 70 %", "bypass", "q quit"):
        assert words in captured.get()


def test_a_view_alone_only_listens(backend: FakeBackend) -> None:
    from hushgate import Chain

    view = TunerView(Tuner())
    live.run(Chain(), view=view, on_session=view.attach, duration_s=1.0, num_channels=2)
    assert view.reading is not None


@pytest.mark.skipif("guitar" not in available_models(), reason="the preset's model has not shipped yet")
def test_what_the_documentation_shows_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[3] / "docs" / "tuner.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "tuner.md", "exec"), {})
    for line in re.findall(r"^hushgate (tune .*?)(?:\s+#.*)?$", text, re.MULTILINE):
        assert main([*line.split(), "--help"]) == 0
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for name in re.findall(r"`([\w-]+)`", row)
    }
    assert set(TUNINGS) - {"chromatic"} <= named


# -- summing up ---------------------------------------------------------------------------------


def test_stretches_end_where_the_sound_ends_or_another_note_begins() -> None:
    def reading(index: int, note: str | None, cents: float = 0.0, confidence: float = 0.8) -> Reading:
        hz = None if note is None else 100.0
        return Reading(0.02 * index, hz, note, None if note is None else cents, confidence if note else 0.0)

    readings = [reading(0, None)]
    readings += [reading(1 + i, "A2", cents) for i, cents in enumerate((1.0, 2.0, 9.0))]
    readings += [reading(4, "A2", 9.0, confidence=0.0), reading(5, "D3"), reading(6, None), reading(7, "D3")]
    first, second, third = played_notes(readings)
    assert (first.note, first.start_s, first.end_s, first.cents) == ("A2", 0.02, 0.06, 2.0)
    assert (second.note, second.start_s, third.start_s) == ("D3", 0.1, 0.14)
    assert notes_table([first, second]).row_count == 2
    assert describe(readings[0]) == "-"


def test_noise_over_everything_is_no_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "rain.wav", coloured_noise(3 * RATE, 1.0, sample_rate=RATE), RATE)
    assert main(["tune", str(tmp_path / "rain.wav"), "--no-denoise"]) == 0
    assert capsys.readouterr().out == "no notes\n"
