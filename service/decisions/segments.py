"""The folder of a spool: its segments' names, and who holds them.

A segment is named by a UUIDv7, so that names sort by age and no two processes make the same. While its writer lives it
holds the segment's flock; a free lock means that nothing more will be written. A segment gets its name only when it is
locked and has its header, so that nobody can take a newborn one for an orphan.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time
from typing import Final

from uuid_utils import UUID, uuid7

from service.decisions.frames import HEADER, Stop, read_run

SUFFIX: Final = ".seg"
"""Of segments that may be read."""
ASIDE: Final = ".damaged"
"""Of segments that were not readable to their end, kept for an operator to look at."""
_UNBORN: Final = ".new"
_UNBORN_SECONDS: Final = 60.0
_SCAN_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """A segment open for reading; `is_final` says that its writer is gone and the reader holds its lock."""

    descriptor: int
    is_final: bool


@dataclass(slots=True, eq=False)
class Segment:
    """A segment that this process writes: locked, open to its end, `position`. `since` is of the monotonic clock."""

    path: Path
    descriptor: int
    position: int
    since: float
    is_named: bool = False
    """Whether its name in the folder is on the disk."""
    is_lost: bool = False
    """Whether a sync failed: what is written to it now would never be on the disk for sure."""


def make_folder(folder: Path) -> None:
    """Makes the folder, open to its owner alone; OSError if that cannot be."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def create_segment(folder: Path) -> Segment:
    """A new segment: locked, with its header, open to its owner alone; OSError if it cannot be."""
    name = str(uuid7())
    unborn, path = folder / (name + _UNBORN), folder / (name + SUFFIX)
    descriptor = os.open(unborn, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.write(descriptor, HEADER) != len(HEADER):
            raise OSError(f"no room for a new segment in {folder}")
        unborn.rename(path)
    except OSError:
        os.close(descriptor)
        with suppress(OSError):
            unborn.unlink()
        raise
    return Segment(path, descriptor, len(HEADER), monotonic())


def segments(folder: Path) -> list[Path]:
    """The segments of a folder, the oldest first; none where there is no folder."""
    return _ending(folder, SUFFIX)


def set_aside(folder: Path) -> list[Path]:
    """The segments that were set aside for an operator, the oldest first; none where there is no folder."""
    return _ending(folder, ASIDE)


def begun_at(path: Path) -> int:
    """When a segment was begun, in milliseconds since 1970 UTC: by its name, or when a file of another was written."""
    try:
        return UUID(path.stem).timestamp
    except ValueError:
        return path.stat().st_mtime_ns // 1_000_000


def spool_size(folder: Path) -> int:
    """Bytes in all segments of the folder."""
    size = 0
    for path in segments(folder):
        with suppress(FileNotFoundError):  # the shipper may delete it meanwhile
            size += path.stat().st_size
    return size


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write to the disk that the folder is on."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


@contextmanager
def reading(path: Path) -> Iterator[OpenSegment]:
    """Opens a segment; OSError if that cannot be, FileNotFoundError where another reader has finished it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield OpenSegment(descriptor, _try_lock(descriptor))
    finally:
        os.close(descriptor)


def valid_end(path: Path, start: int) -> int:
    """The offset after the last valid frame from `start` on: 0 for a segment that has gone. Takes no lock.

    Of one that the system does not let be read all of it: nobody can say that it has less.
    """
    try:
        return _valid_end(path, start)
    except FileNotFoundError:
        return 0
    except OSError:
        return path.stat().st_size


def _valid_end(path: Path, start: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        run = read_run(descriptor, start, _SCAN_BYTES)
        while run.stop is Stop.ENOUGH:
            run = read_run(descriptor, run.end, _SCAN_BYTES)
        return run.end if run.end > len(HEADER) else 0
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Removes what processes left that died while they made a segment: nothing was ever recorded there."""
    for path in folder.glob("*" + _UNBORN):
        with suppress(FileNotFoundError):
            if time() - path.stat().st_mtime > _UNBORN_SECONDS:
                path.unlink()


def _ending(folder: Path, suffix: str) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == suffix)
    except FileNotFoundError:
        return []


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
