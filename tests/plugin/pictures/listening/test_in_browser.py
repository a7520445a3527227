"""Listening pages in Debian's Chromium: no gaps, a place on every screen, accessibility."""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hushgate import batch
from hushgate.pictures.listening.recording_page import write_recording_page
from tests.helpers.seeded_noise import noise
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.level(7)

RATE = 48_000
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
# Where a change makes a sound in the browser stall, it falls behind the others by more than this.
STALL_S = 0.03


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium (Debian's chromium)")
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")), executable_path=program, headless=True, args=list(FLAGS)
        )
        yield context
        context.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that fails the test where the browser reports an error or asks the network for something."""
    page = browser.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: faults.append(request.url) if "http" in request.url[:4] else None)
    yield page
    page.close()
    assert [fault for fault in faults if "ERR_FILE_NOT_FOUND" not in fault] == []


@pytest.fixture(scope="module")
def files(browser: Any, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a recording, and the report of a batch with formats that browsers do not play."""
    folder = tmp_path_factory.mktemp("pages")
    sound = np.sin(2 * np.pi * 440 * np.arange(20 * RATE) / RATE) * 0.2 + 0.01 * noise(20 * RATE)
    (folder / "in").mkdir()
    soundfile.write(folder / "in" / "take.wav", sound, RATE)
    soundfile.write(folder / "in" / "tape.aiff", sound[:RATE], RATE)
    soundfile.write(folder / "in" / f"{'long name ' * 12}.wav", sound[:RATE], RATE)
    (folder / "in" / "broken.wav").touch()
    batch(
        folder / "in",
        folder / "out",
        model=models / "half.onnx",
        jobs=0,
        reports=[folder / "report.html"],
        output_residual=True,
    )
    write_recording_page(folder / "page.html", folder / "in" / "take.wav", folder / "out" / "take.wav")
    return {"page": folder / "page.html", "report": folder / "report.html"}


def _player(page: Any) -> Any:
    """The player of take.wav."""
    return page.locator(".player", has=page.locator("audio[aria-label='before, take.wav']"))


def _sounds(player: Any, what: str) -> list[Any]:
    values: list[Any] = player.locator("audio").evaluate_all(f"sounds => sounds.map(sound => sound.{what})")
    return values


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
@pytest.mark.parametrize("name", ["page", "report"])
def test_pages_fit_the_screen_and_are_accessible(
    page: Any, files: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-playwright-python")
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(files[name].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    report = axe.Axe().run(page)
    assert report.violations_count == 0, report.generate_report()


@pytest.mark.parametrize("name", ["page", "report"])
def test_versions_run_together_and_one_is_heard(page: Any, files: dict[str, Path], name: str) -> None:
    page.goto(files[name].as_uri())
    player = _player(page)

    def is_heard_alone(choice: int) -> bool:
        return [volume > 1e-3 for volume in _sounds(player, "volume")] == [
            number == choice for number in range(3)
        ]

    player.get_by_role("button", name="Play").click()
    wait_until(lambda: min(_sounds(player, "currentTime")) > 0.5)
    for choice, version in ((1, "after"), (2, "removed"), (0, "before")):
        first, started = _sounds(player, "currentTime"), time.monotonic()
        player.get_by_label(version, exact=True).check()
        wait_until(functools.partial(is_heard_alone, choice))
        last, ended = _sounds(player, "currentTime"), time.monotonic()
        # Nothing stood still or jumped: every version moved on, together with the others.
        assert all(0.0 < b - a < ended - started + 0.2 for a, b in zip(first, last, strict=True))
        assert max(last) - min(last) < STALL_S
    player.get_by_role("button", name="Pause").click()
    assert all(_sounds(player, "paused"))


def test_keys_and_the_picture_choose_version_and_place(page: Any, files: dict[str, Path]) -> None:
    page.goto(files["page"].as_uri())
    page.keyboard.press("2")
    assert page.get_by_label("after", exact=True).is_checked()
    page.locator(".plot img").first.click()  # its middle
    assert page.locator(".time").text_content() in ("0:09 / 0:20", "0:10 / 0:20")
    assert float(page.locator(".seek").input_value()) == pytest.approx(10.0, abs=0.2)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    wait_until(lambda: min(_sounds(_player(page), "currentTime")) > 10.3)


def test_a_file_that_is_gone_is_said_and_the_others_play(page: Any, files: dict[str, Path]) -> None:
    residual = files["report"].parent / "out" / "take.residual.wav"
    data = residual.read_bytes()
    residual.unlink()
    try:
        page.goto(files["report"].as_uri())
        player = _player(page)
        player.get_by_role("button", name="Play").click()
        player.get_by_text("This browser cannot play this file.").wait_for()
        assert not player.get_by_label("removed", exact=True).is_enabled()
        wait_until(lambda: _sounds(player, "currentTime")[0] > 0.2)
    finally:
        residual.write_bytes(data)
