"""Entry point of `python -m hushgate`, the command `hushgate`."""

from __future__ import annotations

import sys

from hushgate.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
