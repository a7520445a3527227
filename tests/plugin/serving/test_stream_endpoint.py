"""WebSocket streams of a running server."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hushgate import Chain, Denoiser, available_models
from tests.plugin.serving.running_server import TIMEOUT_S, Server

RATE = 48_000


def exchange(socket: Any, samples: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Send float32 (samples, channels) in frames of these sizes, over and over; all that comes back."""
    parts, position, number = [], 0, 0
    while position < len(samples):
        frame = samples[position : position + sizes[number % len(sizes)]]
        socket.send(frame.astype("<f4").tobytes())
        answer = socket.recv(timeout=TIMEOUT_S)
        assert len(answer) == frame.nbytes
        parts.append(answer)
        position, number = position + len(frame), number + 1
    socket.send(json.dumps({"type": "end"}))
    while isinstance(answer := socket.recv(timeout=TIMEOUT_S), bytes):
        parts.append(answer)
    assert json.loads(answer) == {"type": "done", "samples": len(samples)}
    return np.frombuffer(b"".join(parts), "<f4").reshape(-1, samples.shape[1])


@pytest.mark.parametrize("sizes", [[480], [1, 7, 1000, 64, 4801, 2]])
@pytest.mark.parametrize(("rate", "num_channels"), [(48_000, 1), (44_100, 1), (16_000, 1)])
def test_a_stream_is_the_denoiser_sample_for_sample_shifted_by_the_told_latency(
    server: Server,
    models: Path,
    rng: np.random.Generator,
    sizes: list[int],
    rate: int,
    num_channels: int,
) -> None:
    samples = (0.1 * rng.standard_normal((rate, num_channels))).astype(np.float32)
    fields = {"model": "stateful", "rate": rate, "channels": num_channels, "format": "f32le", "mix": 0.75}
    with server.stream(fields) as socket:
        latency = socket.ready["latency_samples"]
        answer = exchange(socket, samples, sizes)
    denoiser = Denoiser(models / "stateful.onnx", mix=0.75)
    assert latency == denoiser.latency_samples_at(rate)
    assert len(answer) == len(samples) + latency
    assert not answer[:latency].any()
    np.testing.assert_array_equal(answer[latency:], denoiser(samples, rate))


def test_two_channels_of_a_stream_stay_apart(server: Server, models: Path, rng: np.random.Generator) -> None:
    samples = (0.1 * rng.standard_normal((RATE // 2, 2))).astype(np.float32)
    with server.stream({"model": "stateful", "channels": 2, "format": "f32le"}) as socket:
        latency = socket.ready["latency_samples"]
        answer = exchange(socket, samples, [1, 480, 2, 3, 961])
    np.testing.assert_array_equal(answer[latency:], Denoiser(models / "stateful.onnx")(samples, RATE))


@pytest.mark.skipif("voice" not in available_models(), reason="the model voice does not ship yet")
def test_a_shipped_preset_with_native_effects_streams_as_offline(
    server: Server, rng: np.random.Generator
) -> None:
    samples = (0.1 * rng.standard_normal((RATE, 1))).astype(np.float32)
    with server.stream({"preset": "podcast", "format": "f32le"}) as socket:
        latency = socket.ready["latency_samples"]
        answer = exchange(socket, samples, [480])
    chain = Chain.from_preset("podcast")
    assert latency == chain.latency_samples_at(RATE)
    np.testing.assert_allclose(answer[latency:, 0], chain(samples[:, 0], RATE), atol=1e-5)


def test_integers_are_rounded_once(server: Server, rng: np.random.Generator) -> None:
    samples = rng.integers(-20_000, 20_000, 4_800).astype("<i2")
    with server.stream({"model": "identity"}) as socket:
        assert socket.ready["format"] == "s16le"
        socket.send(samples.tobytes())
        first = socket.recv(timeout=TIMEOUT_S)
        socket.send('{"type": "end"}')
        rest = socket.recv(timeout=TIMEOUT_S)
        latency = socket.ready["latency_samples"]
    answer = np.frombuffer(first + rest, "<i2")[latency:]
    assert np.abs(answer.astype(int) - samples).max() <= 1


def test_parameters_change_while_sound_runs(server: Server) -> None:
    block = np.full(4_800, 0.5, "<f4").tobytes()
    with server.stream({"model": "half", "format": "f32le"}) as socket:
        socket.send(block)
        socket.recv(timeout=TIMEOUT_S)
        socket.send(json.dumps({"type": "set", "mix": 0.0}))
        assert json.loads(socket.recv(timeout=TIMEOUT_S)) == {"type": "set", "mix": 0.0}
        for _ in range(4):
            socket.send(block)
            last = np.frombuffer(socket.recv(timeout=TIMEOUT_S), "<f4")
    np.testing.assert_allclose(last[-100:], 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"\0\0\0", "whole samples"),
        ("no JSON", "must be JSON"),
        ('{"type": "fly"}', 'type must be "end" or "set"'),
        ('{"type": "set", "mix": 7}', "mix must be between"),
        ('{"type": "set", "mix": 1' + "0" * 400 + "}", "mix must be between"),
        ('{"type": "set", "mix": 1' + "0" * 5000 + "}", "must be JSON"),
        ('{"type": "set", "model": "/etc/passwd"}', "there is no parameter 'model'"),
        ("[" * 100_000, "must be JSON"),
    ],
)
def test_wrong_messages_end_the_stream_with_the_reason(
    server: Server, message: bytes | str, words: str
) -> None:
    from websockets.exceptions import ConnectionClosed

    with server.stream({"model": "identity", "format": "f32le"}) as socket:
        socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=TIMEOUT_S)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, words in closed.value.rcvd.reason) == (1003, True), closed.value


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rate": 10}, "rate must be a whole number between 1000"),
        ({"channels": 9}, "channels must be a whole number between 1 and 8"),
        ({"format": "mp3"}, "format must be one of"),
        ({"preset": "../x"}, "there is no preset"),
        ({"gate": "1"}, "there is no field"),
        ({"format": "opus", "rate": 16_000}, "opus needs rate=48000"),
    ],
)
def test_wrong_streams_are_refused_with_the_reason(
    server: Server, fields: dict[str, Any], words: str
) -> None:
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refused, server.stream(fields):
        pass
    assert refused.value.response.status_code == 400
    assert words in refused.value.response.body.decode()


def test_samples_that_are_not_finite_become_silence(server: Server) -> None:
    frame = np.full(960, np.nan, "<f4")
    frame[::2] = np.inf
    with server.stream({"model": "identity", "format": "f32le"}) as socket:
        for _ in range(10):
            socket.send(frame.tobytes())
            answer = np.frombuffer(socket.recv(timeout=TIMEOUT_S), "<f4")
    assert not answer.any()


def test_opus_comes_back_as_opus(server: Server) -> None:
    av = pytest.importorskip("av", reason="av is not installed (extra formats)")
    from hushgate.serving.streams.opus_packets import OpusCodec

    times = np.arange(RATE) / RATE
    tone = (0.3 * np.sin(2 * np.pi * 440.0 * times)).astype(np.float32)[None]
    coder = OpusCodec(RATE, 1)
    packets = [*coder.encode(tone), *coder.finish()]
    assert av is not None
    heard = []
    with server.stream({"model": "identity", "format": "opus"}) as socket:
        latency = socket.ready["latency_samples"]
        for packet in packets:
            socket.send(packet)
            heard.append(coder.decode(socket.recv(timeout=TIMEOUT_S)))
    sound = np.concatenate(heard, axis=1)[0]
    shift = latency + coder.latency_samples
    middle = slice(RATE // 4, RATE // 2)
    error = sound[shift:][middle] - tone[0][middle]
    assert np.sqrt(np.mean(error**2)) < 0.02


def test_many_streams_at_once_do_not_mix(server: Server, models: Path, rng: np.random.Generator) -> None:
    takes = [(0.1 * rng.standard_normal((RATE // 4, 1))).astype(np.float32) for _ in range(8)]
    answers: dict[int, np.ndarray] = {}

    def run(number: int) -> None:
        with server.stream({"model": "stateful", "format": "f32le"}) as socket:
            latency = socket.ready["latency_samples"]
            answers[number] = exchange(socket, takes[number], [480])[latency:]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(takes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, take in enumerate(takes):
        expected = Denoiser(models / "stateful.onnx")(take, RATE)
        np.testing.assert_array_equal(answers[number], expected)
    assert server.metric("hushgate_streams") == 0
    assert server.metric("hushgate_stream_load") == 0


def test_a_stream_without_room_is_refused_and_the_running_one_goes_on(tmp_path: Path) -> None:
    from websockets.exceptions import InvalidStatus

    with Server(tmp_path, "--max-jobs=1", "--max-streams=1") as server, server.stream() as socket:
        with pytest.raises(InvalidStatus) as refused, server.stream():
            pass
        response = refused.value.response
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"
        assert "holds 1 streams" in response.body.decode()
        socket.send(bytes(960))
        assert len(socket.recv(timeout=TIMEOUT_S)) == 960
        assert server.metric("hushgate_refused_total") == 1
