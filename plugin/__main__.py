"""Entry point of the command `hushgate` and of `python -m hushgate`."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line and end the process with its status."""
    # Ctrl-C while modules load: there is nothing to clean up yet, and Python would print a traceback.
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hushgate.commands.main import main

    sys.exit(main())


if __name__ == "__main__":
    run()
