"""What `hushgate` prints without a command."""

from __future__ import annotations

FIRST_STEPS = """\
hushgate removes noise from sound. To start with:

  hushgate denoise talk.wav                     clean a voice
  hushgate denoise talk.wav --preset podcast    and make it ready to publish
  hushgate denoise song.flac --preset music     a song without its hiss
  hushgate batch takes -o cleaned               a folder of recordings
  hushgate live                                 the microphone, now

hushgate --help lists all commands, hushgate presets the ready-made settings."""
