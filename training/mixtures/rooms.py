"""Room responses: read from files, and simulated (pyroomacoustics) to be put into files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import signal

from hushgate.training.recordings.clips import Clip

Audio = NDArray[np.float32]

_LEAD_MS = 2.5
_WALL_M = 0.4
# The number of image sources grows with the third power of the order: rays take the tail.
_IMAGE_ORDER = 6
# Draws of a room, and of places in it, after which none is taken to fit.
_MAX_ROOMS, _MAX_PLACES = 1000, 500


def read_response(path: Path, sample_rate: int) -> Audio:
    """Read a room response as float32 (samples,), its direct sound of height 1 at the beginning.

    What comes more than 2.5 ms before the direct sound is the distance to the loudspeaker and goes. Of
    several channels (the microphones of an array) the first is taken.

    Raises:
        ValueError: The file is silent.
    """
    audio, rate = soundfile.read(path, dtype="float64", always_2d=True)
    mono = audio[:, 0]
    if rate != sample_rate:
        shared = gcd(rate, sample_rate)
        mono = signal.resample_poly(mono, sample_rate // shared, rate // shared)
    if not np.any(mono):
        raise ValueError(f"{path} must hold a room response (got silence).")
    direct = int(np.argmax(np.abs(mono)))
    start = max(0, direct - round(_LEAD_MS / 1000.0 * sample_rate))
    return np.asarray(mono[start:] / mono[direct], dtype=np.float32)


class RoomPool:
    """Room responses kept in memory, drawn at random.

    Args:
        clips: What to load, at least one.
        sample_rate: Hz.
    """

    def __init__(self, clips: Sequence[Clip], sample_rate: int) -> None:
        self.clips = tuple(clips)
        self._responses = [read_response(clip.path, sample_rate) for clip in clips]

    def draw(self, rng: Generator) -> tuple[Audio, str]:
        """Return a response and its name."""
        index = int(rng.integers(len(self._responses)))
        return self._responses[index], self.clips[index].name


@dataclass(frozen=True)
class RoomRange:
    """Rooms to draw from.

    Args:
        width_m: Shortest and longest wall, m.
        height_m: Lowest and highest ceiling, m.
        rt60_s: Shortest and longest time in which the sound falls by 60 dB, s.
        distance_m: Shortest and longest way from the source to the microphone, m.
    """

    width_m: tuple[float, float] = (2.5, 10.0)
    height_m: tuple[float, float] = (2.2, 4.0)
    rt60_s: tuple[float, float] = (0.1, 0.8)
    distance_m: tuple[float, float] = (0.3, 3.0)

    def __post_init__(self) -> None:
        lowest = {"width_m": 1.5, "height_m": 1.5, "rt60_s": 0.05, "distance_m": 0.05}
        for name, least in lowest.items():
            low, high = getattr(self, name)
            if not least <= low <= high:
                unit = name.rpartition("_")[2]
                raise ValueError(f"{name} must rise from {least:g} {unit} or more (got {low:g} to {high:g}).")


def simulate_room(rooms: RoomRange, sample_rate: int, rng: Generator) -> tuple[Audio, float]:
    """Simulate the response of a random box of a room: image sources for the early part, rays for the tail.

    Args:
        rooms: What may be drawn.
        sample_rate: Hz.
        rng: Source of every choice.

    Returns:
        float32 (samples,) with a direct sound of height 1, and the reverberation time asked for, s.

    Raises:
        ModuleNotFoundError: pyroomacoustics is not installed (extra `rooms`).
        ValueError: No room of the range has so short a reverberation, or so long a way.

    Reference: Scheibler, Bezzam and Dokmanic, "Pyroomacoustics", ICASSP 2018.
    """
    import pyroomacoustics

    found = None
    is_damped = False
    for _ in range(_MAX_ROOMS):
        size = np.array([rng.uniform(*side) for side in (rooms.width_m, rooms.width_m, rooms.height_m)])
        rt60_s = float(np.exp(rng.uniform(*np.log(rooms.rt60_s))))
        try:
            absorption, order = pyroomacoustics.inverse_sabine(rt60_s, size)
        except ValueError:  # no wall absorbs enough for so short a time in so large a room
            continue
        if absorption >= 0.95:
            continue
        is_damped = True
        found = _places(size, rooms.distance_m, rng)
        if found is not None:
            break
    if found is None:
        raise ValueError(_misfit(rooms, "distance_m" if is_damped else "rt60_s"))
    microphone, source = found
    # Its rays have a generator of their own.
    pyroomacoustics.random.seed(int(rng.integers(2**31)))
    room = pyroomacoustics.ShoeBox(
        size,
        fs=sample_rate,
        materials=pyroomacoustics.Material(absorption),
        max_order=min(order, _IMAGE_ORDER),
        ray_tracing=order > _IMAGE_ORDER,
        air_absorption=True,
    )
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    response = np.asarray(room.rir[0][0], dtype=np.float64)
    direct = int(np.argmax(np.abs(response)))
    start = max(0, direct - round(_LEAD_MS / 1000.0 * sample_rate))
    return np.asarray(response[start:] / response[direct], dtype=np.float32), rt60_s


def _places(
    size: NDArray[np.float64], distance_m: tuple[float, float], rng: Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """A microphone and a source, both off the walls, as far apart as asked or as the room allows.

    None where it does not allow the shortest distance.
    """
    longest = distance_m[1]
    for _ in range(_MAX_PLACES if distance_m[0] < np.linalg.norm(size - 2.0 * _WALL_M) else 0):
        microphone = rng.uniform(_WALL_M, size - _WALL_M)
        way = rng.standard_normal(3)
        source = microphone + way / np.linalg.norm(way) * rng.uniform(distance_m[0], longest)
        if np.all(source > _WALL_M) and np.all(source < size - _WALL_M):
            return microphone, source
        longest = max(distance_m[0], 0.98 * longest)
    return None


def _misfit(rooms: RoomRange, name: str) -> str:
    """What to say of a range that no room satisfies."""
    (low, high), (narrow, wide), (flat, tall) = getattr(rooms, name), rooms.width_m, rooms.height_m
    unit = name.rpartition("_")[2]
    remedy = "Lower its shortest one" if name == "distance_m" else "Raise its longest one"
    return (
        f"{name} must fit rooms {narrow:g} to {wide:g} m wide and {flat:g} to {tall:g} m high "
        f"(got {low:g} to {high:g} {unit}, which none of {_MAX_ROOMS} has). {remedy}, or change width_m."
    )
