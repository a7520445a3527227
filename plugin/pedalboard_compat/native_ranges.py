"""Ranges of the parameters of pedalboard's effects, for presets and other descriptions.

pedalboard takes any number for many of them, and some make an effect run without end or return numbers that
are not finite: `Chorus(rate_hz=1e30)`, a negative cut-off, a feedback of 100. The ranges are those that JUCE
documents for its DSP classes where it does, else what sound at up to 1 MHz can use.
"""

from __future__ import annotations

from typing import NamedTuple


class Range(NamedTuple):
    """Lowest and highest allowed value, and their unit."""

    lowest: float
    highest: float
    unit: str = ""

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"between {self.lowest:g} and {self.highest:g}{unit}"


_SHARE = Range(0.0, 1.0)
_LEVEL = Range(-200.0, 120.0, "dB")
_FREQUENCY = Range(0.1, 500_000.0, "Hz")  # half of the highest sample rate that streams take
_TIME = Range(0.0, 60_000.0, "ms")

_RANGES = {
    "attack_ms": _TIME,
    "bit_depth": Range(0.0, 32.0, "bits"),
    "ceiling_db": _LEVEL,
    "centre_delay_ms": Range(1.0, 100.0, "ms"),
    "centre_frequency_hz": _FREQUENCY,
    "cutoff_frequency_hz": _FREQUENCY,
    "cutoff_hz": _FREQUENCY,
    "damping": _SHARE,
    "delay_seconds": Range(0.0, 30.0, "s"),
    "depth": _SHARE,
    "drive": Range(1.0, 1000.0),
    "drive_db": _LEVEL,
    "dry_level": _SHARE,
    "feedback": Range(-1.0, 1.0),
    "freeze_mode": _SHARE,
    "gain_db": Range(-80.0, 80.0, "dB"),
    "lookahead_ms": Range(0.001, 100.0, "ms"),
    "mix": _SHARE,
    "q": Range(0.001, 1000.0),
    "rate_hz": Range(0.0, 100.0, "Hz"),
    "ratio": Range(1.0, 1e6),
    "release_ms": _TIME,
    "resonance": _SHARE,
    "room_size": _SHARE,
    "semitones": Range(-48.0, 48.0),
    "target_sample_rate": Range(100.0, 1e6, "Hz"),
    "threshold_db": _LEVEL,
    "vbr_quality": Range(0.0, 9.9),
    "wet_level": _SHARE,
    "width": _SHARE,
}
# A parameter of a later pedalboard: wide, but finite.
_UNKNOWN = Range(-1e6, 1e6)


def range_of(parameter: str) -> Range:
    """The range of a parameter, by its name in pedalboard.

    >>> str(range_of("rate_hz"))
    'between 0 and 100 Hz'
    """
    return _RANGES.get(parameter, _UNKNOWN)
