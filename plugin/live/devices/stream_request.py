"""Devices, channels and sample rate of a session, from its arguments."""

from __future__ import annotations

from hushgate.live.devices.backend import Backend, StreamRequest, choose_device
from hushgate.pedalboard_compat.call_arguments import checked_sample_rate

_MIN_BLOCK_SIZE, _MAX_BLOCK_SIZE = 16, 16_384
_MAX_CHANNELS = 8  # fewer than samples in a block, because effects tell channels from samples by that
_PREFERRED_RATE = 48_000.0


def plan_stream(
    backend: Backend,
    *,
    input: int | str | None,
    output: int | str | None,
    sample_rate: float | None,
    block_size: int,
    num_channels: int,
    device_latency_ms: float | None,
) -> StreamRequest:
    """Choose devices, channels and rate; the arguments are those of `Session`.

    Raises:
        DeviceError: No such device.
        ValueError, TypeError: An argument out of range, or a rate that the devices do not offer.
    """
    _check_whole("block_size", block_size, _MIN_BLOCK_SIZE, _MAX_BLOCK_SIZE, "samples")
    _check_whole("num_channels", num_channels, 1, _MAX_CHANNELS, "channels")
    if device_latency_ms is not None and not 1.0 <= device_latency_ms <= 2000.0:  # also catches NaN
        raise ValueError(f"device_latency_ms must be between 1.0 and 2000.0 ms (got {device_latency_ms}).")
    if sample_rate is not None:
        checked_sample_rate(sample_rate)
    devices = backend.devices()
    source = choose_device(devices, input, side="input")
    sink = choose_device(devices, output, side="output")
    if num_channels > source.num_inputs:
        raise ValueError(
            f"num_channels must be at most {source.num_inputs}, as many as {source.name!r} has "
            f"(got {num_channels})."
        )

    def request(rate: float) -> StreamRequest:
        return StreamRequest(
            input=source,
            output=sink,
            num_inputs=num_channels,
            num_outputs=min(max(2, num_channels), sink.num_outputs),
            sample_rate=rate,
            block_size=block_size,
            device_latency_s=None if device_latency_ms is None else device_latency_ms / 1000.0,
        )

    if sample_rate is not None:
        if not backend.offers(request(sample_rate)):
            usual = {f"{device.sample_rate:g} Hz" for device in (source, sink)}
            raise ValueError(
                f"sample_rate must be one that {request(sample_rate).device_names} offers "
                f"(got {sample_rate:g} Hz). Usual here: {' and '.join(sorted(usual))}."
            )
        return request(sample_rate)
    for rate in (_PREFERRED_RATE, source.sample_rate, sink.sample_rate):
        if backend.offers(request(rate)):
            return request(rate)
    return request(source.sample_rate)  # opening it raises the error


def _check_whole(name: str, value: int, low: int, high: int, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number of {unit} (got {value!r}).")
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high} {unit} (got {value}).")
