"""Small films with sound, and what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 48_000
FPS = 25


def film_sound(start: int, num_samples: int) -> np.ndarray:
    """float32 (2, samples): a gliding tone, whose every stretch differs from every other."""
    time = np.arange(start, start + num_samples) / RATE
    tone = 0.3 * np.sin(2 * np.pi * (400.0 * time + 60.0 * np.sin(2 * np.pi * 0.37 * time)))
    return np.stack([tone, 0.5 * tone]).astype(np.float32)


def make_film(
    path: Path,
    seconds: float,
    *,
    muxer: str,
    encoder: str,
    offset_s: float = 0.0,
    pictures: str = "mpeg4",
    sound: Callable[[int, int], np.ndarray] = film_sound,
) -> None:
    """Write a film whose sound begins `offset_s` after its pictures, which have B-frames."""
    kind = "flt" if encoder == "libopus" else "fltp"
    with av.open(str(path), "w", format=muxer) as container:
        video: Any = container.add_stream(pictures, rate=FPS)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if pictures == "mpeg4":
            video.codec_context.max_b_frames = 2
        audio: Any = container.add_stream(encoder, rate=RATE)
        audio.codec_context.layout, audio.codec_context.format = "stereo", kind
        audio.codec_context.time_base = Fraction(1, RATE)
        container.metadata["title"] = "A film"
        container.start_encoding()
        size = audio.codec_context.frame_size
        num_samples, position = round(seconds * RATE), 0
        for number in range(round(seconds * FPS)):
            picture = av.VideoFrame.from_ndarray(
                np.full((72, 64), number * 7 % 255, np.uint8), format="yuv420p"
            )
            picture.pts, picture.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(picture))
            while position < num_samples and position / RATE <= (number + 1) / FPS:
                block = sound(position, min(size, num_samples - position))
                shaped = block if kind.endswith("p") else block.T.reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(shaped), format=kind, layout="stereo")
                frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
                frame.pts = position + round(offset_s * RATE)
                container.mux(audio.encode(frame))
                position += block.shape[1]
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def copy_packets(
    source: Path,
    target: Path,
    *,
    is_kept: Callable[[Any], bool] = lambda packet: True,
    attachment: tuple[str, str, bytes] | None = None,
) -> None:
    """Copy a film into Matroska, packet by packet, without some of them or with an attached file.

    Args:
        is_kept: Says of a packet whether it is copied.
        attachment: Name, MIME type and bytes.
    """
    with av.open(str(source)) as film, av.open(str(target), "w", format="matroska") as copy:
        copies = {stream: copy.add_stream_from_template(stream, opaque=True) for stream in film.streams}
        if attachment is not None:
            copy.add_attachment(*attachment)
        for packet in film.demux():
            if packet.size and is_kept(packet):
                packet.stream = copies[packet.stream]
                copy.mux(packet)


def video_packets(path: Path) -> list[tuple[bytes, Fraction]]:
    """The bytes and the time of each packet of pictures."""
    with av.open(str(path)) as container:
        packets: Iterator[Any] = container.demux(container.streams.video[0])
        return [(bytes(packet), packet.pts * packet.time_base) for packet in packets if packet.size]


def decoded_sound(path: Path) -> tuple[np.ndarray, Fraction]:
    """float32 (channels, samples) and the time of the first one, straight from FFmpeg."""
    blocks: list[np.ndarray] = []
    first = Fraction(0)
    with av.open(str(path)) as container:
        frames: Iterator[Any] = container.decode(audio=0)
        for frame in frames:
            if not blocks:
                first = Fraction(frame.pts * frame.time_base)
            array = frame.to_ndarray()
            blocks.append(array if frame.format.is_planar else array.reshape(-1, 2).T)
    return np.concatenate(blocks, axis=1), first


def lag(one: np.ndarray, other: np.ndarray, *, longest: int = 64) -> int:
    """By how many samples `other` is late, where they fit best; both float (channels, samples)."""
    num_samples = min(one.shape[1], other.shape[1], 400_000) - 2 * longest
    reference = one[0, longest : longest + num_samples]
    matches = {
        shift: float(reference @ other[0, longest + shift : longest + shift + num_samples])
        for shift in range(-longest, longest + 1)
    }
    return max(matches, key=lambda shift: matches[shift])
