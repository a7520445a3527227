"""POST /denoise of a running server."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hushgate import Denoiser, render
from tests.plugin.serving.running_server import Answer, Server

RATE = 48_000


def sound(rng: np.random.Generator, seconds: float = 1.0, num_channels: int = 1) -> np.ndarray:
    return (0.1 * rng.standard_normal((round(seconds * RATE), num_channels))).astype(np.float32)


def encode(samples: np.ndarray, container: str = "WAV", subtype: str = "FLOAT") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=container, subtype=subtype)
    return file.getvalue()


def decode(answer: Answer) -> np.ndarray:
    assert answer.status == 200, answer.body
    samples, rate = soundfile.read(io.BytesIO(answer.body), dtype="float32", always_2d=True)
    assert rate == RATE
    return np.asarray(samples)


def test_a_recording_comes_back_as_render_writes_it(
    server: Server, models: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    (tmp_path / "take.wav").write_bytes(encode(sound(rng, num_channels=2)))
    render(Denoiser(models / "stateful.onnx", mix=0.5), tmp_path / "take.wav", tmp_path / "clean.wav")
    expected, _ = soundfile.read(tmp_path / "clean.wav", dtype="float32", always_2d=True)
    answer = server.post((tmp_path / "take.wav").read_bytes(), {"model": "stateful", "mix": 0.5})
    np.testing.assert_array_equal(decode(answer), expected)
    assert answer.headers["content-type"] == "audio/wav"
    assert float(answer.headers["hushgate-duration-s"]) == 1.0


@pytest.mark.parametrize(
    ("name", "container", "subtype"), [("take.flac", "FLAC", "PCM_24"), ("take.ogg", "OGG", "VORBIS")]
)
def test_the_result_has_the_format_of_the_recording(
    server: Server, rng: np.random.Generator, name: str, container: str, subtype: str
) -> None:
    answer = server.post(encode(sound(rng), container, subtype), {"model": "identity", "name": name})
    assert answer.status == 200, answer.body
    with soundfile.SoundFile(io.BytesIO(answer.body)) as file:
        assert (file.format, file.subtype, file.frames) == (container, subtype, RATE)


def test_without_a_name_the_content_tells_the_format(server: Server, rng: np.random.Generator) -> None:
    answer = server.post(encode(sound(rng), "FLAC", "PCM_16"), {"model": "identity"})
    with soundfile.SoundFile(io.BytesIO(answer.body)) as file:
        assert (file.format, file.subtype) == ("FLAC", "PCM_16")


def test_the_result_may_have_another_format(server: Server, rng: np.random.Generator) -> None:
    fields = {"model": "identity", "format": "flac", "subtype": "PCM_24", "start": "0.25", "end": "0:00.75"}
    answer = server.post(encode(sound(rng)), fields)
    assert answer.headers["content-type"] == "audio/flac"
    with soundfile.SoundFile(io.BytesIO(answer.body)) as file:
        assert (file.format, file.subtype, file.frames) == ("FLAC", "PCM_24", RATE // 2)


def test_raw_samples_need_no_header(server: Server, rng: np.random.Generator) -> None:
    samples = sound(rng)
    fields = {"model": "identity", "raw": f"{RATE},1,f32le", "format": "wav"}
    np.testing.assert_allclose(decode(server.post(samples.tobytes(), fields)), samples, atol=1e-6)


def test_a_streamed_recording_comes_back_before_it_has_gone_out_whole(
    server: Server, models: Path, rng: np.random.Generator
) -> None:
    samples = sound(rng, seconds=4.0)
    data = encode(samples)
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        head = f"POST /denoise?model=stateful&stream=true HTTP/1.1\r\nHost: {server.host}\r\n"
        connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode())
        connection.sendall(data[: len(data) // 2])
        received = connection.recv(100_000)
        while b"RIFF" not in received:
            received += connection.recv(100_000)
        connection.sendall(data[len(data) // 2 :])
        while not received.endswith(b"0\r\n\r\n"):
            more = connection.recv(100_000)
            assert more
            received += more
    head_, _, body = received.partition(b"\r\n\r\n")
    assert head_.startswith(b"HTTP/1.1 200")
    expected = Denoiser(models / "stateful.onnx")(samples[:, 0], RATE)
    wav = b"".join(_chunks(body))
    start = wav.index(b"data") + 8
    np.testing.assert_allclose(np.frombuffer(wav[start:], "<f4"), expected, atol=1e-6)


def _chunks(body: bytes) -> Iterator[bytes]:
    """The parts of a chunked body."""
    while body:
        size, _, rest = body.partition(b"\r\n")
        yield rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"preset": "../../etc/passwd"}, 400, "there is no preset"),
        ({"preset": "voice.toml"}, 400, "there is no preset"),
        ({"preset": "/etc/passwd"}, 400, "there is no preset"),
        ({"preset": "%2e%2e%2fvoice"}, 400, "there is no preset"),
        ({"model": "./engine/models/voice.onnx"}, 400, "there is no model"),
        ({"model": "\x00voice"}, 400, "printable"),
        ({"mix": "2"}, 400, "mix must be between 0.0 and 1.0"),
        ({"mixx": "1"}, 400, "there is no field 'mixx'"),
        ({"format": "../x.wav"}, 400, "format must be"),
        ({"format": "exe"}, 400, "format must be"),
        ({"subtype": "PCM_16/../x"}, 400, "subtype must be"),
        ({"raw": "0,0,x"}, 400, "raw must"),
        ({"start": "5", "end": "2"}, 400, "end must be behind start"),
        ({"stream": "true", "format": "flac"}, 400, "format must be wav"),
    ],
)
def test_wrong_requests_are_refused_by_name(
    server: Server, fields: dict[str, str], status: int, words: str
) -> None:
    answer = server.post(b"RIFF", fields)
    assert (answer.status, words in answer.error) == (status, True), answer.body


@pytest.mark.parametrize(
    ("container", "subtype", "wanted", "words"),
    [("FLAC", "PCM_24", "PCM_16", "WAV"), ("WAV", "FLOAT", "ULAW", "cannot carry ULAW")],
)
def test_a_stream_that_the_job_refuses_says_why(
    server: Server, rng: np.random.Generator, container: str, subtype: str, wanted: str, words: str
) -> None:
    body = encode(sound(rng, seconds=20.0), container, subtype)
    answer = server.post(body, {"model": "identity", "stream": "true", "subtype": wanted})
    assert answer.status == 422, answer.body
    assert words in answer.error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        (b"this is no sound" * 100, "cannot be read as audio"),
        (b"RIFF" + bytes(40), "input.wav"),
    ],
)
def test_what_is_no_sound_is_refused_without_a_path(server: Server, body: bytes, words: str) -> None:
    answer = server.post(body, {"name": "../../x.wav"})
    assert answer.status == 422
    assert words in answer.error
    assert str(server.spool) not in answer.error


def test_a_file_that_is_cut_short_is_refused_or_taken_as_told(
    server: Server, rng: np.random.Generator
) -> None:
    data = encode(sound(rng), "FLAC", "PCM_16")[:-20_000]
    assert server.post(data, {"model": "identity", "name": "a.flac"}).status == 422
    taken = server.post(data, {"model": "identity", "name": "a.flac", "allow_truncated": "true"})
    assert taken.status == 200
    assert "cut short" in taken.headers["hushgate-warnings"]


def test_forms_are_refused_with_the_remedy(server: Server) -> None:
    answer = server.post(b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status, "the sound file itself" in answer.error) == (415, True)


def test_too_large_a_body_is_refused_before_it_is_sent(server: Server) -> None:
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(b"POST /denoise HTTP/1.1\r\nHost: x\r\nContent-Length: 2147483648\r\n\r\n")
        received = b""
        while not received.endswith(b"}") and (more := connection.recv(10_000)):
            received += more
    assert received.startswith(b"HTTP/1.1 413")
    assert b"32 MiB" in received


def test_a_chunked_body_is_counted(server: Server) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"%x\r\n%b\r\n" % (2**20, bytes(2**20))

    try:
        answer = server.request("POST", "/denoise", endless(), {"Transfer-Encoding": "chunked"})
    except (BrokenPipeError, ConnectionResetError):
        return  # it was told in the middle and dropped two seconds later
    assert answer.status == 413


def test_a_file_that_decodes_to_days_of_silence_is_refused(server: Server) -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, format="FLAC", subtype="PCM_16") as writer:
        for _ in range(61):
            writer.write(np.zeros(80_000, np.int16))
    data = file.getvalue()
    assert len(data) < 200_000
    started = time.monotonic()
    answer = server.post(data, {"name": "silence.flac"})
    assert (answer.status, "at most 600 s" in answer.error) == (413, True), answer.body
    assert time.monotonic() - started < 30.0


def test_uploads_in_parallel_all_come_back(server: Server, rng: np.random.Generator) -> None:
    takes = [sound(rng, seconds=0.5) for _ in range(8)]
    answers: dict[int, Answer] = {}

    def send(number: int) -> None:
        answers[number] = server.post(encode(takes[number]), {"model": "half"})

    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(takes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, take in enumerate(takes):
        np.testing.assert_allclose(decode(answers[number]), 0.5 * take, atol=1e-5)
