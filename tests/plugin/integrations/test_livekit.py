"""livekit-agents: its own audio input with our frame processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

rtc = pytest.importorskip("livekit.rtc", reason="livekit is not installed")
agents_input = pytest.importorskip(
    "livekit.agents.voice.room_io._input", reason="livekit-agents is not installed"
)

from hushgate import Denoiser  # noqa: E402
from hushgate.integrations.livekit import HushgateProcessor  # noqa: E402

EXAMPLE = Path(__file__).parents[3] / "examples" / "noisy_speech.flac"


def frames(samples: np.ndarray, rate: int) -> list[object]:
    """Frames of 10 ms, as a track delivers them."""
    size = rate // 100
    parts = [samples[start : start + size] for start in range(0, len(samples) - size + 1, size)]
    return [rtc.AudioFrame(part.tobytes(), rate, 1, len(part)) for part in parts]


def through_agent(processor: HushgateProcessor, heard: list[object]) -> np.ndarray:
    """What the agent's own audio input makes of frames: its filter step and its resampler."""
    source = agents_input._ParticipantAudioInputStream.__new__(agents_input._ParticipantAudioInputStream)
    source._processor = processor
    source._sample_rate = 24_000
    cleaned = source._apply_audio_processor(heard)
    parts = [np.frombuffer(frame.data, np.int16) for frame in source._resample_frames(cleaned)]
    return np.concatenate(parts)


def test_the_agent_hears_speech_cleaned(identity: str, stateful: str) -> None:
    speech, rate = soundfile.read(EXAMPLE, dtype="int16", frames=96_000)
    processor = HushgateProcessor(model=stateful)
    heard = frames(speech, rate)
    cleaned = [processor._process(frame) for frame in heard]
    output = np.concatenate([np.frombuffer(frame.data, np.int16) for frame in cleaned])
    latency = processor.stream.latency_samples(rate)
    expected = Denoiser(stateful)((speech / 32_768.0).astype(np.float32), rate)
    assert np.abs(output[latency:] / 32_768.0 - expected[: len(output) - latency]).max() < 1e-4
    resampled = through_agent(HushgateProcessor(model=identity), heard)
    assert abs(len(resampled) - len(speech) // 2) < 1000


def test_livekit_takes_it_for_a_frame_processor(identity: str) -> None:
    from livekit.agents import room_io

    processor = HushgateProcessor(model=identity)
    assert isinstance(processor, rtc.FrameProcessor)
    options = room_io.AudioInputOptions(noise_cancellation=processor)
    assert options.noise_cancellation is processor
    frame = frames(np.full(480, 1000, np.int16), 48_000)[0]
    processor.enabled = False
    assert processor._process(frame) is frame
    processor._close()
