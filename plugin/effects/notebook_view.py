"""Effects as HTML for notebooks: settings, and what stands in a chain."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from hushgate.effects.serialization import describe_effect
from hushgate.engine import PARAMETERS
from hushgate.pedalboard_compat.effect_protocol import Effect

_MEMBERS = "effects"


def effect_html(effect: Effect) -> str:
    """Name and settings of an effect; of a list its effects in order, those in lists inside indented.

    Settings of a denoiser that are as by default are left out.
    """
    try:
        return f"<div>{_entry(describe_effect(effect))}</div>"
    except TypeError:  # one that cannot be described
        return f"<pre>{html.escape(repr(effect))}</pre>"


def _entry(entry: Mapping[str, Any]) -> str:
    kind = entry["effect"]
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    settings = {key: value for key, value in entry.items() if key not in ("effect", _MEMBERS)}
    if name == "Denoiser":
        settings = {
            key: value
            for key, value in settings.items()
            if key not in PARAMETERS or value != PARAMETERS[key].default
        }
    words = ", ".join(f"{key} {_value(value)}" for key, value in settings.items())
    text = f"<b>{html.escape(name)}</b> {html.escape(words)}".rstrip()
    if _MEMBERS in entry:
        members = "".join(f"<li>{_entry(member)}</li>" for member in entry[_MEMBERS])
        text += f"<ol>{members}</ol>" if members else " (empty)"
    return text


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
