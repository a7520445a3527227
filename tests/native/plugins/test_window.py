"""The plugin's window in a host, on a display of its own: what it draws, and what the pointer does."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.engine import PARAMETERS
from tests.native.plugins.test_plugins import MODELS, RATE
from tests.native.test_parity import sound

pytestmark = pytest.mark.level(7)

# Places in the window, which is 900 x 620.
GUITAR_TAB, MUSIC_TAB = "340,32", "452,32"
BEFORE, AFTER, REMOVED = "122,473", "346,473", "570,473"
CHANNELS = "787,473"
THRESHOLD_TO_40_DB = "760,390,225"
MIX_KNOB_DOWN = "70,558,603"
SPECTRUM = np.s_[64:326, 16:676]
IN, OUT = (255, 190, 107), (90, 216, 192)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "noisy.wav"
    soundfile.write(path, sound(RATE, 1, seconds=4.0).T, RATE)
    return path


def _use(plugin: Path, noisy: Path, picture: Path, *gestures: str) -> dict[str, float]:
    """Parameters after gestures in the window, as shares of their ranges."""
    if shutil.which("xvfb-run") is None or shutil.which("xauth") is None:
        pytest.skip("no display of our own (Debian's xvfb and xauth)")
    for module in ("pedalboard", "matplotlib"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"no {module}")
    script = Path(__file__).with_name("show_window.py")
    display = ["xvfb-run", "-a", "-s", "-screen 0 1024x768x24"]
    done = subprocess.run(
        [*display, sys.executable, script, plugin, noisy, picture, *gestures],
        env={**os.environ, "LIBGL_ALWAYS_SOFTWARE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = (line.split("=") for line in done.stdout.splitlines() if "=" in line)
    return {name: float(value) for name, value in rows}


def _colour_share(picture: Path, colour: tuple[int, int, int]) -> float:
    """Share of the spectrum's pixels that have a colour."""
    from matplotlib.image import imread

    pixels = np.round(255 * imread(picture)[..., :3]).astype(int)[SPECTRUM]
    return float(np.mean(np.abs(pixels - np.array(colour)).max(axis=-1) < 24))


def test_buttons_tabs_and_knobs_set_the_parameters(plugins: Path, noisy: Path, tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    gestures = (GUITAR_TAB, REMOVED, CHANNELS, THRESHOLD_TO_40_DB, MIX_KNOB_DOWN)
    values = _use(plugins / "hushgate.vst3", noisy, picture, *gestures)
    assert values["model"] == pytest.approx(MODELS.index("guitar") / (len(MODELS) - 1))
    assert (values["output"], values["bypass"], values["channel_link"]) == (1.0, 0.0, 1.0)
    threshold = PARAMETERS["gate_threshold_db"]
    in_db = threshold.minimum + values["gate_threshold_db"] * (threshold.maximum - threshold.minimum)
    assert in_db == pytest.approx(-40.0, abs=2.0)
    assert values["mix"] == pytest.approx(0.75, abs=0.02)


def test_the_spectra_show_what_is_removed_and_before_bypasses(
    plugins: Path,
    noisy: Path,
    tmp_path: Path,
) -> None:
    after, before = tmp_path / "after.png", tmp_path / "before.png"
    _use(plugins / "hushgate.vst3", noisy, after)
    values = _use(plugins / "hushgate.vst3", noisy, before, REMOVED, BEFORE)
    assert values["bypass"] == 1.0
    # In and out are two lines; bypassed, the second covers the first.
    assert _colour_share(after, IN) > 0.002
    assert _colour_share(after, OUT) > 0.002
    assert _colour_share(before, IN) < 0.5 * _colour_share(after, IN)
