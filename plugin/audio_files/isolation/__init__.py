"""Decoders and encoders in a process of their own, so that a crash costs one file and not the program."""

import sys


def can_isolate() -> bool:
    """Whether this process can start helpers.

    A program that was frozen into one file has no interpreter to start; its decoders run in it.
    """
    return bool(sys.executable) and not getattr(sys, "frozen", False)
