"""Protocol buffers: the fields of a message, read with a limit on their number."""

from __future__ import annotations

from collections.abc import Iterator

# Wire types (https://protobuf.dev/programming-guides/encoding/).
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# The largest model files of our families have some 10,000. The walk takes about a microsecond for each.
_MAX_FIELDS = 2_000_000
_MAX_DIMENSIONS = 16


class FieldReader:
    """Read messages of one file; all of them together may have 2,000,000 fields."""

    def __init__(self) -> None:
        self._num_fields = 0

    def fields(self, message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Yield (field number, value) of a message: an integer, or the bytes of a nested value.

        Raises:
            ValueError: The bytes are no protocol buffer, are cut short, or have too many fields.
        """
        position = 0
        while position < len(message):
            self._num_fields += 1
            if self._num_fields > _MAX_FIELDS:
                raise ValueError(f"it has more than {_MAX_FIELDS:,} fields")
            key, position = _varint(message, position)
            number, wire_type = key >> 3, key & 7
            if wire_type == _VARINT:
                value, position = _varint(message, position)
                yield number, value
                continue
            if wire_type == _BYTES:
                length, position = _varint(message, position)
            elif wire_type in (_FIXED64, _FIXED32):
                length = 8 if wire_type == _FIXED64 else 4
            else:
                raise ValueError(f"it is no protocol buffer (wire type {wire_type})")
            if length > len(message) - position:
                raise ValueError("it is cut short")
            yield number, message[position : position + length]
            position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return the integer at `position` and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("it is cut short")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("it is no protocol buffer (an integer of more than 10 bytes)")


def integers(value: int | memoryview) -> list[int]:
    """Return repeated int64 values, packed or single."""
    if isinstance(value, int):
        return [_signed(value)]
    if len(value) > 10 * _MAX_DIMENSIONS:
        raise ValueError(f"it holds a tensor of more than {_MAX_DIMENSIONS} dimensions")
    numbers, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        numbers.append(_signed(number))
    return numbers


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def submessage(value: int | memoryview) -> memoryview:
    """Return a nested message; ValueError for a number in its place."""
    if isinstance(value, int):
        raise ValueError("it is no protocol buffer of ONNX (a number instead of a message)")
    return value


def text(value: int | memoryview) -> str:
    """Return a string."""
    return bytes(submessage(value)).decode("utf-8", errors="replace")
