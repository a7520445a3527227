"""The streams of a film that are copied while its sound is replaced."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from hushgate.audio_files.ffmpeg.decode import choose_stream
from hushgate.audio_files.ffmpeg.library import is_cover, open_source
from hushgate.audio_files.metadata.stale_figures import is_stale

# FFmpeg's mark (AVDISCARD_ALL) of a track that it has read itself: the names of chapters.
_UNREAD = 48


class FilmStreams:
    """The streams of a film beside the sound that is replaced.

    Args:
        av: PyAV.
        film: The film that is read.
        target: PyAV's container that is written.
        container: Its name, for warnings.
        warnings: Gets a sentence for each stream that could not be copied.
    """

    def __init__(self, av: Any, film: Path, target: Any, container: str, warnings: list[str]) -> None:
        self._av = av
        self._path = film
        self._files = contextlib.ExitStack()
        self._source: Any = self._files.enter_context(open_source(av, film))
        self._target = target
        self._container = container
        self._warnings = warnings
        self._sound = choose_stream(self._source.streams.audio)
        self._copies: dict[int, Any] = {}
        self._next: Any = None
        self._packets: Iterator[Any] | None = None

    def close(self) -> None:
        """Give up the source."""
        self._files.close()

    def copy_streams_before(self) -> None:
        """Create the streams before the sound."""
        for stream in self._source.streams:
            if stream.index < self._sound.index:
                self._copy_stream(stream)

    def copy_streams_after(self) -> None:
        """Create the streams after the sound."""
        for stream in self._source.streams:
            if stream.index > self._sound.index:
                self._copy_stream(stream)

    def copy_description(self, sound: Any) -> None:
        """Take over titles, chapters, and the language of the sound."""
        known = {name.upper() for name in self._target.metadata}
        for name, text in self._source.metadata.items():
            if name.upper() not in known and not is_stale(name):
                self._target.metadata[name] = text
        sound.metadata.update(self._sound.metadata)
        sound.disposition = self._sound.disposition
        if chapters := self._source.chapters():
            self._target.set_chapters(chapters)

    def start_of_sound(self) -> Fraction:
        """Time stamp of the first sample that a player plays, seconds."""
        with open_source(self._av, self._path) as probe:
            for frame in probe.decode(probe.streams[self._sound.index]):
                if frame.pts is not None:
                    return Fraction(frame.pts * frame.time_base)
        return Fraction(0)

    def packets_until(self, time: Fraction | None) -> Iterator[Any]:
        """Yield the packets whose turn comes before a time, seconds; with None all that are left."""
        if not self._copies:
            return
        if self._packets is None:
            self._packets = self._source.demux([self._source.streams[index] for index in self._copies])
        while True:
            packet = self._next or next(self._packets, None)
            self._next = None
            if packet is None:
                return
            if packet.dts is None and not packet.size:  # the end of a stream
                continue
            stamp = packet.dts if packet.dts is not None else packet.pts
            if time is not None and stamp is not None and stamp * packet.time_base > time:
                self._next = packet
                return
            packet.stream = self._copies[packet.stream.index]
            yield packet

    def _copy_stream(self, stream: Any) -> None:
        if stream.type == "video" and is_cover(self._av, stream):  # carried with the tags
            return
        if stream.type == "data":
            if not self._is_remade(stream):
                self._leave_out(stream, "data")
            return
        try:
            if stream.type not in ("video", "audio"):
                self._try_alone(stream)
            copy = _add_copy(self._target, stream)
        except (ValueError, self._av.FFmpegError):
            self._leave_out(stream, getattr(stream.codec_context, "name", None) or "it")
            return
        if stream.type != "attachment":  # that is written with the header: no packets
            copy.metadata.update(stream.metadata)
            copy.disposition = stream.disposition
            self._copies[stream.index] = copy

    def _is_remade(self, stream: Any) -> bool:
        """Whether a track of data holds what the muxer writes anew: names of chapters, a time code."""
        is_chapters = bool(self._source.chapters()) and getattr(stream, "discard", _UNREAD) == _UNREAD
        return is_chapters or "timecode" in stream.metadata

    def _try_alone(self, stream: Any) -> None:
        """Fail where the container cannot hold a stream: some only say so in the header of the whole film."""
        if stream.type == "attachment" and self._target.format.name != "matroska":  # WebM drops it in silence
            raise ValueError("no attachments")
        with self._av.open(io.BytesIO(), "w", format=self._target.format.name) as trial:
            _add_copy(trial, stream)
            trial.start_encoding()

    def _leave_out(self, stream: Any, kind: str) -> None:
        self._warnings.append(
            f"{self._path.name}: {stream.type} track {stream.index + 1} was left out "
            f"({self._container} cannot hold {kind})."
        )


def _add_copy(target: Any, stream: Any) -> Any:
    """A new stream of the same kind in an output."""
    if stream.type == "attachment":
        return target.add_attachment(stream.name or "", stream.mimetype or "", stream.data)
    return target.add_stream_from_template(stream, opaque=True)
