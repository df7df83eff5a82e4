"""P3: unary gRPC Check, everything on, beside a bare `grpc.aio` echo in the same run.

    python -m benchmarks.unary [--quick]

Everything on: tokens verified, facts from the store, the record written before the answer and shipped meanwhile.
Service and echo are measured in turn, each time by the same load; the ratio is that of the medians.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

from magistrate.v1.authorization_pb2 import CheckRequest
from magistrate.v1.types_pb2 import Entity, Value

from benchmarks.load import CONNECTIONS, Measured, read_measured, write_calls
from benchmarks.world import POLICY, Asked, World
from policy_lang.values import Ref
from service.authn.dev import mint

TARGET: Final = 0.85
MAGISTRATE: Final = (sys.executable, "-m", "service.cli")


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
        echo, service = _measure(folder, scale)
    print(f"P3  unary Check, everything on: {scale.world.users:,} principals × {scale.world.documents:,} resources,")
    print(f"    {scale.questions:,} questions in turn over {CONNECTIONS} connections, every answer checked")
    _print_side("bare aio echo", echo)
    _print_side("magistrate", service)
    by_rate = median(each.rate for each in service) / median(each.rate for each in echo)
    by_cpu = median(each.cpu for each in echo) / median(each.cpu for each in service)
    print(f"    ratio {by_rate:.2f} by calls per second, {by_cpu:.2f} by the server's CPU (target {TARGET})")


def _prepare(folder: Path, world: World) -> None:
    (folder / "policies").mkdir()
    (folder / "policies" / "documents.policy").write_text(POLICY)
    (folder / "data.jsonl").write_text("\n".join(world.facts()) + "\n")
    subprocess.run(
        [*MAGISTRATE, "data", "import", "data.jsonl"],
        cwd=folder,
        env=_environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )


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


def _measure(folder: Path, scale: Scale) -> tuple[list[Measured], list[Measured]]:
    echoes, services = [], []
    serve = (*MAGISTRATE, "serve", "--dev", "--grpc", "127.0.0.1:0")
    with _serving(folder, (sys.executable, "-m", "benchmarks.echo")) as echo, _serving(folder, serve) as service:
        worker = _worker_of(service.pid)
        for _ in range(scale.rounds):
            echoes.append(_load(folder / "echo.calls", echo.address, echo.pid, scale.seconds))
            services.append(_load(folder / "service.calls", service.address, worker, scale.seconds))
    return echoes, services


@dataclass(frozen=True, slots=True)
class _Serving:
    address: str
    pid: int


@contextmanager
def _serving(folder: Path, command: Sequence[str]) -> Iterator[_Serving]:
    process = subprocess.Popen(command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, stderr=sys.stderr)
    assert process.stdout is not None
    try:
        found = next(filter(None, (re.match(rb"serving on (\S+)", line) for line in process.stdout)), None)
        if found is None:
            raise SystemExit(f"{' '.join(command)} does not serve")
        yield _Serving(found[1].decode(), process.pid)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def _worker_of(supervisor: int) -> int:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return next(int(pid) for pid in children if b"runtime.worker" in Path(f"/proc/{pid}/cmdline").read_bytes())


def _load(calls: Path, address: str, server: int, seconds: float) -> Measured:
    command = (sys.executable, "-m", "benchmarks.load", address, str(calls), str(seconds), str(server))
    ended = subprocess.run(command, env=_environment(), check=True, stdout=subprocess.PIPE, text=True)
    return read_measured(ended.stdout)


def _environment() -> dict[str, str]:
    """Ours without settings of the service; this package is found from any folder."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")}
    return {**plain, "PYTHONPATH": str(Path(__file__).parents[1])}


def _print_side(name: str, runs: Sequence[Measured]) -> None:
    print(
        f"    {name:14} {median(each.rate for each in runs):8,.0f} calls/s"
        f"   p50 {median(each.p50 for each in runs):5.2f} ms   p99 {median(each.p99 for each in runs):6.2f} ms"
        f"   CPU of the server {median(each.cpu for each in runs):4.0f} µs a call"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
