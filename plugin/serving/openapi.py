"""The OpenAPI description of the server, and a page that shows it."""

from __future__ import annotations

import html
from typing import Any

from hushgate.engine.parameters import PARAMETERS, Parameter
from hushgate.serving.streams.sample_formats import SAMPLE_FORMATS
from hushgate.version import __version__

_ERRORS = {
    "400": "A field that does not exist or has a value out of range.",
    "401": "The token is missing or wrong.",
    "403": "A web page of another origin.",
    "408": "The body came too slowly.",
    "413": "The body, the recording or the result is too long.",
    "415": "The body is not a sound file by its content type.",
    "422": "The body cannot be read as audio, or the result not be written.",
    "503": "No room, or shutting down; Retry-After says when to try again.",
    "507": "The server's disk is full.",
    "504": "The recording took too long to clean.",
}


def openapi_document(*, has_token: bool) -> dict[str, Any]:
    """OpenAPI 3.1 as plain values.

    Args:
        has_token: Whether requests need the bearer token.
    """
    effect = [
        _field("preset", {"type": "string"}, "A name of /presets; none for the model alone."),
        _field("model", {"type": "string"}, "A name of /models; the preset's own or voice if not given."),
        *(
            _field(name, _schema(row), f"{row.description} {row.allowed}.")
            for name, row in PARAMETERS.items()
        ),
    ]
    denoise = [
        *effect,
        _field(
            "name", {"type": "string"}, "The recording's file name; its extension helps to tell the format."
        ),
        _field(
            "format",
            {"type": "string"},
            "Extension of the result, such as flac; the recording's own if not given.",
        ),
        _field("subtype", {"type": "string"}, "Sample format of the result, such as PCM_24."),
        _field("start", {"type": "string"}, "Begin here, seconds or h:mm:ss."),
        _field("end", {"type": "string"}, "End here, seconds or h:mm:ss."),
        _field(
            "raw",
            {"type": "string"},
            "RATE,CHANNELS,FORMAT of samples without a header, such as 48000,2,s16le.",
        ),
        _field("allow_truncated", {"type": "boolean"}, "Take what is there of a file that is cut short."),
        _field(
            "stream",
            {"type": "boolean"},
            "Answer while the recording arrives: WAV or raw samples in, WAV out.",
        ),
    ]
    stream = [
        *effect,
        _field("rate", {"type": "integer", "minimum": 1_000, "maximum": 1_000_000, "default": 48_000}, "Hz."),
        _field("channels", {"type": "integer", "minimum": 1, "default": 1}, "Channels, interleaved."),
        _field(
            "format", {"enum": [*SAMPLE_FORMATS, "opus"], "default": "s16le"}, "What a binary frame holds."
        ),
    ]
    binary = {"schema": {"type": "string", "format": "binary"}}
    failures = {status: _answer(text, _error_schema()) for status, text in _ERRORS.items()}
    paths: dict[str, Any] = {
        "/denoise": {
            "post": {
                "summary": "Clean a recording. The body is the sound file itself.",
                "parameters": denoise,
                "requestBody": {"required": True, "content": {"application/octet-stream": binary}},
                "responses": {
                    "200": {"description": "The cleaned recording.", "content": {"audio/*": binary}},
                    **failures,
                },
            }
        },
        "/stream": {
            "get": {
                "summary": "WebSocket: frames of samples in, as many samples out, latency_samples late.",
                "description": (
                    "The server first sends a text message with type ready and latency_samples. Binary "
                    'frames are answered in order. {"type": "end"} returns the last latency_samples '
                    'samples and closes; {"type": "set", "mix": 0.5} changes parameters while sound runs.'
                ),
                "parameters": stream,
                "responses": {
                    "101": {"description": "The stream."},
                    **{status: failures[status] for status in ("400", "401", "403", "503")},
                },
            }
        },
        "/presets": {"get": _listing("The presets that may be named.")},
        "/models": {"get": _listing("The models that may be named.")},
        "/health": {"get": _plain("The process answers.", "text/plain", is_open=True)},
        "/ready": {
            "get": {
                **_plain("The server takes work.", "text/plain", is_open=True),
            }
        },
        "/metrics": {"get": _plain("Prometheus metrics.", "text/plain")},
        "/openapi.json": {"get": _plain("This description.", "application/json")},
    }
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "hushgate",
            "version": __version__,
            "summary": "A neural denoiser and smart noise gate.",
        },
        "paths": paths,
    }
    if has_token:
        document["components"] = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
        document["security"] = [{"token": []}]
    return document


def openapi_page(document: dict[str, Any]) -> str:
    """The description as one HTML page that loads nothing."""
    parts = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            rows = "".join(
                f"<tr><td><code>{html.escape(field['name'])}</code></td>"
                f"<td>{html.escape(field['description'])}</td></tr>"
                for field in operation.get("parameters", ())
            )
            answers = "".join(
                f"<tr><td>{status}</td><td>{html.escape(answer['description'])}</td></tr>"
                for status, answer in operation["responses"].items()
            )
            text = html.escape(operation.get("description", ""))
            parts.append(
                f"<h2>{method.upper()} {path}</h2><p>{html.escape(operation['summary'])} {text}</p>"
                f"<table>{rows}</table><table>{answers}</table>"
            )
    info = document["info"]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>hushgate {info['version']}</title>"
        "<style>body{font:16px sans-serif;max-width:60em;"
        "margin:2em auto;padding:0 1em}td{padding:.2em 1em .2em 0;vertical-align:top}"
        "h2{font-size:1.1em;margin-top:2em}"
        f"</style><h1>hushgate {info['version']}</h1><p>{info['summary']} "
        "<a href=openapi.json>openapi.json</a></p>"
        f"{''.join(parts)}</html>\n"
    )


def _field(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _schema(row: Parameter) -> dict[str, Any]:
    if row.choices is not None:
        return {"enum": list(row.choices), "default": row.default}
    number: dict[str, Any] = {"type": "number", "minimum": row.minimum, "maximum": row.maximum}
    if not row.special:
        return {**number, "default": row.default}
    return {"anyOf": [number, {"enum": list(row.special.values())}], "default": row.format(row.default)}


def _error_schema() -> dict[str, Any]:
    return {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _listing(summary: str) -> dict[str, Any]:
    schema = {"type": "array", "items": {"type": "object", "required": ["name"]}}
    return {"summary": summary, "responses": {"200": _answer(summary, schema)}}


def _plain(summary: str, media_type: str, *, is_open: bool = False) -> dict[str, Any]:
    answer = {"description": summary, "content": {media_type: {}}}
    return {"summary": summary, "responses": {"200": answer}, **({"security": []} if is_open else {})}
