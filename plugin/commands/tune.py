"""`hushgate tune`: print the notes of a recording, or show a tuner for the microphone."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.commands.flags.device_flags import add_device_flags, device_options, given_device_flags
from hushgate.commands.make_effect import add_effect_flags, given_settings, make_effect, warn_of_gate_off
from hushgate.printable import printable

if TYPE_CHECKING:
    from hushgate.effects.chain import Chain
    from hushgate.effects.denoiser import Denoiser
    from hushgate.live.terminal.keyboard import Keys
    from hushgate.rendering.file_loop import Block
    from hushgate.tuner import Reading, Tuner
    from hushgate.tuner.live_views import TunerView

_DEFAULT_PRESET, _BASS_PRESET = "tuner", "de-hum"
# Fewer than for a file, because drawing and sound share one interpreter.
_LIVE_READINGS_PER_S = 25.0
_BLOCK_SIZE = 8192


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate tune`."""
    parser.add_argument("file", nargs="?", metavar="INPUT", help="sound file, or - for WAV on standard input")
    parser.add_argument("--live", action="store_true", help="a needle for the sound of the microphone")
    parser.add_argument("--tuning", default="chromatic", metavar="NAME|NOTES", help=_tuning_help())
    parser.add_argument("--a4", type=float, default=440.0, metavar="HZ", help="concert pitch (default: 440)")
    parser.add_argument(
        "--transpose",
        type=int,
        default=0,
        metavar="SEMITONES",
        help="from the note shown to the one that sounds: 2 for a capo at the second fret",
    )
    parser.add_argument(
        "--sustained",
        action="store_true",
        help=_sustained_help(),
    )
    parser.add_argument("--no-denoise", action="store_true", help="measure the sound as it is")
    parser.add_argument("--json", action="store_true", help="print every reading as a line of JSON")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw pitch over time, before and after: .png, .pdf, .svg or .jpg"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    parser.add_argument("--monitor", action="store_true", help="with --live: play the cleaned sound")
    add_device_flags(parser)
    add_effect_flags(
        parser, default_preset=_preset_help(), default_model="the preset's", exclude=["channel_link"]
    )


def run(args: argparse.Namespace) -> int:
    """Print the notes of a recording, or show a needle; exit status 0.

    Raises:
        OSError, ValueError, RuntimeError: It was not done; the reason in one line.
    """
    if args.no_denoise and (args.preset is not None or args.model is not None or given_settings(args)):
        raise ValueError("--no-denoise leaves nothing to set. Leave preset, model and parameters out.")
    if args.preset is None:
        args.preset = _default_preset(args)
    if args.live:
        for name, is_given in (("INPUT", args.file is not None), ("--plot", args.plot is not None)):
            if is_given:
                raise ValueError(f"{name} and --live exclude each other. Leave one of them out.")
        return _run_live(args)
    live_flags = [*(["--monitor"] if args.monitor else []), *given_device_flags(args)]
    if live_flags:
        raise ValueError(f"{live_flags[0]} is for --live. Leave it out, or tune the microphone with --live.")
    if args.file is None:
        raise ValueError("INPUT is missing. Name a sound file, or pass --live for the microphone.")
    return _run_file(args)


def _tuning_help() -> str:
    from hushgate.tuner.notes import TUNINGS

    names = ", ".join(TUNINGS)
    return f"{names}, or notes such as D2,A2,D3 (default: chromatic)"


def _preset_help() -> str:
    from hushgate.tuner.notes import BASS_TUNINGS

    return f"{_DEFAULT_PRESET}; {_BASS_PRESET} with --tuning {' or '.join(BASS_TUNINGS)}"


def _sustained_help() -> str:
    from hushgate.tuner.notes import BOWED_TUNINGS

    always = ", ".join(BOWED_TUNINGS)
    return f"also show tones that swell or do not fade: bowed, blown, sung (always with {always})"


def _make_tuner(args: argparse.Namespace, readings_per_s: float = 50.0) -> Tuner:
    from hushgate.tuner import Tuner
    from hushgate.tuner.notes import BOWED_TUNINGS

    return Tuner(
        args.tuning,
        a4_hz=args.a4,
        transpose=args.transpose,
        readings_per_s=readings_per_s,
        sustained=args.sustained or args.tuning in BOWED_TUNINGS,
    )


def _default_preset(args: argparse.Namespace) -> str:
    """The preset when none is named. Flags for a denoiser ask for one, also with a bass."""
    from hushgate.tuner.notes import BASS_TUNINGS

    has_flags = args.model is not None or bool(given_settings(args))
    return _BASS_PRESET if args.tuning in BASS_TUNINGS and not has_flags else _DEFAULT_PRESET


def _make_effect(args: argparse.Namespace) -> Denoiser | Chain:
    """The effect that cleans the sound before the tuner gets it; an empty chain with `--no-denoise`."""
    if not args.no_denoise:
        return make_effect(args)
    from hushgate.effects.chain import Chain

    return Chain()


# -- files --------------------------------------------------------------------------------------


def _run_file(args: argparse.Namespace) -> int:
    from hushgate.audio_files.open_audio import open_input
    from hushgate.pictures.figures import check_figure_path
    from hushgate.rendering import check_streamable
    from hushgate.rendering.file_loop import FileLoop

    picture = None if args.plot is None else Path(args.plot)
    if picture is not None:
        check_figure_path(picture, overwrite=args.overwrite, originals=[args.file])
    tuner, effect = _make_tuner(args), _make_effect(args)
    warn_of_gate_off(args)
    check_streamable(effect)
    readings: dict[str, list[Reading]] = {"before": [], "after": []}
    with open_input(args.file) as reader:
        rate = reader.format.sample_rate
        tuner_before = _make_tuner(args) if picture is not None and not args.no_denoise else None

        def read_input(block: Block) -> None:
            if tuner_before is not None:
                readings["before"] += tuner_before.process(block, rate, reset=False)

        # A pipe may be live: its readings do not wait for what is learnt from 8 s.
        loop = FileLoop(
            effect, reader, args.file, block_size=_BLOCK_SIZE, on_input=read_input, learn=args.file != "-"
        )
        for block in loop.blocks():
            due = tuner.process(block, rate, reset=False)
            readings["after"] += due
            if args.json and not args.quiet:
                for reading in due:
                    print(json.dumps(reading.to_dict()))
    for warning in loop.warnings():
        print(f"hushgate: warning: {printable(warning)}", file=sys.stderr)
    if not args.json and not args.quiet:
        _print_notes(readings["after"])
    if picture is not None:
        _draw(args, {"before": readings["after"]} if args.no_denoise else readings, picture)
    return 0


def _draw(args: argparse.Namespace, series: dict[str, list[Reading]], path: Path) -> None:
    from hushgate.pictures.figures import save_figure
    from hushgate.tuner.pitch_plot import plot_readings

    last = next(reversed(series.values()))
    duration_s = last[-1].time_s if last else 1.0
    name = "standard input" if args.file == "-" else Path(args.file).name
    figure = plot_readings(series, _make_tuner(args).targets, duration_s, name)

    def say() -> None:
        if not args.json and not args.quiet:
            print(f"figure   {printable(path)}", flush=True)

    save_figure(figure, path, overwrite=args.overwrite, originals=[args.file], on_written=say)


def _print_notes(readings: Sequence[Reading]) -> None:
    from rich.console import Console

    from hushgate.tuner.played_notes import played_notes
    from hushgate.tuner.terminal import notes_table

    notes = list(played_notes(readings))
    if not notes:
        print("no notes")
        return
    Console(highlight=False).print(notes_table(notes))


# -- live ---------------------------------------------------------------------------------------


def _run_live(args: argparse.Namespace) -> int:
    import hushgate.live as live
    from hushgate.live.terminal.quiet_stderr import native_messages_held

    with contextlib.nullcontext() if args.debug else native_messages_held():
        keys = live.NoKeys() if args.json or args.quiet else live.keys_of_terminal()
        view = _make_view(args, keys)
        options = device_options(args)
        options["mute"] = not args.monitor
        status = live.run(
            _make_effect(args),
            view=view,
            keys=keys,
            on_session=view.attach,
            **options,
        )
    if not args.json and not args.quiet:
        print("\n".join(printable(line) for line in live.summarize(status)))
    for warning in live.warnings_of(status):
        print(f"hushgate: warning: {printable(warning)}", file=sys.stderr)
    return 0


def _make_view(args: argparse.Namespace, keys: Keys) -> TunerView:
    from hushgate.tuner import live_views

    tuner = _make_tuner(args, _LIVE_READINGS_PER_S)
    if args.quiet:
        return live_views.TunerView(tuner)
    if args.json:
        return live_views.JsonTunerView(tuner, sys.stdout)
    if not sys.stdout.isatty():
        return live_views.LineTunerView(tuner, sys.stdout)
    from rich.console import Console

    title = "no denoising" if args.no_denoise else args.preset
    return live_views.NeedleView(tuner, Console(), title=title, has_keys=keys.is_available)
