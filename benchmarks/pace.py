"""Latency at a fixed rate, open loop: taken from when each call was meant to go out, by a client of our own.

    python -m benchmarks.pace FILE RATE SECONDS

Calls go out one by one at even times, whatever the answers take; one that cannot go out yet waits, and its latency with
it. The loop waits by `select`, whose time-outs are in microseconds, where those of epoll are in milliseconds.
"""

import asyncio
import selectors
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Final

import orjson

from benchmarks.http2 import Connection
from benchmarks.load import CONNECTIONS, call_of
from benchmarks.serving import environment
from benchmarks.sides.side import Side
from benchmarks.sides.side_file import read_side, write_side

CLIENT: Final = f"our own asyncio client, open loop over {CONNECTIONS} connections"
WARM_SECONDS: Final = 0.5
MOST_UNDER_WAY: Final = 32
"""Calls under way on one connection; the rest wait with the client, and their time counts."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from when a call was meant to go out until its answer, and the calls a second that were answered."""

    p50: float
    p99: float
    p999: float
    rate: float


def latency_of(side: Side, rate: int, seconds: float, folder: Path) -> Latency:
    """One round; SystemExit where an answer is wrong."""
    file = folder / "side.calls"
    write_side(file, side)
    command = (sys.executable, "-m", "benchmarks.pace", str(file), str(rate), str(seconds))
    ended = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"{side.name}: the load ends with {ended.returncode}")
    return Latency(**orjson.loads(ended.stdout))


class _Pace:
    """Sends calls over connections that have room, oldest first."""

    def __init__(self, connections: list[Connection], rate: int) -> None:
        self._connections = connections
        self._pause = 1 / rate
        self._late: deque[float] = deque()
        self._turn = 0

    async def keep(self, seconds: float) -> list[float]:
        """Asks for so long; seconds that each answer took, in any order."""
        for each in self._connections:
            each.begin()
        meant, end = time.perf_counter(), time.perf_counter() + seconds
        while meant < end:
            now = time.perf_counter()
            if meant > now:
                await asyncio.sleep(meant - now)
                continue
            self._late.append(meant)
            meant += self._pause
            self._send()
            if meant <= now:
                await asyncio.sleep(0)  # behind: answers must be read all the same
        while self._late:
            self._send()
            await asyncio.sleep(0.0005)
        for each in self._connections:
            await each.rest()
        return [taken for each in self._connections for taken in each.taken]

    def _send(self) -> None:
        for _ in self._connections:
            if not self._late:
                return
            self._turn += 1
            connection = self._connections[self._turn % len(self._connections)]
            if connection.under_way < MOST_UNDER_WAY:
                connection.ask(self._late.popleft())


async def _take(side: Side, rate: int, seconds: float) -> Latency:
    host, _, port = side.address.rpartition(":")
    loop, calls = asyncio.get_running_loop(), cycle([call_of(body, side.dialect) for body in side.bodies])
    make = partial(Connection, side.dialect.path, calls, 0)
    connections = [(await loop.create_connection(make, host, int(port)))[1] for _ in range(CONNECTIONS)]
    pace = _Pace(connections, rate)
    await pace.keep(max(WARM_SECONDS, 0 if seconds < 1 else len(side.bodies) / rate))
    began = time.perf_counter()
    taken = sorted(await pace.keep(seconds))
    lasted = time.perf_counter() - began
    p50, p99, p999 = (taken[len(taken) * part // 1000] * 1e3 for part in (500, 990, 999))
    return Latency(p50, p99, p999, len(taken) / lasted)


if __name__ == "__main__":
    file, rate, seconds = sys.argv[1:]
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        print(orjson.dumps(asdict(runner.run(_take(read_side(Path(file)), int(rate), float(seconds))))).decode())
