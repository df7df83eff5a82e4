"""The load, in a process of its own: asks the questions of a file in turn, checks every answer, says how fast.

It is a Python client: on two cores it takes its share of them, so the server's own CPU time per call stands beside the
calls per second; the first says what the service costs, the second what this machine made of it.
"""

import asyncio
import os
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

import grpc
import orjson
import uvloop
from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, CheckRequest, CheckResponse

CHANNELS: Final = 4
IN_FLIGHT: Final = 32


@dataclass(frozen=True, slots=True)
class Call:
    """One question as it goes over the wire, and its right answer; None where any effect is right."""

    request: bytes
    request_id: str
    metadata: tuple[tuple[str, str], ...]
    is_allowed: bool | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to: calls per second, their latency in milliseconds, and the server's CPU per call in µs."""

    rate: float
    p50: float
    p99: float
    cpu: float


@dataclass(slots=True)
class _Run:
    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)


def write_calls(path: Path, calls: Iterable[tuple[CheckRequest, str, bool | None]]) -> None:
    """Writes the questions with their tokens and right answers."""
    path.write_bytes(
        b"\n".join(
            orjson.dumps([b64encode(request.SerializeToString()).decode(), request.request_id, token, is_allowed])
            for request, token, is_allowed in calls
        )
    )


def read_measured(line: str) -> Measured:
    """What a run of this module printed."""
    return Measured(**orjson.loads(line))


def _read_calls(path: Path) -> list[Call]:
    return [
        Call(b64decode(request), request_id, (("authorization", f"Bearer {token}"),), is_allowed)
        for request, request_id, token, is_allowed in map(orjson.loads, path.read_bytes().splitlines())
    ]


async def _load(address: str, calls: list[Call], seconds: float, server: int) -> Measured:
    channels = [
        grpc.aio.insecure_channel(address, (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)))
        for _ in range(CHANNELS)
    ]
    checks: list[grpc.aio.UnaryUnaryMultiCallable[bytes, CheckResponse]] = [
        channel.unary_unary(
            "/magistrate.v1.AuthorizationService/Check",
            request_serializer=None,
            response_deserializer=CheckResponse.FromString,
        )
        for channel in channels
    ]
    waiting = cycle(calls)

    async def ask(check: "grpc.aio.UnaryUnaryMultiCallable[bytes, CheckResponse]", run: _Run, ends: float) -> None:
        while (began := time.perf_counter()) < ends:
            call = next(waiting)
            answer = await check(call.request, metadata=call.metadata, timeout=10)
            run.taken.append(time.perf_counter() - began)
            _verify(call, answer)

    async def go(span: float) -> _Run:
        run, began = _Run(), time.perf_counter()
        await asyncio.gather(*(ask(checks[n % CHANNELS], run, began + span) for n in range(IN_FLIGHT)))
        run.seconds = time.perf_counter() - began
        return run

    for number, call in enumerate(calls):  # every answer once, every token into its cache
        _verify(call, await checks[number % CHANNELS](call.request, metadata=call.metadata, timeout=10))
    await go(seconds / 4)
    before = _cpu_seconds(server)
    run = await go(seconds)
    cpu = _cpu_seconds(server) - before
    for channel in channels:
        await channel.close()
    taken = sorted(run.taken)
    return Measured(
        rate=len(taken) / run.seconds,
        p50=taken[len(taken) // 2] * 1e3,
        p99=taken[len(taken) * 99 // 100] * 1e3,
        cpu=cpu / len(taken) * 1e6,
    )


def _verify(call: Call, answer: CheckResponse) -> None:
    if answer.request_id != call.request_id:
        raise AssertionError(f"asked {call.request_id}, answered {answer.request_id}")
    if call.is_allowed is not None and (answer.effect == EFFECT_ALLOW) != call.is_allowed:
        asked = CheckRequest.FromString(call.request)
        raise AssertionError(f"expected {call.is_allowed}, answered {answer.code}\n{asked}{answer}")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    address, file, seconds, server = sys.argv[1:]
    print(orjson.dumps(uvloop.run(_load(address, _read_calls(Path(file)), float(seconds), int(server)))).decode())
