"""`hushgate denoise`: outputs, messages, refusals."""

from __future__ import annotations

import io
import math
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC

from hushgate import Denoiser, stream_file
from hushgate.commands import main as cli
from hushgate.engine import PARAMETERS
from tests.helpers.blocks import as_file
from tests.helpers.command_line import RunCli
from tests.helpers.seeded_noise import noise
from tests.plugin.effects.test_denoiser import OTHER_VALUES


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """A stereo WAV of one second."""
    path = tmp_path / "take.wav"
    soundfile.write(path, noise(48_000, 2), 48_000, subtype="PCM_24")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_beside_the_input_what_denoiser_gives(
    take: Path, stateful: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["denoise", str(take), "--model", stateful]) == 0
    sound, _ = soundfile.read(take, dtype="float32")
    expected = as_file(Denoiser(stateful), sound, 48_000)
    written, _ = soundfile.read(take.with_name("take.denoised.wav"), dtype="float32")
    np.testing.assert_allclose(written, expected, atol=1e-5)
    assert capsys.readouterr().err == ""


def summary(text: str) -> dict[str, str]:
    """The lines of a summary by name."""
    return {name.strip(): value for name, _, value in (line.partition("  ") for line in text.splitlines())}


def test_says_what_it_did(take: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = models / "half.onnx"
    assert cli.main(["denoise", str(take), "--model", str(half)]) == 0
    lines = {name: value.strip() for name, value in summary(capsys.readouterr().out).items()}
    assert lines["input"] == f"{take} (WAV PCM_24, 48000 Hz, stereo, 1.00 s)"
    assert lines["output"] == str(take.with_name("take.denoised.wav"))
    assert lines["model"].startswith(f"{half}, on onnxruntime ")
    assert lines["latency"] == "32.0 ms (1536 samples), taken out"
    assert lines["level"] == "-20.0 -> -26.0 dBFS"
    assert lines["noise floor"] == "not measured: no pause in which something was removed"
    assert lines["peak"].endswith("nothing clipped")
    assert re.fullmatch(r"[\d.]+ times real time", lines["speed"])


def test_silence_has_a_level_too(take: Path, identity: str, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(take, np.zeros(4800), 48_000)
    assert cli.main(["denoise", str(take), "--model", identity]) == 0
    lines = summary(capsys.readouterr().out)
    assert lines["level"].strip() == "silence -> silence"
    assert lines["noise floor"].strip() == "not measured: digital silence"


def test_is_quiet_on_request_and_never_animated_in_a_pipe(take: Path, identity: str, run_cli: RunCli) -> None:
    loud = run_cli("denoise", take, "--model", identity)
    assert loud.stdout.count(b"\n") == 9
    assert loud.stderr == b""
    assert b"\x1b" not in loud.stdout
    quiet = run_cli("denoise", take, "--model", identity, "--quiet", "--overwrite")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, b"", b"")


def test_shows_progress_on_a_terminal_and_leaves_no_trace_of_it(take: Path, identity: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hushgate", "denoise", str(take), "--model", identity]
    with subprocess.Popen(
        command,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 10_000):
                shown += part
        except OSError:  # Linux's way of saying that the other end has closed
            pass
    os.close(ours)
    assert process.returncode == 0
    assert b"take.wav" in shown
    assert b"\x1b[2K" in shown  # the bar is erased
    assert b"times real time" in shown


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_a_flag(name: str, tmp_path: Path, stateful: str) -> None:
    value = OTHER_VALUES[name]
    sound = np.concatenate([noise(24_000, 2), noise(24_000, 2, scale=0.001)])
    soundfile.write(tmp_path / "take.wav", sound, 48_000, subtype="FLOAT")
    flags = ["--residual"] if name == "output" else ["--" + name.replace("_", "-"), str(value)]
    gate = {} if name.endswith("threshold_db") else {"gate_threshold_db": -40.0}
    flags += ["--gate-threshold-db", "-40"] if gate else []
    out = tmp_path / "out.wav"
    assert cli.main(["denoise", str(tmp_path / "take.wav"), "-o", str(out), "--model", stateful, *flags]) == 0
    expected = as_file(Denoiser(stateful, **{name: value}, **gate), sound, 48_000)  # type: ignore[arg-type]
    np.testing.assert_allclose(soundfile.read(out, dtype="float32")[0], expected, atol=1e-5)


def test_flags_for_a_gate_that_is_off_are_named(
    take: Path, stateful: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["denoise", str(take), "--model", stateful, "--overwrite", "--quiet"]
    assert cli.main([*flags, "--attack-ms", "900", "--presence-db", "30"]) == 0
    assert capsys.readouterr().err == (
        "hushgate: warning: the gate is off: --presence-db, --attack-ms have no effect. "
        "Set --gate-threshold-db.\n"
    )
    assert cli.main([*flags, "--attack-ms", "900", "--gate-threshold-db", "-40"]) == 0
    assert cli.main([*flags, "--preset", "gate-hard", "--attack-ms", "900"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("flag", "text", "value"),
    [
        ("attenuation_limit_db", "none", None),
        ("gate_threshold_db", "off", -math.inf),
        ("gate_threshold_db", "-inf", -math.inf),
        ("gate_threshold_db", "-4e1", -40.0),
    ],
)
def test_special_values_can_be_typed(
    take: Path, identity: str, monkeypatch: pytest.MonkeyPatch, flag: str, text: str, value: float | None
) -> None:
    seen: dict[str, object] = {}

    class Spy(Denoiser):
        def __init__(self, model: str, **parameters: object) -> None:
            seen.update(parameters)
            super().__init__(model, **parameters)  # type: ignore[arg-type]

    monkeypatch.setattr("hushgate.effects.denoiser.Denoiser", Spy)
    assert cli.main(["denoise", str(take), "--model", identity, "--" + flag.replace("_", "-"), text]) == 0
    assert seen == {flag: value}


def test_takes_several_files_and_folders(
    take: Path, tmp_path: Path, identity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "more", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for name in ("b.wav", "c.wav", "b.denoised.wav", ".hidden.wav", "notes.txt"):
        (folder / name).write_bytes(take.read_bytes())
    (folder / "c.wav").write_bytes(b"no sound")
    status = cli.main(["denoise", str(take), str(folder), "-o", str(out), "--model", identity])
    assert status == 1
    assert names(out) == ["b.denoised.wav", "take.denoised.wav"]
    said = capsys.readouterr()
    assert said.out.count("noise floor") == 2
    assert "c.wav" in said.err


def test_loudness_of_the_result(take: Path, identity: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["denoise", str(take), "--model", identity, "--loudness", "-23"]) == 0
    assert "-> -23.0 LUFS, true peak" in summary(capsys.readouterr().out)["loudness"]


def test_residual_has_a_name_of_its_own_and_adds_up(
    take: Path, stateful: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["denoise", str(take), "--model", stateful, "--quiet"]) == 0
    capsys.readouterr()
    assert cli.main(["denoise", str(take), "--model", stateful, "--residual"]) == 0
    lines = summary(capsys.readouterr().out)
    assert lines["noise floor"] == "not measured: the output holds what was removed"  # as level and peak are
    assert lines["target"].strip() == "not measured"
    parts = [
        soundfile.read(take.with_name(f"take.{kind}.wav"), dtype="float32")[0]
        for kind in ("denoised", "residual")
    ]
    np.testing.assert_allclose(sum(parts), soundfile.read(take, dtype="float32")[0], atol=1e-6)


def test_a_name_without_extension_is_no_obstacle(take: Path, identity: str) -> None:
    take.rename(take.with_name("take"))
    assert cli.main(["denoise", str(take.with_name("take")), "--model", identity]) == 0
    assert soundfile.info(take.with_name("take-denoised")).subtype == "PCM_24"


def test_tags_go_along_and_what_cannot_be_kept_is_said(
    tmp_path: Path, identity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "song.flac"
    soundfile.write(source, noise(4800, 2), 48_000)
    tagged = FLAC(source)
    tagged["title"] = "Rain"
    tagged.save()
    assert cli.main(["denoise", str(source), "--model", identity]) == 0
    assert FLAC(tmp_path / "song.denoised.flac")["title"] == ["Rain"]
    assert capsys.readouterr().err == ""
    assert cli.main(["denoise", str(source), "-o", str(tmp_path / "song.w64"), "--model", identity]) == 0
    assert "song.w64: W64 cannot hold some tags: TITLE." in capsys.readouterr().err


def test_mix_0_gives_the_file_back_bit_for_bit(take: Path, identity: str) -> None:
    assert cli.main(["denoise", str(take), "--model", identity, "--mix", "0"]) == 0
    copy = soundfile.read(take.with_name("take.denoised.wav"), dtype="int32")[0]
    np.testing.assert_array_equal(copy, soundfile.read(take, dtype="int32")[0])


@pytest.mark.parametrize("num_samples", [1, 2, 100, 70_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_short_files_of_any_width_keep_their_length(
    tmp_path: Path, identity: str, num_samples: int, channels: int
) -> None:
    sound = noise(num_samples, channels)
    soundfile.write(tmp_path / "a.wav", sound, 44_100, subtype="FLOAT")
    assert cli.main(["denoise", str(tmp_path / "a.wav"), "--model", identity]) == 0
    cleaned = soundfile.read(tmp_path / "a.denoised.wav", always_2d=True)[0]
    np.testing.assert_allclose(cleaned, sound, atol=1e-5)


BAD_CALLS = [
    ("missing", ["nothing.wav"], "nothing.wav: No such file or directory"),
    ("folder without sound", ["empty_folder"], "empty_folder holds no sound file"),
    (
        "several to one file",
        ["take.wav", "none.wav", "-o", "o.wav"],
        "o.wav is no folder, and 2 inputs need one",
    ),
    ("several from a pipe", ["take.wav", "-"], "standard input and output take one sound"),
    ("not audio", ["text.wav"], "text.wav cannot be read as audio"),
    ("truncated", ["cut.wav"], "cut.wav is cut short: its header announces"),
    ("zero length", ["empty.wav"], "empty.wav is empty"),
    ("no samples", ["none.wav"], "none.wav holds no sound"),
    ("no such folder", ["take.wav", "-o", "nowhere/out.wav"], "nowhere/out.wav: the folder"),
    ("folder to come", ["take.wav", "-o", "new/"], "the folder new/ does not exist. Make it first."),
    (
        "no time",
        ["take.wav", "--start", "0:60"],
        "argument --start: a time must be seconds or h:mm:ss with minutes and seconds below 60",
    ),
    ("unheard loudness", ["take.wav", "--loudness", "3"], "loudness must be between -60 and -5 LUFS (got 3)"),
    ("no loudness", ["take.wav", "--loudness", "loud"], "must be a number of LUFS, or off (got 'loud')"),
    ("device as output", ["take.wav", "-o", "/dev/null"], "/dev/null: is not a regular file"),
    ("output exists", ["take.wav", "-o", "text.wav"], "text.wav: exists already (pass --overwrite"),
    ("output is input", ["take.wav", "-o", "take.wav", "--overwrite"], "take.wav is both input and output"),
    ("unknown extension", ["take.wav", "-o", "out.doc"], "out.doc: cannot tell the format"),
    ("unknown subtype", ["take.wav", "--subtype", "PCM_17"], "WAV has no sample format PCM_17"),
    ("unknown model", ["take.wav", "--model", "choir"], "model must be a shipped name or the path of a file"),
    ("missing model", ["take.wav", "--model", "choir.onnx"], "choir.onnx: No such model file"),
    ("model is no ONNX", ["take.wav", "--model", "text.wav"], "text.wav is not a usable ONNX file"),
    ("model without metadata", ["take.wav", "--model", "bare.onnx"], "bare.onnx"),
    ("model of the future", ["take.wav", "--model", "future.onnx"], "future.onnx has format 9"),
    ("out of range", ["take.wav", "--mix", "1.5"], "mix must be between 0.0 and 1.0 (got 1.5)"),
    ("not a number", ["take.wav", "--mix", "nan"], "mix must be between 0.0 and 1.0 (got nan)"),
    ("no number", ["take.wav", "--release-ms", "long"], "release_ms must be between 0.0 and 5000.0 ms"),
    ("old output", ["take.wav", "--output", "residual"], "--output residual is now --residual"),
    ("old output file", ["take.wav", "--output-file", "out.wav"], "--output-file is now -o FILE"),
    ("old residual", ["take.wav", "--output-residual"], "--output-residual is now --residual"),
    ("rate too low", ["slow.wav"], "sample_rate must be between 1000.0 and 1000000.0 Hz (got 500"),
    ("no WAV in the pipe", ["-"], "standard input is empty"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), [bad[1:] for bad in BAD_CALLS], ids=[bad[0] for bad in BAD_CALLS]
)
def test_bad_input_is_one_line_that_names_it_and_leaves_nothing(
    take: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    from tests.helpers.tiny_models import identity as build_identity

    folder = take.parent
    (folder / "text.wav").write_bytes(b"This is a shopping list.\n" * 20)
    (folder / "cut.wav").write_bytes(take.read_bytes()[:100_000])
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "none.wav", np.zeros((0, 1)), 48_000)
    soundfile.write(folder / "slow.wav", noise(500), 500)
    build_identity().save(folder / "future.onnx", format_version="9")
    build_identity().save(folder / "bare.onnx", frame_ms=None)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    (folder / "empty_folder").mkdir()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    arguments = (
        arguments if "--model" in arguments else [*arguments, "--model", str(models / "identity.onnx")]
    )

    assert cli.main(["denoise", *arguments]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("hushgate: error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_debug_shows_where_an_error_came_from(run_cli: RunCli, tmp_path: Path) -> None:
    plain = run_cli("denoise", "nothing.wav", cwd=tmp_path)
    debug = run_cli("denoise", "nothing.wav", "--debug", cwd=tmp_path)
    assert b"Traceback" not in plain.stderr
    assert b"Traceback" in debug.stderr
    assert plain.returncode == 2


def test_nothing_is_lost_in_silence(take: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = np.full((4800, 1), 0.75, np.float32)
    sound[100, 0] = math.nan
    soundfile.write(take, sound, 48_000, subtype="FLOAT")
    double = str(models / "double.onnx")
    assert cli.main(["denoise", str(take), "--model", double, "--subtype", "PCM_16", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    warnings = captured.err.splitlines()
    assert all(line.startswith("hushgate: warning: ") for line in warnings)
    assert "samples that were not finite and became silence: 1." in warnings[0]
    assert re.search(r"beyond full scale, clipped in PCM_16: 4\d\d\d\.", warnings[1])


def test_a_file_cut_short_is_cleaned_on_request(
    take: Path, identity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    take.write_bytes(take.read_bytes()[:100_000])
    assert cli.main(["denoise", str(take), "--model", identity, "--allow-truncated"]) == 0
    assert "is cut short" in capsys.readouterr().err
    assert soundfile.info(take.with_name("take.denoised.wav")).frames == soundfile.info(take).frames


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_pipes_carry_wav_both_ways(tmp_path: Path, identity: str, run_cli: RunCli, subtype: str) -> None:
    sound = noise(30_000, 2)
    content = io.BytesIO()
    soundfile.write(content, sound, 44_100, format="WAV", subtype=subtype)
    done = run_cli("denoise", "-", "--model", identity, stdin=content.getvalue())
    assert (done.returncode, done.stderr) == (0, b"")
    with soundfile.SoundFile(io.BytesIO(done.stdout)) as file:
        assert (file.samplerate, file.channels, file.frames, file.subtype) == (44_100, 2, 30_000, subtype)
        np.testing.assert_allclose(file.read(), sound, atol=1e-4)

    run_cli("denoise", "-", "-o", tmp_path / "out.flac", "--model", identity, stdin=content.getvalue())
    assert soundfile.info(tmp_path / "out.flac").frames == 30_000
    piped = run_cli("denoise", tmp_path / "out.flac", "-o", "-", "--model", identity)
    assert soundfile.info(io.BytesIO(piped.stdout)).frames == 30_000


def test_standard_input_is_not_heard_ahead(tmp_path: Path, models: Path, run_cli: RunCli) -> None:
    model = models / "stateful.onnx"
    take = tmp_path / "take.wav"
    soundfile.write(take, noise(60_000, 1), 48_000, subtype="FLOAT")
    piped = run_cli("denoise", "-", "--model", model, stdin=take.read_bytes())
    sound = soundfile.read(io.BytesIO(piped.stdout), dtype="float32")[0]
    at_once = np.concatenate(list(stream_file(Denoiser(model), take, learn=False)), axis=1)[0]
    np.testing.assert_allclose(sound, at_once, atol=1e-6)
    learnt = np.concatenate(list(stream_file(Denoiser(model), take)), axis=1)[0]
    assert not np.allclose(learnt, at_once, atol=1e-6)


def test_sound_is_not_written_to_a_terminal(
    take: Path, identity: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.main(["denoise", str(take), "-o", "-", "--model", identity]) == 2
    assert "standard output is a terminal" in capsys.readouterr().err


def test_memory_does_not_grow_with_length(tmp_path: Path, identity: str) -> None:
    script = (
        "import resource, sys; from hushgate.commands.main import main; status = main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(status)"
    )
    peaks_kib = []
    for seconds in (10, 600):
        path = tmp_path / f"{seconds}.wav"
        with soundfile.SoundFile(path, "w", 8_000, 2, subtype="PCM_16") as file:
            for seed in range(seconds // 10):
                file.write(noise(80_000, 2, seed=seed))
        command = [sys.executable, "-c", script, "denoise", str(path), "--model", identity, "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        peaks_kib.append(int(done.stderr))
    assert soundfile.info(tmp_path / "600.denoised.wav").frames == 4_800_000
    assert peaks_kib[1] - peaks_kib[0] < 15_000  # all of the longer file would be 37,500 as float32


def test_a_part_of_a_recording_is_written(take: Path, models: Path) -> None:
    half = str(models / "half.onnx")
    assert cli.main(["denoise", str(take), "--model", half, "--start", "0.25", "--end", "0:0.75"]) == 0
    written = soundfile.read(take.with_name("take.denoised.wav"), dtype="float32")[0]
    assert len(written) == 24_000


def test_raw_samples_are_cleaned_from_standard_input(tmp_path: Path, models: Path, run_cli: RunCli) -> None:
    sound = (noise(48_000, 2) * 32_768).astype("<i2")
    done = run_cli(
        *("denoise", "-", "--raw", "48000,2,s16le", "--model", str(models / "identity.onnx")),
        *("-o", str(tmp_path / "out.wav")),
        stdin=sound.tobytes(),
    )
    assert done.returncode == 0, done.stderr
    assert soundfile.info(tmp_path / "out.wav").frames == 48_000


def test_a_film_becomes_a_film(tmp_path: Path, models: Path) -> None:
    pytest.importorskip("av", reason="needs the extra formats")
    from tests.helpers.sound_files.films import make_film, video_packets

    make_film(tmp_path / "film.mp4", 2.0, muxer="mp4", encoder="aac")
    identity = str(models / "identity.onnx")
    assert cli.main(["denoise", str(tmp_path / "film.mp4"), "--model", identity]) == 0
    assert video_packets(tmp_path / "film.denoised.mp4") == video_packets(tmp_path / "film.mp4")
    assert cli.main(["denoise", str(tmp_path / "film.mp4"), "--model", identity, "--end", "1"]) == 0
    assert names(tmp_path) == ["film.denoised.m4a", "film.denoised.mp4", "film.mp4"]
