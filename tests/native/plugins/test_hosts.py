"""The plugins in other hosts, DawDreamer and minihost (both with JUCE inside), and LV2's own validator."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import BlockDenoiser, load_model
from tests.native.plugins.test_plugins import RATE
from tests.native.test_parity import Audio, sound

pytestmark = pytest.mark.level(7)


def _voice(audio: Audio) -> Audio:
    denoiser = BlockDenoiser("voice", engine="onnx")
    denoiser.prepare(RATE, 8_192, len(audio))
    return denoiser.process(audio)


def test_vst3_in_dawdreamer_gives_the_sound_of_the_denoiser(plugins: Path) -> None:
    dawdreamer = pytest.importorskip("dawdreamer", reason="no dawdreamer")
    audio = sound(RATE, 2)
    engine = dawdreamer.RenderEngine(RATE, 512)
    plugin = engine.make_plugin_processor("hushgate", str(plugins / "hushgate.vst3"))
    assert plugin.get_latency_samples() == load_model("voice").latency_samples(RATE)
    engine.load_graph([(engine.make_playback_processor("sound", audio), []), (plugin, ["sound"])])
    engine.render(audio.shape[1] / RATE)
    found = engine.get_audio()[:, : audio.shape[1]]
    np.testing.assert_allclose(found, _voice(audio)[:, : found.shape[1]], rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("format", ["vst3", "lv2"])
def test_minihost_runs_it_and_carries_its_state(format: str, plugins: Path) -> None:
    minihost = pytest.importorskip("minihost", reason="no minihost")
    audio = sound(RATE, 2)
    path = str(plugins / f"hushgate.{format}")
    plugin = minihost.Plugin(path, sample_rate=RATE, max_block_size=512)
    found = np.asarray(minihost.process_audio(plugin, audio, block_size=512, compensate_latency=False))
    np.testing.assert_allclose(found[:, : audio.shape[1]], _voice(audio), rtol=0.0, atol=1e-5)
    # An LV2 plugin reports its latency with the first block.
    assert plugin.latency_samples == load_model("voice").latency_samples(RATE)
    plugin.set_param_by_name("mix", 0.25)
    np.asarray(minihost.process_audio(plugin, audio, block_size=512))
    other = minihost.Plugin(path, sample_rate=RATE, max_block_size=512)
    other.set_state(plugin.get_state())
    assert other.get_param_by_name("mix") == pytest.approx(0.25, abs=1e-6)
    plugin.close()
    other.close()


def test_lv2_validates(plugins: Path) -> None:
    program = shutil.which("lv2_validate")
    if program is None or shutil.which("sord_validate") is None:
        pytest.skip("no lv2_validate or sord_validate (Debian's lv2-dev and sordi)")
    files = sorted(str(path) for path in (plugins / "hushgate.lv2").glob("*.ttl"))
    done = subprocess.run([program, *files], capture_output=True, text=True, check=False)
    errors = re.split(r"^error: ", done.stdout, flags=re.MULTILINE)[1:]
    assert "among" in done.stdout, done.stderr
    # Words of KXStudio and MOD Devices, whose vocabularies are not in Debian.
    strange = [error for error in errors if not re.search(r"//kxstudio\.sf\.net/|//moddevices\.com/", error)]
    assert strange == []
