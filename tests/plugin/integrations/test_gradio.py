"""Gradio: its own server and client, over a real recording."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("gradio", reason="gradio is not installed")
gradio_client: Any = pytest.importorskip("gradio_client", reason="gradio_client is not installed")

import hushgate  # noqa: E402
from hushgate.integrations.gradio import make_demo  # noqa: E402

EXAMPLE = Path(__file__).parents[3] / "examples" / "noisy_speech.flac"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of the demo in a server of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        demo = make_demo()
        _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
        try:
            yield gradio_client.Client(address, verbose=False, analytics_enabled=False)
        finally:
            demo.close(verbose=False)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_recording_comes_back_as_denoise_cleans_it(client: Any, tmp_path: Path, channels: int) -> None:
    speech, rate = soundfile.read(EXAMPLE, dtype="float32", frames=48_000)
    take = tmp_path / "take.flac"
    soundfile.write(take, speech if channels == 1 else np.stack([speech, 0.5 * speech], axis=1), rate)
    result = client.predict(gradio_client.handle_file(take), "voice", api_name="/denoise")
    cleaned, cleaned_rate = soundfile.read(result, dtype="float32")
    expected = hushgate.denoise(take, preset="voice")
    assert cleaned_rate == rate
    np.testing.assert_allclose(cleaned.T, np.asarray(expected), atol=2.0**-15)


def test_the_reason_of_a_refusal_is_shown(client: Any, tmp_path: Path) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("no sound")
    with pytest.raises(gradio_client.exceptions.AppError, match=r"^notes\.wav cannot be read"):
        client.predict(gradio_client.handle_file(text), "voice", api_name="/denoise")
