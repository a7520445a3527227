"""Rate, channels, container and sample format of a sound file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AudioFormat:
    """Format of a sound file.

    Attributes:
        sample_rate: Hz.
        num_channels: 1 or more.
        num_samples: Length per channel, samples; None where a pipe does not say.
        container: soundfile's name of the file format, such as "WAV" or "FLAC".
        subtype: soundfile's name of the sample format, such as "PCM_24" or "VORBIS".
        endian: soundfile's name of the byte order; "FILE" is the container's own.
        channel_mask: Loudspeakers of the channels, as in WAVE_FORMAT_EXTENSIBLE (see `channel_layouts`);
            None where the file does not say. Channels are in the order of its bits.
    """

    sample_rate: int
    num_channels: int
    num_samples: int | None
    container: str
    subtype: str
    endian: str = "FILE"
    channel_mask: int | None = None

    @property
    def duration_s(self) -> float | None:
        """Length in seconds, None where it is not known beforehand."""
        return None if self.num_samples is None else self.num_samples / self.sample_rate

    def __str__(self) -> str:
        channels = {1: "mono", 2: "stereo"}.get(self.num_channels, f"{self.num_channels} channels")
        return f"{self.container} {self.subtype}, {self.sample_rate} Hz, {channels}"
