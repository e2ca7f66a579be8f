"""CRC-32C (Castagnoli), the checksum of TFRecord. RFC 3720, appendix B.4; reflected polynomial 0x82F63B78.

A CRC is linear over bits, so the message is cut into blocks whose checksums are looked up all at once, and
neighbors are joined two by two. Zero bytes in front of a message do not change the linear part, so every message
can be filled up to a number of blocks that is a power of two.
"""

from __future__ import annotations

from functools import cache

import numpy as np

POLYNOMIAL = 0x82F63B78
BLOCK = 64
"""Bytes looked up at once; shorter messages are read byte by byte."""
MASK_DELTA = 0xA282EAD8


def crc32c(content: bytes) -> int:
    """The CRC-32C of `content`."""
    if len(content) < BLOCK:
        return _by_bytes(content)
    count = 1 << ((len(content) - 1) // BLOCK).bit_length()
    filled = np.zeros(count * BLOCK, np.uint8)
    start = len(filled) - len(content)
    filled[start:] = np.frombuffer(content, np.uint8)
    filled[start : start + 4] ^= 0xFF  # the register begins as ones, which is the same
    places = filled.reshape(count, BLOCK) + 256 * np.arange(BLOCK)
    checksums = np.bitwise_xor.reduce(_places().take(places, mode="clip"), axis=1)  # faster than an index
    level = 0
    while len(checksums) > 1:
        checksums = _shifted(checksums[0::2], _shift(level)) ^ checksums[1::2]
        level += 1
    return int(checksums[0]) ^ 0xFFFFFFFF


def masked(content: bytes) -> int:
    """The checksum as TFRecord stores it: turned right by 15 bits, plus a constant, so that it can be nested."""
    crc = crc32c(content)
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def _by_bytes(content: bytes) -> int:
    crc, table = 0xFFFFFFFF, _table()
    for byte in content:
        crc = (crc >> 8) ^ int(table[(crc ^ byte) & 0xFF])
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> np.ndarray:
    """The register after one byte, by that byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return table


@cache
def _places() -> np.ndarray:
    """(place in a block, byte): the register after that byte and the zeros that follow it in the block."""
    places = [_table()]
    for _ in range(BLOCK - 1):
        places.append((places[-1] >> 8) ^ _table()[places[-1] & 0xFF])
    return np.stack(places[::-1])


@cache
def _shift(level: int) -> np.ndarray:
    """(byte of the register, its value): the register after `BLOCK` * 2**level zero bytes."""
    if level:
        half = _shift(level - 1)
        return np.stack([_shifted(row, half) for row in half])
    tables = np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32)[:, None])
    for _ in range(BLOCK):
        tables = (tables >> 8) ^ _table()[tables & 0xFF]
    return tables


def _shifted(registers: np.ndarray, tables: np.ndarray) -> np.ndarray:
    octets = np.ascontiguousarray(registers, "<u4").view(np.uint8).reshape(-1, 4)
    return np.bitwise_xor.reduce(tables.take(octets + 256 * np.arange(4), mode="clip"), axis=1)
