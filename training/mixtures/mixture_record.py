"""Record of how a mixture was made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hushgate.training.recordings.clips import UsedClip


@dataclass
class PartRecord:
    """A recording, or the output of a generator, in a mixture.

    Attributes:
        role: "target" or "noise".
        name: Name in the manifest, or "synthesized NAME".
        path: The file; None for a generator.
        start_s: Where the part begins in the recording, s.
        at_s: Where it begins in the mixture, s.
        seconds: Its length in the mixture, s; less than that is heard where it begins before the mixture or
            ends after it.
        speed: Factor of speed and pitch.
        is_whole: True where all of the recording is in the mixture.
        gain_db: Gain of the recording with its peak at full scale, or of a generator's output, dB, without
            equalizers, rooms and the like.
    """

    role: str
    name: str
    path: Path | None = None
    start_s: float = 0.0
    at_s: float = 0.0
    seconds: float = 0.0
    speed: float = 1.0
    is_whole: bool = False
    gain_db: float = 0.0


@dataclass
class MixtureRecord:
    """Record of how a mixture was made.

    Attributes:
        targets, noises: Names of the recordings in their manifests, and of generators.
        snr_db: Level of the target above the noise, dB, as `mix.snr_of` defines it; NaN without target or
            noise, and for pairs.
        level_db: Level of the active target (or, without one, of the mixture it was meant for), dBFS.
        top_hz: Highest frequency that the recordings hold, Hz; above it nothing is known.
        changes: Processing of "target", "noise" and "mixture" in its order, such as "target speed 1.043".
        parts: Every recording and generator with its place and gain. Mixtures of `FullBandMixer` have none.
    """

    targets: list[str] = field(default_factory=list)
    noises: list[str] = field(default_factory=list)
    snr_db: float = float("nan")
    level_db: float = float("nan")
    top_hz: float = float("inf")
    changes: list[str] = field(default_factory=list)
    parts: list[PartRecord] = field(default_factory=list)

    def add_clips(
        self,
        role: str,
        used: Iterable[UsedClip],
        sample_rate: float,
        speed: float,
        num_samples: int,
    ) -> None:
        """Note what was drawn of recordings, before a change of speed and the cut to `num_samples`."""
        for one in used:
            self._names(role).append(one.clip.name)
            end = (one.at + one.length) / speed
            self.parts.append(
                PartRecord(
                    role, one.clip.name, one.clip.path, one.start / sample_rate, one.at / speed / sample_rate,
                    one.length / speed / sample_rate, speed, one.is_whole and end <= num_samples,
                )
            )  # fmt: skip

    def add_generator(self, role: str, name: str, seconds: float) -> None:
        """Note the output of a generator."""
        self._names(role).append(name)
        self.parts.append(PartRecord(role, name, seconds=seconds))

    def remove_targets(self) -> None:
        """Forget the targets: the mixture has none."""
        self.targets.clear()
        self.parts = [part for part in self.parts if part.role != "target"]

    def scale(self, gain: float, role: str = "", first: int = 0) -> None:
        """Apply a gain to the parts from number `first` on, of one role or of all."""
        if gain > 0.0:
            for part in self.parts[first:]:
                if role in ("", part.role):
                    part.gain_db += 20.0 * math.log10(gain)

    def _names(self, role: str) -> list[str]:
        return self.targets if role == "target" else self.noises
