"""Choice of devices: by number, name or part of it; clear errors."""

from __future__ import annotations

import pytest

from hushgate.live import Device, DeviceError
from hushgate.live.devices.backend import StreamRequest, choose_device
from tests.helpers.live_fakes import HEADPHONES, MICROPHONE

MIXER = Device(2, "USB Mixer", "Fake", 2, 2, 48_000.0)
OTHER = Device(3, "USB Mixer 2", "Fake", 2, 2, 48_000.0)
ALL = [MICROPHONE, HEADPHONES, MIXER, OTHER]


@pytest.mark.parametrize(("latency_s", "reserve_s"), [(None, 0.01), (0.005, 0.01), (0.2, 0.19)])
def test_devices_cover_a_block_or_what_was_asked_of_them(latency_s: float | None, reserve_s: float) -> None:
    request = StreamRequest(MICROPHONE, HEADPHONES, 1, 2, 48_000.0, 480, latency_s)
    assert request.reserve_s == pytest.approx(reserve_s)


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, 0), (2, 2), ("2", 2), ("desk", 0), ("USB Mixer", 2), ("usb mixer 2", 3)]
)
def test_device_is_found_by_number_name_or_part(wanted: int | str | None, index: int) -> None:
    assert choose_device(ALL, wanted, side="input").index == index


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("usb", "fits 2 devices. Choose: 2 'USB Mixer', 3 'USB Mixer 2'"),
        ("guitar", "'guitar' is no input device. There is: 0 'Desk Microphone'"),
        ("headphones", "is no input device"),
        (9, "'9' is no input device"),
    ],
)
def test_device_that_is_not_there_or_not_clear_is_refused_by_name(wanted: int | str, text: str) -> None:
    with pytest.raises(DeviceError, match=text):
        choose_device(ALL, wanted, side="input")


def test_no_device_at_all_is_a_clear_error() -> None:
    with pytest.raises(DeviceError, match="there is no input device"):
        choose_device([HEADPHONES], None, side="input")
    with pytest.raises(DeviceError, match="there is no output device"):
        choose_device([], "x", side="output")
