"""pluginval's tests of a plugin, row by row and level by level, for everything that a host may call.

Rows that other files answer: parity with pedalboard in `test_parity.py` and `test_parity_chain.py`
(level 5), the check of shipped models in `tests/engine/model_files/test_model.py` (level 5).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
from numpy.typing import NDArray

from hushgate import Chain, Denoiser, Mix, available_models, available_presets
from hushgate.effects.denoiser import find_denoisers
from hushgate.engine import PARAMETERS, Parameter
from tests.helpers.command_line import RunCli
from tests.helpers.seeded_noise import noise

RATES = [44_100, 48_000, 96_000]
BLOCK_SIZES = [1, 64, 128, 256, 480, 511, 512, 1024]
PARAMETER_CASES = [pytest.param(parameter, id=name) for name, parameter in PARAMETERS.items()]


def _chain(stateful: str) -> Chain:
    return Chain(
        [
            pedalboard.HighpassFilter(60.0),
            Denoiser(stateful),
            pedalboard.Compressor(-20.0, 2.0),
            pedalboard.Limiter(),
        ]
    )


def _mix(stateful: str) -> Mix:
    return Mix([Denoiser(stateful), Chain([pedalboard.Gain(-6.0), pedalboard.BrickwallLimiter()])])


BUILDERS: dict[str, Callable[[str], Any]] = {
    "denoiser": Denoiser,
    "shipped": lambda stateful: Denoiser("voice"),
    "chain": _chain,
    "mix": _mix,
}


@pytest.fixture(params=BUILDERS)
def build(request: pytest.FixtureRequest, stateful: str, voice: str) -> Callable[[], Any]:
    """Makes the plugin under test, as often as asked."""
    return lambda: BUILDERS[request.param](stateful)


@pytest.fixture
def plugin(build: Callable[[], Any]) -> Any:
    return build()


def denoiser_in(plugin: Any) -> Denoiser:
    return next(find_denoisers(plugin))


def values_of(parameter: Parameter, rng: np.random.Generator) -> list[Any]:
    """Default, ends, special values, every choice, and one in between."""
    if parameter.choices is not None:
        return list(parameter.choices)
    inside = float(rng.uniform(parameter.minimum, parameter.maximum))
    return [parameter.minimum, parameter.maximum, parameter.default, *parameter.special, inside]


def randomise(denoiser: Denoiser, rng: np.random.Generator, num_changes: int) -> None:
    for name in rng.choice(list(PARAMETERS), num_changes):
        values = values_of(PARAMETERS[str(name)], rng)
        setattr(denoiser, str(name), values[rng.integers(len(values))])


def stream(plugin: Any, sound: NDArray[np.float32], size: int, rate: float = 48_000) -> NDArray[np.float32]:
    plugin.reset()
    blocks = [plugin(sound[:, i : i + size], rate, reset=False) for i in range(0, sound.shape[1], size)]
    return np.concatenate(blocks, axis=1)


def assert_clean(output: NDArray[np.float32]) -> None:
    """No NaN, no infinity, no subnormal."""
    assert np.isfinite(output).all()
    assert not ((output != 0.0) & (np.abs(output) < np.finfo(np.float32).tiny)).any()


# -- all levels: scan, open cold, open warm -------------------------------------------------------


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx"):
        Denoiser(tmp_path / "gone.onnx")


def test_opens_cold_and_warm_alike(
    build: Callable[[], Any], record_property: Callable[[str, object], None]
) -> None:
    sound, outputs = noise(2, 5_000), []
    for run in ("cold", "warm"):
        started = time.perf_counter()
        plugin = build()
        record_property(f"open_{run}_ms", 1000.0 * (time.perf_counter() - started))
        outputs.append(plugin(sound, 48_000))
        del plugin
    np.testing.assert_array_equal(*outputs)


# -- level 1 --------------------------------------------------------------------------------------


@pytest.mark.level(1)
@pytest.mark.parametrize("rate", RATES)
def test_plugin_info_name_latency_and_tail(plugin: Any, rate: int) -> None:
    latency = plugin.latency_samples_at(rate)
    assert repr(plugin).startswith(f"<hushgate.{type(plugin).__name__}")
    assert type(latency) is int
    assert latency >= 0
    for denoiser in find_denoisers(plugin):
        denoiser.mix = 0.0
    plugin.reset()
    impulse = np.zeros((2, latency + 2_000), np.float32)
    impulse[:, 0] = 0.25
    out = plugin(impulse, rate, reset=False)
    assert out.shape == (2, 2_000)  # it holds back what it reports
    assert np.abs(out[0]).argmax() == 0  # and the impulse is the first sample after it
    assert plugin.latency_samples == plugin.reported_latency_samples == latency


# -- level 2 --------------------------------------------------------------------------------------


@pytest.mark.level(2)
def test_plugin_programs_may_be_switched_while_sound_runs(voice: str, rng: np.random.Generator) -> None:
    chain = Chain.from_preset("voice")
    for name in ["voice", *map(str, rng.choice(available_presets(), 5)), "voice"]:
        chain[:] = Chain.from_preset(name)
        for _ in range(6):
            assert_clean(chain(noise(2, 512), 48_000, reset=False))


@pytest.mark.level(2)
def test_editor_opens_twice_in_fresh_processes(run_cli: RunCli) -> None:
    first, second = run_cli("--help"), run_cli("--help")
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert b"denoise" in first.stdout


@pytest.mark.level(2)
def test_repr_is_the_same_again(build: Callable[[], Any]) -> None:
    def text(plugin: Any) -> str:
        return " ".join(word for word in repr(plugin).split() if not word.startswith("0x"))

    assert text(build()) == text(build())


@pytest.mark.level(2)
def test_plugin_state_returns(plugin: Any, rng: np.random.Generator) -> None:
    before = plugin.to_dict()
    randomise(denoiser_in(plugin), rng, 20)
    assert plugin.to_dict() != before
    assert type(plugin).from_dict(before).to_dict() == before


def check_automatable(parameter: Parameter, denoiser: Denoiser) -> None:
    assert parameter.description.endswith(".")
    assert parameter.choices or parameter.unit in ("", "dB", "dBFS", "ms")
    assert parameter.validate(parameter.default) == parameter.default == getattr(denoiser, parameter.name)
    for value in values_of(parameter, np.random.default_rng(0)):
        assert parameter.parse(parameter.format(value)) == value


@pytest.mark.level(2)
@pytest.mark.parametrize("name", ["attenuation_limit_db", "gate_threshold_db", "release_ms"])
def test_automatable_parameters_say_what_they_are(name: str, stateful: str) -> None:
    check_automatable(PARAMETERS[name], Denoiser(stateful))


# -- level 3 --------------------------------------------------------------------------------------


@pytest.mark.level(3)
@pytest.mark.parametrize("rate", RATES)
def test_audio_processing_of_noise_stays_clean(plugin: Any, rate: int) -> None:
    for size in BLOCK_SIZES:
        plugin.reset()
        # A chain wakes with a block that shows which dimension is channels.
        blocks = [noise(2, max(size, 3), seed=0)] + [noise(2, size, seed=seed) for seed in range(1, 10)]
        for block in [*blocks, noise(2, 4_000)]:
            assert_clean(plugin(block, rate, reset=False))


@pytest.mark.level(3)
def test_automation_leaves_no_steps(models: Path, rng: np.random.Generator) -> None:
    """A low tone through a mask of 2, while everything is turned at once."""
    plugin = Chain([Denoiser(models / "double.onnx"), pedalboard.Gain(0.0)])
    rate, amplitude, frequency = 48_000, 0.25, 50.0
    tone = (amplitude * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)).astype(np.float32)
    outputs = []
    for start in range(0, rate, 32):
        randomise(denoiser_in(plugin), rng, int(rng.integers(11)))
        outputs.append(plugin(tone[start : start + 32], rate, reset=False))
    output = np.concatenate(outputs)
    assert np.isfinite(output).all()
    # Gains run from -2 (residual) to 2. Ramps take 20 ms, the gate fades over a hop of 16 ms.
    own_step = 2 * 2 * np.pi * frequency / rate * amplitude
    ramp_step = 4 * amplitude / (0.016 * rate)
    assert np.abs(np.diff(output)).max() < own_step + 2 * ramp_step


@pytest.mark.level(3)
def test_the_command_line_suits_any_terminal(run_cli: RunCli) -> None:
    for arguments in (["--help"], ["denoise", "--help"]):
        result = run_cli(*arguments, LC_ALL="C", LANG="C", COLUMNS="30", TERM="dumb", PYTHONUTF8="0")
        assert result.returncode == 0, result.stderr
        assert result.stdout.decode("ascii")


# -- level 4 --------------------------------------------------------------------------------------


def every_property(plugin: Any) -> list[Any]:
    names = [name for name in dir(type(plugin)) if not name.startswith("_")]
    values = [getattr(plugin, name) for name in names if not callable(getattr(type(plugin), name))]
    return [
        repr(plugin),
        plugin.to_dict(),
        *values,
        *(v for d in find_denoisers(plugin) for v in [d.presence]),
    ]


def run_beside(work: Callable[[], Any], rounds: Iterator[Any]) -> None:
    """Repeat `work` in another thread while `rounds` run here; its errors are ours."""
    done = False

    def repeat() -> int:
        count = 0
        while not done or count == 0:
            work()
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(repeat)
        try:
            for _ in rounds:
                pass
        finally:
            done = True
        assert working.result(timeout=120) > 0


@pytest.mark.level(4)
def test_an_editor_may_be_open_while_sound_runs(plugin: Any) -> None:
    def play() -> Iterator[None]:
        for seed in range(60):
            assert_clean(plugin(noise(2, 480, seed=seed), 48_000, reset=False))
            yield

    run_beside(lambda: every_property(plugin), play())


@pytest.mark.level(4)
def test_basic_bus_any_channel_count_and_back(plugin: Any) -> None:
    shapes = [(4_000,), (1, 4_000), (2, 4_000), (6, 4_000), (4_000,)]
    outputs = []
    for shape in shapes:
        outputs.append(plugin(noise(*shape), 48_000))
        assert outputs[-1].shape == shape
        assert_clean(outputs[-1])
    np.testing.assert_array_equal(outputs[0], outputs[-1])


# -- level 5 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "num_rounds",
    [pytest.param(100, marks=pytest.mark.level(5)), pytest.param(1_000, marks=pytest.mark.level(10))],
)
def test_editor_automation_from_another_thread(plugin: Any, num_rounds: int) -> None:
    def turn(seed: int) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        for _ in range(num_rounds):
            randomise(denoiser_in(plugin), rng, 3)
        result: dict[str, Any] = plugin.to_dict()
        return result

    with ThreadPoolExecutor(1) as pool:
        settings = pool.submit(turn, 1).result(timeout=120)
    assert plugin.to_dict() == settings
    assert_clean(plugin(noise(2, 4_000), 48_000))


# -- level 6 --------------------------------------------------------------------------------------


@pytest.mark.level(6)
def test_rate_and_block_size_may_change_without_a_reset(plugin: Any, rng: np.random.Generator) -> None:
    for _ in range(60):
        rate, size = int(rng.choice(RATES)), int(rng.choice(BLOCK_SIZES)) + 2
        assert_clean(plugin(noise(2, size), rate, int(rng.integers(1, 2_000)), reset=False))
    np.testing.assert_array_equal(plugin(noise(2, 4_000), 48_000), plugin(noise(2, 4_000), 48_000))


@pytest.mark.level(6)
@pytest.mark.parametrize("parameter", PARAMETER_CASES)
def test_state_of_each_parameter_is_restored(
    parameter: Parameter, stateful: str, rng: np.random.Generator
) -> None:
    denoiser = Denoiser(stateful)
    for value in values_of(parameter, rng):
        setattr(denoiser, parameter.name, value)
        restored = getattr(Denoiser.from_dict(denoiser.to_dict()), parameter.name)
        assert (
            restored == value if not isinstance(value, float) else restored == pytest.approx(value, abs=1e-6)
        )


@pytest.mark.level(8)
@pytest.mark.parametrize("parameter", PARAMETER_CASES)
def test_saved_bytes_of_each_parameter_are_the_same_again(
    parameter: Parameter, stateful: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    for number, value in enumerate(values_of(parameter, rng)):
        first, second = tmp_path / f"{number}a.toml", tmp_path / f"{number}b.toml"
        Chain([Denoiser(stateful, **{parameter.name: value})]).save_preset(first, name="x")
        Chain.from_preset(first).save_preset(second, name="x")
        assert first.read_bytes() == second.read_bytes()
        assert getattr(Denoiser.from_preset(first), parameter.name) == value


@pytest.mark.level(6)
def test_an_editor_may_be_open_before_sound_and_after_a_refusal(plugin: Any) -> None:
    before = every_property(plugin)
    assert plugin.latency_samples == 0
    with pytest.raises(ValueError, match="sample_rate must be"):
        plugin(noise(2, 500), 0)
    assert every_property(plugin) == before
    assert plugin(noise(2, 500), 48_000).shape == (2, 500)


@pytest.mark.level(6)
@pytest.mark.parametrize("parameter", PARAMETER_CASES)
def test_fuzzed_values_round_trip_or_change_nothing(
    parameter: Parameter, stateful: str, rng: np.random.Generator
) -> None:
    denoiser = Denoiser(stateful)
    for value in values_of(parameter, rng):
        setattr(denoiser, parameter.name, value)
        assert getattr(denoiser, parameter.name) == value
    before = denoiser.to_dict()
    for wrong in (np.nan, np.inf, -1e9, 1e9, "much", [], object(), True):
        with pytest.raises((ValueError, TypeError), match=parameter.name):
            setattr(denoiser, parameter.name, wrong)
    assert denoiser.to_dict() == before


# -- level 7 --------------------------------------------------------------------------------------


@pytest.mark.level(7)
@pytest.mark.parametrize("parameter", PARAMETER_CASES)
def test_every_parameter_says_what_it_is(parameter: Parameter, stateful: str) -> None:
    check_automatable(parameter, Denoiser(stateful))


@pytest.mark.level(7)
@pytest.mark.parametrize("settings", [{"mix": 0.0}, {"attenuation_limit_db": 0.0}])
def test_bypass_is_the_aligned_input(stateful: str, settings: dict[str, float]) -> None:
    sound = noise(2, 9_000)
    np.testing.assert_array_equal(Chain([Denoiser(stateful, **settings), None])(sound, 48_000), sound)  # type: ignore[arg-type]


@pytest.mark.level(7)
def test_state_may_be_restored_in_a_worker_while_another_thread_reads(plugin: Any) -> None:
    def restore() -> Iterator[None]:
        for _ in range(30):
            assert type(plugin).from_dict(plugin.to_dict()).to_dict() == plugin.to_dict()
            yield

    run_beside(lambda: every_property(plugin), restore())


@pytest.mark.level(7)
def test_parameters_may_be_set_while_sound_runs(plugin: Any, rng: np.random.Generator) -> None:
    def play() -> Iterator[None]:
        for seed in range(500):
            assert np.isfinite(plugin(noise(2, 32, seed=seed), 48_000, reset=False)).all()
            yield

    run_beside(lambda: randomise(denoiser_in(plugin), rng, 3), play())


# -- level 8 --------------------------------------------------------------------------------------


@pytest.mark.level(8)
@pytest.mark.parametrize("size", [64, 512, 5_000])
def test_larger_blocks_than_before_give_the_same_samples(plugin: Any, size: int) -> None:
    sound = noise(2, 12 * size)
    plugin(sound[:, :size], 48_000, size)  # so much for what it may have prepared for
    expected = stream(plugin, sound, size)
    plugin.reset()
    first = plugin(sound[:, :size], 48_000, reset=False)
    rest = [plugin(sound[:, i : i + 2 * size], 48_000, reset=False) for i in range(size, 12 * size, 2 * size)]
    np.testing.assert_allclose(np.concatenate([first, *rest], axis=1), expected, atol=1e-5)


# -- level 9 --------------------------------------------------------------------------------------


@pytest.mark.level(9)
def test_nothing_piles_up_over_a_thousand_blocks(plugin: Any) -> None:
    import gc
    import tracemalloc

    block = noise(2, 480)
    tracemalloc.start()
    try:
        for _ in range(100):
            plugin(block, 48_000, reset=False)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(1_000):
            plugin(block, 48_000, reset=False)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000


# -- level 10 -------------------------------------------------------------------------------------


@pytest.mark.level(10)
def test_an_hour_of_blocks_arrives_in_time() -> None:
    """Blocks of 10 ms: 99 of 100 must be done in half of that, or a live stream would stutter."""
    if "voice" not in available_models():
        pytest.skip("times of the tiny models say nothing")
    denoiser = Denoiser("voice")
    blocks = [noise(480, seed=seed) for seed in range(100)]
    seconds = []
    for number in range(3600 * 100):
        started = time.perf_counter()
        denoiser(blocks[number % 100], 48_000, 480, reset=False)
        seconds.append(time.perf_counter() - started)
    assert np.percentile(seconds, 99) < 0.005
