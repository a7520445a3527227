"""Damaged and malicious weights files: refused with the reason, without a crash."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from hushgate.engine import ModelError, load_model
from hushgate.engine.native.compile_model import compile_model, read_network
from hushgate.engine.native.library import NativeLibrary, NativePath
from hushgate.engine.native.weights_file import write_weights_file


@pytest.fixture(scope="module")
def content() -> bytes:
    return compile_model(load_model("music"))


def _resealed(content: bytes, position: int, value: bytes) -> bytes:
    """The file with other bytes at a position, and the checksum that belongs to them."""
    body = bytearray(content)
    body[position : position + len(value)] = value
    body[12:16] = struct.pack("<I", zlib.crc32(body[16:]))
    return bytes(body)


def test_damaged_files_are_refused(content: bytes, library: NativeLibrary) -> None:
    flipped = bytearray(content)
    flipped[5_000] ^= 1
    for damaged, message in (
        (b"", "no weights file"),
        (b"hushgat", "no weights file"),
        (b"RIFF" + content[4:], "no weights file"),
        (content[:100], "cut short"),
        (content[:8] + struct.pack("<I", 2) + content[12:], "has version 2"),
        (content[:-4], "checksum"),
        (content + b"\0\0\0\0", "checksum"),
        (bytes(flipped), "checksum"),
        (_resealed(content[:-4], 0, b""), "cut short"),
        (_resealed(content + b"\0\0\0\0", 0, b""), "longer than its configuration"),
        (_resealed(content, len(content) - 4, struct.pack("<f", np.nan)), "not finite"),
    ):
        with pytest.raises(ModelError, match=message):
            library.read_model(damaged)


@pytest.mark.parametrize("field", range(12))
@pytest.mark.parametrize("value", [-1, 0, 1, 3, 1 << 20, 2**31 - 1, -(2**31)])
def test_wild_sizes_are_refused(field: int, value: int, content: bytes, library: NativeLibrary) -> None:
    position = 112 + 4 * field
    if struct.unpack_from("<i", content, position)[0] == value:
        pytest.skip("the value of the file")
    wild = _resealed(content, position, struct.pack("<i", value))
    try:
        handle = library.read_model(wild)
    except ModelError:
        return
    # Fields that change no size may have other values: the file is then another network.
    assert field in (0, 8, 9, 10)
    path = NativePath(library, handle)
    path.prepare(16_000, 512, 1)
    assert np.isfinite(path.process(np.ones((1, 4_000), np.float32))).all()


def test_random_bytes_in_the_head_never_crash(
    content: bytes, library: NativeLibrary, rng: np.random.Generator
) -> None:
    for _ in range(100):
        position = int(rng.integers(8, 170))
        wild = _resealed(content, position, rng.bytes(int(rng.integers(1, 9))))
        try:
            path = NativePath(library, library.read_model(wild))
        except ModelError:
            continue
        path.prepare(8_000, 512, 2)
        path.process(np.ones((2, 700), np.float32))


def test_extreme_weights_give_finite_sound(library: NativeLibrary, rng: np.random.Generator) -> None:
    config, weights = read_network(load_model("music"))
    for scale in (1e10, 1e30, 3e38):
        wild = {
            name: (np.sign(array) * np.float32(scale) if rng.random() < 0.3 else array)
            for name, array in weights.items()
        }
        path = NativePath(library, library.read_model(write_weights_file("wild", config, wild)))
        path.prepare(16_000, 512, 2)
        assert np.isfinite(path.process(rng.standard_normal((2, 4_000)).astype(np.float32))).all()
