"""Chains and mixes: what may be in them, and that nothing in them is lost, doubled or late."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pedalboard
import pytest
from numpy.typing import NDArray

from hushgate import Chain, Denoiser, DuplicateEffectError, Mix
from tests.helpers.seeded_noise import noise

RATE = 48_000
LATENCY = 1536


def delay(identity: str) -> Denoiser:
    """An effect in Python that does nothing but arrive late."""
    return Denoiser(identity, mix=0.0)


def lookahead() -> pedalboard.Plugin:
    """A native effect that does nothing but arrive 240 samples late."""
    return pedalboard.BrickwallLimiter(ceiling_db=20.0, lookahead_ms=5.0)


def natives() -> list[pedalboard.Plugin]:
    return [pedalboard.HighpassFilter(80.0), pedalboard.Compressor(-30.0, 4.0), pedalboard.Limiter(-1.0)]


def streamed(effect: Any, sound: NDArray[np.float32], sizes: Iterable[int]) -> NDArray[np.float32]:
    """`sound` and a drain of zeros through `effect` in blocks of these sizes, over and over."""
    effect.reset()
    drain = effect.latency_samples_at(RATE)
    whole = np.concatenate([sound, np.zeros((sound.shape[0], drain), np.float32)], axis=1)
    pieces, start, sizes = [], 0, list(sizes)  # type: ignore[var-annotated]
    while start < whole.shape[1]:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(effect(whole[:, start : start + size], RATE, reset=False))
        assert pieces[-1].shape[1] <= size
        start += size
    return np.concatenate(pieces, axis=1)


class Echo:
    """An effect of a user's own: pedalboard's two methods and nothing else. Adds the sample before."""

    def __init__(self) -> None:
        self.reset()

    def process(
        self,
        input_array: NDArray[np.float32],
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
    ) -> NDArray[np.float32]:
        self.told = buffer_size
        if reset:
            self.reset()
        if self.last is None:  # type: ignore[has-type]
            self.last = np.zeros((input_array.shape[0], 1), np.float32)
        shifted = np.concatenate([self.last, input_array], axis=1)
        self.last = shifted[:, -1:]
        result: NDArray[np.float32] = input_array + shifted[:, :-1]
        return result

    def reset(self) -> None:
        self.last: NDArray[np.float32] | None = None  # type: ignore[assignment, no-redef]


# -- alignment ----------------------------------------------------------------------------------


@pytest.mark.level(1)
@pytest.mark.parametrize("place", range(4))
def test_natives_around_a_late_effect_give_the_samples_that_they_give_alone(
    identity: str, place: int
) -> None:
    effects: list[Any] = natives()
    effects.insert(place, delay(identity))
    sound = noise(2, 20_000, scale=0.5)
    np.testing.assert_array_equal(Chain(effects)(sound, RATE), pedalboard.Pedalboard(natives())(sound, RATE))


@pytest.mark.level(1)
@pytest.mark.parametrize(
    "sizes", [[64], [480], [511], [4096], [1, 2, 3], [7, 0, 1500, 1, 30, 8192], [20_000]]
)
def test_a_stream_gives_the_same_samples_as_the_whole(stateful: str, sizes: list[int]) -> None:
    chain = Chain([pedalboard.HighpassFilter(80.0), Denoiser(stateful), *natives()[1:]])
    sound = noise(2, 3_000 if max(sizes) < 64 else 20_000, scale=0.5)
    whole = chain(sound, RATE)
    np.testing.assert_allclose(
        streamed(chain, sound, [5, *sizes] if sizes[0] < 3 else sizes), whole, atol=1e-5
    )


@pytest.mark.parametrize(
    "name", ["PitchShift", "GSMFullRateCompressor", "MP3Compressor", "Resample", "Chorus", "Delay"]
)
def test_natives_with_latency_or_a_clock_are_exact_behind_a_late_effect(identity: str, name: str) -> None:
    sound = noise(2, 30_000)
    alone = getattr(pedalboard, name)()(sound, RATE)
    np.testing.assert_array_equal(Chain([delay(identity), getattr(pedalboard, name)()])(sound, RATE), alone)
    np.testing.assert_array_equal(
        Chain([getattr(pedalboard, name)(), delay(identity), delay(identity)])(sound, RATE), alone
    )


@pytest.mark.parametrize("buffer_size", [1_000, 100_000])
def test_effects_in_python_are_told_the_buffer_size_and_natives_get_what_they_can_take(
    identity: str, buffer_size: int
) -> None:
    sound, listener = noise(2, 100_000), Echo()
    chain = Chain([delay(identity), listener, pedalboard.Delay(0.1)])
    expected = pedalboard.Delay(0.1)(Echo().process(sound, RATE), RATE)
    np.testing.assert_array_equal(chain(sound, RATE), expected)
    assert listener.told == 32_768
    np.testing.assert_array_equal(chain(sound, RATE, buffer_size), expected)
    assert listener.told == buffer_size


@pytest.mark.parametrize("num_samples", [1, 2, 100, LATENCY, LATENCY + 1])
def test_recordings_shorter_than_the_latency_come_back_whole(identity: str, num_samples: int) -> None:
    sound = noise(num_samples)
    chain = Chain([delay(identity), pedalboard.Invert(), delay(identity)])
    np.testing.assert_array_equal(chain(sound, RATE), -sound)


@pytest.mark.level(1)
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_an_impulse_arrives_after_the_reported_latency(identity: str, rate: int) -> None:
    chain = Chain([delay(identity), pedalboard.BrickwallLimiter(0.0), Mix([None, delay(identity)])])
    assert chain.latency_samples == 0
    latency = chain.latency_samples_at(rate)
    sound = np.zeros(latency + 1, np.float32)
    sound[0] = 0.25
    chain.reset()
    assert chain(sound[:latency], rate, reset=False).shape == (0,)
    np.testing.assert_allclose(chain(sound[latency:], rate, reset=False), [0.5])
    assert chain.latency_samples == chain.reported_latency_samples == latency


def test_a_later_larger_block_does_not_wipe_native_plugins(identity: str) -> None:
    """pedalboard's own boards forget their sound there, and every chain behind a late effect would too."""
    chain = Chain([delay(identity), pedalboard.Delay(delay_seconds=0.01, mix=1.0)])
    sound = noise(2, 9_000)
    np.testing.assert_array_equal(streamed(chain, sound, [10, 100, 2_000, 8_192]), chain(sound, RATE))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_plugins_from_files_hear_silence_first_and_stay_aligned(
    identity: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pedalboard prepares those anew after each reset; a built-in plugin stands in for one."""
    external = lookahead()
    monkeypatch.setattr("hushgate.chain_graph.stage_graph.is_external", lambda effect: effect is external)
    effects = [delay(identity), pedalboard.Delay(0.01)]
    effects.insert(place, external)
    sound = noise(2, 9_000)
    expected = pedalboard.Delay(0.01)(sound, RATE)
    chain = Chain(effects)  # type: ignore[arg-type]
    for _ in range(2):
        np.testing.assert_array_equal(chain(sound, RATE), expected)
        np.testing.assert_array_equal(streamed(chain, sound, [480, 31]), expected)


def test_reset_equals_a_new_chain(stateful: str) -> None:
    def build() -> Chain:
        return Chain([pedalboard.Reverb(), Denoiser(stateful), Mix([None, lookahead()])])

    chain = build()
    chain(noise(2, 5_000, seed=1), RATE)
    chain.reset()
    sound = noise(2, 5_000)
    np.testing.assert_array_equal(chain(sound, RATE, reset=False), build()(sound, RATE, reset=False))


def test_another_rate_or_channel_count_starts_afresh(stateful: str) -> None:
    def build() -> Chain:
        return Chain([pedalboard.Reverb(), Denoiser(stateful)])

    chain, sound = build(), noise(2, 5_000)
    for rate, block in [(RATE, sound), (44_100, sound), (44_100, noise(5_000)), (RATE, sound)]:
        np.testing.assert_array_equal(chain(block, rate, reset=False), build()(block, rate, reset=False))


def test_samples_that_are_no_numbers_do_not_stay_in_filters(identity: str) -> None:
    chain = Chain([pedalboard.HighpassFilter(80.0), delay(identity)])
    sound = noise(2, 5_000)
    broken = sound.copy()
    broken[:, 10], broken[0, 20] = np.nan, np.inf
    clean = np.where(np.isfinite(broken), broken, 0.0).astype(np.float32)
    np.testing.assert_array_equal(chain(broken, RATE), Chain(natives()[:1])(clean, RATE))
    assert chain.num_nonfinite == 3
    chain.reset()
    assert chain.num_nonfinite == 0


def test_the_input_is_not_written_to_and_the_output_is_new(identity: str) -> None:
    class Nothing(Echo):
        def process(self, input_array: Any, *_: Any, **__: Any) -> Any:
            return input_array

    sound = noise(2, 3_000)
    before = sound.copy()
    for chain in (Chain(), Chain([Nothing()]), Mix([None]), Chain([delay(identity), *natives()])):
        for reset in (True, False):
            assert not np.shares_memory(chain(sound, RATE, reset=reset), sound)
    np.testing.assert_array_equal(sound, before)


# -- mixes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[480], [64, 2_000], [10_000]])
def test_branches_are_aligned_whatever_their_latency(identity: str, sizes: list[int]) -> None:
    mix = Mix([delay(identity), None, Chain([delay(identity), lookahead()]), pedalboard.Invert(), Chain()])
    sound = noise(2, 8_000)
    np.testing.assert_allclose(mix(sound, RATE), 3 * sound, atol=1e-6)
    np.testing.assert_allclose(streamed(mix, sound, sizes), 3 * sound, atol=1e-6)
    assert mix.latency_samples == LATENCY + 240


def test_a_mix_of_natives_equals_the_native_mix_and_streams_as_well() -> None:
    def branches() -> list[Any]:
        return [pedalboard.Delay(0.01), pedalboard.BrickwallLimiter(-20.0), pedalboard.Chain(natives())]

    sound = noise(2, 9_000, scale=0.5)
    expected = pedalboard.Pedalboard([pedalboard.Mix(branches())])(sound, RATE)
    np.testing.assert_array_equal(Mix(branches())(sound, RATE), expected)
    np.testing.assert_array_equal(streamed(Mix(branches()), sound, [480, 31]), expected)


def test_a_native_mix_inside_a_chain_keeps_its_sound_between_blocks(identity: str) -> None:
    chain = Chain([pedalboard.Mix([pedalboard.BrickwallLimiter(0.0), pedalboard.Invert()]), delay(identity)])
    sound = noise(2, 9_000)
    assert np.abs(streamed(chain, sound, [480])).max() < 1e-6


def test_a_mix_without_branches_is_silent_as_the_native_one() -> None:
    sound = noise(2, 100)
    assert not Mix()(sound, RATE).any()
    assert not pedalboard.Mix()(sound, RATE).any()  # type: ignore[call-arg]


# -- what may be in a chain ---------------------------------------------------------------------


def test_is_a_list() -> None:
    a, b, c, d = (pedalboard.Gain(float(n)) for n in range(4))
    chain = Chain([a])
    chain.append(c)
    chain.insert(1, b)
    chain.insert(-1, d)
    assert list(chain) == [a, b, d, c]
    assert chain.index(d) == 2
    assert chain[-1] is c
    assert chain.pop(2) is d
    chain[0], chain[1] = None, a
    assert list(chain) == [None, a, c]
    del chain[0]
    chain += [b]
    chain.reverse()
    assert list(chain) == [b, c, a]
    assert (b in chain, d in chain, len(chain), bool(Chain())) == (True, False, 3, False)
    chain[1:] = [d, c]
    part = chain[:2]
    assert type(part) is Chain
    assert list(part) == [b, d]
    assert type(Mix([a, b])[1:]) is Mix
    chain.remove(d)
    with pytest.raises(ValueError, match=r"not in list|^$"):
        chain.remove(d)
    chain.clear()
    assert list(chain) == []
    assert list(Chain(pedalboard.Pedalboard([a, b]))) == [a, b]


@pytest.mark.parametrize("kind", [Chain, Mix])
@pytest.mark.parametrize(
    "wrong", [3, "Gain", pedalboard.Gain, Denoiser, object(), [pedalboard.Gain()], np.zeros(3)]
)
def test_refuses_what_is_no_effect_and_stays_as_it_was(kind: type[Chain], wrong: Any) -> None:
    chain = kind([pedalboard.Gain()])
    members = list(chain)
    for attempt in (
        lambda: chain.append(wrong),
        lambda: chain.insert(0, wrong),
        lambda: chain.extend([wrong]),
        lambda: chain.__setitem__(0, wrong),
        lambda: kind([wrong]),
    ):
        with pytest.raises(TypeError, match="must be effects"):
            attempt()
    assert list(chain) == members


def test_refuses_instruments() -> None:
    class Instrument(Echo):
        is_effect = False

    with pytest.raises(ValueError, match="instrument"):
        Chain([Instrument()])


def test_refuses_the_same_instance_twice_when_it_is_put_in(identity: str) -> None:
    gain, denoiser = pedalboard.Gain(), Denoiser(identity)
    chain = Chain([gain, Mix([denoiser, None])])
    nested = Chain()
    chain.append(nested)
    for attempt in (
        lambda: chain.append(gain),
        lambda: chain.insert(0, denoiser),
        lambda: chain.append(pedalboard.Pedalboard([gain])),
        lambda: chain.append(chain),
        lambda: nested.append(nested),
        lambda: Chain([gain, gain]),
        lambda: Mix([denoiser, Chain([denoiser])]),
    ):
        with pytest.raises(DuplicateEffectError, match="twice"):
            attempt()
    assert len(chain) == 3
    assert len(nested) == 0
    assert issubclass(DuplicateEffectError, RuntimeError)  # pedalboard's
    assert issubclass(DuplicateEffectError, ValueError)


def test_finds_duplicates_that_came_in_behind_its_back(identity: str) -> None:
    gain, inner = pedalboard.Gain(), pedalboard.Pedalboard()
    for chain in (Chain([gain, inner]), Chain([gain, delay(identity), inner])):
        inner.append(gain)
        with pytest.raises(DuplicateEffectError):
            chain(noise(100), RATE)
        del inner[0]
        assert chain(noise(100), RATE).shape == (100,)
    looped = Chain()
    inner_chain = Chain([looped])
    with pytest.raises(DuplicateEffectError):
        looped.append(inner_chain)


def test_takes_effects_of_a_users_own(identity: str) -> None:
    chain = Chain([pedalboard.Gain(6.0), Echo(), delay(identity), Mix([Echo(), None])])
    sound = noise(2, 5_000)
    expected = Chain([pedalboard.Gain(6.0)])(sound, RATE)
    expected = Echo().process(expected, RATE)
    expected = expected + Echo().process(expected, RATE)
    np.testing.assert_allclose(chain(sound, RATE), expected, atol=1e-6)
    np.testing.assert_allclose(streamed(chain, sound, [511]), expected, atol=1e-6)


def test_an_effect_that_returns_the_wrong_shape_is_named() -> None:
    class Wrong(Echo):
        def process(self, input_array: Any, *_: Any, **__: Any) -> Any:
            return np.zeros((input_array.shape[0], input_array.shape[1] + 1), np.float32)

        def __repr__(self) -> str:
            return "<Wrong>"

    with pytest.raises(RuntimeError, match="<Wrong> must return 2 channels of at most"):
        Chain([Wrong()])(noise(2, 100), RATE)


def test_a_subclass_that_processes_otherwise_is_called_and_not_dissolved() -> None:
    class Twice(Chain):
        def process(self, *arguments: Any, **options: Any) -> Any:
            return 2 * super().process(*arguments, **options)

    sound = noise(2, 500)
    np.testing.assert_array_equal(Chain([Twice([pedalboard.Invert()]), None])(sound, RATE), -2 * sound)


def test_nests_in_any_way(identity: str) -> None:
    sound = noise(2, 6_000, scale=0.5)
    first, second, third = natives()
    nested = Chain(
        [
            Chain([first]),
            Chain([Chain([delay(identity), Chain()]), pedalboard.Pedalboard([second])]),
            None,
            third,
        ]
    )
    np.testing.assert_array_equal(nested(sound, RATE), pedalboard.Pedalboard(natives())(sound, RATE))


def test_effects_may_come_and_go_while_sound_runs(identity: str) -> None:
    """Those that stay keep their sound: the echo of a delay line goes on."""
    echo = pedalboard.Delay(delay_seconds=0.1, mix=1.0)
    chain = Chain([echo, Echo()])
    chain.reset()
    impulse = np.zeros(4_000, np.float32)
    impulse[0] = 1.0
    silence = np.zeros_like(impulse)
    chain(impulse, RATE, reset=False)
    chain.append(pedalboard.Invert())
    np.testing.assert_array_equal(chain(silence, RATE, reset=False).nonzero()[0], [800, 801])
    chain[1] = Mix([None, pedalboard.Gain(0.0)])
    assert chain(impulse, RATE, reset=False).max() == 0.0
    assert chain(silence, RATE, reset=False)[800] == -2.0


def test_branches_that_join_a_running_mix_are_aligned(identity: str) -> None:
    mix = Mix([delay(identity)])
    mix.reset()
    sound = noise(2, 12_000)
    mix(sound[:, :4_000], RATE, reset=False)
    mix.append(None)
    mix.insert(0, delay(identity))
    out = np.concatenate(
        [mix(sound[:, i : i + 1_000], RATE, reset=False) for i in range(4_000, 12_000, 1_000)], axis=1
    )
    np.testing.assert_allclose(out[:, LATENCY:], 3 * sound[:, 4_000 : 12_000 - LATENCY], atol=1e-6)


def test_effects_that_come_and_go_inside_a_branch_leave_the_others_aligned(identity: str) -> None:
    branch = Chain([pedalboard.Gain(0.0), delay(identity)])
    mix = Mix([branch, None])
    mix.reset()
    sound = noise(2, 40_000)
    outputs = []
    edits: dict[int, Callable[[], Any]] = {
        5: branch.pop,
        12: lambda: branch.append(delay(identity)),
        20: lambda: branch.append(lookahead()),
        27: lambda: branch.__setitem__(1, delay(identity)),
        33: branch.clear,
    }
    for number in range(40):
        edits.get(number, lambda: None)()
        outputs.append(mix(sound[:, 1_000 * number : 1_000 * (number + 1)], RATE, reset=False))
    output = np.concatenate(outputs, axis=1)
    # What is on its way through an effect that goes is lost, nothing else, and nothing moves.
    assert output.shape == (2, 40_000 - LATENCY - 240)
    for start, end in ((0, 3_464), (5_000, 25_224), (27_000, 31_224), (33_000, output.shape[1])):
        np.testing.assert_allclose(output[:, start:end], 2 * sound[:, start:end], atol=1e-6)


# -- around it ----------------------------------------------------------------------------------


def test_pickles_and_copies_carry_all_settings(identity: str) -> None:
    chain = Chain([pedalboard.Reverb(room_size=0.1), Mix([None, Denoiser(identity, mix=0.25)])])
    for clone in (lambda c: pickle.loads(pickle.dumps(c)), copy.copy, copy.deepcopy):
        twin = clone(chain)  # type: ignore[no-untyped-call]
        assert twin.to_dict() == chain.to_dict()
        assert not set(twin) & set(chain)
    sound = noise(2, 3_000)
    np.testing.assert_array_equal(copy.copy(chain)(sound, RATE), chain(sound, RATE))


def test_effects_that_cannot_be_described_say_so() -> None:
    room = pedalboard.Convolution(np.ones(8, np.float32), sample_rate=RATE)
    with pytest.raises(TypeError, match=r"Convolution.*cannot be described"):
        pickle.dumps(Chain([room]))
    with pytest.raises(TypeError, match=r"Echo.*cannot be described"):
        Chain([Echo()]).to_dict()


def test_repr_names_all_effects(identity: str) -> None:
    text = repr(Chain([pedalboard.Gain(), Mix([Denoiser(identity)])]))
    for part in (
        "<hushgate.Chain with 2 plugins: [<pedalboard.Gain",
        "<hushgate.Mix with 1 plugin: [<hushgate.Den",
    ):
        assert part in text


@pytest.mark.level(4)
def test_may_be_edited_while_another_thread_runs_it(identity: str) -> None:
    chain = Chain([pedalboard.Gain(), delay(identity)])
    stop = threading.Event()

    def edit() -> None:
        while not stop.is_set():
            extra = pedalboard.Compressor()
            chain.insert(1, extra)
            assert "Compressor" in repr(chain)
            chain.remove(extra)

    with ThreadPoolExecutor(1) as pool:
        editing = pool.submit(edit)
        for _ in range(100):
            assert np.isfinite(chain(noise(2, 480), RATE, reset=False)).all()
        stop.set()
        editing.result(timeout=60)


@pytest.mark.level(4)
def test_chains_in_many_threads_do_not_hear_each_other(stateful: str) -> None:
    def run(seed: int) -> NDArray[np.float32]:
        chain = Chain([pedalboard.HighpassFilter(80.0), Denoiser(stateful), pedalboard.Limiter()])
        return streamed(chain, noise(2, 8_000, seed=seed), [480])

    expected = [run(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for ours, alone in zip(pool.map(run, range(4)), expected, strict=True):
            np.testing.assert_array_equal(ours, alone)


def test_an_effect_that_swallows_sound_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hole(Echo):
        def process(self, input_array: Any, *_: Any, **__: Any) -> Any:
            return input_array[:, :0]

    with pytest.raises(RuntimeError, match="kept 100 samples and do not return them"):
        Chain([Hole()])(noise(100), 10.0)


def test_streaming_what_pedalboard_cannot_stream_is_said(identity: str) -> None:
    chain = Chain([pedalboard.PitchShift(2.0), delay(identity)])
    with pytest.warns(RuntimeWarning, match="PitchShift block by block"):
        chain(noise(2, 480), RATE, reset=False)
