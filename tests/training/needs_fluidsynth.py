"""A mark for tests that render with FluidSynth."""

from __future__ import annotations

import pytest

from hushgate.training.synthesis.fluidsynth import find_soundfont


def _reason_to_skip() -> str:
    try:
        import fluidsynth  # noqa: F401
    except ImportError as error:
        return f"needs pyfluidsynth and libfluidsynth ({error})"
    try:
        find_soundfont()
    except FileNotFoundError as error:
        return str(error)
    return ""


_REASON = _reason_to_skip()
needs_fluidsynth = pytest.mark.skipif(bool(_REASON), reason=_REASON)
