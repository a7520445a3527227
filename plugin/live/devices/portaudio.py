"""PortAudio backend, through sounddevice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hushgate.live.devices.backend import AudioCallback, Device, DeviceError, StreamRequest
from hushgate.live.devices.duplex_bridge import Bridge
from hushgate.live.processing.realtime_priority import raise_thread_priority

Block: TypeAlias = NDArray[np.float32]

# PortAudio's error codes that get a clearer message here.
_INVALID_CHANNELS = -9998
_INVALID_RATE = -9997
_UNAVAILABLE = -9985
_CLOSE_TIMEOUT_S = 3.0


class PortAudioBackend:
    """The devices of PortAudio.

    Raises:
        ModuleNotFoundError: sounddevice is not installed; it comes with the extra `live`.
        DeviceError: PortAudio's library is missing.
    """

    def __init__(self) -> None:
        try:
            import sounddevice
        except OSError as error:  # sounddevice finds the library when it is imported
            raise DeviceError(
                f"{error}. Install PortAudio: on Debian and Ubuntu, apt-get install libportaudio2."
            ) from error
        self._sd: Any = sounddevice

    def devices(self) -> Sequence[Device]:
        """All devices of PortAudio."""
        try:
            systems = [system["name"] for system in self._sd.query_hostapis()]
            defaults = self._sd.default.device
            return [
                Device(
                    index=number,
                    name=entry["name"],
                    system=systems[entry["hostapi"]],
                    num_inputs=entry["max_input_channels"],
                    num_outputs=entry["max_output_channels"],
                    sample_rate=entry["default_samplerate"],
                    is_default_input=number == defaults[0],
                    is_default_output=number == defaults[1],
                )
                for number, entry in enumerate(self._sd.query_devices())
            ]
        except self._sd.PortAudioError as error:
            raise DeviceError(f"the sound devices cannot be listed ({_reason(error)}).") from error

    def offers(self, request: StreamRequest) -> bool:
        """True if both devices accept the rate and channels."""
        try:
            self._sd.check_input_settings(
                request.input.index, request.num_inputs, "float32", samplerate=request.sample_rate
            )
            self._sd.check_output_settings(
                request.output.index, request.num_outputs, "float32", samplerate=request.sample_rate
            )
        except self._sd.PortAudioError:
            return False
        return True

    def open(self, request: StreamRequest, callback: AudioCallback) -> PortAudioStream:
        """Open both devices.

        This is one duplex stream, except on ALSA, where it is two streams and a `Bridge`: PortAudio stops
        and restarts both directions there whenever one is late, and with a sound server each restart is
        about a second of silence. Two streams lose a few milliseconds.
        """
        options = {
            "samplerate": request.sample_rate,
            "blocksize": request.block_size,
            "dtype": "float32",
            "latency": "low" if request.device_latency_s is None else request.device_latency_s,
        }
        streams: list[Any] = []
        bridge: Bridge | None = None
        try:
            if "ALSA" in (request.input.system, request.output.system):
                bridge = Bridge(
                    callback,
                    block_size=request.block_size,
                    num_inputs=request.num_inputs,
                    sample_rate=request.sample_rate,
                    # Larger device buffers were requested against delays, so enlarge this one too.
                    reserve=round(0.5 * (request.device_latency_s or 0.0) * request.sample_rate),
                )
                for kind, device, channels, take in (
                    (self._sd.InputStream, request.input, request.num_inputs, bridge.take_input),
                    (self._sd.OutputStream, request.output, request.num_outputs, bridge.fill_output),
                ):
                    streams.append(
                        kind(device=device.index, channels=channels, callback=_one_way_call(take), **options)
                    )
            else:
                streams.append(
                    self._sd.Stream(
                        device=(request.input.index, request.output.index),
                        channels=(request.num_inputs, request.num_outputs),
                        callback=_duplex_call(callback),
                        **options,
                    )
                )
        except self._sd.PortAudioError as error:
            for stream in streams:
                stream.close(ignore_errors=True)
            raise DeviceError(_open_error(error, request)) from error
        return PortAudioStream(self._sd, streams, request, bridge)


def _duplex_call(callback: AudioCallback) -> Callable[..., None]:
    def call(input_block: Block, output_block: Block, num_samples: int, time: object, status: Any) -> None:
        callback(input_block, output_block, bool(status.input_overflow or status.output_underflow))

    return call


def _one_way_call(take: Callable[[Block, bool], None]) -> Callable[..., None]:
    is_first = True

    def call(block: Block, num_samples: int, time: object, status: Any) -> None:
        nonlocal is_first
        if is_first:
            is_first = False
            raise_thread_priority()
        take(block, bool(status.input_overflow or status.output_underflow))

    return call


class PortAudioStream:
    """An open connection: one duplex stream of sounddevice, or an input and an output stream.

    Args:
        sd: The module sounddevice.
        streams: Streams to start and close together.
        request: The request.
        bridge: Joins two streams; None for one stream.
    """

    def __init__(self, sd: Any, streams: list[Any], request: StreamRequest, bridge: Bridge | None) -> None:
        self._sd = sd
        self._streams = streams
        self._request = request
        self._bridge = bridge
        # Read once, because a stream that has stopped by itself no longer reports it.
        self._device_latency_s: tuple[float, float] = (
            streams[0].latency if bridge is None else (streams[0].latency, streams[1].latency)
        )

    @property
    def latency_s(self) -> tuple[float, float]:
        """Delay of input and output as PortAudio reports it, and of the bridge, seconds."""
        before, after = self._device_latency_s
        if self._bridge is not None:
            before += self._bridge.latency_samples / self._request.sample_rate
        return before, after

    @property
    def is_active(self) -> bool:
        """True while callbacks come."""
        try:
            return all(stream.active for stream in self._streams)
        except self._sd.PortAudioError:
            return False

    def start(self) -> None:
        """Start the callbacks."""
        try:
            for stream in self._streams:
                stream.start()
        except self._sd.PortAudioError as error:
            raise DeviceError(_open_error(error, self._request)) from error

    def close(self) -> None:
        """Stop and close; give up on a driver that hangs after three seconds."""
        closer = threading.Thread(target=self._close, name="hushgate-live-close", daemon=True)
        closer.start()
        closer.join(_CLOSE_TIMEOUT_S)

    def _close(self) -> None:
        for stream in self._streams:
            stream.abort(ignore_errors=True)
        for stream in self._streams:
            stream.close(ignore_errors=True)


def _open_error(error: Exception, request: StreamRequest) -> str:
    names = request.device_names
    code = error.args[1] if len(error.args) > 1 else None
    if code == _INVALID_RATE:
        return (
            f"sample_rate must be a rate that {names} offers (got {request.sample_rate:g} Hz). "
            f"Its usual one is {request.input.sample_rate:g} Hz."
        )
    if code == _INVALID_CHANNELS:
        return f"{names} does not offer {request.num_inputs} inputs with {request.num_outputs} outputs."
    if code == _UNAVAILABLE:
        return f"{names} is busy or has gone. Close the program that uses it, or choose another device."
    return f"{names} cannot be opened ({_reason(error)})."


def _reason(error: Exception) -> str:
    """The messages of PortAudio and of the system below it."""
    text = str(error.args[0]) if error.args else type(error).__name__
    if len(error.args) > 2 and error.args[2][2]:
        text += f": {error.args[2][2]}"
    return text.strip().rstrip(".")
