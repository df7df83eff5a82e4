"""Load by a client of our own, in a process of its own: bodies of all sorts in turn, every answer judged.

    python -m benchmarks.load FILE SECONDS

It stands in where there is no h2load. It takes a good share of two cores, so the server's own CPU time stands beside
the checks a second: the first says what the service costs, the second what this machine made of it.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Final

import orjson
import uvloop

from benchmarks.driven import Call
from benchmarks.http1 import JsonConnection
from benchmarks.http2 import Connection
from benchmarks.serving import environment
from benchmarks.sides.body import Body, framed, unframed
from benchmarks.sides.dialect import Dialect
from benchmarks.sides.side import IN_FLIGHT, Round, Side, cpu_seconds
from benchmarks.sides.side_file import read_side, write_side

NAME: Final = "our own asyncio client"
CONNECTIONS: Final = 16


def drive(side: Side, seconds: float, folder: Path) -> Round:
    """One round of load; SystemExit where an answer is wrong."""
    file = folder / "side.calls"
    write_side(file, side)
    command = (sys.executable, "-m", "benchmarks.load", str(file), str(seconds))
    ended = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"{side.name}: the load ends with {ended.returncode}")
    return Round(**orjson.loads(ended.stdout))


def driver() -> str:
    """What is said of the load."""
    return f"{NAME}, {CONNECTIONS} connections, {IN_FLIGHT} calls in flight on each"


def call_of(body: Body, dialect: Dialect) -> Call:
    """The body as a call."""
    message = next(unframed(body.payload)) if dialect.is_grpc else body.payload
    return Call(message, body.token, partial(_judge, body, dialect))


def _judge(body: Body, dialect: Dialect, answered: bytes) -> None:
    dialect.judge(body, framed([answered]) if dialect.is_grpc else answered)


async def _load(side: Side, seconds: float) -> Round:
    host, _, port = side.address.rpartition(":")
    loop, calls = asyncio.get_running_loop(), cycle([call_of(body, side.dialect) for body in side.bodies])

    def make() -> Connection | JsonConnection:
        return (Connection if side.dialect.is_grpc else JsonConnection)(side.dialect.path, calls, IN_FLIGHT)

    connections = [(await loop.create_connection(make, host, int(port)))[1] for _ in range(CONNECTIONS)]
    answered = 0
    while answered < len(side.bodies):  # every question once, every token into its cache
        answered += await _run(connections, min(seconds, 0.5))
    before, began = cpu_seconds(side.servers), time.perf_counter()
    checks = await _run(connections, seconds) * side.checks
    lasted, cpu = time.perf_counter() - began, cpu_seconds(side.servers) - before
    return Round(rate=checks / lasted, cpu=cpu / checks * 1e6)


async def _run(connections: Sequence[Connection | JsonConnection], seconds: float) -> int:
    for each in connections:
        each.begin()
    await asyncio.sleep(seconds)
    for each in connections:
        await each.rest()
    return sum(len(each.taken) for each in connections)


if __name__ == "__main__":
    file, seconds = sys.argv[1:]
    print(orjson.dumps(asdict(uvloop.run(_load(read_side(Path(file)), float(seconds))))).decode())
