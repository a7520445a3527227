"""The figures of a cleaning in words, the same in every command."""

from __future__ import annotations

from hushgate.measuring.cleaning_meter import CHANGED_DB, CleaningFigures
from hushgate.measuring.noise_floor import SILENCE_DB

NOT_MEASURED = "not measured"


def sound_lines(figures: CleaningFigures, num_clipped: int) -> list[tuple[str, str]]:
    """Name and text of what became of the sound."""
    noise = figures.noise
    floor = (
        noise_text(noise.before_db, noise.after_db, noise.from_hz, figures.noise_unknown)
        if noise
        else noise_text(None, None, None, figures.noise_unknown)
    )
    return [
        ("noise floor", floor),
        ("target", target_text(figures.target_change_db, figures.target_changed)),
        ("level", level_text(figures.level_before_dbfs, figures.level_after_dbfs)),
        ("peak", peak_text(figures.peak_before_dbfs, figures.peak_after_dbfs, num_clipped)),
    ]


def noise_text(
    before_db: float | None, after_db: float | None, from_hz: float | None, unknown: str | None
) -> str:
    """The noise floor where the target is silent.

    Args:
        before_db, after_db: Levels, dBFS; None where they were not measured.
        from_hz: Lowest frequency measured; 0.0 or None for all.
        unknown: Why they, or the second of them, were not measured.

    >>> noise_text(-52.3, -80.2, 0.0, None), noise_text(None, None, None, "too short")
    ('-52.3 -> -80.2 dBFS (27.9 dB lower)', 'not measured: too short')
    >>> noise_text(-40.0, -150.0, 1680.0, None)
    '-40.0 dBFS -> silence, above 1700 Hz, because lower sound never pauses'
    >>> noise_text(-40.0, None, 1680.0, "not measured: the sound never pauses")
    '-40.0 dBFS above 1700 Hz -> not measured: the sound never pauses'
    >>> noise_text(-40.0, None, 0.0, "varies, mostly -72 to -55 dBFS")
    '-40.0 dBFS -> varies, mostly -72 to -55 dBFS'
    """
    if before_db is None:
        return f"{NOT_MEASURED}: {unknown or 'unknown'}"
    if after_db is None:
        band = f" above {round(from_hz, -2):.0f} Hz" if from_hz else ""
        return f"{before_db:z.1f} dBFS{band} -> {unknown or NOT_MEASURED}"
    if after_db <= SILENCE_DB:
        text = f"{before_db:.1f} dBFS -> silence"
    else:
        fall = before_db - after_db
        word = "lower" if fall >= 0.0 else "higher"
        text = f"{before_db:z.1f} -> {after_db:z.1f} dBFS ({abs(fall):.1f} dB {word})"
    if from_hz:
        text += f", above {round(from_hz, -2):.0f} Hz, because lower sound never pauses"
    return text


def target_text(change_db: float | None, changed: float | None) -> str:
    """How much of the target changed.

    Args:
        change_db: Change of its level, dB; None where it was not measured.
        changed: Share that changed against the rest, 0 to 1.

    >>> target_text(-0.12, 0.034), target_text(None, None)
    ('level -0.1 dB; 3 % of it changed by more than 3 dB', 'not measured')
    """
    if change_db is None or changed is None:
        return NOT_MEASURED
    return (
        f"level {change_db:+z.1f} dB; {100.0 * changed:.0f} % of it changed by more than {CHANGED_DB:.0f} dB"
    )


def loudness_text(before_lufs: float | None, after_lufs: float | None, true_peak_dbtp: float | None) -> str:
    """Loudness before and after normalization.

    >>> loudness_text(-24.3, -16.0, -1.3)
    '-24.3 -> -16.0 LUFS, true peak -1.3 dBTP'
    """
    if before_lufs is None or after_lufs is None or true_peak_dbtp is None:
        return f"{NOT_MEASURED}: too quiet or too short, so it was left as it is"
    return f"{before_lufs:.1f} -> {after_lufs:.1f} LUFS, true peak {true_peak_dbtp:.1f} dBTP"


def peak_text(before_db: float | None, after_db: float | None, num_clipped: int) -> str:
    """Peaks and clipping.

    >>> peak_text(-3.14, None, 0)
    '-3.1 dBFS -> silence, nothing clipped'
    """
    clipped = "nothing clipped" if not num_clipped else f"{num_clipped} samples clipped"
    return f"{_change(before_db, after_db)}, {clipped}"


def level_text(before_db: float | None, after_db: float | None) -> str:
    """RMS levels.

    >>> level_text(-20.0, -26.0)
    '-20.0 -> -26.0 dBFS'
    """
    return _change(before_db, after_db)


def latency_text(latency_samples: float, sample_rate: float) -> str:
    """The latency of an effect over a file.

    >>> latency_text(1536, 48_000)
    '32.0 ms (1536 samples), taken out'
    """
    return f"{1000.0 * latency_samples / sample_rate:.1f} ms ({latency_samples:.0f} samples), taken out"


def speed_text(real_time_factor: float | None) -> str:
    """Speed of processing.

    >>> speed_text(0.0125)
    '80 times real time'
    """
    if not real_time_factor:
        return NOT_MEASURED
    times = 1.0 / real_time_factor
    return f"{times:.0f} times real time" if times >= 10.0 else f"{times:.1f} times real time"


def _change(before_db: float | None, after_db: float | None) -> str:
    if before_db is None or after_db is None:
        return f"{_dbfs(before_db)} -> {_dbfs(after_db)}"
    return f"{before_db:z.1f} -> {after_db:z.1f} dBFS"


def _dbfs(level: float | None) -> str:
    return "silence" if level is None else f"{level:z.1f} dBFS"
