"""A process that cleans recordings for the server, one after the other.

It reads a JSON object per line from standard input and answers with one per line on standard output. It
ends when standard input does, also in the middle of a recording: the server is gone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import queue
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from hushgate.audio_files.formats.audio_format import AudioFormat
from hushgate.audio_files.formats.containers import FFMPEG_SUBTYPES, suffix_of, writable_suffix
from hushgate.audio_files.formats.output_format import output_format
from hushgate.audio_files.open_audio import AudioReader, Excerpt, open_input, open_output
from hushgate.audio_files.pipes.wav_pipe import WavStreamWriter, pipe_format
from hushgate.errors import AudioFileError, describe_error
from hushgate.rendering.file_loop import FileLoop
from hushgate.serving.catalogue import Catalogue, Choice, UnknownNameError
from hushgate.serving.settings import MEBIBYTE
from hushgate.termination import end_after

SOCKET = "stream"
"""Name of the socket in the request's folder through which a streamed recording comes and goes."""

_NICENESS = 5
# Of a result that is sent while it is made: a client hears soon.
_STREAM_BLOCK_SIZE = 4096
_OVERLONG = 413
_UNREADABLE = 422
_WRONG_REQUEST = 400
_FAULT = 500
_DISK_FULL = 507


@dataclass(frozen=True)
class Job:
    """One recording.

    Attributes:
        folder: The request's own folder; nothing outside is touched.
        source: Name of the input in it; "" for a streamed recording.
        target_suffix: Extension of the result; "" for that of the input.
        choice: What to run.
        subtype: Sample format of the result; None for that of the input.
        start_s, end_s: The part to clean, seconds.
        raw: RATE,CHANNELS,FORMAT of samples without a header.
        allow_truncated: Take what is there of a file that is cut short.
        max_duration_s: Longest recording, seconds.
    """

    folder: str
    source: str
    target_suffix: str
    choice: Choice
    subtype: str | None
    start_s: float
    end_s: float | None
    raw: str | None
    allow_truncated: bool
    max_duration_s: float

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Job:
        """The job that `dataclasses.asdict` made plain values of."""
        return cls(**{**values, "choice": Choice(**values["choice"])})


class OverlongError(AudioFileError):
    """A recording is longer than the server takes."""


def main() -> NoReturn:
    """Work until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # decoders print; only answers may go to the server
    messages = _messages()
    settings = json.loads(messages.get())
    _limit_resources(settings["memory_bytes"], settings["output_bytes"])
    catalogue = Catalogue(
        {name: Path(path) for name, path in settings["presets"].items()},
        {name: Path(path) for name, path in settings["models"].items()},
        trust_models=settings["trust_models"],
    )
    catalogue.make_effect(Choice())  # the model is loaded before the first recording waits for it
    print(json.dumps({"ready": True}), file=answers, flush=True)
    while True:
        job = Job.from_dict(json.loads(messages.get()))
        print(json.dumps(_answer(catalogue, job, settings["output_bytes"])), file=answers, flush=True)


def _messages() -> queue.SimpleQueue[str]:
    """The lines of standard input as they come; after the last one this process ends."""
    messages: queue.SimpleQueue[str] = queue.SimpleQueue()
    # Not `sys.stdin`, which the interpreter could not close at its own end while a thread reads.
    lines = os.fdopen(os.dup(0), encoding="utf-8")

    def pass_on() -> None:
        for line in lines:
            messages.put(line)

    end_after(pass_on)
    return messages


def _answer(catalogue: Catalogue, job: Job, output_bytes: int) -> dict[str, Any]:
    os.chdir(job.folder)
    try:
        return {"status": 200, **run_job(catalogue, job)}
    except OverlongError as error:
        return {"status": _OVERLONG, "error": str(error)}
    except UnknownNameError as error:
        return {"status": _WRONG_REQUEST, "error": str(error)}
    except MemoryError:
        return {"status": _OVERLONG, "error": "the recording needs more memory than the server gives."}
    except (AudioFileError, ValueError, TypeError, EOFError) as error:
        return {"status": _UNREADABLE, "error": describe_error(error)}
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return {"status": _DISK_FULL, "error": "the server's disk is full. Try again later."}
        # Beyond RLIMIT_FSIZE libsndfile says "Input/output error".
        if error.errno in (errno.EFBIG, errno.EIO):
            limit = f"{output_bytes / MEBIBYTE:g} MiB"
            return {"status": _OVERLONG, "error": f"the result must be at most {limit}."}
        return {"status": _FAULT, "error": describe_error(error)}
    except Exception as error:
        return {"status": _FAULT, "error": describe_error(error)}


def run_job(catalogue: Catalogue, job: Job) -> dict[str, Any]:
    """Clean one recording.

    Args:
        catalogue: Presets and models.
        job: The recording; the current folder must be its folder.

    Returns:
        "target" (name of the result), "warnings", "duration_s" and "latency_samples".

    Raises:
        AudioFileError, OSError: It cannot be read or written, or is longer than allowed.
        ValueError, TypeError: A setting or a format that cannot be used.
    """
    effect = catalogue.make_effect(job.choice)
    excerpt = Excerpt(job.start_s, job.end_s)
    excerpt_or_none = None if excerpt == Excerpt() else excerpt
    with contextlib.ExitStack() as files:
        if job.source:
            source: Any = job.source
        else:
            connection = files.enter_context(_connect())
            source = files.enter_context(cast(BinaryIO, connection.makefile("rb")))
        reader = files.enter_context(
            open_input(source, allow_truncated=job.allow_truncated, raw=job.raw, excerpt=excerpt_or_none)
        )
        check_duration(reader.format.num_samples, reader.format.sample_rate, job.max_duration_s)
        loop = FileLoop(
            effect,
            _BoundedReader(reader, job.max_duration_s),
            job.source or "the stream",
            block_size=65_536 if job.source else _STREAM_BLOCK_SIZE,
            learn=bool(job.source),
        )
        if job.source:
            target = f"output{job.target_suffix or _suffix_like(reader.format, job.source)}"
            with open_output(
                target, reader.format, source, subtype=job.subtype, excerpt=excerpt_or_none
            ) as writer:
                for block in loop.blocks():
                    writer.write(block)
            found = loop.warnings(writer, clip_remedy="Ask for subtype=FLOAT, or turn the input down.")
        else:
            target = ""
            with cast(BinaryIO, connection.makefile("wb")) as sink:
                found = _write_stream(loop, reader.format, job.subtype, sink)
    return {
        "target": target,
        "warnings": found,
        "duration_s": loop.num_samples / reader.format.sample_rate,
        "latency_samples": effect.latency_samples_at(reader.format.sample_rate),
    }


def check_duration(num_samples: int | None, sample_rate: int, max_duration_s: float) -> None:
    """Refuse a recording that is too long.

    Raises:
        OverlongError: It is.
    """
    if num_samples is not None and num_samples > max_duration_s * sample_rate:
        raise OverlongError(
            f"the recording must be at most {max_duration_s:g} s long (got {num_samples / sample_rate:.0f} s "
            "or more)."
        )


class _BoundedReader:
    """A reader that stops at a recording that turns out to be too long."""

    def __init__(self, reader: AudioReader, max_duration_s: float) -> None:
        self._reader = reader
        self._max_duration_s = max_duration_s
        self.format = reader.format
        self.warnings = reader.warnings

    def blocks(self, block_size: int = _STREAM_BLOCK_SIZE) -> Iterator[NDArray[np.float32]]:
        """See `AudioReader`."""
        num_samples = 0
        for block in self._reader.blocks(block_size):
            num_samples += block.shape[1]
            check_duration(num_samples, self.format.sample_rate, self._max_duration_s)
            yield block


def _write_stream(loop: FileLoop, source: AudioFormat, subtype: str | None, sink: BinaryIO) -> list[str]:
    format, changes = pipe_format(output_format(source, None, Path("output.wav"), subtype), subtype)
    writer = WavStreamWriter(cast(Any, sink), format, dither_seed=None)
    for block in loop.blocks():
        writer.write(block)
        sink.flush()
    writer.finish()
    return [*changes, *loop.warnings(writer)]


@contextlib.contextmanager
def _connect() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(SOCKET)
        yield connection


def _suffix_like(source: AudioFormat, name: str) -> str:
    """The extension for a result in the input's own format, or the nearest that can be written."""
    suffix = Path(name).suffix or suffix_of(source)
    is_film = source.container in FFMPEG_SUBTYPES
    return writable_suffix(source, Path(f"x{suffix}")) or (".m4a" if is_film else ".wav")


def _limit_resources(memory_bytes: int, output_bytes: int) -> None:
    """Bound memory and file size of this process, where the system can."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)  # streams go before files
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, limit in (("RLIMIT_DATA", memory_bytes), ("RLIMIT_FSIZE", output_bytes), ("RLIMIT_CORE", 0)):
        set_limit: Callable[[int, tuple[int, int]], None] = resource.setrlimit
        with contextlib.suppress(OSError, ValueError, AttributeError):
            number = getattr(resource, kind)
            hard = resource.getrlimit(number)[1]
            bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            set_limit(number, (bound, hard))


if __name__ == "__main__":
    main()
