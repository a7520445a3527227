"""Every block of the tutorials runs, pasted as a whole, in the order of the page."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.commands.main import main
from hushgate.commands.parser import build_parser
from tests.helpers.seeded_noise import noise

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
NOISY = ROOT / "examples" / "noisy_speech.flac"
# They need a sound card or run until they are ended: their flags are read, no more.
_LIVE = ("live", "--live")

pytestmark = pytest.mark.usefixtures("voice")


def _voice(path: Path, seconds: float = 1.5) -> None:
    sound, rate = soundfile.read(NOISY, stop=round(seconds * 48_000))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate, subtype="PCM_16")


def _podcast() -> None:
    _voice(Path("interview.wav"), 3.0)
    for name in ("host", "guest"):
        _voice(Path(f"episode-12/{name}.wav"))
    _voice(Path("mix.wav"))


def _album() -> None:
    for name in ("guitars", "drums", "lead vocal"):
        for song in (1, 2):
            _voice(Path(f"album/song-{song}/{name}.wav"), 0.6)


def _film() -> None:
    av = pytest.importorskip("av", reason="films need the extra formats")
    with av.open("film.mp4", "w") as film:
        pictures, sound = film.add_stream("mpeg4", 25), film.add_stream("aac", 48_000)
        pictures.width = pictures.height = 32
        samples = soundfile.read(NOISY, dtype="float32", stop=3 * 48_000)[0]
        for number in range(75):
            picture = np.full((32, 32, 3), 3 * number, np.uint8)
            film.mux(pictures.encode(av.VideoFrame.from_ndarray(picture)))
        frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), "fltp", "stereo")
        frame.sample_rate = 48_000
        film.mux(sound.encode(frame))
        film.mux([*sound.encode(), *pictures.encode()])
    _voice(Path("takes/one.wav"))


def _guitar() -> None:
    pytest.importorskip("matplotlib", reason="pictures of pitch need the extra plot")
    time = np.arange(2 * 48_000) / 48_000
    string = sum(np.sin(2 * np.pi * 110.0 * n * time) / n for n in range(1, 9)) * np.exp(-2.0 * time)
    soundfile.write("rehearsal.wav", 0.2 * string + 0.05 * noise(len(time)), 48_000)


MATERIAL: dict[str, Callable[[], None]] = {
    "podcast": _podcast,
    "album": _album,
    "film": _film,
    "guitar": _guitar,
    "microphone": lambda: None,
}


def _run(line: str) -> None:
    """A line of a shell block: `hushgate ...`, with its output to a file or not."""
    words = shlex.split(line, comments=True)
    target = words.pop() if ">" in words else None
    program, *arguments = [word for word in words if word != ">"]
    assert program == "hushgate", line
    if any(word in arguments for word in _LIVE):
        build_parser(arguments)[0].parse_args(arguments)
        return
    if arguments[0] == "batch":
        arguments += ["-j", "0"]
    with contextlib.ExitStack() as files:
        if target is not None:
            file = files.enter_context(open(target, "w", encoding="utf-8"))
            files.enter_context(contextlib.redirect_stdout(file))
        assert main(arguments) == 0, line


def test_every_tutorial_has_its_material() -> None:
    assert {path.stem for path in TUTORIALS} == set(MATERIAL)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_every_block_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MATERIAL[path.stem]()
    found = re.findall(r"^```(sh|python)\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    names: dict[str, object] = {}
    for language, block in found:
        if language == "python":
            exec(compile(block, path.name, "exec"), names)
            continue
        for line in block.splitlines():
            _run(line)
