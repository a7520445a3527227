"""A timed list of MIDI events and its rendering through FluidSynth.

FluidSynth runs inside the process (package pyfluidsynth, library libfluidsynth 3) and writes
float samples, so that very soft notes and long decays keep their resolution: the command-line
renderer goes through 16 bits. Every score gets a synthesizer of its own, so the sound of a
score depends on nothing that was rendered before it.
"""

from __future__ import annotations

import ctypes
import os
from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

NUM_CHANNELS = 16
DRUM_CHANNEL = 9
DRUM_BANK = 128
_BEND_RANGE_SEMITONES = 24
_TAIL_BLOCK_S = 0.25
# FluidSynth's reverberation adds an offset against denormals, a tenth of this.
_SILENCE = 1e-7
_SOUNDFONTS = (
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/usr/share/sounds/sf2/default-GM.sf2",
)


def find_soundfont(named: Path | None = None) -> Path:
    """The General MIDI soundfont to render with.

    Args:
        named: File to use; by default the one that the environment variable `HUSHGATE_SOUNDFONT` names, or
            else FluidR3 where Linux distributions install it.

    Raises:
        FileNotFoundError: There is no such file.
    """
    wanted = named or os.environ.get("HUSHGATE_SOUNDFONT")
    for candidate in [wanted] if wanted else _SOUNDFONTS:
        if Path(candidate).is_file():
            return Path(candidate)
    raise FileNotFoundError(
        f"No soundfont at {wanted or ' or '.join(_SOUNDFONTS)}. "
        "Install fluid-soundfont-gm or point HUSHGATE_SOUNDFONT to an .sf2 file."
    )


@dataclass
class Score:
    """Notes, bends and controller moves on up to 16 MIDI channels.

    Times and lengths are in seconds, keys are MIDI note numbers (60 is middle C), velocities
    1 to 127. Channel 9 plays drum kits.
    """

    events: list[tuple[float, int, str, int, int, int]] = field(default_factory=list)
    reverb: tuple[float, float, float] = (0.5, 0.3, 0.7)
    """Room size 0..1, damping 0..1 and level 0..1 of FluidSynth's reverberation."""
    _offsets: dict[int, float] = field(default_factory=dict)

    def _add(self, time_s: float, order: int, kind: str, channel: int, a: int, b: int) -> None:
        self.events.append((max(0.0, time_s), order, kind, channel, a, b))

    def program(self, channel: int, program: int) -> None:
        """Choose the General MIDI program (0..127) or, on channel 9, the drum kit."""
        bank = DRUM_BANK if channel == DRUM_CHANNEL else 0
        self._add(0.0, 0, "program", channel, bank, program)

    def control(self, channel: int, time_s: float, number: int, value: float) -> None:
        """Move a MIDI controller to 0..127."""
        self._add(time_s, 1, "control", channel, number, int(np.clip(round(value), 0, 127)))

    def detune(self, channel: int, cents: float) -> None:
        """Shift everything the channel plays; call it before the channel's bends."""
        self._offsets[channel] = cents / 100.0
        self.bend(channel, 0.0, 0.0)

    def bend(self, channel: int, time_s: float, semitones: float) -> None:
        """Bend the channel from its own (detuned) pitch, -20 to 20 semitones."""
        total = semitones + self._offsets.get(channel, 0.0)
        value = int(np.clip(round(total / _BEND_RANGE_SEMITONES * 8192), -8192, 8191))
        self._add(time_s, 1, "bend", channel, value, 0)

    def note(self, channel: int, start_s: float, seconds: float, key: float, velocity: float) -> None:
        """Play a note; values outside MIDI's ranges are clipped."""
        note = int(np.clip(round(key), 0, 127))
        self._add(start_s, 3, "on", channel, note, int(np.clip(round(velocity), 1, 127)))
        self._add(start_s + max(0.02, seconds), 2, "off", channel, note, 0)

    @property
    def seconds(self) -> float:
        """Time of the last event."""
        return max((event[0] for event in self.events), default=0.0)


def _synthesizer(sample_rate: int, score: Score, soundfont: Path) -> Any:
    import fluidsynth

    # Sample data is read from the soundfont only for the programs in use: 30 ms instead of 1 s.
    synth = fluidsynth.Synth(
        gain=0.4, samplerate=sample_rate, channels=NUM_CHANNELS, **{"synth.dynamic-sample-loading": 1}
    )
    room, damping, level = score.reverb
    synth.set_reverb(roomsize=room, damping=damping, width=0.8, level=level)
    font = synth.sfload(str(soundfont))
    if font < 0:
        synth.delete()
        raise ValueError(f"{soundfont} is not a soundfont that FluidSynth can read.")
    for channel in range(NUM_CHANNELS):
        for number, value in ((101, 0), (100, 0), (6, _BEND_RANGE_SEMITONES), (38, 0), (93, 0)):
            synth.cc(channel, number, value)
    for _, _, kind, channel, bank, program in score.events:
        if kind == "program":
            synth.program_select(channel, font, bank, program)
    return synth


def _pull(synth: Any, num_samples: int) -> NDArray[np.float32]:
    import fluidsynth

    block = np.zeros((num_samples, 2), dtype=np.float32)
    address = block.ctypes.data_as(ctypes.c_void_p)
    # pyfluidsynth's own get_samples returns 16-bit integers.
    write = fluidsynth._fl.fluid_synth_write_float
    write.argtypes = [ctypes.c_void_p, ctypes.c_int] + [ctypes.c_void_p, ctypes.c_int, ctypes.c_int] * 2
    write(synth.synth, num_samples, address, 0, 2, address, 1, 2)
    return block


class _Player:
    """Sends events to a synthesizer; a key struck again outlives the end of the first stroke."""

    def __init__(self, synth: Any) -> None:
        self._synth = synth
        self._held: Counter[tuple[int, int]] = Counter()

    def play(self, event: tuple[float, int, str, int, int, int]) -> None:
        _, _, kind, channel, a, b = event
        if kind == "on":
            self._held[channel, a] += 1
            self._synth.noteon(channel, a, b)
        elif kind == "off":
            self._held[channel, a] -= 1
            if self._held[channel, a] == 0:
                self._synth.noteoff(channel, a)
        elif kind == "bend":
            self._synth.pitch_bend(channel, a)
        elif kind == "control":
            self._synth.cc(channel, a, b)


def render_score(
    score: Score,
    sample_rate: int,
    num_channels: int = 1,
    *,
    tail_db: float = -80.0,
    max_tail_s: float = 15.0,
    soundfont: Path | None = None,
) -> NDArray[np.float32]:
    """Audio of a score, with the last note and the room rung out.

    Args:
        score: What to play.
        sample_rate: Hz, positive. FluidSynth runs at 44.1 or 48 kHz and soxr converts the
            result, because its sample interpolation would alias at a low rate.
        num_channels: 1 (mean of left and right) or 2.
        tail_db: The end is cut where the sound stays this far below its peak, dB.
        max_tail_s: Longest tail after the last event, s. What is left then is faded out.
        soundfont: General MIDI .sf2 file; by default what `find_soundfont` finds.

    Returns:
        float32 (num_channels, samples), not normalised.

    Raises:
        ImportError: pyfluidsynth or libfluidsynth is missing.
        FileNotFoundError: No soundfont is installed.
        ValueError: `sample_rate` or `num_channels` is out of range.
    """
    if sample_rate <= 0:
        raise ValueError(f"sample_rate must be positive, in Hz (got {sample_rate}).")
    if num_channels not in (1, 2):
        raise ValueError(f"num_channels must be 1 or 2 (got {num_channels}).")
    native_rate = 44_100 if 44_100 % sample_rate == 0 else 48_000
    synth = _synthesizer(native_rate, score, find_soundfont(soundfont))
    try:
        player = _Player(synth)
        blocks: list[NDArray[np.float32]] = []
        position = 0
        for event in sorted(score.events, key=itemgetter(0, 1)):
            target = round(event[0] * native_rate)
            if target > position:
                blocks.append(_pull(synth, target - position))
                position = target
            player.play(event)
        peak = max((float(np.abs(block).max()) for block in blocks), default=0.0)
        limit = 10.0 ** (tail_db / 20.0)
        block_size = round(_TAIL_BLOCK_S * native_rate)
        rung_out = False
        for _ in range(round(max_tail_s / _TAIL_BLOCK_S)):
            blocks.append(_pull(synth, block_size))
            level = float(np.abs(blocks[-1]).max())
            peak = max(peak, level)
            if level <= max(limit * peak, _SILENCE):
                rung_out = True
                break
    finally:
        synth.delete()
    audio = np.concatenate(blocks)
    if not rung_out:
        fade = min(len(audio), native_rate // 2)
        audio[len(audio) - fade :] *= np.cos(np.linspace(0.0, np.pi / 2, fade, dtype=np.float32))[:, None]
    if num_channels == 1:
        audio = audio.mean(axis=1, keepdims=True)
    if native_rate != sample_rate:
        audio = soxr.resample(audio, native_rate, sample_rate)
    return np.ascontiguousarray(audio.T, dtype=np.float32)
