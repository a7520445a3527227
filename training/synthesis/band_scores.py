"""Random music arrangements and percussion, as scores.

Every function draws from the generator it is given and from nothing else.
"""

from __future__ import annotations

import numpy as np

from hushgate.training.synthesis.fluidsynth import DRUM_CHANNEL, Score

DRUM_KITS = (0, 8, 16, 24, 25, 32, 40, 48)
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}
_PROGRESSIONS = (
    (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 0), (5, 3, 0, 4), (0, 2, 3, 4), (1, 4, 0, 0),
    (0, 6, 5, 4), (0, 3, 0, 4), (0, 0, 3, 3), (3, 4, 2, 5),
)  # fmt: skip
# Steps per sixteenth of a 4/4 bar: kick, snare, hi-hat.
_BEATS = (
    ((0, 8), (4, 12), (0, 2, 4, 6, 8, 10, 12, 14)),
    ((0, 4, 8, 12), (4, 12), (2, 6, 10, 14)),
    ((0, 7, 10), (4, 12), tuple(range(16))),
    ((0, 6, 8), (4, 11, 12), (0, 4, 8, 12)),
    ((0, 10), (8,), (0, 3, 4, 7, 8, 11, 12, 15)),
    ((0,), (), (0, 4, 6, 8, 12, 14)),
    ((0, 3, 6, 10, 12), (4, 12, 15), (0, 2, 4, 6, 8, 10, 12, 14)),
)
_TOMS = (41, 43, 45, 47, 48, 50)
_CYMBALS = (49, 57, 55, 52)
_CHORD_PROGRAMS = (*range(32), *range(44, 56), *range(80, 96))
_PAD_PROGRAMS = (*range(16, 24), *range(40, 56), *range(88, 104))
_LEAD_PROGRAMS = (*range(16), *range(22, 32), *range(40, 48), *range(52, 88), *range(104, 112))
_BASS_PROGRAMS = (*range(32, 40), 38, 39, 43, 58, 0, 87)
_POOLS = {
    "chords": _CHORD_PROGRAMS,
    "arpeggio": _CHORD_PROGRAMS,
    "pad": _PAD_PROGRAMS,
    "bass": _BASS_PROGRAMS,
}
# Probability that a part plays.
_PARTS = {
    "chords": 0.75,
    "pad": 0.5,
    "bass": 0.85,
    "melody": 0.85,
    "second": 0.35,
    "arpeggio": 0.4,
    "drums": 0.7,
}


class _Song:
    """Key, tempo, bars and chords shared by the parts of one arrangement."""

    def __init__(self, rng: np.random.Generator, seconds: float) -> None:
        self.rng = rng
        self.scale = SCALES[str(rng.choice(list(SCALES)))]
        self.root = int(rng.integers(0, 12))
        self.beats_per_bar = int(rng.choice([4, 4, 4, 3, 6]))
        self.beat_s = 60.0 / rng.uniform(58.0, 168.0)
        self.bar_s = self.beats_per_bar * self.beat_s
        self.num_bars = max(1, int(np.ceil(seconds / self.bar_s)))
        progression = _PROGRESSIONS[int(rng.integers(len(_PROGRESSIONS)))]
        self.degrees = [progression[bar % len(progression)] for bar in range(self.num_bars)]
        self.swing = float(rng.choice([0.0, 0.0, 0.0, 0.3])) * 0.5 * self.beat_s
        # Loudness over the bars: steady, growing, dying away, or with a quiet middle.
        shape = rng.integers(5)
        bars = np.linspace(0.0, 1.0, self.num_bars)
        curves = (np.ones_like(bars), 0.4 + 0.6 * bars, 1.0 - 0.7 * bars, 0.35 + 0.65 * abs(2 * bars - 1))
        self.dynamics = curves[shape] if shape < 4 else rng.uniform(0.4, 1.0, self.num_bars)

    def key(self, degree: int, octave: int) -> int:
        """MIDI key of a scale degree (may leave 0..6) in an octave (4 holds middle C)."""
        return 12 * (octave + 1) + self.root + self.scale[degree % 7] + 12 * (degree // 7)

    def chord(self, bar: int, num_tones: int) -> list[int]:
        """Scale degrees of a bar's chord, stacked in thirds."""
        return [self.degrees[bar] + 2 * tone for tone in range(num_tones)]

    def time(self, bar: int, beat: float) -> float:
        """Seconds at a beat of a bar, with swing and a player's inaccuracy."""
        late = self.swing if abs(beat % 1.0 - 0.5) < 0.01 else 0.0
        return bar * self.bar_s + beat * self.beat_s + late + float(self.rng.normal(0.0, 0.004))

    def velocity(self, bar: int, level: float) -> float:
        return float(level * self.dynamics[bar] * self.rng.normal(1.0, 0.08))


def _set_up(score: Score, rng: np.random.Generator, channel: int, program: int, wet: float) -> None:
    score.program(channel, program)
    score.control(channel, 0.0, 7, rng.uniform(60.0, 120.0))
    score.control(channel, 0.0, 10, np.clip(rng.normal(64.0, 28.0), 0, 127))
    score.control(channel, 0.0, 91, wet * rng.uniform(0.4, 1.4))
    if rng.random() < 0.25:
        score.control(channel, 0.0, 93, rng.uniform(10.0, 80.0))
    if rng.random() < 0.2:
        score.control(channel, 0.0, 1, rng.uniform(10.0, 70.0))


def _bass(score: Score, song: _Song, channel: int) -> None:
    rng = song.rng
    octave, level = int(rng.choice([1, 2, 2])), rng.uniform(60.0, 110.0)
    style = rng.integers(4)
    for bar in range(song.num_bars):
        root = song.degrees[bar]
        if style == 0:
            start, key = song.time(bar, 0), song.key(root, octave)
            score.note(channel, start, song.bar_s * 0.95, key, song.velocity(bar, level))
            continue
        step = 1.0 if style < 3 else 0.5
        for index in range(int(song.beats_per_bar / step)):
            degree = root if style != 2 else root + (0, 2, 4, 5)[index % 4]
            key = song.key(degree, octave) + (12 if style == 3 and index % 2 else 0)
            length = step * song.beat_s * rng.uniform(0.5, 0.98)
            score.note(channel, song.time(bar, index * step), length, key, song.velocity(bar, level))


def _chords(score: Score, song: _Song, channel: int, held: bool) -> None:
    rng = song.rng
    tones, octave, level = int(rng.choice([3, 3, 4, 5])), int(rng.choice([3, 4, 4])), rng.uniform(35.0, 95.0)
    beats = [0.0] if held else sorted(rng.choice(song.beats_per_bar * 2, int(rng.integers(1, 5)), False) / 2)
    strum = 0.0 if held else float(rng.choice([0.0, 0.0, 0.01, 0.025]))
    length = song.bar_s * 1.02 if held else song.beat_s * rng.uniform(0.3, 1.5)
    for bar in range(song.num_bars):
        for beat in beats:
            for index, degree in enumerate(song.chord(bar, tones)):
                start = song.time(bar, beat) + index * strum
                score.note(channel, start, length, song.key(degree, octave), song.velocity(bar, level))


def _arpeggio(score: Score, song: _Song, channel: int) -> None:
    rng = song.rng
    step = float(rng.choice([0.25, 0.5, 0.5, 1.0 / 3.0]))
    octave, level, ring = int(rng.choice([3, 4, 5])), rng.uniform(40.0, 90.0), rng.uniform(0.8, 4.0)
    order = rng.permutation([0, 2, 4, 7, 9, 4])[: int(rng.integers(3, 7))]
    for bar in range(song.num_bars):
        for index in range(round(song.beats_per_bar / step)):
            key = song.key(song.degrees[bar] + int(order[index % len(order)]), octave)
            start, length = song.time(bar, index * step), ring * step * song.beat_s
            score.note(channel, start, length, key, song.velocity(bar, level))


def _melody(score: Score, song: _Song, channel: int) -> None:
    rng = song.rng
    octave, level, rest = int(rng.choice([3, 4, 4, 5])), rng.uniform(55.0, 115.0), rng.uniform(0.05, 0.4)
    degree = int(rng.integers(0, 7))
    for bar in range(song.num_bars):
        beat = 0.0
        while beat < song.beats_per_bar - 0.01:
            step = float(rng.choice([0.25, 0.5, 0.5, 1.0, 1.0, 1.5, 2.0]))
            step = min(step, song.beats_per_bar - beat)
            if rng.random() > rest:
                degree = int(np.clip(degree + rng.integers(-3, 4), -4, 10))
                start, length = song.time(bar, beat), step * song.beat_s * rng.uniform(0.4, 1.05)
                score.note(channel, start, length, song.key(degree, octave), song.velocity(bar, level))
                if length > 0.5 and rng.random() < 0.3:
                    for part in np.linspace(0.0, 1.0, 12):
                        depth = 0.3 * part * np.sin(2 * np.pi * 5.5 * part * length)
                        score.bend(channel, start + part * length, depth)
                    score.bend(channel, start + length, 0.0)
            beat += step


def _drums(score: Score, song: _Song) -> None:
    rng = song.rng
    kick, snare, hats = _BEATS[int(rng.integers(len(_BEATS)))]
    level = rng.uniform(50.0, 115.0)
    hat, clap = int(rng.choice([42, 42, 44, 51, 70, 54])), int(rng.choice([38, 38, 40, 37, 39]))
    steps = 4 * song.beats_per_bar
    for bar in range(song.num_bars):
        fill = bar % 4 == 3 and rng.random() < 0.5
        for step in range(steps):
            start = song.time(bar, step / 4)
            if step in kick:
                score.note(DRUM_CHANNEL, start, 0.2, 36, song.velocity(bar, level))
            if step in snare:
                score.note(DRUM_CHANNEL, start, 0.2, clap, song.velocity(bar, level))
            if step in hats and rng.random() < 0.95:
                pick = 46 if step % 8 == 6 and rng.random() < 0.3 else hat
                score.note(DRUM_CHANNEL, start, 0.15, pick, song.velocity(bar, 0.75 * level))
            if fill and step >= steps - 4:
                score.note(DRUM_CHANNEL, start, 0.2, rng.choice(_TOMS), song.velocity(bar, level))
        if bar % 4 == 0 and rng.random() < 0.5:
            start = song.time(bar, 0)
            score.note(DRUM_CHANNEL, start, 1.0, rng.choice(_CYMBALS), song.velocity(bar, level))


def music(rng: np.random.Generator, seconds: float) -> tuple[Score, str]:
    """A polyphonic arrangement: chords, bass, melody, pads and drums from all GM families.

    One in four is sparse (one or two parts), so that quiet and exposed passages occur.

    Args:
        rng: Source of every choice.
        seconds: Length before the ending rings out, s; rounded up to whole bars.

    Returns:
        The score and a label that names its programs, such as "p0-p33-p73-drums".
    """
    song = _Song(rng, seconds)
    score = Score(reverb=(rng.uniform(0.1, 0.9), rng.uniform(0.0, 0.8), rng.uniform(0.3, 1.0)))
    wet = float(rng.choice([0.0, 20.0, 45.0, 80.0]))
    chosen = [name for name, chance in _PARTS.items() if rng.random() < chance]
    if rng.random() < 0.25 or not chosen:
        chosen = [str(name) for name in rng.choice(list(_PARTS)[:-1], int(rng.integers(1, 3)), replace=False)]
    label = []
    for channel, name in enumerate(chosen):
        if name == "drums":
            kit = int(rng.choice(DRUM_KITS))
            _set_up(score, rng, DRUM_CHANNEL, kit, wet)
            score.control(DRUM_CHANNEL, 0.0, 10, 64)
            _drums(score, song)
            label.append("drums")
            continue
        program = int(rng.choice(_POOLS.get(name, _LEAD_PROGRAMS)))
        _set_up(score, rng, channel, program, wet)
        if name == "bass":
            _bass(score, song, channel)
        elif name in ("chords", "pad"):
            _chords(score, song, channel, held=name == "pad")
        elif name == "arpeggio":
            _arpeggio(score, song, channel)
        else:
            _melody(score, song, channel)
        label.append(f"p{program}")
    return score, "-".join(label)


def percussion(rng: np.random.Generator, seconds: float) -> tuple[Score, str]:
    """Drum hits and loops, tuned percussion and GM sound effects, to be used as noise.

    Args:
        rng: Source of every choice.
        seconds: Length before the ending rings out, s.

    Returns:
        The score and a label: "kit8", "loop0", "p122".
    """
    score = Score(reverb=(rng.uniform(0.1, 0.8), rng.uniform(0.0, 0.8), rng.uniform(0.3, 0.9)))
    wet = float(rng.choice([0.0, 20.0, 60.0]))
    choice = rng.random()
    if choice < 0.2:
        kit = int(rng.choice(DRUM_KITS))
        _set_up(score, rng, DRUM_CHANNEL, kit, wet)
        _drums(score, _Song(rng, seconds))
        return score, f"loop{kit}"
    if choice < 0.45:
        kit = int(rng.choice(DRUM_KITS))
        _set_up(score, rng, DRUM_CHANNEL, kit, wet)
        keys = rng.integers(27, 88, int(rng.integers(1, 6)))
        _hits(score, rng, DRUM_CHANNEL, keys, seconds)
        return score, f"kit{kit}"
    program = int(rng.choice((*range(112, 128), *range(119, 128), 13, 14, 15, 47, 96, 101)))
    _set_up(score, rng, 0, program, wet)
    score.detune(0, rng.uniform(-50.0, 50.0))
    keys = np.clip(rng.normal(60.0, 12.0, int(rng.integers(1, 4))), 30, 96)
    _hits(score, rng, 0, keys, seconds)
    return score, f"p{program}"


def _hits(score: Score, rng: np.random.Generator, channel: int, keys: np.ndarray, seconds: float) -> None:
    """Notes at random times, from a lone event to a dense rattle."""
    gap, level = float(rng.choice([0.12, 0.4, 1.0, 2.5])), rng.uniform(30.0, 120.0)
    start = rng.uniform(0.0, min(1.0, seconds / 2))
    while start < seconds:
        length = rng.uniform(0.1, 4.0)
        key, velocity = rng.choice(keys), level * rng.normal(1.0, 0.2)
        score.note(channel, start, min(length, seconds - start + 0.1), key, velocity)
        start += rng.exponential(gap) + 0.04
