"""Bridge of two streams: latency, bursts, dropouts, surplus."""

from __future__ import annotations

import numpy as np

from hushgate.live.devices.duplex_bridge import Bridge
from tests.helpers.seeded_noise import noise


class Ends:
    """A bridge with a callback that copies, driven by hand."""

    def __init__(self, sound: np.ndarray, block_size: int = 64) -> None:
        self.lost: list[bool] = []
        self.out: list[np.ndarray] = []
        self.sound, self.size, self.position = sound, block_size, 0
        self.bridge = Bridge(self._copy, block_size=block_size, num_inputs=1, sample_rate=6400.0)

    def _copy(self, input_block: np.ndarray, output_block: np.ndarray, is_lost: bool) -> None:
        output_block[:] = input_block
        self.lost.append(is_lost)

    def put(self, times: int = 1, is_lost: bool = False) -> None:
        for _ in range(times):
            self.bridge.take_input(self.sound[:, self.position : self.position + self.size].T, is_lost)
            self.position += self.size

    def get(self, times: int = 1, is_lost: bool = False) -> None:
        for _ in range(times):
            block = np.full((self.size, 1), np.nan, np.float32)
            self.bridge.fill_output(block, is_lost)
            self.out.append(block)

    @property
    def played(self) -> np.ndarray:
        return np.concatenate(self.out)[:, 0]


def test_bridge_hands_everything_on_with_its_own_latency_once_it_has_begun() -> None:
    ends = Ends(noise(1, 64 * 50))
    ends.get(3)
    for _ in range(40):
        ends.put()
        ends.get()
    played = ends.played
    start = 64 * 4
    assert not played[:start].any()
    np.testing.assert_array_equal(played[start + 64 :], ends.sound[0, 64 : len(played) - start])
    assert ends.lost == [False] * 43
    assert ends.bridge.latency_samples == 64


def test_bridge_survives_bursts_of_input() -> None:
    ends = Ends(noise(1, 64 * 400))
    for _ in range(60):
        ends.put(4)
        ends.get(4)
    assert 1 <= sum(ends.lost) <= 6  # until the reserve fits the bursts
    assert not any(ends.lost[40:])
    played = ends.played[64 * 40 :]
    delay = next(n for n in range(0, 64 * 10, 64) if ends.sound[0, 64 * 40 - n] == played[0])
    np.testing.assert_array_equal(played, ends.sound[0, 64 * 40 - delay :][: len(played)])
    assert delay <= ends.bridge.latency_samples + 64 * 4


def test_bridge_fades_to_silence_and_back_and_reports_a_dropout_when_the_input_is_late() -> None:
    ends = Ends(np.full((1, 64 * 50), 0.5, np.float32))
    ends.put(2)
    ends.get(5)
    assert ends.lost == [False, False, True, False, False]
    assert not ends.played[-64:].any()
    ends.put(2)
    ends.get(2)
    assert ends.lost[-2:] == [False, False]
    assert ends.played[-64:].min() == 0.5
    assert np.abs(np.diff(ends.played)).max() < 1.1 * 0.5 / 64


def test_bridge_passes_on_what_either_device_lost() -> None:
    ends = Ends(noise(1, 64 * 50))
    ends.put(2, is_lost=True)
    ends.get()
    ends.put()
    ends.get(is_lost=True)
    ends.put()
    ends.get()
    assert ends.lost == [True, True, False]


def test_bridge_leaves_out_a_lasting_surplus_softly() -> None:
    """An output that lost time must not leave the delay larger for good."""
    time_s = np.arange(64 * 1000) / 6400.0
    sound = np.sin(2 * np.pi * 10.0 * time_s).astype(np.float32)[None]
    ends = Ends(sound)
    ends.put(12)
    ends.get()
    for _ in range(20):
        ends.put()
    for _ in range(320):
        ends.get()
        ends.put()
    played = ends.played
    largest_step = np.abs(np.diff(sound[0])).max()
    assert np.abs(np.diff(played)).max() < 4.0 * largest_step
    assert not any(ends.lost)
    # The delay of the last block: far below the 20 blocks that had piled up.
    last = played[-64:]
    delays = [n for n in range(32 * 64) if np.array_equal(last, sound[0, ends.position - 64 - n :][:64])]
    assert min(delays) <= 4 * 64
