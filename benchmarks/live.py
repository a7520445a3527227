"""Round trip, callback load and dropouts of `hushgate live`, in a virtual room without a sound card.

python benchmarks/live.py                          # presets voice and tuner, blocks of 128, 256, 512
python benchmarks/live.py --minute                 # a minute each: empty, a preset, every parameter moving

Needs the extra `live` and PulseAudio (Debian: pulseaudio, pulseaudio-utils, libasound2-plugins,
libportaudio2).
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from support import EXAMPLE, ROOT
from support.machine import machine_line
from support.tables import markdown_table

sys.path.insert(0, str(ROOT))

from tests.helpers.live_room import RATE, Desk, find_offset, read_raw, why_not

FREQUENCY_HZ, AMPLITUDE = 200.0, 0.25
MODES = ("empty", "still", "moving")
_SETTLE_S = 2.0
# Time to start Python and load a model on a busy machine.
_START_S = 10.0


@dataclass(frozen=True)
class LiveRun:
    """One preset at one block size; times in ms, loads as shares of a block's duration."""

    preset: str
    block_size: int
    round_trip_ms: float
    effect_latency_ms: float
    reported_ms: float
    load_median: float
    load_p99: float
    num_dropouts: int
    num_overloads: int

    @property
    def path_ms(self) -> float:
        """The round trip without the effect: devices, server, buffers."""
        return self.round_trip_ms - self.effect_latency_ms


def measure(preset: str, block_size: int, seconds: float, options: Sequence[str]) -> LiveRun:
    """Run a preset for `seconds` on speech in noise, and measure the way from left to right."""
    folder = Path(tempfile.mkdtemp(prefix="hushgate-"))
    try:
        speech, _ = soundfile.read(EXAMPLE, dtype="float32")
        repeats = round((seconds + _START_S) * RATE / len(speech)) + 1
        (folder / "speech.raw").write_bytes(np.tile(speech, repeats).tobytes())
        with Desk(folder) as desk:
            listener = desk.listen(folder / "desk.raw")
            desk.play(folder / "speech.raw", latency_ms=1000)
            time.sleep(1.0)
            chosen = ["--preset", preset, "--block-size", block_size, "--duration", seconds + _SETTLE_S]
            live = desk.hushgate("live", "--json", *map(str, chosen), *options)
            out, error = live.communicate(timeout=seconds + 60.0)
            if live.returncode:
                raise RuntimeError(error.decode().strip())
            listener.send_signal(signal.SIGINT)
            listener.wait(timeout=10.0)
        status: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
        heard, played = read_raw(folder / "desk.raw").reshape(-1, 2).T
    finally:
        shutil.rmtree(folder)
    sounding = np.flatnonzero(played)
    starts = range(sounding[0] + RATE, sounding[-1] - 2 * RATE, RATE // 2)
    parts = [slice(start, start + 2 * RATE) for start in starts]
    lags = [find_offset(heard[part], played[part]) for part in parts]
    return LiveRun(
        preset=preset,
        block_size=block_size,
        round_trip_ms=1000.0 * float(np.median(lags)) / RATE,
        effect_latency_ms=status["effect_latency_ms"],
        reported_ms=status["latency_ms"],
        load_median=status["load_median"],
        load_p99=status["load_p99"],
        num_dropouts=status["num_dropouts"],
        num_overloads=status["num_overloads"],
    )


def run_table(runs: Sequence[LiveRun]) -> str:
    """A row for each run."""
    header = (
        "preset",
        "block",
        "round trip, ms",
        "of it effect",
        "and the way",
        "load median",
        "99 %",
        "dropouts",
        "overloads",
    )
    rows = [
        (
            run.preset,
            str(run.block_size),
            f"{run.round_trip_ms:.1f}",
            f"{run.effect_latency_ms:.1f}",
            f"{run.path_ms:.1f}",
            f"{100.0 * run.load_median:.1f} %",
            f"{100.0 * run.load_p99:.1f} %",
            str(run.num_dropouts),
            str(run.num_overloads),
        )
        for run in runs
    ]
    return markdown_table(header, rows)


def turn_all_knobs(
    preset: str, block_size: int, device_latency_ms: float | None, seconds: float, seed: int, mode: str
) -> dict[str, Any]:
    """Run in this process, in a room's environment, in one of `MODES`.

    "moving" sets everything about a hundred times a second; "empty" processes nothing at all, so that its
    dropouts are those of the machine, the server and Python.
    """
    from hushgate import Chain, live
    from hushgate.effects.denoiser import find_denoisers
    from hushgate.engine import PARAMETERS

    rng = np.random.default_rng(seed)
    chain = Chain([]) if mode == "empty" else Chain.from_preset(preset)
    denoisers = list(find_denoisers(chain))
    session = live.Session(
        chain, block_size=block_size, device_latency_ms=device_latency_ms, duration_s=seconds
    )
    tap = session.add_tap(seconds + 1.0)
    done = threading.Event()
    num_changes = 0

    def turn() -> None:
        nonlocal num_changes
        while not done.wait(0.01):
            for name, parameter in PARAMETERS.items():
                value: Any
                if parameter.choices:
                    value = str(rng.choice(parameter.choices))
                elif parameter.special and rng.random() < 0.2:
                    value = next(iter(parameter.special))
                else:
                    value = rng.uniform(parameter.minimum, parameter.maximum)
                for denoiser in denoisers:
                    setattr(denoiser, name, value)
                num_changes += 1
            session.processor.bypass = bool(rng.random() < 0.2)

    with session:
        knobs = threading.Thread(target=turn)
        if mode == "moving":
            knobs.start()
        while not session.is_finished:
            session.check()
            time.sleep(0.05)
        done.set()
        if mode == "moving":
            knobs.join()
        status = session.status()
    heard = tap.read()[0, round(_SETTLE_S * RATE) :]
    own_step = AMPLITUDE * 2.0 * np.pi * FREQUENCY_HZ / RATE
    return {
        "num_changes": num_changes,
        "load_largest": session.processor.load_meter.largest,
        "largest_step": float(np.abs(np.diff(heard)).max() / own_step),
        **{
            name: status.to_dict()[name]
            for name in ("num_dropouts", "num_late", "num_overloads", "num_gaps", "load_median", "load_p99")
        },
    }


def measure_minute(
    preset: str, block_size: int, seconds: float, seed: int, options: Sequence[str]
) -> list[dict[str, Any]]:
    """The same time in every mode, one after the other in one room."""
    folder = Path(tempfile.mkdtemp(prefix="hushgate-"))
    try:
        total_s = len(MODES) * (seconds + 2 * _START_S)
        phase = np.arange(round(total_s * RATE)) * (2.0 * np.pi * FREQUENCY_HZ / RATE)
        (folder / "sine.raw").write_bytes((AMPLITUDE * np.sin(phase)).astype("<f4").tobytes())
        with Desk(folder) as desk:
            desk.play(folder / "sine.raw", latency_ms=1000)
            desk.listen(folder / "desk.raw")
            results = []
            for mode in MODES:
                command = [sys.executable, __file__, "--in-room", mode, "--presets", preset, *options]
                command += ["--block-sizes", str(block_size), "--seconds", str(seconds), "--seed", str(seed)]
                done = subprocess.run(
                    command, env=desk.environment, capture_output=True, text=True, check=False
                )
                if done.returncode:
                    raise RuntimeError(done.stderr.strip().splitlines()[-1])
                run = {"preset": preset, "block_size": block_size, "mode": mode}
                results.append({**run, **json.loads(done.stdout)})
            return results
    finally:
        shutil.rmtree(folder)


def minute_table(results: Sequence[dict[str, Any]]) -> str:
    """Dropouts of the devices alone, with processing, and with moving parameters."""
    header = (
        "preset",
        "block",
        "processing",
        "changes",
        "largest step",
        "dropouts",
        "blocks late",
        "overloads",
        "gaps",
        "load median",
        "99 %",
        "largest",
    )
    rows = [
        (
            result["preset"],
            str(result["block_size"]),
            result["mode"],
            str(result["num_changes"]),
            f"{result['largest_step']:.2f} x the sine's own",
            str(result["num_dropouts"]),
            str(result["num_late"]),
            str(result["num_overloads"]),
            str(result["num_gaps"]),
            f"{100.0 * result['load_median']:.1f} %",
            f"{100.0 * result['load_p99']:.1f} %",
            f"{100.0 * result['load_largest']:.0f} %",
        )
        for result in results
    ]
    return markdown_table(header, rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print Markdown tables; exit status 1 where a room cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", help="default voice and tuner; with --minute voice")
    parser.add_argument("--block-sizes", nargs="+", type=int, help="default 128, 256, 512; with --minute 256")
    parser.add_argument("--device-latency-ms", type=float, help="as of hushgate live")
    parser.add_argument("--seconds", type=float, help="of each run; default 10, with --minute 60")
    parser.add_argument("--minute", action="store_true", help="move all parameters instead")
    parser.add_argument("--seed", type=int, default=20261)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
    parser.add_argument("--in-room", choices=MODES, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    presets = args.presets or (["voice"] if args.minute else ["voice", "tuner"])
    block_sizes = args.block_sizes or ([256] if args.minute else [128, 256, 512])
    if args.in_room:
        knobs = turn_all_knobs(
            presets[0], block_sizes[0], args.device_latency_ms, args.seconds, args.seed, args.in_room
        )
        print(json.dumps(knobs))
        return 0
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 1
    print(f"{machine_line()}\n")
    options = []
    if args.device_latency_ms is not None:
        options = ["--device-latency-ms", str(args.device_latency_ms)]
    found: list[dict[str, Any]] = []
    if args.minute:
        for preset, block_size in itertools.product(presets, block_sizes):
            found += measure_minute(preset, block_size, args.seconds or 60.0, args.seed, options)
        print(minute_table(found))
    else:
        runs = [
            measure(preset, block_size, args.seconds or 10.0, options)
            for preset, block_size in itertools.product(presets, block_sizes)
        ]
        found = [asdict(run) for run in runs]
        print(run_table(runs))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
