"""Effects over whole recordings: `render`, `stream_file`, and the file loop of all commands."""

from __future__ import annotations

from hushgate.rendering.render_file import check_streamable, render, stream_file

__all__ = ["check_streamable", "render", "stream_file"]
