"""Noise cancellation for livekit-agents: a frame processor for the audio that an agent hears."""

from __future__ import annotations

import os
from typing import Any

from livekit import rtc

from hushgate.integrations.pcm_stream import PcmStream


class HushgateProcessor(rtc.FrameProcessor[rtc.AudioFrame]):
    """Clean the frames of one participant; runs in the agent, without a cloud.

    Args:
        preset, model, **settings: As for `PcmStream`.

    One object serves one stream. Latency: that of the effect, 32 ms for the model voice.

    >>> from livekit.agents import room_io  # doctest: +SKIP
    >>> options = room_io.RoomOptions(  # doctest: +SKIP
    ...     audio_input=room_io.AudioInputOptions(noise_cancellation=HushgateProcessor("voice")))
    """

    def __init__(
        self,
        preset: str | os.PathLike[str] | None = None,
        model: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        self.stream = PcmStream(preset, model, **settings)
        self._enabled = True

    @property
    def enabled(self) -> bool:
        """Whether frames are cleaned."""
        return self._enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        if value and not self._enabled:
            self.stream.reset()  # what was heard before the pause must not be heard after it
        self._enabled = value

    def _process(self, frame: rtc.AudioFrame) -> rtc.AudioFrame:
        if not self._enabled:
            return frame
        data = self.stream.process(frame.data.cast("b"), frame.sample_rate, frame.num_channels)
        return rtc.AudioFrame(
            data=data,
            sample_rate=frame.sample_rate,
            num_channels=frame.num_channels,
            samples_per_channel=frame.samples_per_channel,
            userdata=frame.userdata,
        )

    def _close(self) -> None:
        self.stream.reset()
