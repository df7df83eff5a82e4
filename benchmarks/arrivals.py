"""Calls that arrive whatever the answers take: at random moments, so many a second on the average, in an own process.

    python -m benchmarks.arrivals FILE RATE SECONDS

What an answer took counts from the moment that its call was due: a load that comes late, or waits for answers, would
leave out just those calls that had to wait longest.
"""

import asyncio
import random
import selectors
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

import orjson

from benchmarks.http2 import Connection
from benchmarks.load import call_of
from benchmarks.serving import environment
from benchmarks.sides.side import Side, cpu_seconds
from benchmarks.sides.side_file import read_side, write_side

CONNECTIONS: Final = 32
CLIENT: Final = f"our own asyncio client, open loop over {CONNECTIONS} connections"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of the calls of one run; times are milliseconds since a call was due.

    `took` is how many seconds went by until the last answer; `cpu` is what the servers took of CPUs for each call that
    was served, in µs; `late` how late the load itself was in the worst hundredth of calls, `busy` how much of its core
    it took.
    """

    seconds: float
    took: float
    offered: int
    served: int
    shed: Mapping[str, int]
    p50: float
    p99: float
    p999: float
    cpu: float
    late: float
    busy: float


def offer(side: Side, rate: float, seconds: float, folder: Path) -> Seen:
    """One run against that side; CalledProcessError where an answer is wrong."""
    file = folder / "arriving.calls"
    write_side(file, side)
    command = (sys.executable, "-m", "benchmarks.arrivals", str(file), str(rate), str(seconds))
    ended = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    return Seen(**orjson.loads(ended.stdout))


async def _arrive(side: Side, rate: float, seconds: float) -> Seen:
    host, _, port = side.address.rpartition(":")
    loop, waiting = asyncio.get_running_loop(), cycle([call_of(body, side.dialect) for body in side.bodies])
    shed: Counter[str] = Counter()

    def count(how: str) -> None:
        shed[how] += 1

    def make() -> Connection:
        return Connection(side.dialect.path, waiting, in_flight=0, fail=count)

    callers = [(await loop.create_connection(make, host, int(port)))[1] for _ in range(CONNECTIONS)]
    for each in callers:
        each.begin()
    cpu, busy, began = cpu_seconds(side.servers), time.process_time(), time.perf_counter()
    lateness = await _ask(callers, rate, began, seconds)
    busy = (time.process_time() - busy) / (time.perf_counter() - began)
    for each in callers:
        await each.rest()
    took = time.perf_counter() - began
    taken = sorted(taken * 1e3 for each in callers for taken in each.taken)
    return Seen(
        seconds=seconds,
        took=took,
        offered=len(lateness),
        served=len(taken),
        shed=shed,
        p50=_at(taken, 0.5),
        p99=_at(taken, 0.99),
        p999=_at(taken, 0.999),
        cpu=(cpu_seconds(side.servers) - cpu) / max(1, len(taken)) * 1e6,
        late=_at(lateness, 0.99) * 1e3,
        busy=busy,
    )


async def _ask(callers: Sequence[Connection], rate: float, began: float, seconds: float) -> list[float]:
    """Asks over each in turn; how many seconds each call was late, in rising order."""
    draw, due, lateness = random.Random(20260101), began, list[float]()
    for each in cycle(callers):
        await asyncio.sleep(due - time.perf_counter())
        if due >= began + seconds:
            break
        lateness.append(time.perf_counter() - due)
        each.ask(due)
        due += draw.expovariate(rate)
    return sorted(lateness)


def _at(taken: list[float], share: float) -> float:
    return taken[int(len(taken) * share)] if taken else 0.0


if __name__ == "__main__":
    file, rate, seconds = sys.argv[1:]
    # `select` waits to the microsecond; epoll, and with it uvloop, to the millisecond.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        print(orjson.dumps(runner.run(_arrive(read_side(Path(file)), float(rate), float(seconds)))).decode())
