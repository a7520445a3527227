"""Effects over whole recordings: `denoise`, `render`, `stream_file`, and the file loop of all commands."""

from __future__ import annotations

from hushgate.rendering.denoise_once import CleanSound, denoise
from hushgate.rendering.render_file import Rendered, check_streamable, render, stream, stream_file

__all__ = ["CleanSound", "Rendered", "check_streamable", "denoise", "render", "stream", "stream_file"]
