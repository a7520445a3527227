"""Chain and Mix next to pedalboard's own, put through the same calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pedalboard
import pytest
from pedalboard_native._internal import AddLatency

from hushgate import Chain, Denoiser, Mix
from hushgate.pedalboard_compat.native_effects import NOT_STREAMABLE, native_effects
from tests.helpers.seeded_noise import noise
from tests.plugin.parity.test_parity import (
    EMPTY_SHAPES,
    LATENCY,
    RATE,
    SHAPES,
    UNCLEAR_SHAPES,
    assert_same,
    outcome,
)

pytestmark = pytest.mark.level(5)

Boards = tuple[Any, Any]


def no_latency() -> list[pedalboard.Plugin]:
    return [pedalboard.HighpassFilter(80.0), pedalboard.Compressor(-30.0, 4.0), pedalboard.Limiter(-3.0)]


def with_latency() -> list[pedalboard.Plugin]:
    return [pedalboard.Delay(0.004), pedalboard.BrickwallLimiter(-20.0), AddLatency(700), pedalboard.Reverb()]


def nested() -> list[Any]:
    return [
        pedalboard.Pedalboard(no_latency()),
        pedalboard.Mix([pedalboard.Chain(no_latency()), None]),  # type: ignore[list-item]
        None,
        pedalboard.Phaser(),
    ]


@pytest.fixture(params=[no_latency, with_latency, nested, list], ids=["plain", "late", "nested", "empty"])
def boards(request: pytest.FixtureRequest) -> Boards:
    """Our chain and pedalboard's, with equal native effects."""
    return Chain(request.param()), pedalboard.Pedalboard(request.param())


@pytest.fixture
def late(identity: str) -> Boards:
    """A chain with an effect in Python between native ones, and a board that does the same."""
    ours = Chain([pedalboard.Invert(), Denoiser(identity, mix=0.0), pedalboard.HighpassFilter(80.0)])
    return ours, pedalboard.Pedalboard(
        [pedalboard.Invert(), AddLatency(LATENCY), pedalboard.HighpassFilter(80.0)]
    )


@pytest.fixture
def mixes(identity: str) -> Boards:
    """A mix with an effect in Python in one branch, and a native one."""
    ours = Mix([Chain([Denoiser(identity, mix=0.0), pedalboard.Gain(3.0)]), pedalboard.Invert()])
    late = pedalboard.Chain([AddLatency(LATENCY), pedalboard.Gain(3.0)])
    return ours, pedalboard.Mix([late, pedalboard.Invert()])


def compare(pair: Boards, *arguments: Any, **options: Any) -> None:
    ours, theirs = (outcome(lambda effect=effect: effect(*arguments, **options)) for effect in pair)  # type: ignore[misc]
    assert_same(ours, theirs)


# -- native plugins only: bit for bit ------------------------------------------------------------


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_natives_alone_equal_pedalboard_in_every_shape(boards: Boards, dtype: Any, reset: bool) -> None:
    for shape in SHAPES + EMPTY_SHAPES + UNCLEAR_SHAPES:
        block = noise(*shape, scale=0.5).astype(dtype) if shape else np.array(0.5, dtype)
        compare(boards, block, RATE, reset=reset)


@pytest.mark.parametrize("buffer_size", [1, 7, 480, 8192, 100_000])
def test_natives_alone_equal_pedalboard_at_every_buffer_size(boards: Boards, buffer_size: int) -> None:
    compare(boards, noise(2, 9_000 if buffer_size > 1 else 900, scale=0.5), RATE, buffer_size)


@pytest.mark.parametrize(
    "sizes", [[480] * 8, [64, 1, 0, 480, 2_000, 3, 480], [5_000, 20, 5_000], [3, 2, 1, 2]]
)
@pytest.mark.parametrize("layout", ["mono", "planar", "interleaved"])
def test_natives_alone_equal_pedalboard_block_by_block(boards: Boards, layout: str, sizes: list[int]) -> None:
    """With its defects: larger blocks wipe its memory, and a chain of its plugins is its own board."""
    for effect in boards:
        effect.reset()
    for seed, size in enumerate(sizes):
        block = noise(2, size, seed=seed, scale=0.5)
        compare(
            boards, {"mono": block[0], "planar": block, "interleaved": block.T}[layout], RATE, reset=False
        )


def test_natives_alone_equal_pedalboard_across_resets_rates_and_edits(boards: Boards) -> None:
    steps = [
        (4_000, True, RATE),
        (100, False, RATE),
        (3_000, False, 44_100),
        (10, True, RATE),
        (9, False, RATE),
    ]
    for seed, (size, reset, rate) in enumerate(steps):
        compare(boards, noise(2, size, seed=seed), rate, reset=reset)
    for effect in boards:
        effect.reset()
        effect.append(pedalboard.Delay(0.002))
        effect.insert(0, pedalboard.Gain(-3.0))
    compare(boards, noise(2, 3_000), RATE, reset=False)
    compare(boards, noise(2, 2), RATE, reset=False)  # square: read as the block before
    for effect in boards:
        effect.reset()
    compare(boards, noise(2, 2), RATE)


@pytest.mark.parametrize("name", sorted(native_effects()))
def test_every_native_effect_sounds_as_in_a_board(name: str) -> None:
    kind = native_effects()[name].kind
    sound = noise(2, 12_000, scale=0.3)
    compare((Chain([kind()]), pedalboard.Pedalboard([kind()])), sound, RATE)
    if name not in NOT_STREAMABLE:
        pair = Chain([kind()]), pedalboard.Pedalboard([kind()])
        for start in range(0, 4_800, 480):
            compare(pair, sound[:, start : start + 480], RATE, reset=False)


@pytest.mark.parametrize("reset", [True, False])
def test_a_convolution_sounds_as_in_a_board(reset: bool) -> None:
    room = noise(500)
    pair = (
        Chain([pedalboard.Convolution(room, sample_rate=RATE)]),
        pedalboard.Pedalboard([pedalboard.Convolution(room, sample_rate=RATE)]),
    )
    for _ in range(4):
        compare(pair, noise(2, 3_000), RATE, reset=reset)


def test_an_empty_block_does_not_reach_native_plugins(identity: str) -> None:
    """pedalboard.Convolution divides by its length there, which ends the process."""
    room = pedalboard.Convolution(np.ones(1, np.float32), sample_rate=RATE)
    for chain in (Chain([room]), Chain([room, Denoiser(identity)]), Mix([room])):
        for reset in (True, False):
            assert chain(np.zeros((2, 0), np.float32), RATE, reset=reset).shape == (2, 0)
        assert chain(noise(2, 2), RATE).shape == (2, 2)


@pytest.mark.parametrize("semitones", [-3.0, 0.0, 7.0])
def test_a_shifted_pitch_equals_that_of_pedalboard(semitones: float) -> None:
    effects = [pedalboard.PitchShift(semitones), pedalboard.Limiter()]
    twins = [pedalboard.PitchShift(semitones), pedalboard.Limiter()]
    compare((Chain(effects), pedalboard.Pedalboard(twins)), noise(2, 30_000), RATE)


# -- with effects in Python: same shapes, same alignment, same errors -----------------------------


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("shape", SHAPES + EMPTY_SHAPES + UNCLEAR_SHAPES)
def test_a_mixed_chain_equals_a_board_with_the_same_delay(
    late: Boards, shape: tuple[int, ...], dtype: Any, reset: bool
) -> None:
    compare(late, noise(*shape).astype(dtype) if shape else np.array(0.5, dtype), RATE, reset=reset)


@pytest.mark.parametrize("shape", [*SHAPES, (0,), (2, 0), (2, 2), (2, 3, 50), ()])
def test_a_mixed_mix_equals_the_native_one(mixes: Boards, shape: tuple[int, ...]) -> None:
    block = noise(*shape) if shape else np.array(0.5, np.float32)
    compare(mixes, block, RATE)
    compare(mixes, block, RATE)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float16, np.complex64, bool, object])
def test_refuses_the_same_dtypes(late: Boards, boards: Boards, mixes: Boards, dtype: Any) -> None:
    for pair in (late, boards, mixes):
        compare(pair, np.ones(500, dtype), RATE)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (([0.0] * 500, RATE), {}),
        ((None, RATE), {}),
        ((np.ones(500, np.float32),), {}),
        ((np.ones(500, np.float32), "48000"), {}),
        ((np.ones(500, np.float32), None), {}),
        ((np.ones(500, np.float32), RATE), {"buffer_size": 1.5}),
        ((np.ones(500, np.float32), RATE), {"reset": "no"}),
        ((np.ones(500, np.float32), RATE), {"unknown": 1}),
        ((np.ones(500, np.float32), np.float64(RATE)), {}),
        ((np.ones(500, np.float32), RATE), {"buffer_size": np.int64(64)}),
        ((np.ones(500, np.float32), RATE), {"buffer_size": 1, "reset": 1}),
        ((np.ones(500, np.float32), RATE, 128, False), {}),
    ],
)
def test_arguments_are_accepted_and_refused_alike(
    late: Boards, boards: Boards, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    for pair in (late, boards):
        compare(pair, *arguments, **options)
        compare((pair[0].process, pair[1].process), *arguments, **options)


@pytest.mark.parametrize("layout", ["mono", "planar", "interleaved"])
@pytest.mark.parametrize("sizes", [[480] * 10, [3_000, 1, 0, 2_000, 2, 3], [5_000, 1, 1, 1], [2_000, 0, 0]])
def test_a_mixed_stream_gives_the_same_samples_block_by_block(
    late: Boards, layout: str, sizes: list[int]
) -> None:
    for effect in late:
        effect.reset()
    for seed, size in enumerate(sizes):
        block = noise(2, size, seed=seed)
        block = {"mono": block[0], "planar": block, "interleaved": block.T}[layout]
        ours, theirs = (effect(block, RATE, reset=False) for effect in late)
        # pedalboard's filter wakes with the first sound behind the delay, at another place in its block.
        np.testing.assert_allclose(ours, theirs, atol=1e-6, strict=True)


def test_calls_with_and_without_reset_may_alternate(late: Boards) -> None:
    for seed, (size, reset) in enumerate([(4000, True), (100, False), (3000, False), (10, True), (9, False)]):
        compare(late, noise(2, size, seed=seed), RATE, reset=reset)


def test_only_an_explicit_reset_forgets_the_layout(late: Boards) -> None:
    for effect in late:
        effect(noise(2, 50), RATE)
        assert effect(noise(2, 2), RATE).shape == (2, 2)
        effect.reset()
        with pytest.raises(RuntimeError):
            effect(noise(2, 2), RATE)


LIST_CALLS: list[Callable[[Any], Any]] = [
    lambda board: board[0],
    lambda board: board[-1],
    lambda board: board[9],
    lambda board: board["a"],
    lambda board: board.append(3),
    lambda board: board.append(None),
    lambda board: board.insert(1, pedalboard.Gain()),
    lambda board: board.insert(-1, pedalboard.Gain()),
    lambda board: board.insert(9, pedalboard.Gain()),
    lambda board: board.insert(-9, pedalboard.Gain()),
    lambda board: board.remove(pedalboard.Gain()),
    lambda board: board.remove(board[1]),
    lambda board: board.__setitem__(0, pedalboard.Gain()),
    lambda board: board.__setitem__(9, pedalboard.Gain()),
    lambda board: board.__setitem__(0, "a"),
    lambda board: board.__delitem__(0),
    lambda board: board.__delitem__(9),
    lambda board: board[0] in board,
    lambda board: type(board)([board[0], 3]),
    lambda board: type(board)(3),
    lambda board: type(board)(plugins=[board[0]]),
    lambda board: type(board)(),
]


@pytest.mark.parametrize("call", LIST_CALLS)
def test_the_list_behaves_alike(call: Callable[[Any], Any]) -> None:
    kinds = (IndexError, TypeError, ValueError, RuntimeError)

    def attempt(board: Any) -> Any:
        try:
            call(board)
        except kinds as error:
            return next(kind for kind in kinds if isinstance(error, kind)), [type(e) for e in board]
        return [type(e) for e in board]

    assert attempt(Chain(no_latency())) == attempt(pedalboard.Pedalboard(no_latency()))


def test_facts_have_the_same_names() -> None:
    for ours, theirs in ((Chain(), pedalboard.Pedalboard()), (Mix(), pedalboard.Mix())):  # type: ignore[call-arg]
        assert {name for name in dir(theirs) if not name.startswith("_")} <= set(dir(ours))
        assert (ours.is_effect, ours.is_instrument) == (theirs.is_effect, theirs.is_instrument)


@pytest.mark.parametrize(
    ("buffer_size", "rate"),
    [(0, RATE), (-1, RATE), (512, 0), (512, -1.0), (512, float("nan")), (512, np.inf)],
)
def test_is_stricter_where_pedalboard_hangs_or_ignores(late: Boards, buffer_size: int, rate: float) -> None:
    for chain in (late[0], Chain(no_latency()), Mix()):
        with pytest.raises(ValueError, match="must be"):
            chain(noise(500), rate, buffer_size)
        assert chain(noise(500), RATE).shape == (500,)
