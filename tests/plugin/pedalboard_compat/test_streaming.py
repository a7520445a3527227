"""`stream`: any effect over blocks, aligned and as long to the sample."""

from __future__ import annotations

import numpy as np
import pedalboard
import pytest
from pedalboard_native._internal import AddLatency

from hushgate import ChannelLayoutError, Denoiser, stream
from tests.helpers.seeded_noise import noise

RATE = 48_000


def blocks_of(sound: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    return np.split(sound, np.cumsum(sizes)[:-1], axis=1)


@pytest.mark.parametrize("num_channels", [1, 2, 6])
@pytest.mark.parametrize("sizes", [[9000], [3000] * 3, [0, 1, 1, 0, 7000, 2], [1], [2], [6], [3, 3]])
def test_output_is_aligned_and_as_long(identity: str, num_channels: int, sizes: list[int]) -> None:
    sound = noise(num_channels, sum(sizes))
    board = pedalboard.Pedalboard([AddLatency(300), pedalboard.Gain(0.0)])
    for effect in (Denoiser(identity, mix=0.0), AddLatency(1000), board):
        for buffer_size in (1, 480, 8192):
            outputs = list(stream(effect, blocks_of(sound, sizes), RATE, buffer_size))
            assert all(output.shape[1] for output in outputs)
            np.testing.assert_array_equal(np.concatenate(outputs, axis=1), sound)


def test_no_blocks_give_no_blocks(identity: str) -> None:
    assert list(stream(Denoiser(identity), [], RATE)) == []
    assert list(stream(Denoiser(identity), [np.zeros((2, 0), np.float32)], RATE)) == []


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(480,)], r"\(got shape \(480,\)\)\. Pass block\[np\.newaxis\]"),
        ([(96_000, 2)], r"1 to 256 channels \(got shape \(96000, 2\)\)\. Pass block\.T"),
        ([(0, 480)], r"1 to 256 channels \(got shape \(0, 480\)\)"),
        ([(1, 2, 480)], "1 to 256 channels"),
        ([(2, 480), (1, 480)], r"same number of channels \(got 1 after 2\)"),
    ],
)
def test_blocks_of_another_shape_are_refused(
    identity: str, shapes: list[tuple[int, ...]], message: str
) -> None:
    blocks = [np.zeros(shape, np.float32) for shape in shapes]
    with pytest.raises(ChannelLayoutError, match=message):
        list(stream(Denoiser(identity), blocks, RATE))


def test_equals_processing_the_whole(stateful: str) -> None:
    sound = noise(2, 50_000)
    streamed = np.concatenate(list(stream(Denoiser(stateful), np.split(sound, 10, axis=1), RATE)), axis=1)
    np.testing.assert_allclose(streamed, Denoiser(stateful)(sound, RATE), atol=1e-5)


def test_what_the_effect_heard_before_is_not_heard_again(stateful: str) -> None:
    used = Denoiser(stateful)
    used(noise(2, 5000, seed=1), RATE, reset=False)
    sound = noise(2, 5000)
    first = np.concatenate(list(stream(used, [sound], RATE)), axis=1)
    again = np.concatenate(list(stream(used, [sound], RATE)), axis=1)
    np.testing.assert_array_equal(first, again)


def test_an_effect_that_keeps_samples_is_an_error() -> None:
    class Swallower:
        def process(
            self, input_array: np.ndarray, sample_rate: float, buffer_size: int = 8192, reset: bool = True
        ) -> np.ndarray:
            return input_array[:, :0]

        def reset(self) -> None:
            pass

    with pytest.raises(RuntimeError, match="kept 100 samples"):
        list(stream(Swallower(), [noise(1, 100)], RATE))


def test_blocks_are_taken_one_at_a_time(identity: str) -> None:
    taken = 0

    def source():  # type: ignore[no-untyped-def]
        nonlocal taken
        for seed in range(100):
            taken += 1
            yield noise(1, 4800, seed=seed)

    outputs = stream(Denoiser(identity), source(), RATE, block_size=4800)  # type: ignore[no-untyped-call]
    next(outputs)
    assert taken <= 2
