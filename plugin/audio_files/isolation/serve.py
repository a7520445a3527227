"""What a helper process does: decode and encode for the process that started it, one file after the other."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import pickle
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import numpy as np

from hushgate.audio_files.file_reader import open_decoder
from hushgate.audio_files.file_writer import open_encoder
from hushgate.audio_files.isolation import messages
from hushgate.audio_files.isolation.calls import call_here
from hushgate.audio_files.scanning.file_region import SizedFile

# The decoder asks for a few kB at a time.
_READ_BYTES = 2**18


class Channel:
    """Messages from and to the parent."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink

    def send(self, message: dict[str, Any], data: Any = b"") -> None:
        """Send a message; the process ends when the parent is gone."""
        try:
            messages.send(self._sink, message, data)
        except OSError:
            os._exit(0)

    def receive(self) -> tuple[dict[str, Any], bytearray]:
        """The next message; the process ends when the parent is gone."""
        try:
            return messages.receive(self._source)
        except (EOFError, OSError):
            os._exit(0)


class ParentsFile(SizedFile):
    """A file that the parent has open: its bytes are asked for."""

    def __init__(self, channel: Channel, size: int) -> None:
        super().__init__(size)
        self._channel = channel

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer; returns the number of bytes."""
        self._channel.send({"read": self._position, "size": len(buffer)})
        _, data = self._channel.receive()
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def main() -> None:
    """Serve until the parent is gone."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no file
    channel = Channel(sys.stdin.buffer, os.fdopen(os.dup(1), "wb"))
    # What a library prints must not come between the messages.
    os.dup2(2, 1)
    while True:
        request, _ = channel.receive()
        try:
            _enter(request["folder"])
            _WORK[request["do"]](channel, request)
        except Exception as error:
            channel.send(messages.describe(error))


def _enter(folder: str | None) -> None:
    """Go to the parent's current folder, which may have changed since the last file."""
    if folder is not None:
        with contextlib.suppress(OSError):  # the parent opens no relative name there either
            os.chdir(folder)


def _decode(channel: Channel, request: dict[str, Any]) -> None:
    path, plan, allow_truncated = pickle.loads(request["arguments"])
    file = io.BufferedReader(ParentsFile(channel, request["size"]), _READ_BYTES)
    decoder = open_decoder(cast(BinaryIO, file), path, plan, allow_truncated, by_name=False)
    try:
        format = [getattr(decoder.format, field.name) for field in dataclasses.fields(decoder.format)]
        expected = decoder.expected_samples
        channel.send({"format": format, "warnings": decoder.warnings, "expected_samples": expected})
        while True:
            request, _ = channel.receive()
            if request["do"] == "close":
                return
            for block in decoder.blocks(request["block_size"], request["start"]):
                channel.send({"shape": block.shape}, np.ascontiguousarray(block))
            channel.send({"end": True, "warnings": decoder.warnings})
    finally:
        decoder.close()


def _encode(channel: Channel, request: dict[str, Any]) -> None:
    encoder = open_encoder(*pickle.loads(request["arguments"]))
    try:
        channel.send({})
        while True:
            request, data = channel.receive()
            if request["do"] == "close":
                encoder.close()
                channel.send({"warnings": encoder.warnings})
                return
            encoder.write(np.frombuffer(data, np.float32).reshape(request["shape"]))
            channel.send({})
    finally:
        encoder.abort()


def _call(channel: Channel, request: dict[str, Any]) -> None:
    path = pickle.loads(request["arguments"])
    channel.send({"answer": call_here(request["what"], path)})


_WORK: dict[str, Callable[[Channel, dict[str, Any]], None]] = {
    "decode": _decode,
    "encode": _encode,
    "call": _call,
}
