"""The web page in Debian's Chromium: the sound of the Python engine, its controls, its accessibility.

Compiling the core to WebAssembly takes 15 s.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hushgate.engine import BlockDenoiser
from hushgate.web.assemble import assemble_page
from tests.native.compiled import build_wasm
from tests.native.test_hum import music_in_hum
from tests.native.test_parity import Audio, sound

RATE = 48_000
# A core that was compiled before.
VARIABLE = "HUSHGATE_WASM"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
FAKE_MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
# Keeps the microphones that the page was given, in `streams`.
KEEP_STREAMS = """() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.streams = [];
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await ask(wanted);
        streams.push(stream);
        return stream;
    };
}"""
# Whether each of them is still in use.
ARE_LIVE = "streams.map((stream) => stream.getTracks()[0].readyState === 'live')"
# Runs the page's own worklet over a sound, as fast as it can.
RENDER_IN_WORKLET = """async ([model, values, channels, rate]) => {
    const length = channels[0].length;
    const context = new OfflineAudioContext(channels.length, length, rate);
    await context.audioWorklet.addModule(workletAddress);
    const buffer = context.createBuffer(channels.length, length, rate);
    channels.forEach((channel, index) => buffer.copyToChannel(Float32Array.from(channel), index));
    settings.use(model, values);
    document.querySelector("#live input[value=after]").checked = true;
    const node = liveNode(context, channels.length);
    node.channelCount = channels.length;
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(node).connect(context.destination);
    source.start();
    const result = await context.startRendering();
    return channels.map((_, index) => Array.from(result.getChannelData(index)));
}"""

pytestmark = pytest.mark.level(7)


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembled page with a core that was compiled for it."""
    named = os.environ.get(VARIABLE)
    folder = tmp_path_factory.mktemp("page")
    core = Path(named) if named else folder / "hushgate.wasm"
    if not named:
        script = build_wasm()
        compiler = script.find_compiler()
        if compiler is None:
            pytest.skip("no clang for WebAssembly (Debian's clang-14 and lld-14)")
        script.compile_wasm(core, compiler)
    path = folder / "hushgate.html"
    path.write_text(assemble_page(core.read_bytes()), encoding="utf-8")
    return path


@contextlib.contextmanager
def _open(page_file: Path, folder: Path, *flags: str, width: int = 1280) -> Iterator[Any]:
    """The page in a browser; it fails where the page reports an error or asks the network for something."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium (Debian's chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            str(folder / "profile"),
            executable_path=program,
            headless=True,
            args=[*FLAGS, *flags],
            viewport={"width": width, "height": 900},
        )
        page = browser.new_page()
        page.set_default_timeout(60_000)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on(
            "request", lambda request: faults.append(request.url[:99]) if _is_remote(request.url) else None
        )
        page.goto(page_file.as_uri())
        yield page
        assert faults == []
        browser.close()


def _is_remote(address: str) -> bool:
    return not address.startswith(("file:", "data:", "blob:"))


@pytest.fixture
def page(page_file: Path, tmp_path: Path) -> Iterator[Any]:
    """The page, opened from its file."""
    with _open(page_file, tmp_path) as opened:
        yield opened


def _clean(page: Any, audio: Audio, rate: int, folder: Path) -> None:
    """Open a recording in the page and wait until it is cleaned."""
    path = folder / "take 1.wav"
    soundfile.write(path, audio.T, rate, subtype="FLOAT")
    page.set_input_files("#file", path)
    page.get_by_role("status").get_by_text("Cleaned in").wait_for()


def _save(page: Any, button: str, folder: Path) -> Audio:
    """What the page offers as a file."""
    page.select_option("#wav-format", "float")
    with page.expect_download() as download:
        page.click(button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T)


def _expected(model: str, audio: Audio, rate: int, **settings: Any) -> Audio:
    """The Python engine's sound as `hushgate denoise` makes it: from 8 s on it hears the beginning first."""
    denoiser = BlockDenoiser(model, engine="onnx", **settings)
    denoiser.prepare(rate, 8_192, len(audio))
    if audio.shape[1] >= 8 * rate:
        denoiser.learn()
        denoiser.process(audio[:, : 30 * rate])
        denoiser.reset()
    late = denoiser.latency_samples
    padded = np.concatenate([audio, np.zeros((len(audio), late), np.float32)], axis=1)
    return denoiser.process(padded)[:, late:]


@pytest.mark.parametrize(
    ("model", "rate", "num_channels", "seconds"),
    [("voice", 16_000, 1, 9.0), ("guitar", 16_000, 1, 9.0), ("music", 44_100, 2, 0.6)],
)
def test_saved_sound_is_that_of_the_denoiser(
    model: str, rate: int, num_channels: int, seconds: float, page: Any, tmp_path: Path
) -> None:
    page.evaluate(f"settings.use({model!r}, {{}})")
    audio = sound(rate, num_channels, seconds=seconds)
    _clean(page, audio, rate, tmp_path)
    expected = _expected(model, audio, rate)
    found = _save(page, "#save-after", tmp_path)
    assert (tmp_path / "take 1.denoised.wav").exists()
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-5)
    np.testing.assert_allclose(_save(page, "#save-removed", tmp_path), audio - expected, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("model", ["voice", "music", "guitar"])
def test_live_sound_is_that_of_the_denoiser(model: str, page: Any) -> None:
    audio = sound(RATE, 2)[:, : 128 * 200]
    values: dict[str, Any] = {"gate_threshold_db": -40.0, "attenuation_limit_db": 20.0, "mix": 0.75}
    found = page.evaluate(RENDER_IN_WORKLET, [model, values, [row.tolist() for row in audio], RATE])
    denoiser = BlockDenoiser(model, engine="onnx", **values)
    denoiser.prepare(RATE, 8_192, 2)
    np.testing.assert_allclose(np.array(found), denoiser.process(audio), rtol=0.0, atol=1e-5)


def test_hum_of_a_recording_is_known_from_its_start(page: Any, tmp_path: Path) -> None:
    page.evaluate("settings.usePreset('music')")
    audio = music_in_hum(16_000, 60.0, 2, is_wide=True, seconds=9.0)
    _clean(page, audio, 16_000, tmp_path)
    expected = _expected("music", audio, 16_000, hum_reduction_db=40.0)
    np.testing.assert_allclose(_save(page, "#save-after", tmp_path), expected, rtol=0.0, atol=1e-5)
    page.evaluate("settings.usePreset('de-hum')")
    page.locator("#workspace:not([aria-busy])").wait_for()
    expected = _expected("voice", audio, 16_000, hum_reduction_db=40.0, mix=0.0)
    np.testing.assert_allclose(_save(page, "#save-after", tmp_path), expected, rtol=0.0, atol=1e-5)


def test_a_preset_and_a_slider_change_the_sound(page: Any, tmp_path: Path) -> None:
    audio = sound(RATE, 1)
    _clean(page, audio, RATE, tmp_path)
    page.click("summary")
    page.select_option("#preset", "tuner")
    assert page.is_checked("#models input[value=guitar]")
    page.fill("#hold_ms", "0")
    page.fill("#gate_threshold_db", "700")
    assert page.text_content("output:near(#gate_threshold_db)") == "\N{MINUS SIGN}30.0 dB" + "FS"
    assert page.input_value("#preset") == ""
    page.locator("#workspace:not([aria-busy])").wait_for()
    settings = {"gate_threshold_db": -30.0, "hold_ms": 0.0, "gate_floor_db": -120.0, "release_ms": 40.0}
    expected = _expected("guitar", audio, RATE, presence_db=-3.0, **settings)
    np.testing.assert_allclose(_save(page, "#save-after", tmp_path), expected, rtol=0.0, atol=1e-5)


def test_keys_play_and_switch_at_one_loudness(page: Any, tmp_path: Path) -> None:
    _clean(page, sound(RATE, 1, seconds=3.0), RATE, tmp_path)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    for key, side in (("1", "before"), ("3", "removed"), ("2", "after")):
        page.keyboard.press(key)
        assert page.is_checked(f"#listen-{side}")
        assert page.evaluate("player.side") == side
    page.wait_for_timeout(300)
    assert page.evaluate("player.position") > 0.1
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("player.position") == 0.0
    gains = page.evaluate("player.gains()")
    loudness = page.evaluate(
        "Object.fromEntries(Object.entries(state.sounds).map(([side, sound]) => [side, sound.loudness]))"
    )
    matched = [loudness[side] + 20.0 * np.log10(gain) for side, gain in gains.items()]
    np.testing.assert_allclose(matched, matched[0], atol=1e-6)


def test_the_microphone_is_recorded_and_cleaned(page_file: Path, tmp_path: Path) -> None:
    with _open(page_file, tmp_path, *FAKE_MICROPHONE) as page:
        page.click("#record")
        page.get_by_role("button", name="Stop and compare").wait_for()
        page.get_by_text("Before").first.click()
        page.wait_for_timeout(1_200)
        page.click("#live-stop")
        page.get_by_role("status").get_by_text("Cleaned in").wait_for()
        assert page.text_content("#name") == "microphone"
        assert page.evaluate("state.recording.channels[0].length") > RATE // 2
        assert page.evaluate("state.sounds.before.peak") > 0.01  # Chromium's fake microphone beeps


def test_a_microphone_that_is_asked_for_twice_is_recorded_once(page_file: Path, tmp_path: Path) -> None:
    with _open(page_file, tmp_path, *FAKE_MICROPHONE) as page:
        page.evaluate(KEEP_STREAMS)
        page.evaluate("for (const click of [1, 2]) document.querySelector('#record').click()")
        page.get_by_role("status").get_by_text("Recording").wait_for()
        page.wait_for_timeout(300)
        assert page.evaluate(ARE_LIVE) == [True]
        page.click("#live-stop")
        page.get_by_role("status").get_by_text("Cleaned in").wait_for()
        assert page.evaluate(ARE_LIVE) == [False]
        assert page.is_enabled("#record")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("AudioWorklet.prototype.addModule = () => Promise.reject(new Error())", "cannot process its sound"),
        ("new Uint8Array(wasm).fill(1, 100, 200)", "could not be processed"),
    ],
    ids=["worklet that does not load", "processor that does not start"],
)
def test_a_microphone_that_cannot_be_processed_is_let_go(
    fault: str, reason: str, page_file: Path, tmp_path: Path
) -> None:
    with _open(page_file, tmp_path, *FAKE_MICROPHONE) as page:
        page.evaluate(KEEP_STREAMS)
        page.evaluate(f"() => {{ {fault}; }}")
        page.click("#record")
        page.get_by_role("alert").wait_for()
        assert reason in page.text_content("#error")
        assert page.evaluate(ARE_LIVE) == [False]
        assert page.is_visible("#start")
        assert not page.is_visible("#live")
        assert not page.is_visible("#workspace")


def test_a_page_that_browsers_keep_from_the_microphone_says_why(page: Any) -> None:
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.click("#record")
    page.get_by_role("alert").wait_for()
    assert "https pages, localhost and files only" in page.text_content("#error")


def test_files_are_refused_and_settings_are_kept_while_the_microphone_runs(
    page_file: Path, tmp_path: Path
) -> None:
    with _open(page_file, tmp_path, *FAKE_MICROPHONE) as page:
        _clean(page, sound(RATE, 1), RATE, tmp_path)
        page.click("#record")
        page.get_by_role("status").get_by_text("Recording").wait_for()
        assert not page.is_visible("#listen")
        page.set_input_files("#file", tmp_path / "take 1.wav")
        page.get_by_role("alert").wait_for()
        assert "take 1.wav was not opened" in page.text_content("#error")
        page.fill("#mix", "0")
        page.wait_for_timeout(300)
        page.click("#live-stop")
        page.get_by_role("status").get_by_text("Cleaned in").wait_for()
        assert page.text_content("#name") == "microphone"
        assert page.evaluate("state.sounds.removed.peak") < 1e-6


def test_a_recording_of_the_longest_duration_is_kept(page_file: Path, tmp_path: Path) -> None:
    shortened = tmp_path / "shortened.html"
    text = page_file.read_text(encoding="utf-8")
    shortened.write_text(text.replace("MOST_SECONDS = 20 * 60", "MOST_SECONDS = 1"), encoding="utf-8")
    with _open(shortened, tmp_path, *FAKE_MICROPHONE) as page:
        page.click("#record")
        page.get_by_role("status").get_by_text("Cleaned in").wait_for()
        assert page.text_content("#name") == "microphone"


def test_samples_that_are_no_numbers_count_as_0(page: Any, tmp_path: Path) -> None:
    audio = sound(RATE, 1)
    audio[0, [1_000, 2_000, 3_000]] = (np.nan, -np.inf, 2e12)
    _clean(page, audio, RATE, tmp_path)
    assert "replaced by 0: 3" in page.text_content("#format")
    expected = _expected("voice", audio, RATE)
    np.testing.assert_allclose(_save(page, "#save-after", tmp_path), expected, rtol=0.0, atol=1e-5)


def test_of_two_files_the_last_one_stays(page: Any, tmp_path: Path) -> None:
    page.evaluate("""() => {
        const read = File.prototype.arrayBuffer;
        File.prototype.arrayBuffer = async function () {
            const bytes = await read.call(this);
            if (this.name === "slow.wav") await new Promise((resolve) => setTimeout(resolve, 500));
            return bytes;
        };
    }""")
    soundfile.write(tmp_path / "slow.wav", sound(RATE, 1)[0], RATE)
    page.set_input_files("#file", tmp_path / "slow.wav")
    _clean(page, sound(RATE, 1), RATE, tmp_path)
    page.wait_for_timeout(700)
    assert page.text_content("#name") == "take 1.wav"


def test_a_file_that_is_no_sound_is_reported_until_the_next_is_opened(page: Any, tmp_path: Path) -> None:
    audio = sound(RATE, 1)
    (tmp_path / "notes.txt").write_text("no sound")
    soundfile.write(tmp_path / "take.wav", audio[0], RATE)
    page.set_input_files("#file", tmp_path / "take.wav")
    page.locator("#name").get_by_text("take.wav").wait_for()
    page.set_input_files("#file", tmp_path / "notes.txt")
    page.get_by_role("alert").wait_for()
    page.get_by_role("status").get_by_text("Cleaned in").wait_for()
    assert "notes.txt cannot be opened" in page.text_content("#error")
    _clean(page, audio, RATE, tmp_path)
    assert not page.is_visible("#error")


@pytest.mark.parametrize("width", [1280, 420])
def test_the_page_is_accessible_and_fits_its_width(width: int, page_file: Path, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python")
    with _open(page_file, tmp_path, width=width) as page:
        reports = [axe.Axe().run(page)]
        page.click("#example")
        page.get_by_role("status").get_by_text("Cleaned in").wait_for()
        page.click("summary")
        reports.append(axe.Axe().run(page))
        for report in reports:
            assert report.violations_count == 0, report.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_choice_of_what_is_heard_fits_at_every_width(page: Any) -> None:
    page.evaluate(
        "for (const id of ['workspace', 'listen', 'live']) document.getElementById(id).hidden = false"
    )
    for width in (320, 545, 600, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for sides in page.locator(".sides").all():
            assert sides.evaluate("(sides) => sides.scrollWidth <= sides.clientWidth"), width
