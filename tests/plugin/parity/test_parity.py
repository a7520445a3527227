"""Our Denoiser and pedalboard's own plugins, put through the same calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pedalboard
import pytest
from pedalboard_native._internal import AddLatency

from hushgate import ChannelLayoutError, Denoiser
from tests.helpers.seeded_noise import noise

RATE = 48_000
LATENCY = 1536

Calls = list[tuple[np.ndarray, dict[str, Any]]]


@pytest.fixture
def pair(identity: str) -> tuple[Denoiser, AddLatency]:
    """A native plugin with latency, and ours with as much and nothing but the delay."""
    ours = Denoiser(identity, mix=0.0)
    assert ours.latency_samples_at(RATE) == LATENCY
    return ours, AddLatency(LATENCY)


def outcome(call: Callable[[], np.ndarray]) -> Any:
    """The result of a call, or the kind of its error."""
    try:
        result = call()
    except (TypeError, ValueError, RuntimeError) as error:
        return next(kind for kind in (TypeError, RuntimeError, ValueError) if isinstance(error, kind))
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    return result


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, type):
        assert ours is theirs
    else:
        np.testing.assert_array_equal(ours, theirs, strict=True)


SHAPES = [(5000,), (2, 5000), (5000, 2), (1, 5000), (5000, 1), (6, 4000), (4000, 6), (33, 50), (1, 1)]
EMPTY_SHAPES = [(0,), (2, 0), (0, 2), (1, 0), (0, 1)]
UNCLEAR_SHAPES = [(2, 2), (33, 33), (0, 0), (2, 3, 50), ()]


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("shape", SHAPES + EMPTY_SHAPES + UNCLEAR_SHAPES)
def test_shapes_and_samples_equal_those_of_a_native_plugin(
    pair: tuple[Denoiser, AddLatency], shape: tuple[int, ...], dtype: Any, reset: bool
) -> None:
    block = noise(*shape).astype(dtype) if shape else np.array(0.5, dtype)
    ours, theirs = (outcome(lambda effect=effect: effect(block, RATE, reset=reset)) for effect in pair)  # type: ignore[misc]
    assert_same(ours, theirs)


@pytest.mark.parametrize(
    "dtype", [np.int16, np.int32, np.uint8, np.float16, np.complex64, bool, np.longdouble]
)
def test_refuses_the_same_dtypes(pair: tuple[Denoiser, AddLatency], dtype: Any) -> None:
    block = np.ones(500, dtype)
    ours, theirs = (outcome(lambda effect=effect: effect(block, RATE)) for effect in pair)  # type: ignore[misc]
    assert_same(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (([0.0] * 500, RATE), {}),
        ((None, RATE), {}),
        (("abc", RATE), {}),
        ((np.ones(500, np.float32),), {}),
        ((np.ones(500, np.float32), "48000"), {}),
        ((np.ones(500, np.float32), None), {}),
        ((np.ones(500, np.float32), RATE), {"buffer_size": 1.5}),
        ((np.ones(500, np.float32), RATE), {"buffer_size": 2.0}),
        ((np.ones(500, np.float32), RATE), {"buffer_size": "8"}),
        ((np.ones(500, np.float32), RATE), {"reset": "no"}),
        ((np.ones(500, np.float32), RATE), {"unknown": 1}),
        ((np.ones(500, np.float32), np.float64(RATE)), {}),
        ((np.ones(500, np.float32), RATE), {"buffer_size": np.int64(64)}),
        ((np.ones(500, np.float32), RATE), {"buffer_size": 1, "reset": 1}),
        ((np.ones(500, np.float32), RATE), {"reset": None}),
        ((np.ones(500, np.float32), RATE, 128, False), {}),
    ],
)
def test_arguments_are_accepted_and_refused_alike(
    pair: tuple[Denoiser, AddLatency], arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    ours, theirs = (outcome(lambda effect=effect: effect(*arguments, **options)) for effect in pair)  # type: ignore[misc]
    assert_same(ours, theirs)
    ours, theirs = (outcome(lambda effect=effect: effect.process(*arguments, **options)) for effect in pair)  # type: ignore[misc]
    assert_same(ours, theirs)


@pytest.mark.parametrize("buffer_size", [7, 480, 8192])
@pytest.mark.parametrize(
    "sizes", [[1] * 5 + [3000], [480] * 10, [1, 2, 0, 3, 1530, 1, 5000, 0, 7], [5000, 1, 1, 1], [0, 0, 2000]]
)
@pytest.mark.parametrize("layout", ["mono", "planar", "interleaved"])
def test_a_stream_gives_the_same_samples_block_by_block(
    pair: tuple[Denoiser, AddLatency], layout: str, sizes: list[int], buffer_size: int
) -> None:
    if layout != "mono" and sizes[0] < 3:
        sizes = [5, *sizes]  # neither side can know which dimension of a first tiny block is which
    for effect in pair:
        effect.reset()
    largest = 0
    native_lost_sound = False
    for seed, size in enumerate(sizes):
        block = noise(2, size, seed=seed)
        block = {"mono": block[0], "planar": block, "interleaved": block.T}[layout]
        ours, theirs = (effect(block, RATE, buffer_size, reset=False) for effect in pair)
        # A block larger than any before wipes a native plugin's memory. Ours keeps it (see
        # test_streamed_equals_whole), so from then on only the shapes can be compared.
        native_lost_sound |= 0 < largest < min(size, buffer_size)
        largest = max(largest, min(size, buffer_size))
        if native_lost_sound:
            assert ours.shape == theirs.shape
        else:
            assert_same(ours, theirs)


def test_calls_with_and_without_reset_may_alternate(pair: tuple[Denoiser, AddLatency]) -> None:
    for step, (size, reset) in enumerate([(4000, True), (100, False), (3000, False), (10, True), (9, False)]):
        ours, theirs = (effect(noise(2, size, seed=step), RATE, reset=reset) for effect in pair)
        assert_same(ours, theirs)


@pytest.mark.parametrize("first", [(2, 50), (50, 2), (50,), (3, 50)])
@pytest.mark.parametrize(
    "then", [(2, 2), (3, 3), (50, 50), (2, 1), (1, 2), (2, 50), (50, 2), (3, 1), (1, 50)]
)
@pytest.mark.parametrize("reset", [True, False])
def test_layout_is_remembered_alike(
    identity: str, first: tuple[int, ...], then: tuple[int, ...], reset: bool
) -> None:
    # A gain has no latency, so that every block shows whole how it was understood.
    ours, theirs = Denoiser(identity, mix=0.0), pedalboard.Gain(0.0)
    for effect in (ours, theirs):
        effect(noise(*first), RATE, reset=reset)
    block = noise(*then, seed=1)
    ours_out = outcome(lambda: ours(block, RATE, reset=True))
    assert_same(ours_out, outcome(lambda: theirs(block, RATE, reset=True)))
    assert_same(
        outcome(lambda: ours(block[:, :0], RATE)).shape, outcome(lambda: theirs(block[:, :0], RATE)).shape
    )


def test_only_an_explicit_reset_forgets_the_layout(pair: tuple[Denoiser, AddLatency]) -> None:
    square = noise(2, 2)
    for effect in pair:
        effect(noise(2, 50), RATE)
        assert effect(square, RATE, reset=True).shape == (2, 2)
        effect.reset()
        with pytest.raises(RuntimeError):
            effect(square, RATE)


def test_square_block_error_is_ours_and_names_the_shape(identity: str) -> None:
    with pytest.raises(ChannelLayoutError, match=r"shape \(2, 2\)\. Process a block") as caught:
        Denoiser(identity)(noise(2, 2), RATE)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("layout", ["strided", "fortran", "readonly", "broadcast"])
def test_any_memory_layout_goes_in_and_is_not_written_to(
    pair: tuple[Denoiser, AddLatency], layout: str
) -> None:
    block = {  # type: ignore[no-untyped-call]
        "strided": lambda: noise(2, 6000)[:, ::2],
        "fortran": lambda: np.asfortranarray(noise(3000, 2)),
        "readonly": lambda: np.frombuffer(noise(3000).tobytes(), np.float32),
        "broadcast": lambda: np.broadcast_to(noise(3000), (2, 3000)),
    }[layout]()
    before = block.copy()
    ours, theirs = (effect(block, RATE) for effect in pair)
    assert_same(ours, theirs)
    np.testing.assert_array_equal(block, before)
    assert not np.shares_memory(ours, block)


def test_facts_have_the_same_names(identity: str) -> None:
    ours, theirs = Denoiser(identity), pedalboard.Gain()
    public = {name for name in dir(theirs) if not name.startswith("_")} - {"gain_db"}
    assert public <= set(dir(ours))
    assert (ours.is_effect, ours.is_instrument) == (theirs.is_effect, theirs.is_instrument)
    assert repr(ours).startswith("<hushgate.Denoiser model=")
    assert repr(theirs).startswith("<pedalboard.Gain gain_db=")


@pytest.mark.parametrize(
    ("buffer_size", "rate"), [(0, RATE), (-1, RATE), (512, 0), (512, -1.0), (512, float("nan"))]
)
def test_is_stricter_where_pedalboard_hangs_or_ignores(identity: str, buffer_size: int, rate: float) -> None:
    denoiser = Denoiser(identity)
    with pytest.raises(ValueError, match="must be"):
        denoiser(noise(500), rate, buffer_size)
    assert denoiser(noise(500), RATE).shape == (500,)
