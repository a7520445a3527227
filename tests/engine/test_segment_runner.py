"""Segments: where they lie, how they join, what lies above and between, and their files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hushgate.engine import BlockDenoiser, Model, ModelError, SpectralStream, load_model
from hushgate.engine.segment_runner import SegmentRunner
from hushgate.engine.signal.segment_crossfade import crossfade_weights, upper_gains
from tests.helpers import tiny_segments
from tests.helpers.sounds import RATES, assert_close, decibels, level_of_tone, noise, run_aligned, sine
from tests.helpers.tiny_segments import SEGMENT_VARIANTS, TinySegments


def loaded(model: TinySegments, folder: Path) -> Model:
    return load_model(model.save(folder / "m.onnx"))


def prepared(model: Model, rate: float, num_channels: int = 1, link: str = "linked") -> SpectralStream:
    stream = SpectralStream(model, channel_link=link)
    stream.prepare(rate, 512, num_channels)
    return stream


@pytest.mark.parametrize(("frames", "hop"), [(1, 1), (8, 4), (8, 8), (7, 3), (128, 64), (128, 96), (5, 1)])
def test_cross_fades_add_up_to_one(frames: int, hop: int) -> None:
    weights = crossfade_weights(frames, hop)
    total = np.zeros(20 * hop + frames)
    for index in range(20):
        total[index * hop : index * hop + frames] += weights
    assert total[frames : 19 * hop] == pytest.approx(1.0, abs=1e-6)
    assert weights == pytest.approx(weights[::-1], abs=1e-6) or frames % hop


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("frames", "hop", "overlap"), [(8, 4, 2), (7, 3, 4), (4, 4, 3), (1, 1, 2)])
def test_a_model_that_leaves_sound_alone_is_a_pure_delay_of_one_segment(
    rate: int, frames: int, hop: int, overlap: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    model = loaded(tiny_segments.scaled(num_frames=frames, hop_frames=hop, overlap=overlap), tmp_path)
    stream = prepared(model, rate, 2)
    latency = stream.latency_samples
    assert latency == stream.frame_size + (frames - 1) * stream.hop_size == model.latency_samples(rate)
    audio = noise(rng, 2, 4 * latency + 17, 0.3)
    out = stream.process(audio)
    assert_close(out[:, latency:], audio[:, :-latency], abs=1e-6)
    assert_close(out[:, :latency], 0.0, abs=1e-6)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_waveforms_reach_the_model_at_its_own_rate_and_come_back(rate: int, tmp_path: Path) -> None:
    """The model hears a tone at the frequency and amplitude that it has, whatever the host's rate."""
    model = tiny_segments.scaled(kind="waveform", num_frames=1, hop_frames=1, frame_ms=60.0, num_bins=240)
    stream = prepared(loaded(model, tmp_path), rate)
    heard = []
    stream.model.run_segments = lambda segments: heard.append(segments.copy()) or segments  # type: ignore[assignment, func-returns-value, method-assign, misc]
    audio = sine(rate, 1000.0, 0.6, 0.5)
    out = stream.process(audio)
    latency = stream.latency_samples
    assert_close(out[:, latency:], audio[:, :-latency], abs=1e-4)
    window = np.sin(np.pi * np.arange(480) / 480)
    middle = heard[len(heard) // 2][0]
    assert middle.shape == (480,)
    time = np.arange(480) / 480
    tone = np.exp(2j * np.pi * 60.0 * time)
    amplitude = 2.0 * abs(np.vdot(tone * window, middle)) / np.sum(window**2)
    # Frames of 59.9 ms at 11,025 Hz let a tone seem 0.2 % lower than it is.
    assert amplitude == pytest.approx(0.5, rel=0.02)


def test_frames_count_as_much_as_their_place_in_each_segment_says(tmp_path: Path) -> None:
    """A model that multiplies frame i by i + 1 shows the grid and the cross-fade."""
    frames, hop = 6, 2
    model = loaded(tiny_segments.marks_its_place(num_frames=frames, hop_frames=hop), tmp_path)
    runner = SegmentRunner(model, 1, 65)
    spectra = np.ones((1, 20, 65), np.complex64)
    target = np.empty_like(spectra)
    for first in range(20):
        part = slice(first, first + 1)
        runner.apply(spectra[:, part], spectra[:, part], target[:, part], linked=True)
    weights = crossfade_weights(frames, hop)
    gains = [sum(weights[i::hop] * (np.arange(frames)[i::hop] + 1)) for i in range(hop)]
    due = target[0, frames - 1 :, 10].real
    assert_close(due, np.resize(gains, due.size), abs=1e-5)
    assert not target[0, : frames - 1].any()


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_what_lies_above_the_model_gets_the_gain_just_below(rate: int, tmp_path: Path) -> None:
    """The model keeps what lies below 3 kHz of its 4 kHz, and the gain above is that from 2 kHz upward."""
    model = tiny_segments.keeps_low_bins(48, upper_from_hz=2000.0)
    stream = prepared(loaded(model, tmp_path), rate)
    high = sine(rate, 10_000.0, 1.0, 0.1)
    for below_hz, gain_db in ((2500.0, 0.0), (3500.0, -60.0)):
        stream.reset()
        out = stream.process(high + sine(rate, below_hz, 1.0, 0.5))
        level = level_of_tone(out, rate, 10_000.0, 0.1)[round(0.7 * rate)]
        if gain_db == 0.0:
            assert decibels(level / 0.1) == pytest.approx(0.0, abs=0.5)
        else:
            assert decibels(level / 0.1) < -30.0


def test_upper_gains_are_those_of_the_energy_and_at_most_one() -> None:
    heard = np.ones((1, 3, 8), np.complex64)
    heard[0, 2] = 0.0
    estimate = np.stack([0.5 * heard[0, 0], 3.0 * heard[0, 1], np.ones(8)])[None].astype(np.complex64)
    assert upper_gains(heard, estimate, 4)[0, :, 0].tolist() == [0.5, 1.0, 0.0]


@pytest.mark.parametrize("name", SEGMENT_VARIANTS)
def test_linked_channels_share_one_answer(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """A quiet copy of a channel stays a quiet copy, and the model runs once for both."""
    model = loaded(SEGMENT_VARIANTS[name](), tmp_path)
    audio = noise(rng, 1, 20_000, 0.2)
    both = np.concatenate([audio, 0.25 * audio])
    calls = []
    run = model.run_segments
    model.run_segments = lambda segments: calls.append(len(segments)) or run(segments)  # type: ignore[assignment, func-returns-value, method-assign, misc]
    out = prepared(model, 8_000, 2).process(both)
    assert set(calls) == {1}
    assert_close(out[1], 0.25 * out[0], abs=1e-5)
    calls.clear()
    prepared(model, 8_000, 2, "independent").process(both)
    assert set(calls) == {2}


def test_what_a_model_makes_up_is_not_heard_in_silence(tmp_path: Path, rng: np.random.Generator) -> None:
    model = loaded(tiny_segments.generating(), tmp_path)
    for link in ("linked", "independent"):
        stream = prepared(model, 8_000, 2, link)
        audio = noise(rng, 2, 8_000, 0.2)
        audio[:, 2_000:5_000] = 0.0
        out = stream.process(audio)[:, stream.latency_samples :]
        # Frames that touch the sound reach one frame into the silence.
        assert not out[:, 2_000 + stream.frame_size : 5_000 - stream.frame_size].any()
        assert np.abs(out[:, 6_000:7_000]).max() > 0.1


def test_silent_segments_are_not_computed(tmp_path: Path) -> None:
    model = loaded(tiny_segments.scaled(), tmp_path)
    model.run_segments = lambda segments: pytest.fail("not to be called")  # type: ignore[assignment, method-assign, misc]
    assert not prepared(model, 8_000).process(np.zeros((1, 8_000), np.float32)).any()


def test_a_model_that_breaks_down_costs_segments_but_not_the_stream(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    model = loaded(tiny_segments.overflowing_segments(), tmp_path)
    audio = noise(rng, 2, 16_000, 0.1)
    audio[:, 8_000:8_010] = 1e5
    results = []
    for block_size in (64, 16_000):
        denoiser = BlockDenoiser(model)
        denoiser.prepare(8_000, 512, 2)
        results.append(run_aligned(denoiser, audio, block_size))
        denoiser.process(audio)
        assert 0 < denoiser.num_faulty_frames <= 16
    assert_close(results[1], results[0], abs=1e-5)
    assert_close(results[0][:, :7_000], audio[:, :7_000], abs=1e-5)
    assert_close(results[0][:, 9_000:], audio[:, 9_000:], abs=1e-5)
    assert not results[0][:, 8_000:8_010].any()


def test_changing_the_link_goes_on_without_a_gap(tmp_path: Path, rng: np.random.Generator) -> None:
    model = loaded(tiny_segments.scaled(), tmp_path)
    stream = prepared(model, 8_000, 2)
    audio = noise(rng, 2, 9_000, 0.2)
    parts = []
    for start, link in ((0, "linked"), (3_000, "independent"), (6_000, "linked")):
        stream.channel_link = link
        parts.append(stream.process(audio[:, start : start + 3_000]))
    out, latency = np.concatenate(parts, axis=1), stream.latency_samples
    assert_close(out[:, latency:], audio[:, :-latency], abs=1e-5)


# -- the file -----------------------------------------------------------------------------------------


def test_info_says_what_the_file_says(tmp_path: Path) -> None:
    info = loaded(tiny_segments.scaled(num_frames=7, hop_frames=3), tmp_path).info
    assert info.format_version == 2
    assert info.segment is not None
    assert (info.segment.kind, info.segment.num_frames, info.segment.hop_frames) == ("spectrum", 7, 3)
    assert (info.segment.sample_rate, info.segment.upper_from_hz) == (8000.0, 2000.0)
    assert info.latency_ms == pytest.approx(16.0 + 6 * 8.0)


@pytest.mark.parametrize(
    "key", ["kind", "segment_frames", "segment_hop_frames", "upper_from_hz", "sample_rate", "spectrum_scale"]
)
def test_every_missing_key_is_named(tmp_path: Path, key: str) -> None:
    path = tiny_segments.scaled().save(tmp_path / "m.onnx", **{key: None})
    with pytest.raises(ModelError, match=f"has no metadata key hushgate.{key}"):
        load_model(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "magic"),
        ("segment_frames", "0"),
        ("segment_hop_frames", "9"),
        ("segment_hop_frames", "0"),
        ("upper_from_hz", "4000"),
        ("upper_from_hz", "-1"),
        ("sample_rate", "0"),
        ("spectrum_scale", "none"),
        ("lookahead_frames", "3"),
        ("reference", '{"seed": 0, "frames": 8, "tolerance": 1e-4, "mask": "AAAA", "stride": 10}'),
        ("reference", '{"seed": 0, "frames": 8, "tolerance": 1e-4, "mask": "AAAA", "stride": 0}'),
    ],
)
def test_malformed_metadata_are_refused_by_key_and_value(tmp_path: Path, key: str, value: str) -> None:
    path = tiny_segments.scaled().save(tmp_path / "m.onnx", **{key: value})
    with pytest.raises(ModelError, match=rf"hushgate\.{key} must .*\(got "):
        load_model(path)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"kind": "waveform", "segment_frames": "1", "segment_hop_frames": "1", "lookahead_frames": "0"},
            "has no input waveform",
        ),
        ({"segment_frames": "9", "lookahead_frames": "8"}, r"segment must have shape \['batch', 9, 64, 2\]"),
        ({"num_bins": "60"}, r"segment must have shape \['batch', 8, 60, 2\]"),
    ],
)
def test_metadata_that_contradict_the_graph_are_refused(
    overrides: dict[str, str], message: str, tmp_path: Path
) -> None:
    # A reference of one value fits every shape.
    reference = {"seed": 0, "frames": 8, "tolerance": 1e-4, "stride": 1 << 20, "mask": "AAAAAA=="}
    path = tiny_segments.scaled().save(tmp_path / "m.onnx", reference=json.dumps(reference), **overrides)
    with pytest.raises(ModelError, match=message):
        load_model(path)


def test_verify_notices_changed_weights(tmp_path: Path) -> None:
    other = tiny_segments.scaled(0.9).proto()
    reference = next(p.value for p in other.metadata_props if p.key == "hushgate.reference")
    path = tiny_segments.scaled(1.0).save(tmp_path / "m.onnx", reference=reference)
    with pytest.raises(ModelError, match="does not reproduce its reference"):
        load_model(path).verify()
