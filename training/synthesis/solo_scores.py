"""Random guitar phrases and lines of other instruments, as scores.

Every function draws from the generator it is given and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hushgate.training.synthesis.band_scores import SCALES
from hushgate.training.synthesis.fluidsynth import Score

GUITAR_PROGRAMS = tuple(range(24, 32))
STANDARD_TUNING = (40, 45, 50, 55, 59, 64)
# Frets from the low to the high E string; -1 is not played.
_CHORD_SHAPES = (
    (0, 2, 2, 1, 0, 0), (0, 2, 2, 0, 0, 0), (-1, 0, 2, 2, 2, 0), (-1, 0, 2, 2, 1, 0),
    (-1, 3, 2, 0, 1, 0), (-1, -1, 0, 2, 3, 2), (-1, -1, 0, 2, 3, 1), (3, 2, 0, 0, 0, 3),
    (1, 3, 3, 2, 1, 1), (-1, 2, 4, 4, 4, 2), (0, 2, 0, 1, 0, 0), (-1, 0, 2, 0, 1, 0),
    (0, 2, 2, -1, -1, -1), (-1, 0, 2, 2, -1, -1), (-1, 3, 2, 3, 1, 0), (3, 5, 5, 4, 3, 3),
)  # fmt: skip
# Lowest and highest key, and how often it is drawn, for each family of eight GM programs.
FAMILIES: dict[str, tuple[tuple[int, ...], int, int, float]] = {
    "piano": (tuple(range(8)), 33, 96, 1.5),
    "mallets": (tuple(range(8, 16)), 55, 96, 0.7),
    "organ": (tuple(range(16, 24)), 36, 90, 1.2),
    "bass": (tuple(range(32, 40)), 26, 55, 0.5),
    "violin": ((40, 40, 41, 44, 45), 55, 94, 2.5),
    "cello": ((42, 43, 44, 45), 31, 70, 2.0),
    "harp": ((46, 47), 36, 84, 0.4),
    "ensemble": (tuple(range(48, 56)), 40, 84, 2.0),
    "trumpet": ((56, 59, 61, 62, 63), 52, 84, 1.7),
    "low brass": ((57, 58, 60), 34, 70, 1.8),
    "saxophone": ((64, 65, 66, 67), 44, 80, 1.8),
    "woodwind": ((68, 69, 70, 71), 40, 86, 2.2),
    "flute": (tuple(range(72, 80)), 58, 98, 2.0),
    "lead": (tuple(range(80, 88)), 45, 88, 0.5),
    "pad": (tuple(range(88, 104)), 40, 84, 0.7),
    "ethnic": ((104, 105, 106, 107, 108, 109, 110, 111), 45, 84, 0.7),
}
_ENERGIES = ((14.0, 34.0), (34.0, 60.0), (55.0, 90.0), (80.0, 120.0))


def _tuning(score: Score, rng: np.random.Generator, channel: int) -> None:
    """Detune a player: mostly a few cents, sometimes up to half a semitone."""
    spread = float(rng.choice([6.0, 15.0, 50.0]))
    score.detune(channel, float(np.clip(rng.normal(0.0, spread), -50.0, 50.0)))


def _reverb(rng: np.random.Generator) -> tuple[float, float, float]:
    return rng.uniform(0.1, 0.8), rng.uniform(0.0, 0.7), rng.uniform(0.3, 0.9)


class _Guitarist:
    """One guitar on channel 0, its loudness, and the time it has reached."""

    def __init__(self, rng: np.random.Generator, seconds: float, programs: Sequence[int]) -> None:
        self.rng = rng
        self.seconds = seconds
        self.score = Score(reverb=_reverb(rng))
        self.program = int(rng.choice(programs))
        self.score.program(0, self.program)
        self.score.control(0, 0.0, 91, float(rng.choice([0.0, 0.0, 15.0, 40.0])))
        self.score.control(0, 0.0, 10, rng.uniform(30.0, 98.0))
        _tuning(self.score, rng, 0)
        low, high = _ENERGIES[int(rng.integers(len(_ENERGIES)))]
        self.level = rng.uniform(low, high)
        self.spread = float(rng.choice([0.06, 0.15, 0.35]))
        self.ghost_chance = float(rng.choice([0.0, 0.0, 0.3]))
        self.scale = SCALES[str(rng.choice(list(SCALES)))]
        self.root = int(rng.integers(12))
        self.now = rng.uniform(0.0, 0.5)

    def velocity(self) -> float:
        """A stroke near the phrase's level, or a ghost note some 18 dB below it."""
        level = self.level * (0.35 if self.rng.random() < self.ghost_chance else 1.0)
        return float(np.clip(level * self.rng.normal(1.0, self.spread), 8.0, 125.0))

    def fretted(self, low: int = 40, high: int = 86) -> int:
        """A key of the scale on the fretboard."""
        keys = [key for key in range(low, high) if (key - self.root) % 12 in self.scale]
        return int(self.rng.choice(keys))

    def rest(self, longest: float) -> None:
        if self.rng.random() < 0.3:
            self.now += self.rng.uniform(0.1, longest)


def _line(player: _Guitarist) -> None:
    rng, centre = player.rng, player.fretted(45, 76)
    step = rng.uniform(0.12, 0.6)
    while player.now < player.seconds:
        centre = int(np.clip(centre + rng.integers(-5, 6), 40, 86))
        length = step * float(rng.choice([1, 1, 1, 2, 4]))
        player.score.note(0, player.now, length * rng.uniform(0.6, 1.3), centre, player.velocity())
        player.now += length
        player.rest(1.0)


def _strums(player: _Guitarist) -> None:
    rng, shift = player.rng, int(player.rng.integers(0, 6))
    step = float(rng.choice([0.3, 0.6, 1.2, 2.4])) * rng.uniform(0.8, 1.2)
    per_chord = int(rng.integers(1, 5))
    while player.now < player.seconds:
        keys = _shape(rng, shift)
        for _ in range(per_chord):
            order = keys if rng.random() < 0.7 else keys[::-1]
            delay, velocity = rng.uniform(0.004, 0.04), player.velocity()
            for index, key in enumerate(order):
                ring = step * rng.uniform(0.7, 1.6)
                player.score.note(0, player.now + index * delay, ring, key, velocity * rng.uniform(0.8, 1.0))
            player.now += step
        player.rest(1.5)


def _shape(rng: np.random.Generator, shift: int) -> list[int]:
    frets = _CHORD_SHAPES[int(rng.integers(len(_CHORD_SHAPES)))]
    pairs = zip(STANDARD_TUNING, frets, strict=True)
    return [open_key + fret + shift for open_key, fret in pairs if fret >= 0]


def _picking(player: _Guitarist) -> None:
    rng, shift = player.rng, int(player.rng.integers(0, 6))
    step, ring = rng.uniform(0.1, 0.4), rng.uniform(2.0, 8.0)
    while player.now < player.seconds:
        keys = _shape(rng, shift)
        order = rng.permutation(len(keys))
        for index in range(int(rng.integers(4, 12))):
            key = keys[int(order[index % len(order)])]
            player.score.note(0, player.now, ring * step, key, player.velocity())
            player.now += step
        player.rest(1.0)


def _ringing(player: _Guitarist) -> None:
    """Single notes left to decay: open strings as often as fretted ones."""
    rng = player.rng
    while player.now < player.seconds:
        key = int(rng.choice(STANDARD_TUNING)) if rng.random() < 0.5 else player.fretted()
        length = rng.uniform(1.5, 6.0)
        player.score.note(0, player.now, length, key, player.velocity())
        player.now += length * rng.uniform(0.5, 1.1)
        player.rest(2.0)


def _tuning_strings(player: _Guitarist) -> None:
    """Strings plucked again and again while their peg is turned, or bent by the finger."""
    rng = player.rng
    while player.now < player.seconds:
        key = int(rng.choice(STANDARD_TUNING)) if rng.random() < 0.6 else player.fretted(52, 80)
        offset = float(rng.choice([-1.0, 1.0]) * rng.choice([0.3, 0.6, 1.0, 2.0]))
        for _ in range(int(rng.integers(1, 4))):
            length, target = rng.uniform(1.0, 4.0), offset * rng.uniform(0.0, 0.6)
            start = player.now + length * rng.uniform(0.05, 0.3)
            end = player.now + length * rng.uniform(0.5, 0.9)
            player.score.bend(0, player.now, offset)
            player.score.note(0, player.now, length, key, player.velocity())
            for part in np.linspace(0.0, 1.0, 40):
                eased = 0.5 - 0.5 * np.cos(np.pi * part)
                player.score.bend(0, start + part * (end - start), offset + (target - offset) * eased)
            offset, player.now = target, player.now + length
        player.now += 0.05
        player.score.bend(0, player.now, 0.0)
        player.rest(1.0)


def _vibrato(player: _Guitarist) -> None:
    rng = player.rng
    while player.now < player.seconds:
        length, rate, depth = rng.uniform(0.5, 3.0), rng.uniform(4.0, 7.0), rng.uniform(0.05, 0.5)
        player.score.note(0, player.now, length, player.fretted(52, 86), player.velocity())
        for offset in np.arange(0.0, length, 0.02):
            grown = min(1.0, offset / 0.4)
            shift = depth * grown * float(np.sin(2 * np.pi * rate * offset))
            player.score.bend(0, player.now + offset, shift)
        player.score.bend(0, player.now + length, 0.0)
        player.now += length * 1.01
        player.rest(1.0)


GUITAR_STYLES: dict[str, tuple[Callable[[_Guitarist], None], float]] = {
    "phrases": (_line, 0.24),
    "chords": (_strums, 0.14),
    "picking": (_picking, 0.18),
    "notes": (_ringing, 0.24),
    "tuning": (_tuning_strings, 0.12),
    "vibrato": (_vibrato, 0.08),
}
"""What a guitar plays, and how often."""


def guitar(
    rng: np.random.Generator, seconds: float, styles: Sequence[str] = (), programs: Sequence[int] = ()
) -> tuple[Score, str]:
    """A phrase of one guitar (GM programs 24 to 31): lines, chords, picking, long notes, bends.

    Velocities run from very soft to hard, the tuning is up to 50 cents off, and long notes
    ring until they have decayed.

    Args:
        rng: Source of every choice.
        seconds: Time after which no new note begins, s.
        styles: Names in `GUITAR_STYLES`; all of them by default.
        programs: GM programs from 0, of `GUITAR_PROGRAMS`; all of them by default.

    Returns:
        The score and its label, such as "p25".
    """
    player = _Guitarist(rng, seconds, programs or GUITAR_PROGRAMS)
    chosen = [GUITAR_STYLES[name] for name in styles or GUITAR_STYLES]
    weights: NDArray[np.float64] = np.array([weight for _, weight in chosen])
    style = int(rng.choice(len(chosen), p=weights / weights.sum()))
    chosen[style][0](player)
    return player.score, f"p{player.program}"


def _sustained(score: Score, rng: np.random.Generator, channel: int, keys: list[int], seconds: float) -> None:
    """Long tones with swells, one after the other."""
    level, now = rng.uniform(35.0, 110.0), rng.uniform(0.0, 1.0)
    while now < seconds:
        length = min(rng.uniform(1.0, 6.0), max(0.5, seconds - now))
        chord = [int(rng.choice(keys))]
        if rng.random() < 0.15:
            chord.append(chord[0] + int(rng.choice([3, 4, 5, 7, 12])))
        for key in chord:
            score.note(channel, now, length, key, level * rng.normal(1.0, 0.12))
        if rng.random() < 0.5:
            begin, middle, finish = rng.uniform(30.0, 127.0, 3)
            for part in np.linspace(0.0, 1.0, 24):
                value = np.interp(part, (0.0, 0.5, 1.0), (begin, middle, finish))
                score.control(channel, now + part * length, 11, float(value))
        _shake(score, rng, channel, now, length)
        now += length * rng.uniform(0.95, 1.1) + float(rng.choice([0.0, 0.0, 0.5, 1.5]))


def _moving(score: Score, rng: np.random.Generator, channel: int, keys: list[int], seconds: float) -> None:
    """A line of short notes that walks through the scale, with rests."""
    level, now, step = rng.uniform(40.0, 115.0), rng.uniform(0.0, 0.8), rng.uniform(0.1, 0.7)
    place, legato = int(rng.integers(len(keys))), rng.uniform(0.5, 1.1)
    while now < seconds:
        length = step * float(rng.choice([1, 1, 1, 2, 3]))
        place = int(np.clip(place + rng.integers(-3, 4), 0, len(keys) - 1))
        score.note(channel, now, legato * length, keys[place], level * rng.normal(1.0, 0.12))
        if length > 0.6:
            _shake(score, rng, channel, now, length)
        now += length
        if rng.random() < 0.08:
            now += rng.uniform(0.2, 1.5)


def _shake(score: Score, rng: np.random.Generator, channel: int, start: float, length: float) -> None:
    """Vibrato on some notes, a slide into some."""
    chance, rate, depth = rng.random(), rng.uniform(4.5, 6.5), rng.uniform(0.05, 0.35)
    if chance < 0.35:
        for offset in np.arange(0.0, length, 0.02):
            grown = min(1.0, offset / 0.5)
            score.bend(channel, start + offset, depth * grown * float(np.sin(2 * np.pi * rate * offset)))
        score.bend(channel, start + length, 0.0)
    elif chance < 0.45:
        from_semitones = rng.uniform(-2.0, 2.0)
        for part in np.linspace(0.0, 1.0, 16):
            score.bend(channel, start + part * min(0.3, length), from_semitones * (1.0 - part))


def instrument(rng: np.random.Generator, seconds: float, families: Sequence[str] = ()) -> tuple[Score, str]:
    """One to four instruments other than guitar, with sustained or moving lines.

    Mostly orchestral; one piece in six is an orchestra tuning to one note.

    Args:
        rng: Source of every choice.
        seconds: Time after which no new note begins, s.
        families: Names in `FAMILIES`; all of them by default.

    Returns:
        The score and a label with the programs, such as "p40-p71".
    """
    score = Score(reverb=_reverb(rng))
    scale, root = SCALES[str(rng.choice(list(SCALES)))], int(rng.integers(12))
    tuning_up = rng.random() < 1 / 6
    names = list(families or FAMILIES)
    weights = np.array([FAMILIES[name][3] for name in names])
    wet = float(rng.choice([0.0, 20.0, 50.0]))
    label = []
    for channel in range(int(rng.choice([1, 2, 3, 4], p=[0.4, 0.25, 0.2, 0.15]))):
        programs, low, high, _ = FAMILIES[str(rng.choice(names, p=weights / weights.sum()))]
        program = int(rng.choice(programs))
        score.program(channel, program)
        score.control(channel, 0.0, 7, rng.uniform(60.0, 120.0))
        score.control(channel, 0.0, 10, rng.uniform(10.0, 118.0))
        score.control(channel, 0.0, 91, wet)
        _tuning(score, rng, channel)
        keys = [key for key in range(low, high + 1) if (key - root) % 12 in scale]
        if tuning_up:
            keys = [key for key in range(low, high + 1) if key % 12 in (9, 4, 2)]
        # Use one or two octaves of the range, so that a line stays in one register.
        begin = int(rng.integers(0, max(1, len(keys) - 8)))
        keys = keys[begin : begin + int(rng.integers(6, 15))]
        play = _sustained if tuning_up or rng.random() < 0.45 else _moving
        play(score, rng, channel, keys, seconds)
        label.append(f"p{program}")
    return score, "-".join(label)
