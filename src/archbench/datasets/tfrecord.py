"""TFRecord files of `tf.train.Example` messages, written and read without TensorFlow.

A record is its length (little-endian uint64), the masked CRC-32C of these eight bytes, the content, and the masked
CRC-32C of the content (tensorflow/core/lib/io/record_writer.h). An `Example` is a protocol buffer: a map from names
to lists of bytes, of float32 or of int64 (tensorflow/core/example/example.proto, feature.proto). TensorFlow reads
what is written here, and what it writes is read here; machines with JAX alone have no TensorFlow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from archbench.datasets._crc32c import masked

Feature = Sequence[bytes] | Sequence[int] | Sequence[float]
HEADER, FOOTER = 12, 4
"""Bytes around the content of a record."""
LARGEST = 1 << 31
"""Bytes; protocol buffers end there, so a longer record is taken for damage."""
BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
"""Wire types."""


class DamagedRecord(ValueError):
    """Bytes that are no whole record, or no `Example`."""


# --- framing


def frame(content: bytes) -> bytes:
    """A record that holds `content`."""
    length = struct.pack("<Q", len(content))
    return b"".join([length, struct.pack("<I", masked(length)), content, struct.pack("<I", masked(content))])


def unframe(record: bytes) -> bytes:
    """The content of one whole record; raises `DamagedRecord` where a checksum or the length does not agree."""
    if len(record) < HEADER + FOOTER:
        raise DamagedRecord(f"a record of {len(record)} bytes breaks off")
    length = _length(record[:HEADER])
    if length != len(record) - HEADER - FOOTER:
        raise DamagedRecord(f"a record says it has {length} bytes and has {len(record) - HEADER - FOOTER}")
    content = record[HEADER:-FOOTER]
    if struct.unpack("<I", record[-FOOTER:])[0] != masked(content):
        raise DamagedRecord("a record's content does not agree with its checksum")
    return content


def records(stream: BinaryIO) -> Iterator[bytes]:
    """The contents of a TFRecord file, in order; raises `DamagedRecord`."""
    while header := stream.read(HEADER):
        if len(header) < HEADER:
            raise DamagedRecord(f"the header of the last record breaks off after {len(header)} bytes")
        yield unframe(header + stream.read(_length(header) + FOOTER))


def _length(header: bytes) -> int:
    length, checksum = struct.unpack("<QI", header)
    if checksum != masked(header[:8]) or length > LARGEST:
        raise DamagedRecord("a record's length does not agree with its checksum")
    return length


# --- messages


def encode_example(features: Mapping[str, Feature]) -> bytes:
    """An `Example` of lists that each hold values of one type: bytes, int or float; an empty list is one of bytes."""
    entries = (
        _delimited(1, _delimited(1, name.encode()) + _delimited(2, _feature(values)))
        for name, values in sorted(features.items())
    )
    return _delimited(1, b"".join(entries))


def decode_example(content: bytes) -> dict[str, list]:
    """Name -> values of an `Example`; raises `DamagedRecord`."""
    features: dict[str, list] = {}
    try:
        for number, block in _fields(content):
            for entry in (value for field, value in _fields(block) if (number, field) == (1, 1)):
                pair = dict(_fields(entry))
                features[bytes(pair.get(1, b"")).decode()] = _values(pair.get(2, b""))
    except (IndexError, struct.error, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise DamagedRecord(f"a record holds no Example ({error})") from error
    return features


def _feature(values: Feature) -> bytes:
    if not values or isinstance(values[0], bytes):
        return _delimited(BYTES_LIST, b"".join(_delimited(1, value) for value in values))
    if isinstance(values[0], float):
        return _delimited(FLOAT_LIST, _delimited(1, struct.pack(f"<{len(values)}f", *values)))
    packed = b"".join(_varint(int(value) & 0xFFFFFFFFFFFFFFFF) for value in values)
    return _delimited(INT64_LIST, _delimited(1, packed))


def _values(feature: bytes) -> list:
    values: list = []
    for kind, block in _fields(feature):
        for _, value in _fields(block):
            if kind == BYTES_LIST:
                values.append(bytes(value))
            elif kind == FLOAT_LIST:  # packed, or one field each
                values += struct.unpack(f"<{len(value) // 4}f", value)
            elif kind == INT64_LIST:
                values += [_signed(number) for number in (_varints(value) if isinstance(value, bytes) else [value])]
    return values


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Field number and value of each field: an int where it is a varint, else its bytes."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        if tag & 7 == VARINT:
            value, at = _read_varint(message, at)
            yield tag >> 3, value
            continue
        if tag & 7 == DELIMITED:
            size, at = _read_varint(message, at)
        elif tag & 7 in (FIXED32, FIXED64):
            size = 4 if tag & 7 == FIXED32 else 8
        else:
            raise DamagedRecord(f"a record holds no Example (a field of the unknown wire type {tag & 7})")
        if at + size > len(message):
            raise DamagedRecord("a record holds no Example (a field goes on after its end)")
        yield tag >> 3, message[at : at + size]
        at += size


def _varints(packed: bytes) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _read_varint(packed, at)
        yield value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        if shift > 63:
            raise DamagedRecord("a record holds no Example (a number of more than 64 bits)")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | DELIMITED) + _varint(len(content)) + content
