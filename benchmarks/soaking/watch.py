"""Looks at a service's processes and its spool, over and over; and says whether memory is flat."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, mean
from typing import Final

from benchmarks.spooled import bytes_of, log_of
from benchmarks.stage import Service

SETTLING: Final = 1 / 3
"""The part of a run in which memory may grow: caches fill, and SQLite and the allocator take what they keep."""
FLAT_SHARE: Final = 0.03
FLAT_BYTES: Final = 3 << 20
"""Memory is flat where the rest of the run adds no more than this share of it, or these bytes."""
MORE_FILES: Final = 16
"""Open files that come and go: connections, and a file that is being read."""
LOOKS: Final = 120


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process: seconds since the first, bytes in memory, open files."""

    seconds: float
    memory: int
    files: int


@dataclass(frozen=True, slots=True)
class Watched:
    """One process, and all looks at it."""

    name: str
    samples: Sequence[Sample]

    @property
    def settled(self) -> Sequence[Sample]:
        """The looks at it once it had settled."""
        last = self.samples[-1].seconds
        return [each for each in self.samples if each.seconds >= last * SETTLING]

    @property
    def growth(self) -> float:
        """Bytes a second by which its memory grows once it has settled, by least squares."""
        if len(self.settled) < 2:
            return 0.0
        times, sizes = [each.seconds for each in self.settled], [each.memory for each in self.settled]
        return linear_regression(times, sizes).slope

    @property
    def is_flat(self) -> bool:
        """Whether what it has grown by since is little."""
        settled = self.settled
        added = self.growth * (settled[-1].seconds - settled[0].seconds)
        return added <= max(FLAT_BYTES, FLAT_SHARE * mean(each.memory for each in settled))

    @property
    def keeps_files(self) -> bool:
        """Whether it opens files and does not close them."""
        return self.settled[-1].files > self.settled[0].files + MORE_FILES


class Watch:
    """Looks at the processes and the spool of that service until it is cancelled."""

    def __init__(self, service: Service) -> None:
        self.spooled: list[int] = []
        """Bytes that were recorded and not shipped, at each look."""
        self._service = service
        self._log = log_of(service.folder)
        self._names = processes_of(service.serving.pid)
        self._samples: dict[int, list[Sample]] = {pid: [] for pid in self._names}

    async def go_on(self, seconds: float) -> None:
        """One look after the other, some over so many seconds; FileNotFoundError when a process is gone."""
        began = time.monotonic()
        while True:
            for pid, samples in self._samples.items():
                samples.append(_look_at(pid, time.monotonic() - began))
            self.spooled.append((await asyncio.to_thread(bytes_of, self._service.folder, self._log))[1])
            await asyncio.sleep(seconds / LOOKS)

    def watched(self) -> list[Watched]:
        """All processes."""
        return [Watched(self._names[pid], samples) for pid, samples in self._samples.items()]


def processes_of(supervisor: int) -> dict[int, str]:
    """The service's processes by their ids, with a name each."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    named = {supervisor: "supervisor"}
    for pid in map(int, children):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        named[pid] = f"worker {pid}" if b"runtime.worker" in command else "background process"
    return named


def memory_of(pid: int) -> int:
    """Bytes that the process has in memory (RSS)."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(resident.split()[1]) * 1024


def _look_at(pid: int, seconds: float) -> Sample:
    return Sample(seconds, memory_of(pid), len(list(Path(f"/proc/{pid}/fd").iterdir())))
