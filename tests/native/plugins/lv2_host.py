"""An LV2 host for tests, through ctypes: urid:map and options, audio and control ports."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Pointer = ctypes.c_void_p
_URID_MAP = b"http://lv2plug.in/ns/ext/urid#map"
_OPTIONS = b"http://lv2plug.in/ns/ext/options#options"
_BLOCK_LENGTH = b"http://lv2plug.in/ns/ext/buf-size#maxBlockLength"
_INT = b"http://lv2plug.in/ns/ext/atom#Int"
_SEQUENCE = b"http://lv2plug.in/ns/ext/atom#Sequence"
_EVENT_BYTES = 4_096


class _Feature(ctypes.Structure):
    _fields_ = (("uri", ctypes.c_char_p), ("data", _Pointer))


_Map = ctypes.CFUNCTYPE(ctypes.c_uint32, _Pointer, ctypes.c_char_p)


class _UridMap(ctypes.Structure):
    _fields_ = (("handle", _Pointer), ("map", _Map))


class _Option(ctypes.Structure):
    _fields_ = (
        ("context", ctypes.c_int),
        ("subject", ctypes.c_uint32),
        ("key", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("value", _Pointer),
    )


class _Descriptor(ctypes.Structure):
    _fields_ = (
        ("uri", ctypes.c_char_p),
        (
            "instantiate",
            ctypes.CFUNCTYPE(_Pointer, _Pointer, ctypes.c_double, ctypes.c_char_p, ctypes.POINTER(_Pointer)),
        ),
        ("connect_port", ctypes.CFUNCTYPE(None, _Pointer, ctypes.c_uint32, _Pointer)),
        ("activate", ctypes.CFUNCTYPE(None, _Pointer)),
        ("run", ctypes.CFUNCTYPE(None, _Pointer, ctypes.c_uint32)),
        ("deactivate", ctypes.CFUNCTYPE(None, _Pointer)),
        ("cleanup", ctypes.CFUNCTYPE(None, _Pointer)),
    )


def read_ports(bundle: Path) -> list[dict[str, str]]:
    """Index, symbol, kinds and default of every port, from the text that DPF wrote."""
    text = (bundle / f"{bundle.stem}.ttl").read_text(encoding="utf-8")
    ports = []
    for block in re.findall(r"\[\s*a (lv2:.*?)\n\s*\]", text, re.DOTALL):
        fields = dict(re.findall(r"lv2:(index|symbol|default) \"?([^\s\"]+)\"?\s*;", block))
        if "index" in fields:
            ports.append(fields | {"kinds": block.split(";")[0]})
    return sorted(ports, key=lambda port: int(port["index"]))


class Lv2Host:
    """One instance of the plugin in a bundle.

    Args:
        bundle: The folder.
        sample_rate: Hz.
        block: Most samples of one call.
        controls: Values by symbol; the others take their defaults.
    """

    def __init__(self, bundle: Path, sample_rate: float, block: int, controls: Mapping[str, float]) -> None:
        self._kept: list[Any] = []
        library = ctypes.CDLL(str(next(bundle.glob("*.so"))))
        library.lv2_descriptor.restype = ctypes.POINTER(_Descriptor)
        self._plugin = library.lv2_descriptor(0).contents
        self._uris: dict[bytes, int] = {}
        map_ = _Map(lambda _, uri: self._uris.setdefault(uri, len(self._uris) + 1))
        urid_map = _UridMap(None, map_)
        length = ctypes.c_int32(block)
        options = (_Option * 2)()
        options[0] = _Option(0, 0, self._urid(_BLOCK_LENGTH), 4, self._urid(_INT), ctypes.addressof(length))
        features = [
            _Feature(_URID_MAP, ctypes.addressof(urid_map)),
            _Feature(_OPTIONS, ctypes.addressof(options)),
        ]
        pointers = (_Pointer * 3)(*(ctypes.addressof(feature) for feature in features), None)
        self._kept += [library, map_, urid_map, length, options, features, pointers]
        descriptor = ctypes.addressof(self._plugin)
        self._handle = self._plugin.instantiate(descriptor, sample_rate, f"{bundle}/".encode(), pointers)
        assert self._handle, "the plugin cannot be instantiated"
        self.controls: dict[str, ctypes.c_float] = {}
        self._audio: dict[str, list[NDArray[np.float32]]] = {"Input": [], "Output": []}
        unknown = set(controls)
        for port in read_ports(bundle):
            index, kinds = int(port["index"]), port["kinds"]
            side = "Input" if "InputPort" in kinds else "Output"
            if "AudioPort" in kinds:
                buffer = np.zeros(block, np.float32)
                self._audio[side].append(buffer)
                self._plugin.connect_port(self._handle, index, buffer.ctypes.data)
            elif "ControlPort" in kinds:
                symbol = port["symbol"]
                value = ctypes.c_float(controls.get(symbol, float(port.get("default", 0.0))))
                unknown.discard(symbol)
                self.controls[symbol] = value
                self._plugin.connect_port(self._handle, index, ctypes.addressof(value))
            else:
                # An empty sequence of events, or room for one.
                events = (ctypes.c_uint32 * (_EVENT_BYTES // 4))()
                events[0], events[1] = (8 if side == "Input" else _EVENT_BYTES - 8), self._urid(_SEQUENCE)
                self._kept.append(events)
                self._plugin.connect_port(self._handle, index, ctypes.addressof(events))
        assert unknown == set(), f"no control of these names: {unknown}"
        self._block = block
        self._plugin.activate(self._handle)

    def _urid(self, uri: bytes) -> int:
        return self._uris.setdefault(uri, len(self._uris) + 1)

    def process(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output for float32 (channels, samples)."""
        out = np.empty_like(audio)
        for at in range(0, audio.shape[1], self._block):
            part = audio[:, at : at + self._block]
            count = part.shape[1]
            for buffer, channel in zip(self._audio["Input"], part, strict=True):
                buffer[:count] = channel
            self._plugin.run(self._handle, count)
            for row, buffer in enumerate(self._audio["Output"]):
                out[row, at : at + count] = buffer[:count]
        return out

    def close(self) -> None:
        """End the instance."""
        self._plugin.deactivate(self._handle)
        self._plugin.cleanup(self._handle)
