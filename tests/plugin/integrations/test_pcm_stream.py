"""16-bit frames through an effect."""

from __future__ import annotations

import array

import numpy as np
import pytest

from hushgate import Denoiser
from hushgate.integrations.pcm_stream import PcmStream

RATE = 16_000


@pytest.mark.parametrize("num_channels", [1, 2])
def test_frames_are_the_denoiser_within_a_rounding_late_by_its_latency(
    stateful: str, rng: np.random.Generator, num_channels: int
) -> None:
    sound = rng.integers(-9000, 9000, (RATE, num_channels)).astype(np.int16)
    stream = PcmStream(model=stateful, mix=0.75)
    parts = [stream.process(part.tobytes(), RATE, num_channels) for part in np.array_split(sound, 61)]
    output = np.frombuffer(b"".join(parts), np.int16).reshape(-1, num_channels)
    latency = stream.latency_samples(RATE)
    expected = Denoiser(stateful, mix=0.75)((sound / 32_768.0).astype(np.float32), RATE)
    assert len(output) == len(sound)
    assert not output[:latency].any()
    error = output[latency:] / 32_768.0 - expected[: len(sound) - latency]
    assert np.abs(error).max() <= 0.51 / 32_768.0


def test_another_format_starts_afresh(stateful: str) -> None:
    stream = PcmStream(model=stateful)
    stream.process(np.full(8000, 9000, np.int16).tobytes(), RATE)
    first = np.frombuffer(stream.process(bytes(16_000), 8000), np.int16)
    assert not first.any()


def test_part_of_a_sample_is_refused(identity: str) -> None:
    with pytest.raises(ValueError, match="whole samples of 2 channels"):
        PcmStream(model=identity).process(bytes(6), RATE, 2)
    with pytest.raises(ValueError, match=r"whole samples of 16 bits \(got 3 bytes\)"):
        PcmStream(model=identity).process(bytes(3), RATE)
    with pytest.raises(ValueError, match=r"num_channels must be 1 or more \(got 0\)"):
        PcmStream(model=identity).process(bytes(4), RATE, 0)


def test_floats_are_not_taken_for_16_bits(identity: str) -> None:
    sound = np.zeros(480, np.float32)
    with pytest.raises(TypeError, match=r"data must be 16-bit samples.*\(got items of format 'f'\)"):
        PcmStream(model=identity).process(sound, RATE)  # type: ignore[arg-type]
    words = memoryview(array.array("h", bytes(960)))
    for data in (bytes(960), bytearray(960), memoryview(bytes(960)), words):
        assert len(PcmStream(model=identity).process(data, RATE)) == 960
