"""The load, in a process of its own: asks the questions of a file in turn, checks every answer, says how fast.

On two cores it still takes a share of them, so the server's own CPU time per call stands beside the calls per second:
the first says what the service costs, the second what this machine made of it.
"""

import asyncio
import os
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Final

import orjson
import uvloop
from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, CheckRequest, CheckResponse

from benchmarks.http2 import Call, Connection

CONNECTIONS: Final = 4
IN_FLIGHT: Final = 8
"""Calls in flight on each connection."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to: calls per second, their latency in milliseconds, and the server's CPU per call in µs."""

    rate: float
    p50: float
    p99: float
    cpu: float


def write_calls(path: Path, calls: Iterable[tuple[CheckRequest, str, bool | None]]) -> None:
    """Writes the questions with their tokens and right answers; None where any answer to the question is right."""
    path.write_bytes(
        b"\n".join(
            orjson.dumps([b64encode(request.SerializeToString()).decode(), token, is_allowed])
            for request, token, is_allowed in calls
        )
    )


def read_measured(line: str) -> Measured:
    """What a run of this module printed."""
    return Measured(**orjson.loads(line))


def _read_calls(path: Path) -> list[Call]:
    calls = []
    for line in path.read_bytes().splitlines():
        message, token, is_allowed = orjson.loads(line)
        request = CheckRequest.FromString(b64decode(message))
        calls.append(Call(b64decode(message), token, partial(_verify, request, is_allowed)))
    return calls


def _verify(request: CheckRequest, is_allowed: bool | None, answered: bytes) -> None:
    answer = CheckResponse.FromString(answered)
    assert answer.request_id == request.request_id, f"asked {request.request_id}, answered {answer.request_id}"
    if is_allowed is not None:
        assert (answer.effect == EFFECT_ALLOW) == is_allowed, f"expected {is_allowed} of\n{request}\nnot\n{answer}"


async def _load(address: str, calls: list[Call], seconds: float, servers: list[int]) -> Measured:
    host, _, port = address.rpartition(":")
    loop, waiting = asyncio.get_running_loop(), cycle(calls)
    connections = [
        (
            await loop.create_connection(
                lambda: Connection("/magistrate.v1.AuthorizationService/Check", waiting, IN_FLIGHT), host, int(port)
            )
        )[1]
        for _ in range(CONNECTIONS)
    ]
    answered = 0
    while answered < len(calls):  # every question once, every token into its cache
        answered += len(await _run(connections, min(seconds, 0.5)))
    before, began = sum(map(_cpu_seconds, servers)), time.perf_counter()
    taken = sorted(await _run(connections, seconds))
    lasted, cpu = time.perf_counter() - began, sum(map(_cpu_seconds, servers)) - before
    return Measured(
        rate=len(taken) / lasted,
        p50=taken[len(taken) // 2] * 1e3,
        p99=taken[len(taken) * 99 // 100] * 1e3,
        cpu=cpu / len(taken) * 1e6,
    )


async def _run(connections: list[Connection], seconds: float) -> list[float]:
    for each in connections:
        each.begin()
    await asyncio.sleep(seconds)
    for each in connections:
        await each.rest()
    return [taken for each in connections for taken in each.taken]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    address, file, seconds, *servers = sys.argv[1:]
    measured = uvloop.run(_load(address, _read_calls(Path(file)), float(seconds), list(map(int, servers))))
    print(orjson.dumps(measured).decode())
