"""The input of mask models, and masks applied to spectra of any width."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hushgate.engine import Model, load_model
from hushgate.engine.mask_runner import MaskRunner, combine_channels
from hushgate.engine.segment_runner import SegmentRunner
from tests.helpers import tiny_models

Spectra = NDArray[np.complex64]


def spectra(rng: np.random.Generator, *shape: int) -> Spectra:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def apply(runner: MaskRunner | SegmentRunner, frames: Spectra, *, linked: bool = True) -> Spectra:
    target = np.full_like(frames, np.nan)
    runner.apply(frames, frames, target, linked=linked)
    return target


# -- one spectrum for all channels ----------------------------------------------------------------


@pytest.mark.parametrize("num_channels", [1, 2, 4])
def test_equal_channels_combine_to_exactly_one_of_them(num_channels: int, rng: np.random.Generator) -> None:
    one = spectra(rng, 1, 3, 129)
    one[0, 0, :5] = 0.0
    assert np.array_equal(combine_channels(np.repeat(one, num_channels, axis=0)), one)


@pytest.mark.parametrize("num_channels", [3, 6, 8])
def test_equal_channels_of_any_number_combine_to_one_of_them(
    num_channels: int, rng: np.random.Generator
) -> None:
    one = spectra(rng, 1, 3, 129)
    assert combine_channels(np.repeat(one, num_channels, axis=0)) == pytest.approx(one, rel=1e-6)


@pytest.mark.parametrize("num_channels", [2, 3, 6])
def test_combining_keeps_the_rms_magnitude_whatever_the_phases(
    num_channels: int, rng: np.random.Generator
) -> None:
    frames = spectra(rng, num_channels, 20, 257)
    expected = np.sqrt(np.mean(np.abs(frames) ** 2, axis=0, keepdims=True))
    assert np.abs(combine_channels(frames)) == pytest.approx(expected, rel=1e-5)


def test_combining_keeps_the_phase_of_the_sum_where_channels_agree(rng: np.random.Generator) -> None:
    common = spectra(rng, 1, 5, 100)
    frames = np.concatenate([common, 0.3 * common * np.exp(0.5j).astype(np.complex64)])
    combined = combine_channels(frames)
    assert np.angle(combined / frames.sum(axis=0)) == pytest.approx(0.0, abs=1e-5)


def test_channels_that_cancel_count_like_one_of_them(rng: np.random.Generator) -> None:
    one = spectra(rng, 1, 5, 100)
    assert combine_channels(np.concatenate([one, -one])) == pytest.approx(one, rel=1e-6)
    # Nearly: what is left of the sum is chance and must not decide the phase.
    nearly = -one + 0.01 * spectra(rng, 1, 5, 100) * np.abs(one)
    combined = combine_channels(np.concatenate([one, nearly]))
    assert np.abs(np.angle(combined / one)).max() < 0.05


def test_where_three_channels_cancel_the_loudest_leads() -> None:
    frames = np.array([0.1, 1.0, -1.1], np.complex64).reshape(3, 1, 1) * np.complex64(1j)
    assert np.angle(combine_channels(frames)[0, 0, 0]) == pytest.approx(-np.pi / 2)


def test_the_phase_of_channels_that_cancel_fades_in() -> None:
    angle = np.linspace(2.5, 3.1, 20_000)[None, None]
    frames = np.concatenate([np.ones_like(angle), np.exp(1j * angle)]).astype(np.complex64)
    combined = combine_channels(frames)[0, 0]
    assert np.abs(combined) == pytest.approx(1.0, abs=1e-6)
    assert np.abs(np.diff(combined)).max() < 1e-3  # where one phase took over from the other it was 1.2
    assert np.angle(combined[[0, -1]]) == pytest.approx([1.25, 0.0], abs=1e-3)


def test_silence_combines_to_silence() -> None:
    assert not combine_channels(np.zeros((2, 3, 4), np.complex64)).any()


def test_one_silent_channel_costs_three_decibels(rng: np.random.Generator) -> None:
    one = spectra(rng, 1, 5, 100)
    combined = combine_channels(np.concatenate([one, np.zeros_like(one)]))
    assert combined == pytest.approx(one / np.sqrt(2), rel=1e-6)


# -- masks ----------------------------------------------------------------------------------------


def test_bands_above_the_model_are_scaled_by_their_gains(tiny_folder: Path) -> None:
    model = load_model(tiny_folder / "bands.onnx")  # 0.8 + 0.1j to 8 kHz, then 0.5, 0.3, 0.2
    ones = np.ones((1, 2, 769), np.complex64)  # 48 kHz
    masked = apply(MaskRunner(model, 1, 769), ones)[0, 1]
    hertz = np.arange(769) * 1000.0 / 32.0
    assert masked[hertz < 8000] == pytest.approx(0.8 + 0.1j)
    assert masked[(hertz >= 8000) & (hertz < 12000)] == pytest.approx(0.5)
    assert masked[(hertz >= 12000) & (hertz < 16000)] == pytest.approx(0.3)
    assert masked[hertz >= 16000] == pytest.approx(0.2)


def test_the_first_band_begins_where_the_model_ends(tmp_path: Path) -> None:
    path = tiny_models.constant_mask(
        1.0, upper=[0.5, 0.25], num_bins=100, upper_band_edges_hz=(6000.0, 7000.0)
    ).save(tmp_path / "gap.onnx")
    masked = apply(MaskRunner(load_model(path), 1, 257), np.ones((1, 1, 257), np.complex64))[0, 0]
    assert masked[:100] == pytest.approx(1.0)
    assert masked[100:224] == pytest.approx(0.5)  # from 3125 Hz, below the band's own edge, to 7 kHz
    assert masked[224:] == pytest.approx(0.25)


@pytest.fixture
def hears_above(tiny_folder: Path) -> Model:
    return load_model(tiny_folder / "upper.onnx")


def test_a_model_hears_the_power_of_each_band_above(hears_above: Model) -> None:
    frames = np.zeros((1, 4, 769), np.complex64)  # 48 kHz
    frames[:, 1:, 256:384], frames[:, 2:, 384:512], frames[:, 3:, 512:768] = 0.1, 0.2j, -0.3
    masked = apply(MaskRunner(hears_above, 1, 769), frames)[0]
    assert np.array_equal(masked[0], frames[0, 0])
    for frame, band, wanted in ((1, 300, 0.1 / 2.0), (2, 400, 0.2j / 5.0), (3, 700, -0.3 / 10.0)):
        assert masked[frame, band] == pytest.approx(wanted, rel=1e-5)
    assert masked[1, 400] == 0.0


@pytest.mark.parametrize(
    ("num_bins", "num_known"),
    [(129, 0), (257, 0), (354, 1), (513, 2), (705, 3), (769, 3), (1537, 3)],  # 8 to 96 kHz
)
def test_bands_that_a_rate_lacks_are_unknown_and_not_silent(
    num_bins: int, num_known: int, hears_above: Model
) -> None:
    frame = np.full((1, 1, num_bins), 0.02, np.complex64)
    masked = apply(MaskRunner(hears_above, 1, num_bins), frame)[0, 0] / 0.02
    gains = [1.0 / 1.04 if band < num_known else 0.25 for band in range(3)]
    for first, gain in zip((256, 384, 512), gains, strict=True):
        if first < num_bins:
            assert masked[first] == pytest.approx(gain, rel=1e-4)
    assert masked[: min(num_bins, 256)] == pytest.approx(1.0)


def test_linked_channels_are_heard_above_by_their_mean_power(hears_above: Model) -> None:
    frames = np.zeros((2, 1, 769), np.complex64)
    frames[0, :, 256:], frames[1, :, 256:] = 0.1, -0.3
    linked = apply(MaskRunner(hears_above, 2, 769), frames)[:, 0, 300] / frames[:, 0, 300]
    assert linked == pytest.approx(1.0 / (1.0 + 100.0 * 0.05), rel=1e-4)
    apart = apply(MaskRunner(hears_above, 2, 769), frames, linked=False)[:, 0, 300] / frames[:, 0, 300]
    assert apart == pytest.approx([0.5, 0.1], rel=1e-4)


@pytest.mark.parametrize("num_bins", [33, 129, 256, 257, 300])
def test_spectra_of_any_width_are_masked_from_end_to_end(
    num_bins: int, any_model: Model, rng: np.random.Generator
) -> None:
    kind = MaskRunner if any_model.info.segment is None else SegmentRunner
    num_frames = 3 + any_model.info.lookahead_frames
    for num_channels in (1, 2):
        for linked in (True, False):
            masked = apply(
                kind(any_model, num_channels, num_bins),
                spectra(rng, num_channels, num_frames, num_bins) * np.float32(0.05),
                linked=linked,
            )
            assert np.isfinite(masked).all()


def test_a_linked_mask_is_the_same_for_all_channels_and_an_independent_one_is_not(
    tiny_folder: Path, rng: np.random.Generator
) -> None:
    model = load_model(tiny_folder / "short.onnx")
    frames = spectra(rng, 2, 4, 81) * np.array([0.3, 0.05], np.float32)[:, None, None]
    linked = apply(MaskRunner(model, 2, 81), frames) / frames
    assert linked[0] == pytest.approx(linked[1], rel=1e-4)
    independent = apply(MaskRunner(model, 2, 81), frames, linked=False)
    for channel in range(2):
        alone = apply(MaskRunner(model, 1, 81), frames[channel : channel + 1])
        assert independent[channel] == pytest.approx(alone[0], rel=1e-6)


def test_changing_the_link_carries_the_state_over(stateful: Model, rng: np.random.Generator) -> None:
    frame = spectra(rng, 1, 1, 256)
    runner = MaskRunner(stateful, 2, 256)
    both = np.repeat(frame, 2, axis=0)
    expected = [apply(MaskRunner(stateful, 1, 256), np.repeat(frame, n, axis=1))[0, -1] for n in (1, 2, 3)]
    for linked, masked in zip((True, False, True), expected, strict=True):
        found = apply(runner, both, linked=linked)
        assert found[:, 0] == pytest.approx(np.repeat(masked[None], 2, axis=0), rel=1e-5)


# -- models that fail -----------------------------------------------------------------------------


@pytest.fixture
def overflowing(tmp_path: Path) -> Model:
    return load_model(tiny_models.overflowing().save(tmp_path / "overflowing.onnx"))


@pytest.mark.parametrize("frames_per_call", [1, 2, 7, 30])
def test_only_frames_without_a_finite_mask_are_muted(
    frames_per_call: int, overflowing: Model, rng: np.random.Generator
) -> None:
    frames = spectra(rng, 1, 30, 257) * np.float32(0.01)
    frames[:, [4, 5, 20]] *= np.float32(1e6)
    runner = MaskRunner(overflowing, 1, 257)
    masked = np.concatenate(
        [apply(runner, frames[:, i : i + frames_per_call]) for i in range(0, 30, frames_per_call)], axis=1
    )
    expected = frames.copy()
    expected[:, [4, 5, 20]] = 0.0
    assert np.array_equal(masked, expected)
    assert runner.num_faulty_frames == 3
    assert all(np.isfinite(s).all() for s in runner.state)


def test_a_fading_memory_does_not_end_in_denormals(stateful: Model, rng: np.random.Generator) -> None:
    runner = MaskRunner(stateful, 1, 257)
    apply(runner, spectra(rng, 1, 10, 257))
    for _ in range(60):
        apply(runner, np.zeros((1, 20, 257), np.complex64))
    memory = np.abs(runner.state[0])
    assert not ((memory > 0) & (memory < np.finfo(np.float32).tiny)).any()
