"""Query strings of clients, read field by field; anything unknown is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from hushgate.audio_files.formats.containers import AUDIO_SUFFIXES, FILM_SUFFIXES
from hushgate.audio_files.open_audio import Excerpt, parse_time
from hushgate.audio_files.pipes.wav_pipe import parse_raw_format
from hushgate.engine.parameters import PARAMETERS, Value
from hushgate.errors import HushgateError
from hushgate.serving.catalogue import Choice
from hushgate.serving.streams.sample_formats import SAMPLE_FORMATS

_EFFECT_FIELDS = ("preset", "model", *PARAMETERS)
FILE_FIELDS = (
    *_EFFECT_FIELDS,
    "name",
    "format",
    "subtype",
    "start",
    "end",
    "raw",
    "allow_truncated",
    "stream",
)
STREAM_FIELDS = (*_EFFECT_FIELDS, "rate", "channels", "format")
_MAX_FIELD = 200
_SUBTYPE = re.compile(r"[A-Za-z0-9_]{1,32}")
# Content types that clients name, and the extension that stands for each.
_SUFFIX_OF_TYPE = {
    "audio/aac": ".aac",
    "audio/aiff": ".aiff",
    "audio/amr": ".amr",
    "audio/flac": ".flac",
    "audio/m4a": ".m4a",
    "audio/mp4": ".m4a",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/opus": ".opus",
    "audio/wav": ".wav",
    "audio/wave": ".wav",
    "audio/webm": ".webm",
    "audio/x-aiff": ".aiff",
    "audio/x-flac": ".flac",
    "audio/x-m4a": ".m4a",
    "audio/x-wav": ".wav",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
}


class RequestError(HushgateError, ValueError):
    """A request that the server refuses.

    Args:
        message: What is wrong and what to do, for the client.
        status: HTTP status.
        retry_after_s: When to try again, seconds; None where that does not help.
        methods: Methods that the path takes, for status 405.
    """

    def __init__(
        self,
        message: str,
        status: int = 400,
        retry_after_s: int | None = None,
        methods: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.methods = methods


@dataclass(frozen=True)
class FileRequest:
    """A recording to clean.

    Attributes:
        choice: What to run.
        suffix: Extension of the input with its point; "" where the client does not say.
        target_suffix: Extension of the result; "" for that of the input.
        subtype: Sample format of the result; None for that of the input.
        start_s, end_s: The part to clean, seconds.
        raw: RATE,CHANNELS,FORMAT of samples without a header.
        allow_truncated: Take what is there of a file that is cut short.
        is_streamed: Answer while the recording still arrives: WAV or raw samples in, WAV out.
    """

    choice: Choice
    suffix: str = ""
    target_suffix: str = ""
    subtype: str | None = None
    start_s: float = 0.0
    end_s: float | None = None
    raw: str | None = None
    allow_truncated: bool = False
    is_streamed: bool = False


@dataclass(frozen=True)
class StreamRequest:
    """A stream to clean.

    Attributes:
        choice: What to run.
        sample_rate: Hz.
        num_channels: Channels, interleaved.
        sample_format: One of `SAMPLE_FORMATS`, or "opus".
    """

    choice: Choice
    sample_rate: int = 48_000
    num_channels: int = 1
    sample_format: str = "s16le"


def read_file_request(query: bytes, content_type: str) -> FileRequest:
    """What a POST asks for.

    Args:
        query: The query string.
        content_type: The header, or "".

    Raises:
        RequestError: A field that does not exist, twice, or with a value that is not allowed.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith(("multipart/", "application/x-www-form-urlencoded", "text/", "image/")) or (
        kind == "application/json"
    ):
        raise RequestError(
            f"the body must be the sound file itself, with its own content type or none (got {kind}).", 415
        )
    fields = _read_fields(query, FILE_FIELDS)
    start_s, end_s = _time(fields, "start"), _time(fields, "end")
    try:
        Excerpt(start_s or 0.0, end_s)
        raw = fields.get("raw")
        if raw is not None:
            parse_raw_format(raw)
    except ValueError as error:
        raise RequestError(str(error)) from error
    subtype = fields.get("subtype")
    if subtype is not None and not _SUBTYPE.fullmatch(subtype):
        raise RequestError(f"subtype must be a name such as PCM_24 (got {subtype!r}).")
    named = re.search(r"\.[A-Za-z0-9]{1,8}$", fields.get("name", ""))
    suffix = named[0].lower() if named else _SUFFIX_OF_TYPE.get(kind, "")
    is_streamed = _flag(fields, "stream")
    target = fields.get("format", "")
    target_suffix = f".{target.lower().lstrip('.')}" if target else ""
    if target_suffix and target_suffix not in AUDIO_SUFFIXES | FILM_SUFFIXES:
        raise RequestError(
            f"format must be an extension such as wav, flac, mp3, opus or m4a (got {target!r})."
        )
    if is_streamed and target_suffix not in ("", ".wav"):
        raise RequestError(f"format must be wav with stream=true (got {target!r}).")
    return FileRequest(
        choice=_read_choice(fields),
        suffix=suffix if suffix in AUDIO_SUFFIXES | FILM_SUFFIXES else "",
        target_suffix=target_suffix,
        subtype=subtype,
        start_s=start_s or 0.0,
        end_s=end_s,
        raw=raw,
        allow_truncated=_flag(fields, "allow_truncated"),
        is_streamed=is_streamed,
    )


def read_stream_request(query: bytes, max_channels: int) -> StreamRequest:
    """What a WebSocket asks for.

    Raises:
        RequestError: As `read_file_request`.
    """
    fields = _read_fields(query, STREAM_FIELDS)
    sample_format = fields.get("format", "s16le").lower()
    known = (*SAMPLE_FORMATS, "opus")
    if sample_format not in known:
        raise RequestError(f"format must be one of {', '.join(known)} (got {sample_format!r}).")
    return StreamRequest(
        choice=_read_choice(fields),
        sample_rate=_whole(fields, "rate", 48_000, 1_000, 1_000_000, "Hz"),
        num_channels=_whole(fields, "channels", 1, 1, max_channels, ""),
        sample_format=sample_format,
    )


def read_settings(values: Mapping[str, object]) -> dict[str, Value]:
    """Parameters of `Denoiser` from JSON, checked.

    Raises:
        RequestError: One that does not exist, or out of range.
    """
    settings: dict[str, Value] = {}
    for name, value in values.items():
        if name not in PARAMETERS:
            raise RequestError(f"there is no parameter {name[:64]!r}. There are: {', '.join(PARAMETERS)}.")
        try:
            is_text = isinstance(value, str)
            settings[name] = (
                PARAMETERS[name].parse(str(value)) if is_text else PARAMETERS[name].validate(value)
            )
        except (TypeError, ValueError) as error:
            raise RequestError(str(error)) from error
    return settings


def _read_fields(query: bytes, known: Collection[str]) -> dict[str, str]:
    try:
        pairs: Sequence[tuple[str, str]] = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, max_num_fields=50, errors="strict"
        )
    except ValueError as error:
        raise RequestError("the query is not name=value&name=value in UTF-8, 50 fields at most.") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise RequestError(f"there is no field {name[:64]!r}. There are: {', '.join(known)}.")
        if name in fields:
            raise RequestError(f"{name} must be given once.")
        if len(value) > _MAX_FIELD or not value.isprintable():
            raise RequestError(f"{name} must be at most {_MAX_FIELD} printable characters.")
        fields[name] = value
    return fields


def _read_choice(fields: Mapping[str, str]) -> Choice:
    given = {name: fields[name] for name in PARAMETERS if name in fields}
    return Choice(fields.get("preset"), fields.get("model"), read_settings(given))


def _flag(fields: Mapping[str, str], name: str) -> bool:
    value = fields.get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise RequestError(f"{name} must be true or false (got {value!r}).")
    return value in ("true", "1")


def _time(fields: Mapping[str, str], name: str) -> float | None:
    if name not in fields:
        return None
    try:
        return parse_time(fields[name])
    except ValueError as error:
        raise RequestError(f"{name}: {error}") from error


def _whole(fields: Mapping[str, str], name: str, default: int, low: int, high: int, unit: str) -> int:
    text = fields.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise RequestError(
            f"{name} must be a whole number between {low} and {high} {unit}".rstrip() + f" (got {text!r})."
        )
    return int(text)
