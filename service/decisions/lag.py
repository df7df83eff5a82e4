"""Measures how far the log is behind the spool: bytes, the age of the oldest record, and what can never be shipped."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from service.decisions.frames import HEADER, UNREADABLE, Run, read_run
from service.decisions.payload import BadPayload, decode_batch
from service.decisions.segments import begun_at, segments, set_aside


@dataclass(frozen=True, slots=True)
class Lag:
    """What waits: how many bytes in all segments, and for how many seconds the oldest record does."""

    bytes: int = 0
    seconds: float = 0.0
    unreadable: int = 0
    """Segments, also those set aside, in which records stand that are not in the log and cannot be read."""


def measure_lag(folder: Path, shipped: Mapping[str, int], now: int) -> Lag:
    """The lag at `now` (milliseconds since 1970 UTC), by how far each segment is shipped at least; OSError.

    What cannot be read is as old as its segment, for nothing tells how much younger it may be.
    """
    waiting, oldest, unreadable = 0, now, len(set_aside(folder))
    for path in segments(folder):
        with suppress(FileNotFoundError):  # the shipper may have finished it meanwhile
            position = shipped.get(path.name, 0)
            behind = path.stat().st_size - max(position, len(HEADER))
            if behind <= 0:
                continue
            times = _next_times(path, position)
            if times is None:
                unreadable += 1
                times = [begun_at(path)]
            waiting += behind
            oldest = min([oldest, *times])
    return Lag(waiting, (now - oldest) / 1000, unreadable)


def _next_times(path: Path, position: int) -> Sequence[int] | None:
    """When the records of the next frame were decided: none of a torn one, None where it cannot be read."""
    try:
        run = _next_run(path, position)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    if not run.frames:
        return None if run.stop in UNREADABLE else ()
    try:
        return [record.time for frame in run.frames for record in decode_batch(frame.payload)]
    except BadPayload:
        return None


def _next_run(path: Path, position: int) -> Run:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_run(descriptor, position, 1)
    finally:
        os.close(descriptor)
