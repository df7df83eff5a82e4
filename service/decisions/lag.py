"""Measures how far the log is behind the spool: the bytes that are not in it yet, and the age of the oldest record."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from service.decisions.frames import HEADER, read_run
from service.decisions.payload import BadPayload, decode_batch
from service.decisions.segments import segments


@dataclass(frozen=True, slots=True)
class Lag:
    """What waits: how many bytes in all segments, and for how many seconds the oldest record does."""

    bytes: int = 0
    seconds: float = 0.0


def measure_lag(folder: Path, shipped: Mapping[str, int], now: int) -> Lag:
    """The lag at `now` (milliseconds since 1970 UTC), by how far each segment is shipped at least; OSError."""
    waiting, oldest = 0, now
    for path in segments(folder):
        with suppress(FileNotFoundError):  # the shipper may have finished it meanwhile
            position = max(shipped.get(path.name, 0), len(HEADER))
            behind = path.stat().st_size - position
            if behind > 0:
                waiting += behind
                oldest = min(oldest, _first_time(path, position, now))
    return Lag(waiting, (now - oldest) / 1000)


def _first_time(path: Path, position: int, now: int) -> int:
    """When the first record from the offset on was decided; `now` where none can be read there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        frames = read_run(descriptor, position, 1).frames
    finally:
        os.close(descriptor)
    with suppress(BadPayload):
        return min((record.time for frame in frames for record in decode_batch(frame.payload)), default=now)
    return now
