"""Spectrograms before and after each shipped model, of sound that the project generates.

python benchmarks/spectrograms.py --write docs/benchmarks.md    # docs/images/spectrogram-MODEL.png
python benchmarks/spectrograms.py --model music=path/to/model.onnx -o /tmp

Voice: examples/make_example.py (espeak-ng in synthetic rain and hum). Music and guitar: rendered by
`hushgate data render` (FluidSynth, FluidR3 GM; extra `train`), the validation split, so no
training item; with the tape noise of the music set, and with other instruments and pink noise.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray
from support import IMAGES, ROOT
from support.denoisers import HUSHGATE, aligned, make_system
from support.music_sets import GUITAR_RATE, MUSIC_RATE, hiss
from support.recordings import at_level, at_snr, find_recordings, mixture, read_channels, read_mono
from support.tables import show_pictures

from hushgate.pictures.figures import new_figure
from hushgate.training.evaluate.measures.base import Item

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEED = 7
_RANGE_DB = 80.0
_LONGEST_S = 9.0
_ROWS, _COLUMNS = 112, 300
_SHADES = 24
_HIGHEST_HZ = {"voice": 12_000.0}


def voice_scene(folder: Path) -> Item:
    """The example of the README, 5 dB above rain and hum while it speaks; 48 kHz."""
    clean, noisy = folder / "clean.flac", folder / "noisy.flac"
    script = ROOT / "examples" / "make_example.py"
    subprocess.run(
        [sys.executable, str(script), "-o", str(noisy), "--clean", str(clean)],
        check=True,
        capture_output=True,
    )
    sound, rate = soundfile.read(clean, dtype="float32", always_2d=True)
    mixed, _ = soundfile.read(noisy, dtype="float32", always_2d=True)
    return Item("a synthetic voice in rain and mains hum, 5 dB", mixed.T, sound.T, rate)


def music_scene(folder: Path) -> Item:
    """A rendered song with tape noise at 15 dB, 44.1 kHz stereo."""
    _render(folder, "music", MUSIC_RATE, 0.7, num_channels=2)
    sound = _part(max(_rendered(folder, "music", MUSIC_RATE), key=lambda song: song.shape[1]), MUSIC_RATE)
    sound = at_level(np.broadcast_to(sound, (2, sound.shape[1])), -20.0, MUSIC_RATE)
    rng = np.random.default_rng(_SEED)
    noise = np.stack([hiss("tape", sound.shape[1], MUSIC_RATE, rng) for _ in range(2)])
    return mixture(
        "a rendered song with tape noise, 15 dB", sound, at_snr(sound, noise, 15.0), MUSIC_RATE, {}
    )


def guitar_scene(folder: Path) -> Item:
    """A rendered guitar among three instruments and pink noise at 3 dB, 16 kHz."""
    _render(folder, "guitar", GUITAR_RATE, 0.3)
    _render(folder, "instrument", GUITAR_RATE, 0.5)
    sound = at_level(_part(_rendered(folder, "guitar", GUITAR_RATE)[0], GUITAR_RATE), -20.0, GUITAR_RATE)
    others = [
        np.resize(other[0], sound.shape[1]) for other in _rendered(folder, "instrument", GUITAR_RATE)[:3]
    ]
    rest = np.sum([at_level(other, -20.0, GUITAR_RATE) for other in others], axis=0)
    pink = hiss("pink", len(rest), GUITAR_RATE, np.random.default_rng(_SEED))
    noise = at_snr(sound, (rest + at_snr(rest, pink, 10.0))[None], 3.0)
    return mixture(
        "a rendered guitar among three instruments and pink noise, 3 dB", sound, noise, GUITAR_RATE, {}
    )


SCENES: dict[str, Callable[[Path], Item]] = {
    "voice": voice_scene,
    "music": music_scene,
    "guitar": guitar_scene,
}


def _render(folder: Path, kind: str, sample_rate: int, minutes: float, num_channels: int = 1) -> None:
    flags = {
        "--kind": kind,
        "--minutes": f"{minutes:g}",
        "--seed": str(_SEED),
        "--sample-rate": str(sample_rate),
        "--channels": str(num_channels),
        "--split": "val",
        "--output": str(folder),
    }
    words = [word for flag in flags.items() for word in flag]
    subprocess.run(
        [sys.executable, "-m", "hushgate", "data", "render", *words], check=True, capture_output=True
    )


def _rendered(folder: Path, kind: str, sample_rate: int) -> list[NDArray[np.float64]]:
    paths = [recording.path for recording in find_recordings([folder], kind)]
    if kind == "music":
        return [read_channels(path, sample_rate) for path in paths]
    return [read_mono(path, sample_rate)[None] for path in paths]


def _part(sound: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    return sound[:, : round(_LONGEST_S * sample_rate)]


def levels_db(audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Spectrogram, (rows, columns) in dB: mean powers of 46 ms frames, all channels together.

    Means over cells, because grains of noise below the size of a cell only make the picture large.
    """
    size = 4 * (round(0.0464 * sample_rate) // 4)
    frames = np.lib.stride_tricks.sliding_window_view(audio, size, axis=1)[:, :: size // 4]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(size)))[:, :, :-1] * 4.0 / size
    power = np.mean(spectrum**2, axis=0).T
    for axis, cells in enumerate((_ROWS, _COLUMNS)):
        edges = np.linspace(0, power.shape[axis], min(cells, power.shape[axis]) + 1).astype(int)[:-1]
        sums = np.add.reduceat(power, edges, axis=axis)
        counts = np.diff([*edges, power.shape[axis]])
        power = sums / np.expand_dims(counts, 1 - axis)
    return np.asarray(10.0 * np.log10(power + 1e-18))


def draw(item: Item, after: NDArray[np.float32], model: str) -> Figure:
    """Clean, noisy and denoised under each other, in one range of 80 dB."""
    from matplotlib import colormaps

    sounds = {"noisy": item.noisy, f"after hushgate {model}": after, "clean, for comparison": item.clean}
    figure = new_figure(8.0, 6.6)
    axes = figure.subplots(len(sounds), 1, sharex=True, sharey=True)
    pictures = [levels_db(sound, item.sample_rate) for sound in sounds.values()]
    top_db = max(float(picture.max()) for picture in pictures)
    duration_s = item.clean.shape[1] / item.sample_rate
    image = None
    for axis, title, picture in zip(axes, sounds, pictures, strict=True):
        image = axis.imshow(
            picture,
            extent=(0.0, duration_s, 0.0, item.sample_rate / 2000.0),
            aspect="auto",
            origin="lower",
            cmap=colormaps["magma"].resampled(_SHADES),
            vmin=top_db - _RANGE_DB,
            vmax=top_db,
            interpolation="nearest",
        )
        axis.set(ylabel="kHz")
        axis.set_title(title, fontsize=10, loc="left")
    axes[-1].set_xlabel("time, s")
    axes[-1].set_ylim(0.0, min(item.sample_rate / 2.0, _HIGHEST_HZ.get(model, np.inf)) / 1000.0)
    if image is not None:
        figure.colorbar(image, ax=list(axes), label="dB", fraction=0.03, pad=0.01)
    figure.suptitle(item.name, fontsize=11)
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    from hushgate.engine import available_models

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="SCENE[=MODEL]",
        help=f"scene ({', '.join(SCENES)}), and a model's name or path; default: every shipped one",
    )
    parser.add_argument("-o", "--output", type=Path, default=IMAGES, help="folder (default docs/images)")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="show the pictures in this document")
    args = parser.parse_args(arguments)
    pictures = {}
    args.output.mkdir(parents=True, exist_ok=True)
    for text in args.model or [name for name in SCENES if name in available_models()]:
        name, _, model = text.partition("=")
        if name not in SCENES:
            parser.error(f"--model must begin with {', '.join(SCENES)} (got {text!r}).")
        with tempfile.TemporaryDirectory(prefix="hushgate-bench-") as folder:
            item = SCENES[name](Path(folder))
        process = make_system(HUSHGATE + (model or name))
        after = aligned(item.clean, process(item.noisy, item.sample_rate), item.sample_rate)
        figure = draw(item, after, name)
        target = args.output / f"spectrogram-{name}.png"
        figure.savefig(target, dpi=90, pil_kwargs={"optimize": True})
        pictures[f"{item.name}: before, after, and clean"] = target
        print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB")
    if args.write:
        show_pictures(args.write, "spectrograms", pictures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
