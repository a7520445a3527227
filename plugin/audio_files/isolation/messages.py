"""Messages between this process and a helper process, over its standard input and output."""

from __future__ import annotations

import base64
import json
import os
import struct
from typing import Any, BinaryIO

from hushgate.errors import AudioFileError

# Length of a text in JSON, and of the bytes behind it.
_HEADER = struct.Struct("<IQ")
_MAX_TEXT_BYTES = 2**28


def send(stream: BinaryIO, message: dict[str, Any], data: Any = b"") -> None:
    """Write one message.

    Args:
        stream: Open for writing.
        message: What JSON can hold, and bytes.
        data: Bytes or a buffer to send along.
    """
    text = json.dumps(message, default=_encode_bytes).encode()
    view = memoryview(data).cast("B")
    stream.write(_HEADER.pack(len(text), len(view)) + text)
    if len(view):
        stream.write(view)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], bytearray]:
    """Read one message and its bytes.

    Raises:
        EOFError: The other side is gone.
    """
    text_size, data_size = _HEADER.unpack(_read(stream, _HEADER.size))
    if text_size > _MAX_TEXT_BYTES:
        raise EOFError
    message: dict[str, Any] = json.loads(bytes(_read(stream, text_size)), object_hook=_decode_bytes)
    return message, _read(stream, data_size)


def describe(error: Exception) -> dict[str, Any]:
    """An error as a message; `raise_error` makes it one again."""
    if isinstance(error, AudioFileError):
        return {"error": "file", "text": str(error)}
    if isinstance(error, OSError) and error.errno is not None:
        name = None if error.filename is None else os.fsdecode(error.filename)
        return {"error": "system", "errno": error.errno, "text": error.strerror or "", "name": name}
    if isinstance(error, MemoryError):
        return {"error": "memory", "text": ""}
    return {"error": "other", "text": f"{type(error).__name__}: {' '.join(str(error).split())}"}


def raise_error(message: dict[str, Any], name: str) -> None:
    """Raise the error that a message holds, if it holds one.

    Args:
        message: From `receive`.
        name: The file, for errors without a name.

    Raises:
        AudioFileError, OSError, MemoryError, RuntimeError: What the helper met.
    """
    kind = message.get("error")
    if kind == "file":
        raise AudioFileError(message["text"])
    if kind == "system":
        raise OSError(message["errno"], message["text"], message["name"] or name)
    if kind == "memory":
        raise MemoryError(f"{name}: not enough memory to decode it.")
    if kind is not None:
        raise RuntimeError(f"{name}: {message['text']}")


def _read(stream: BinaryIO, size: int) -> bytearray:
    data = bytearray(size)
    view, num_done = memoryview(data), 0
    while num_done < size:
        count = stream.readinto(view[num_done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        num_done += count
    return data


def _encode_bytes(value: Any) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} cannot be sent.")
    return {"base64": base64.b64encode(value).decode()}


def _decode_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
