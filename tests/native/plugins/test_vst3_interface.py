"""What the VST3s answer to questions that pedalboard does not pass on."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from hushgate.engine import load_model

pytestmark = pytest.mark.level(7)

# Interfaces by their IDs, and functions by their places in the tables of VST3's headers.
COMPONENT = bytes.fromhex("E831FF31F2D54301928EBBEE25697802")
PROCESSOR = bytes.fromhex("42043F99B7DA453CA569E79D9AAEC33D")
QUERY_INTERFACE = 0
GET_CLASS_INFO, CREATE_INSTANCE = 5, 6
INITIALIZE = 3
GET_LATENCY_SAMPLES, GET_TAIL_SAMPLES = 6, 10


def _call(thing: Any, place: int, *arguments: Any) -> int:
    """Call a function of an object."""
    table = ctypes.cast(thing, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *(type(argument) for argument in arguments))
    return int(function(table[place])(thing, *arguments))


def _factory(plugin: Path) -> ctypes.c_void_p:
    (binary,) = plugin.glob("Contents/*/*.so")
    library = ctypes.CDLL(str(binary))
    library.ModuleEntry(None)
    library.GetPluginFactory.restype = ctypes.c_void_p
    return ctypes.c_void_p(library.GetPluginFactory())


def _class_id(factory: ctypes.c_void_p) -> bytes:
    """The ID of the first class, by which hosts know the plugin."""
    info = ctypes.create_string_buffer(16 + 4 + 32 + 64)
    assert _call(factory, GET_CLASS_INFO, ctypes.c_int32(0), ctypes.cast(info, ctypes.c_char_p)) == 0
    return info.raw[:16]


def test_stereo_and_mono_are_two_plugins(plugins: Path) -> None:
    ids = {name: _class_id(_factory(plugins / f"{name}.vst3")) for name in ("hushgate", "hushgate-mono")}
    assert ids["hushgate"] != ids["hushgate-mono"], ids


def test_the_tail_is_as_long_as_the_sound_is_late(plugins: Path) -> None:
    factory = _factory(plugins / "hushgate.vst3")
    component, processor = ctypes.c_void_p(), ctypes.c_void_p()
    ids = (ctypes.c_char_p(_class_id(factory)), ctypes.c_char_p(COMPONENT))
    assert _call(factory, CREATE_INSTANCE, *ids, ctypes.pointer(component)) == 0
    assert _call(component, INITIALIZE, ctypes.c_void_p()) == 0
    assert _call(component, QUERY_INTERFACE, ctypes.c_char_p(PROCESSOR), ctypes.pointer(processor)) == 0
    latency = _call(processor, GET_LATENCY_SAMPLES)
    # Made for the rate that DPF begins with; a host prepares it afterwards.
    assert latency in {load_model("voice").latency_samples(rate) for rate in (44_100, 48_000)}
    assert _call(processor, GET_TAIL_SAMPLES) == latency
