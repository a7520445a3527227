"""pipecat: its own input transport with our filter."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("pipecat", reason="pipecat-ai is not installed")
base_input: Any = pytest.importorskip("pipecat.transports.base_input", reason="pipecat-ai is not whole")

from pipecat.frames.frames import (  # noqa: E402
    FilterEnableFrame,
    FilterUpdateSettingsFrame,
    InputAudioRawFrame,
)

from hushgate import Denoiser  # noqa: E402
from hushgate.integrations.pipecat import HushgateFilter  # noqa: E402

EXAMPLE = Path(__file__).parents[3] / "examples" / "noisy_speech.flac"
RATE = 16_000


def run_pipeline(filter: HushgateFilter, samples: np.ndarray) -> np.ndarray:
    """Audio through an input transport of pipecat in a pipeline of its own, in frames of 20 ms."""
    from pipecat.frames.frames import EndFrame, Frame
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.runner import PipelineRunner
    from pipecat.pipeline.task import PipelineParams, PipelineTask
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
    from pipecat.transports.base_transport import TransportParams

    class Source(base_input.BaseInputTransport):
        async def start(self, frame: object) -> None:
            await super().start(frame)
            await self.set_transport_ready(frame)

    heard: list[bytes] = []

    class Ear(FrameProcessor):
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, InputAudioRawFrame):
                heard.append(frame.audio)
            await self.push_frame(frame, direction)

    async def run() -> None:
        params = TransportParams(audio_in_enabled=True, audio_in_sample_rate=RATE, audio_in_filter=filter)
        source = Source(params)
        task = PipelineTask(Pipeline([source, Ear()]), params=PipelineParams(audio_in_sample_rate=RATE))
        running = asyncio.ensure_future(PipelineRunner(handle_sigint=False).run(task))
        await asyncio.sleep(0.5)
        size = RATE // 50
        for start in range(0, len(samples) - size + 1, size):
            part = samples[start : start + size]
            await source.push_audio_frame(InputAudioRawFrame(part.tobytes(), RATE, 1))
        while len(heard) < len(samples) // size:
            await asyncio.sleep(0.05)
        await task.queue_frame(EndFrame())
        await running

    asyncio.run(asyncio.wait_for(run(), 60.0))
    return np.frombuffer(b"".join(heard), np.int16)


def test_a_pipeline_hears_speech_cleaned(stateful: str) -> None:
    speech, _ = soundfile.read(EXAMPLE, dtype="int16", frames=96_000)
    speech = np.ascontiguousarray(speech[::3])  # to 16 kHz; aliasing does not matter here
    filter = HushgateFilter(model=stateful)
    output = run_pipeline(filter, speech)
    latency = filter.stream.latency_samples(RATE)
    expected = Denoiser(stateful)((speech / 32_768.0).astype(np.float32), RATE)
    assert len(output) == len(speech)
    assert np.abs(output[latency:] / 32_768.0 - expected[: len(output) - latency]).max() < 1e-4


def test_control_frames_switch_and_set_it(models: Path) -> None:
    async def run() -> None:
        filter = HushgateFilter(model=str(models / "half.onnx"))
        await filter.start(RATE)
        sound = np.full(RATE // 2, 1000, np.int16).tobytes()
        assert np.frombuffer(await filter.filter(sound), np.int16)[-1] == 500
        await filter.process_frame(FilterUpdateSettingsFrame(settings={"mix": 0.0}))
        await filter.filter(sound)
        assert np.frombuffer(await filter.filter(sound), np.int16)[-1] == 1000
        await filter.process_frame(FilterEnableFrame(enable=False))
        assert await filter.filter(sound) == sound
        await filter.stop()

    asyncio.run(run())
