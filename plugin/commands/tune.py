"""`hushgate tune`: which notes are played, and how far off they are."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hushgate.commands.device_flags import add_device_flags, device_options
from hushgate.commands.parameter_flags import add_parameter_flags, given_parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hushgate.effects.chain import Chain
    from hushgate.live.terminal.keyboard import Keys
    from hushgate.tuner import Reading, Tuner
    from hushgate.tuner.live_views import TunerView

_DEFAULT_PRESET = "tuner"
# Fewer than for a file: drawing and sound share one Python.
_LIVE_READINGS_PER_S = 25.0
_BLOCK_SIZE = 8192


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hushgate tune`."""
    parser.add_argument("file", nargs="?", metavar="INPUT", help="sound file, or - for WAV on standard input")
    parser.add_argument("--live", action="store_true", help="a needle for what the microphone hears")
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
    parser.add_argument("--no-denoise", action="store_true", help="listen to the sound as it is")
    parser.add_argument(
        "--preset",
        default=_DEFAULT_PRESET,
        metavar="NAME|FILE",
        help="what cleans the sound first (default: tuner); flags change its denoiser",
    )
    parser.add_argument("--model", metavar="NAME|PATH", help="model to use instead of the preset's")
    parser.add_argument("--json", action="store_true", help="print every reading as a line of JSON")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw pitch over time, before and after: .png, .pdf, .svg or .jpg"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    parser.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    parser.add_argument("--monitor", action="store_true", help="with --live: play the cleaned sound")
    add_device_flags(parser)
    add_parameter_flags(parser, exclude=["output", "channel_link"])


def run(args: argparse.Namespace) -> int:
    """Print the notes of a recording, or show a needle; exit status 0.

    Raises:
        OSError, ValueError, RuntimeError: Whatever kept it from being done, in one line.
    """
    if args.live:
        for name, is_given in (("INPUT", args.file is not None), ("--plot", args.plot is not None)):
            if is_given:
                raise ValueError(f"{name} and --live exclude each other. Leave one of them out.")
        return _run_live(args)
    if args.file is None:
        raise ValueError("INPUT is missing. Name a sound file, or pass --live for the microphone.")
    return _run_file(args)


def _tuning_help() -> str:
    from hushgate.tuner.notes import TUNINGS

    return f"{', '.join(TUNINGS)}, or notes such as D2,A2,D3 (default: chromatic)"


def _sustained_help() -> str:
    from hushgate.tuner.notes import BOWED_TUNINGS

    always = ", ".join(BOWED_TUNINGS)
    return f"also show tones that swell or do not fade: bowed, blown, sung (always with {always})"


def _make_tuner(args: argparse.Namespace, readings_per_s: float = 50.0) -> Tuner:
    from hushgate.tuner import Tuner
    from hushgate.tuner.notes import BOWED_TUNINGS

    notes = [name for name in args.tuning.split(",") if name] if "," in args.tuning else args.tuning
    return Tuner(
        notes,
        a4_hz=args.a4,
        transpose=args.transpose,
        readings_per_s=readings_per_s,
        sustained=args.sustained or args.tuning in BOWED_TUNINGS,
    )


def _make_chain(args: argparse.Namespace) -> Chain:
    """What cleans the sound: the preset, changed by flags, or nothing."""
    from hushgate.effects.chain import Chain
    from hushgate.effects.preset_file import read_preset

    settings = dict(given_parameters(args))
    if args.model is not None:
        settings["model"] = args.model
    if args.no_denoise:
        if settings:
            raise ValueError("--no-denoise leaves nothing to set. Leave the model and its parameters out.")
        return Chain()
    return Chain(read_preset(args.preset).make_effects(**settings))


# -- files --------------------------------------------------------------------------------------


def _run_file(args: argparse.Namespace) -> int:
    from hushgate.audio_files.open_audio import open_input
    from hushgate.pedalboard_compat.streaming import stream
    from hushgate.rendering import check_streamable

    picture = None if args.plot is None else Path(args.plot)
    if picture is not None:
        _check_picture(picture, overwrite=args.overwrite)
    tuner, chain = _make_tuner(args), _make_chain(args)
    check_streamable(chain)
    before = _Ear(_make_tuner(args)) if picture is not None and not args.no_denoise else None
    readings: list[Reading] = []
    with open_input(args.file) as reader:
        rate = reader.format.sample_rate
        blocks = reader.blocks() if before is None else before.heard(reader.blocks(), rate)
        for block in stream(chain, blocks, rate, _BLOCK_SIZE):
            due = tuner.process(block, rate, reset=False)
            readings += due
            if args.json and not args.quiet:
                for reading in due:
                    print(json.dumps(reading.to_dict()))
    for fault in [*reader.warnings, *_faults(args.file, chain)]:
        print(f"hushgate: warning: {fault}", file=sys.stderr)
    if not args.json and not args.quiet:
        _print_notes(readings)
    if picture is not None:
        series = {"before": readings} if args.no_denoise else {"after": readings}
        if before is not None:
            series = {"before": before.readings, **series}
        _draw(args, series, picture)
    return 0


class _Ear:
    """A tuner that listens to blocks as they pass by."""

    def __init__(self, tuner: Tuner) -> None:
        self._tuner = tuner
        self.readings: list[Reading] = []

    def heard(
        self, blocks: Iterator[NDArray[np.float32]], sample_rate: float
    ) -> Iterator[NDArray[np.float32]]:
        """Hand blocks on unchanged, and read their pitch."""
        for block in blocks:
            self.readings += self._tuner.process(block, sample_rate, reset=False)
            yield block


def _check_picture(path: Path, *, overwrite: bool) -> None:
    """Refuse what cannot be drawn before any work is done."""
    import importlib.util

    from hushgate.pictures.before_after import check_figure_path

    check_figure_path(path, overwrite=overwrite)
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")


def _draw(args: argparse.Namespace, series: dict[str, list[Reading]], path: Path) -> None:
    from hushgate.pictures.before_after import save_figure
    from hushgate.tuner.pitch_plot import plot_readings

    last = next(reversed(series.values()))
    duration_s = last[-1].time_s if last else 1.0
    name = "standard input" if args.file == "-" else Path(args.file).name
    save_figure(plot_readings(series, _make_tuner(args).targets, duration_s, name), path)
    if not args.json and not args.quiet:
        print(f"figure   {path}")


def _print_notes(readings: Sequence[Reading]) -> None:
    from rich.console import Console

    from hushgate.tuner.played_notes import stretches
    from hushgate.tuner.terminal import notes_table

    notes = list(stretches(readings))
    if not notes:
        print("no notes")
        return
    Console(highlight=False).print(notes_table(notes))


def _faults(source: str, chain: Chain) -> list[str]:
    from hushgate.effects.serialization import find_denoisers

    faults: list[str] = []
    if chain.num_nonfinite:
        faults.append(f"{source}: samples that were no numbers and became silence: {chain.num_nonfinite}.")
    for denoiser in find_denoisers(chain):
        if denoiser.num_faulty_frames:
            count = denoiser.num_faulty_frames
            faults.append(f"{denoiser.model}: frames in which the model failed, now silent: {count}.")
    return faults


# -- live ---------------------------------------------------------------------------------------


def _run_live(args: argparse.Namespace) -> int:
    from hushgate import live
    from hushgate.live.terminal.quiet_stderr import native_messages_held

    with contextlib.nullcontext() if args.debug else native_messages_held():
        keys = live.NoKeys() if args.json or args.quiet else live.keys_of_terminal()
        view = _make_view(args, keys)
        options = device_options(args)
        options["mute"] = not args.monitor
        status = live.run(
            _make_chain(args),
            view=view,
            keys=keys,
            on_session=view.attach,
            **options,
        )
    if not args.json and not args.quiet:
        print("\n".join(live.summarize(status)))
    for warning in live.warnings_of(status):
        print(f"hushgate: warning: {warning}", file=sys.stderr)
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
