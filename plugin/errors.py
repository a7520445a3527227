"""Errors of the plugin layer. Each message names the thing and what to do about it."""

from __future__ import annotations


class ChannelLayoutError(RuntimeError, ValueError):
    """A block does not tell which of its dimensions are the channels.

    A RuntimeError because pedalboard raises one, a ValueError because it is about a value.
    """


class AudioFileError(ValueError):
    """A file cannot be read as audio: not audio at all, empty, damaged or cut short."""


class DuplicateEffectError(RuntimeError, ValueError):
    """The same effect is in a chain twice; it has one memory and can be in one place only.

    A RuntimeError because pedalboard raises one, a ValueError because it is about a value.
    """


class PresetError(ValueError):
    """A preset cannot be used: not TOML, from a later version, or with a key or value that is not allowed."""
