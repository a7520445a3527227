"""Room responses: simulated ones are what was asked for, those of files begin at the direct sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate.training.mixtures.rooms import RoomRange, read_response, simulate_room
from hushgate.training.mixtures.write_rooms import write_rooms
from hushgate.training.recordings.manifest import read_manifest

RATE = 16_000


def _rt60_s(response: np.ndarray) -> float:
    """From the backward integral (Schroeder), between -5 and -25 dB."""
    energy = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
    level_db = 10.0 * np.log10(energy / energy[0] + 1e-12)
    return float(3.0 * (np.argmax(level_db < -25.0) - np.argmax(level_db < -5.0)) / RATE)


def test_simulated_rooms_ring_as_long_as_asked() -> None:
    pytest.importorskip("pyroomacoustics", reason="needs the extra rooms")
    measured = {}
    for rt60_s in (0.15, 0.4):
        rooms = RoomRange((3.0, 5.0), (2.4, 3.0), (rt60_s, rt60_s), (0.5, 2.0))
        found = []
        for seed in range(3):
            response, asked_s = simulate_room(rooms, RATE, np.random.default_rng(seed))
            assert asked_s == pytest.approx(rt60_s)
            assert np.isfinite(response).all()
            assert np.argmax(np.abs(response)) <= 40  # 2.5 ms
            assert np.abs(response).max() == pytest.approx(1.0)
            found.append(_rt60_s(response))
        measured[rt60_s] = float(np.median(found))
    # Sabine's formula is an estimate, and the direct sound takes part in the measurement.
    assert 0.03 < measured[0.15] < 0.25
    assert 0.25 < measured[0.4] < 0.6


def test_rooms_depend_on_their_seed_and_number_only(tmp_path: Path) -> None:
    pytest.importorskip("pyroomacoustics", reason="needs the extra rooms")
    small = RoomRange((2.5, 4.0), (2.2, 3.0), (0.1, 0.15))
    write_rooms(small, tmp_path / "one", 3, seed=5)
    manifest = write_rooms(small, tmp_path / "more", 4, seed=5)
    rows = read_manifest(manifest)
    assert [row["kind"] for row in rows] == ["room"] * 4
    for row in rows[:3]:
        assert (tmp_path / "one" / row["path"]).read_bytes() == (tmp_path / "more" / row["path"]).read_bytes()
    assert len({(tmp_path / "more" / row["path"]).read_bytes() for row in rows}) == 4
    write_rooms(small, tmp_path / "more", 1, seed=5, split="val")
    assert [row["split"] for row in read_manifest(manifest)] == ["train"] * 4 + ["val"]


def test_files_begin_at_the_direct_sound(tmp_path: Path) -> None:
    response = np.zeros((9_000, 2))
    response[500:540, 0] = 0.01
    response[2_000, 0], response[2_500, 0], response[2_000, 1] = -0.4, 0.1, 0.9
    soundfile.write(tmp_path / "r.wav", response, RATE, "FLOAT")
    read = read_response(tmp_path / "r.wav", RATE)
    assert len(read) == 9_000 - 2_000 + 40
    assert read[40] == pytest.approx(1.0)
    assert read[540] == pytest.approx(-0.25)
    assert np.count_nonzero(np.abs(read) > 1e-6) == 2
    half = read_response(tmp_path / "r.wav", RATE // 2)
    assert half[20] == pytest.approx(1.0)
    assert half[270] == pytest.approx(-0.25, abs=0.01)
    soundfile.write(tmp_path / "silent.wav", np.zeros(100), RATE)
    with pytest.raises(ValueError, match="must hold a room response"):
        read_response(tmp_path / "silent.wav", RATE)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("width_m", (5.0, 4.0)),
        ("height_m", (0.5, 3.0)),
        ("rt60_s", (0.01, 0.5)),
        ("distance_m", (0.0, 1.0)),
    ],
)
def test_impossible_rooms_are_named(name: str, values: tuple[float, float], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{name} must rise from"):
        RoomRange(**{name: values})
    for arguments, words in (
        ({"count": 0}, "num must be"),
        ({"count": 1, "sample_rate": 10}, "sample_rate must be"),
        ({"count": 1, "split": "dev"}, "split must be one of"),
    ):
        with pytest.raises(ValueError, match=words):
            write_rooms(RoomRange(), tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_an_interrupted_simulation_leaves_the_manifest_alone(tmp_path: Path) -> None:
    pytest.importorskip("pyroomacoustics", reason="needs the extra rooms")
    small = RoomRange((2.5, 4.0), (2.2, 3.0), (0.1, 0.15))
    manifest = write_rooms(small, tmp_path, 1)
    before = manifest.read_bytes()

    def stopped(rows: object, total: int) -> object:
        yield next(iter(rows))  # type: ignore[call-overload]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rooms(small, tmp_path, 3, seed=1, progress=stopped)  # type: ignore[arg-type]
    assert manifest.read_bytes() == before
    assert not list(tmp_path.rglob(".hushgate-part-*"))


@pytest.mark.parametrize(
    ("rooms", "words"),
    [
        (
            RoomRange((3.0, 5.0), (2.4, 3.0), distance_m=(20.0, 30.0)),
            r"distance_m must fit rooms 3 to 5 m wide .*\(got 20 to 30 m, .* Lower its shortest one",
        ),
        (
            RoomRange((10.0, 10.0), (3.0, 3.0), rt60_s=(0.05, 0.05)),
            r"rt60_s must fit rooms 10 to 10 m wide .*\(got 0\.05 to 0\.05 s, .* Raise its longest one",
        ),
    ],
)
def test_ranges_that_no_room_satisfies_are_named(rooms: RoomRange, words: str) -> None:
    pytest.importorskip("pyroomacoustics", reason="needs the extra rooms")
    with pytest.raises(ValueError, match=words):
        simulate_room(rooms, RATE, np.random.default_rng(0))


def test_rooms_too_small_for_the_distance_are_drawn_again() -> None:
    pytest.importorskip("pyroomacoustics", reason="needs the extra rooms")
    rooms = RoomRange((1.5, 6.0), (2.4, 3.0), (0.3, 0.3), (4.0, 4.0))
    for seed in range(3):
        response, _ = simulate_room(rooms, RATE, np.random.default_rng(seed))
        assert np.isfinite(response).all()
