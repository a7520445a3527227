"""Audio filter for pipecat's transports."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pipecat.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat.frames.frames import FilterControlFrame, FilterEnableFrame, FilterUpdateSettingsFrame

from hushgate.integrations.pcm_stream import PcmStream


class HushgateFilter(BaseAudioFilter):
    """Clean what a transport hears, before voice activity detection and everything else.

    `FilterEnableFrame` switches it on and off, `FilterUpdateSettingsFrame` changes parameters of `Denoiser`.

    Args:
        preset, model, **settings: As for `PcmStream`.
        num_channels: Channels of the transport's audio.

    Latency: that of the effect, 32 ms for the model voice.

    >>> from pipecat.transports.base_transport import TransportParams  # doctest: +SKIP
    >>> params = TransportParams(  # doctest: +SKIP
    ...     audio_in_enabled=True, audio_in_filter=HushgateFilter("voice"))
    """

    def __init__(
        self,
        preset: str | os.PathLike[str] | None = None,
        model: str | os.PathLike[str] | None = None,
        *,
        num_channels: int = 1,
        **settings: Any,
    ) -> None:
        self.stream = PcmStream(preset, model, **settings)
        self._num_channels = num_channels
        self._sample_rate = 0
        self._is_enabled = True

    async def start(self, sample_rate: int) -> None:
        """Begin with a stream of `sample_rate` Hz."""
        self._sample_rate = sample_rate
        self.stream.reset()

    async def stop(self) -> None:
        """End the stream."""
        self.stream.reset()

    async def process_frame(self, frame: FilterControlFrame) -> None:
        """Do what a control frame says."""
        if isinstance(frame, FilterEnableFrame):
            if frame.enable and not self._is_enabled:
                self.stream.reset()
            self._is_enabled = frame.enable
        elif isinstance(frame, FilterUpdateSettingsFrame):
            self.stream.set(**frame.settings)

    async def filter(self, audio: bytes) -> bytes:
        """Clean 16-bit samples; the event loop goes on meanwhile."""
        if not self._is_enabled or not audio:
            return audio
        return await asyncio.to_thread(self.stream.process, audio, self._sample_rate, self._num_channels)
