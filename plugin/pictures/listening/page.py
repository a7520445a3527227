"""The frame of a listening page: styles, the players' script, and a policy that lets nothing else run."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources

from hushgate.pictures.colour_map import RANGE_DB
from hushgate.pictures.listening.player import escaped


def page_html(title: str, body: str, *, style: str = "") -> str:
    """A page in one file that loads nothing but the sounds of its players.

    Args:
        title: Plain text.
        body: HTML.
        style: Further rules of CSS.
    """
    script = _asset("player.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; media-src 'self' data: blob: file: http: https:; "
        f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(title)}</title>
<style>
{_asset("page.css")}{style}</style>
</head>
<body>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""


def how_to_listen() -> str:
    """What the keys of the players do, and what the colours of the spectrograms mean."""
    return (
        '<p class="scale">Space plays; 1, 2 and 3 choose the version; a click on a spectrogram goes there. '
        f"Spectrograms: Hz (k: 1000) over time, colours from {RANGE_DB:.0f} dB below the loudest of before "
        "<i></i> to the loudest.</p>"
    )


@functools.cache
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
