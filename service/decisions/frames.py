"""The bytes of a spool segment: a header, then frames, each whole or not there.

A segment is `MGSPOOL` and a format version, then frames of `length u32, crc32 u32, payload` (little-endian). The
checksum starts from the length, so that a damaged length is found too. Law: whatever the bytes are, a reader gets the
valid frames before the first torn or damaged one, and never an error.
"""

import os
from dataclasses import dataclass
from enum import Enum
from struct import Struct
from typing import Final
from zlib import crc32

VERSION: Final = 1
"""The format of segments that this version writes, and the only one it reads."""
MAGIC: Final = b"MGSPOOL"
HEADER: Final = MAGIC + bytes([VERSION])
"""The first bytes of a segment."""
FRAME_LIMIT: Final = 1 << 26
"""Bytes in one payload."""

_HEAD: Final = Struct("<II")


class Stop(Enum):
    """Why a reader went no further."""

    ENOUGH = "enough"
    """It has read as much as it was asked for."""
    END = "end"
    """The segment ends here, after a whole frame."""
    TORN = "torn"
    """A frame begins here and the segment ends before it does."""
    DAMAGED = "damaged"
    """What stands here is no frame."""
    UNKNOWN_VERSION = "unknown version"
    """Another version of Magistrate wrote this segment."""


UNREADABLE: Final = frozenset({Stop.DAMAGED, Stop.UNKNOWN_VERSION})
"""Why a reader stops at what may well have been acknowledged."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A valid frame: its payload, and the offset in the segment at which the next one begins."""

    payload: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Run:
    """Frames that follow each other, the offset after the last of them, and why there are no more."""

    frames: tuple[Frame, ...]
    end: int
    stop: Stop


def make_frame(payload: bytes) -> bytes:
    """The frame of a payload of 1 to FRAME_LIMIT bytes; ValueError for another size."""
    size = len(payload)
    if not 0 < size <= FRAME_LIMIT:
        raise ValueError(f"a frame holds 1 to {FRAME_LIMIT} bytes, not {size}")
    return _HEAD.pack(size, crc32(payload, size)) + payload


def read_run(descriptor: int, start: int, most: int) -> Run:
    """The valid frames of an open segment from the offset `start`: 0, or the end of an earlier run.

    Reads about `most` bytes, but always one frame if there is one.
    """
    if start == 0:
        header = os.pread(descriptor, len(HEADER), 0)
        if header != HEADER:
            return Run((), 0, _judge_header(header))
        start = len(HEADER)
    data = os.pread(descriptor, max(most, _HEAD.size), start)
    first = _frame_size(data)
    if first > len(data):
        data = os.pread(descriptor, first, start)
    size = os.fstat(descriptor).st_size
    return _parse(data, start, has_more=start + len(data) < size)


def _judge_header(header: bytes) -> Stop:
    if HEADER.startswith(header):
        return Stop.TORN
    return Stop.UNKNOWN_VERSION if header.startswith(MAGIC) else Stop.DAMAGED


def _frame_size(data: bytes) -> int:
    """Bytes of the frame that begins here, 0 if no frame does."""
    if len(data) < _HEAD.size:
        return 0
    length, _ = _HEAD.unpack_from(data)
    return _HEAD.size + int(length) if 0 < length <= FRAME_LIMIT else 0


def _parse(data: bytes, start: int, *, has_more: bool) -> Run:
    frames: list[Frame] = []
    offset = 0
    stop = Stop.ENOUGH if has_more else Stop.END
    while offset < len(data):
        if len(data) - offset < _HEAD.size:
            stop = Stop.ENOUGH if has_more else Stop.TORN
            break
        length, checksum = _HEAD.unpack_from(data, offset)
        if not 0 < length <= FRAME_LIMIT:
            stop = Stop.DAMAGED
            break
        body = offset + _HEAD.size
        if body + length > len(data):
            stop = Stop.ENOUGH if has_more else Stop.TORN
            break
        payload = data[body : body + length]
        if crc32(payload, length) != checksum:
            stop = Stop.DAMAGED
            break
        offset = body + length
        frames.append(Frame(payload, start + offset))
    return Run(tuple(frames), start + offset, stop)
