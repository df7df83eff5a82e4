"""P3: unary gRPC Check, everything on, beside a bare `grpc.aio` echo in the same run.

    python -m benchmarks.unary [--quick]

Everything on: tokens verified, facts from the cache or from the store, the record written before the answer and
shipped meanwhile. Service and echo are measured in turn, each time by the same load; the ratios are of medians.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

from magistrate.v1.authorization_pb2 import CheckRequest
from magistrate.v1.types_pb2 import Entity, Value

from benchmarks.load import CONNECTIONS, Measured, read_measured, write_calls
from benchmarks.serving import SERVE, environment, run, serving
from benchmarks.world import POLICY, Asked, World
from policy_lang.values import Ref
from service.authn.dev import mint

TARGET: Final = 0.85
ECHO: Final = "bare aio echo"
SIDES: Final[Mapping[str, Mapping[str, str]]] = {
    "cached": {},
    "uncached": {"cache_entries": "0"},
    "two workers": {"workers": "2"},
    "on the disk": {"spool__durability": "disk"},
}
"""The service with its cache, with every fact read, with two workers, with each answer after a sync."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: the world, the questions asked in turn, the rounds and their seconds."""

    world: World
    questions: int
    rounds: int
    seconds: float


FULL: Final = Scale(World(users=1_000, documents=10_000), questions=4_000, rounds=5, seconds=4.0)
QUICK: Final = Scale(World(users=100, documents=200), questions=64, rounds=1, seconds=0.3)


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    scale = QUICK if "--quick" in arguments else FULL
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name:
        folder = Path(name)
        _prepare(folder, scale.world)
        _write_calls(folder, scale)
        runs = _measure(folder, scale)
    print(f"P3  unary Check, everything on: {scale.world.users:,} principals × {scale.world.documents:,} resources,")
    print(f"    {scale.questions:,} questions in turn over {CONNECTIONS} connections, every answer checked")
    for name, side in runs.items():
        _print_side(name, side)
    for name in SIDES:
        by_rate = median(each.rate for each in runs[name]) / median(each.rate for each in runs[ECHO])
        by_cpu = median(each.cpu for each in runs[ECHO]) / median(each.cpu for each in runs[name])
        print(
            f"    {name}: ratio {by_rate:.2f} by calls per second, {by_cpu:.2f} by the server's CPU (target {TARGET})"
        )


def _prepare(folder: Path, world: World) -> None:
    (folder / "policies").mkdir()
    (folder / "policies" / "documents.policy").write_text(POLICY)
    (folder / "data.jsonl").write_text("\n".join(world.facts()) + "\n")
    run(folder, "data", "import", "data.jsonl")


def _write_calls(folder: Path, scale: Scale) -> None:
    questions, now = scale.world.questions(scale.questions), time.time_ns() // 1_000_000
    tokens = {
        user: mint(folder / ".magistrate", Ref("User", f"u{user}"), now=now, ttl=timedelta(hours=1))
        for user in {asked.user for asked in questions}
    }
    requests = [_request(asked, f"q{number}") for number, asked in enumerate(questions)]
    pairs = list(zip(requests, questions, strict=True))
    write_calls(folder / "service.calls", ((each, tokens[asked.user], asked.is_allowed) for each, asked in pairs))
    write_calls(folder / "echo.calls", ((each, tokens[asked.user], None) for each, asked in pairs))


def _request(asked: Asked, request_id: str) -> CheckRequest:
    return CheckRequest(
        request_id=request_id,
        action=asked.action,
        resource=Entity(type="Document", id=f"d{asked.document}"),
        context={"ip": Value(string_value=asked.ip)},
    )


def _measure(folder: Path, scale: Scale) -> dict[str, list[Measured]]:
    """The runs of each side, taken in turn."""
    runs: dict[str, list[Measured]] = {ECHO: [], **{name: [] for name in SIDES}}
    with ExitStack() as started:
        echo = started.enter_context(serving(folder, (sys.executable, "-m", "benchmarks.echo")))
        for _ in range(scale.rounds):
            runs[ECHO].append(_load(folder / "echo.calls", echo.address, [echo.pid], scale.seconds))
            for name, settings in SIDES.items():
                # One at a time: they share the data folder, as one service does.
                with serving(folder, SERVE, **settings) as service:
                    runs[name].append(
                        _load(folder / "service.calls", service.address, service.workers(), scale.seconds)
                    )
    return runs


def _load(calls: Path, address: str, servers: Sequence[int], seconds: float) -> Measured:
    command = (sys.executable, "-m", "benchmarks.load", address, str(calls), str(seconds), *map(str, servers))
    ended = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE, text=True)
    return read_measured(ended.stdout)


def _print_side(name: str, runs: Sequence[Measured]) -> None:
    print(
        f"    {name:14} {median(each.rate for each in runs):8,.0f} calls/s"
        f"   p50 {median(each.p50 for each in runs):5.2f} ms   p99 {median(each.p99 for each in runs):6.2f} ms"
        f"   CPU of the server {median(each.cpu for each in runs):4.0f} µs a call"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
