"""`run`: a live session until its end or the key q."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypedDict, Unpack

from hushgate.effects.preset_or_model import AnyEffect, as_effect
from hushgate.live.devices.backend import Backend
from hushgate.live.processing.status import Status
from hushgate.live.session import Session
from hushgate.live.terminal.keyboard import Keys, NoKeys
from hushgate.live.terminal.line_views import NoView, View

_PERIOD_S = 0.05


class SessionOptions(TypedDict, total=False):
    """The keyword arguments of `Session`."""

    input: int | str | None
    output: int | str | None
    sample_rate: float | None
    block_size: int
    num_channels: int
    device_latency_ms: float | None
    duration_s: float | None
    record: str | os.PathLike[str] | None
    overwrite: bool
    mute: bool
    backend: Backend | None


def run(
    chain: AnyEffect,
    *,
    view: View | None = None,
    keys: Keys | None = None,
    on_session: Callable[[Session], object] | None = None,
    **options: Unpack[SessionOptions],
) -> Status:
    """Run `chain` from the microphone to the headphones until its end, or until "q" is pressed.

    Args:
        chain: A `Chain`, a `Denoiser`, or anything with pedalboard's `process` and `reset`; or a preset: a
            shipped name, or the path of a file. Its settings may be changed from other threads while it runs.
        view: Shows the session, such as `LineView(sys.stdout)`; None shows nothing.
        keys: Source of key presses, such as `keys_of_terminal()`; None for no keys.
        on_session: Called with the session before its sound runs, to add taps.
        **options: Those of `Session`: `input`, `output`, `sample_rate`, `block_size`,
            `num_channels`, `device_latency_ms`, `duration_s`, `record`, `overwrite`, `mute`, `backend`.

    Returns:
        The status at the end.

    Raises:
        DeviceError: A device is missing, cannot be used, is busy, or has gone.
        ValueError, TypeError: An option out of range.
        OSError: The recording cannot be written.
        RuntimeError: The effect failed.
        ModuleNotFoundError: The extra `live` is not installed.

    >>> from hushgate import Denoiser, live
    >>> live.run(Denoiser("voice"), duration_s=60.0)  # doctest: +SKIP
    """
    with ExitStack() as stack:
        session = Session(as_effect(chain), **options)
        if on_session is not None:
            on_session(session)
        stack.enter_context(session)
        shown = stack.enter_context(NoView() if view is None else view)
        pressed = stack.enter_context(NoKeys() if keys is None else keys)
        while not session.is_finished:
            session.check()
            shown.show(session.status())
            for key in pressed.read(_PERIOD_S):
                session.controls.press(key)
    return session.status(figures=True)
