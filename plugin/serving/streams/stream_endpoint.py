"""The WebSocket /stream: frames of samples come in, and go out cleaned."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from hushgate.effects.chain import Chain
from hushgate.effects.denoiser import Denoiser, find_denoisers
from hushgate.errors import HushgateError, describe_error
from hushgate.live.processing.sound_stream import SoundStream
from hushgate.printable import printable
from hushgate.serving.request_fields import RequestError, StreamRequest, read_settings, read_stream_request
from hushgate.serving.server_state import ServerState
from hushgate.serving.streams.opus_packets import OpusCodec
from hushgate.serving.streams.sample_formats import decode_samples, encode_samples
from hushgate.serving.streams.stream_budget import FRAME_LOAD, slice_size, try_stream

MAX_FRAME_BYTES = 2**20
"""Largest WebSocket message: more than two seconds of 48 kHz stereo in float32."""

T = TypeVar("T")

_OVER, _UNSUPPORTED, _RESTART = 1000, 1003, 1012
# Longest frame, in seconds, that is cleaned without a thread. With a thread for every frame of 10 ms, eight
# streams of `voice` took all of a core, and answers came ever later.
_AT_ONCE_S = 0.02
# Sound that may come at once before a stream's speed counts, seconds.
_BURST_S = 2.0
_SEND_S = 20.0


class StreamEndpoint:
    """ASGI application for the WebSocket.

    Args:
        state: Of the server.
    """

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream to its end. RequestError before the WebSocket is accepted becomes an answer."""
        socket = WebSocket(scope, receive, send)
        state = self._state
        state.check_open()
        request = read_stream_request(socket.scope["query_string"], state.limits.max_stream_channels)
        try:
            state.budget.check()
            effect, latency, load = await self._prepare(request)
            with state.budget.room_for(load):
                state.metrics.streams.set(state.budget.num_streams)
                state.metrics.stream_load.set(state.budget.load)
                await self._serve(socket, request, effect, latency)
        except RequestError as error:
            if error.status == 503:
                state.metrics.refused.labels("stream").inc()
            raise
        finally:
            state.metrics.streams.set(state.budget.num_streams)
            state.metrics.stream_load.set(state.budget.load)

    async def _prepare(self, request: StreamRequest) -> tuple[Denoiser | Chain, int, float]:
        """The effect, its latency and its load with that of the frames."""
        state = self._state

        def prepare() -> tuple[Denoiser | Chain, int, float]:
            effect = state.catalogue.make_effect(request.choice)
            trial = state.budget.known_trial(request)
            if trial is None:
                trial = try_stream(effect, request)
            latency = max(trial.latency_samples, effect.latency_samples_at(request.sample_rate))
            state.budget.keep_trial(request, trial)
            return effect, latency, trial.load + FRAME_LOAD

        try:
            return await self._in_thread(prepare)
        except RequestError:
            raise
        except (HushgateError, ValueError, TypeError) as error:
            raise RequestError(describe_error(error)) from error

    async def _serve(
        self, socket: WebSocket, request: StreamRequest, effect: Denoiser | Chain, latency: int
    ) -> None:
        stream = SoundStream(
            effect, request.sample_rate, request.num_channels, latency, slice_size(request.sample_rate)
        )
        codec: _PcmCodec | OpusCodec
        if request.sample_format == "opus":
            codec = OpusCodec(request.sample_rate, request.num_channels)
        else:
            codec = _PcmCodec(request.sample_format, request.num_channels)
        await socket.accept(subprotocol=socket.scope["state"].get("subprotocol"))
        await self._send(
            socket,
            {
                "type": "ready",
                "sample_rate": request.sample_rate,
                "channels": request.num_channels,
                "format": request.sample_format,
                "latency_samples": latency + codec.latency_samples,
                "latency_ms": 1000.0 * (latency + codec.latency_samples) / request.sample_rate,
                "models": [denoiser.model_info.name for denoiser in find_denoisers(effect)],
            },
        )
        connection = _Connection(socket, self._state, request, effect, stream, codec, self._in_thread)
        ending = asyncio.ensure_future(self._state.ending.wait())
        serving = asyncio.ensure_future(connection.serve())
        try:
            await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
            else:
                await _close(socket, _RESTART, "the server is shutting down.")
        finally:
            for task in (ending, serving):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._state.threads, call, *arguments)

    async def _send(self, socket: WebSocket, message: dict[str, Any]) -> None:
        await socket.send_text(json.dumps(message))


class _PcmCodec:
    """Samples without a header."""

    latency_samples = 0

    def __init__(self, sample_format: str, num_channels: int) -> None:
        self._sample_format = sample_format
        self._num_channels = num_channels

    def decode(self, data: bytes) -> Any:
        return decode_samples(data, self._sample_format, self._num_channels)

    def encode(self, block: Any) -> list[bytes]:
        return [encode_samples(block, self._sample_format)]

    def finish(self) -> list[bytes]:
        return []


class _Connection:
    """An accepted stream."""

    def __init__(
        self,
        socket: WebSocket,
        state: ServerState,
        request: StreamRequest,
        effect: Denoiser | Chain,
        stream: SoundStream,
        codec: _PcmCodec | OpusCodec,
        in_thread: Callable[..., Any],
    ) -> None:
        self._socket = socket
        self._state = state
        self._request = request
        self._effect = effect
        self._stream = stream
        self._codec = codec
        self._in_thread = in_thread
        self._num_samples = 0
        self._most_at_once = round(_AT_ONCE_S * request.sample_rate)
        self._started = time.monotonic()

    async def serve(self) -> None:
        """Answer frames until the stream ends; the socket is closed then."""
        limits = self._state.limits
        try:
            while True:
                async with asyncio.timeout(limits.max_stream_idle_s):  # wait_for makes a task for each frame
                    message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                arrived = time.perf_counter()
                data = message.get("bytes")
                if data is None:
                    if not await self._control(message.get("text") or ""):
                        return
                    continue
                self._state.metrics.received_bytes.inc(len(data))
                num_before = self._num_samples
                answers = await self._answers(data)
                for answer in answers:
                    await self._send(answer)
                self._count(time.perf_counter() - arrived, num_before)
                if self._num_samples > limits.max_stream_s * self._request.sample_rate:
                    await _close(self._socket, _OVER, f"a stream may last {limits.max_stream_s:g} s.")
                    return
                await self._slow_down()
        except WebSocketDisconnect:
            return
        except TimeoutError:
            await _close(self._socket, _OVER, f"no frame came for {limits.max_stream_idle_s:g} s.")
        except (RequestError, ValueError) as error:
            await _close(self._socket, _UNSUPPORTED, describe_error(error))
        finally:
            self._state.metrics.audio_seconds.labels("stream").inc(
                self._num_samples / self._request.sample_rate
            )

    def _count(self, elapsed_s: float, num_before: int) -> None:
        self._state.metrics.frame_seconds.observe(elapsed_s)
        if num_new := self._num_samples - num_before:
            self._state.budget.count_frame(elapsed_s, num_new / self._request.sample_rate)

    async def _answers(self, data: bytes) -> list[bytes]:
        block = self._codec.decode(data)
        if not block.shape[1]:
            return []
        self._num_samples += block.shape[1]
        if block.shape[1] <= self._most_at_once:
            return self._process(block)
        return cast(list[bytes], await self._in_thread(self._process, block))

    def _process(self, block: NDArray[np.float32]) -> list[bytes]:
        return self._codec.encode(self._stream.process(block))

    def _finish(self) -> list[bytes]:
        return [*self._codec.encode(self._stream.finish()), *self._codec.finish()]

    async def _control(self, text: str) -> bool:
        """Do what a text message says; False at the end of the stream.

        Raises:
            RequestError: It says nothing that is known.
        """
        try:
            message = json.loads(text)
            kind = message.pop("type")
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise RequestError('a text message must be JSON with "type": "end" or "set".') from error
        if kind == "end":
            for answer in await self._in_thread(self._finish):
                if answer:
                    await self._send(answer)
            await self._send(json.dumps({"type": "done", "samples": self._num_samples}))
            await _close(self._socket, _OVER, "")
            return False
        if kind != "set":
            raise RequestError(f'type must be "end" or "set" (got {str(kind)[:64]!r}).')
        settings = read_settings(message)
        denoisers = list(find_denoisers(self._effect))
        if not denoisers:
            raise RequestError("the preset has no Denoiser to set anything of.")
        for denoiser in denoisers:
            for name, value in settings.items():
                setattr(denoiser, name, value)
        await self._send(json.dumps({"type": "set", **settings}, default=str))
        return True

    async def _send(self, message: bytes | str) -> None:
        send = self._socket.send_bytes if isinstance(message, bytes) else self._socket.send_text
        try:
            async with asyncio.timeout(_SEND_S):
                await send(message)  # type: ignore[arg-type]
        except TimeoutError:
            self._socket.scope["state"]["abort"]()
            raise WebSocketDisconnect from None
        self._state.metrics.sent_bytes.inc(len(message))

    async def _slow_down(self) -> None:
        """Wait where sound comes faster than a stream may run: other streams need the processor."""
        ahead_s = self._num_samples / self._request.sample_rate - _BURST_S
        ahead_s /= self._state.limits.max_stream_speed
        ahead_s -= time.monotonic() - self._started
        if ahead_s > 0.0:
            await asyncio.sleep(ahead_s)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        # A reason may have 123 bytes (RFC 6455, section 5.5).
        await socket.close(code, printable(reason).encode("ascii", "replace")[:123].decode())
