"""How fast the record is shipped, on each database, and at how many checks a second the spool stops growing.

    python -m benchmarks.shipping [--quick] [--write]

First one shipper alone moves a spool that is there. Then a whole service is asked at a steady rate, in batches, over
many principals and resources, and its spool is looked at: where what is not shipped grows, the rate is halved, where it
does not, it is raised, until the two are near. Load, service and database share the machine, and PostgreSQL is a server
with its own defaults; `--quick` does without it. `--write` keeps the text in benchmarks/results.
"""

import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Final

import uvloop
from magistrate.v1.authorization_pb2 import BatchCheckRequest, BatchCheckResponse, CheckRequest
from magistrate.v1.types_pb2 import Entity, Value

from benchmarks.driven import Call
from benchmarks.freshness import postgresql, server_of
from benchmarks.pacing import CONNECTIONS, Asking, connected
from benchmarks.record import BATCH, record_of
from benchmarks.serving import SERVE, run, serving
from benchmarks.spooled import bytes_of, wait_until_shipped
from benchmarks.world import POLICY, Asked, World
from policy_lang.values import Ref
from service.authn.dev import mint
from service.config import SpoolSettings
from service.db.engine import Database
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.payload import encode_batch, stored_batch
from service.decisions.rows import CHILDREN, decision_row
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool

PATH: Final = "/magistrate.v1.AuthorizationService/BatchCheck"
RESULTS: Final = Path(__file__).parent / "results" / "shipping.txt"
GROWTH: Final = 0.05
"""What is not shipped grows where more than so much of what was recorded meanwhile is added to it."""
NEAR: Final = 1.25
"""The search ends where the rate that grows is so near to the one that does not."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Records of the spool that is shipped alone; the world, seconds of each rate, the first rate, and how many."""

    records: int
    world: World
    batches: int
    seconds: float
    rate: int
    steps: int


FULL: Final = Scale(100_000, World(users=1_000, documents=10_000), batches=200, seconds=15.0, rate=4_000, steps=7)
QUICK: Final = Scale(1_000, World(users=20, documents=50), batches=4, seconds=1.2, rate=400, steps=1)


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, and keeps the text if it is told to."""
    scale = QUICK if "--quick" in arguments else FULL
    lines = [
        f"shipping  python -m benchmarks.shipping; {platform.machine()}, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}, grpcio {version('grpcio')}, SQLite {sqlite3.sqlite_version}"
    ]
    print(lines[0])
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name:
        for line in on_each(Path(name), scale):
            print(line, flush=True)
            lines.append(line)
    if "--write" in arguments:
        RESULTS.write_text("\n".join(lines) + "\n")


def on_each(folder: Path, scale: Scale) -> Iterator[str]:
    """Both databases, in turn."""
    yield from measured(folder / "sqlite", f"sqlite:///{folder}/log.db", scale)
    if scale is not QUICK:
        with postgresql(folder) as server:
            yield from measured(folder / "postgresql", server, scale)


def measured(folder: Path, url: str, scale: Scale) -> Iterator[str]:
    """What the shipper alone and the service come to, with that database."""
    folder.mkdir()
    database = open_database(url)
    migrate(database, "log")
    yield f"  {server_of(url)}"
    rate, cpu = ship(folder, database, scale.records)
    reading, making = steps(scale.records)
    yield f"    one shipper alone: {rate:,.0f} records a second, for each {cpu * 1e6:.0f} µs of its thread's CPU:"
    yield (
        f"    {reading * 1e6:.0f} to read it, {making * 1e6:.0f} to make its rows,"
        f" {(cpu - reading - making) * 1e6:.0f} for the chain and for what the database does in this process"
    )
    prepare(folder, scale.world)
    with serving(folder, SERVE, log_database=url) as service:
        yield from search(service.address, folder, database, scale)
    database.close()


def search(address: str, folder: Path, database: Database, scale: Scale) -> Iterator[str]:
    """Rates in turn, each by what the last one came to."""
    batches, sustained, slow, fast, rate = calls_of(folder, scale), 0.0, 0, 0, scale.rate
    for _ in range(scale.steps):
        came_to, grown = Load(address, batches, rate).run(folder, database, scale.seconds)
        yield f"    {came_to:8,.0f} checks/s for {scale.seconds:.0f} s: {grown:7.1%} of it not shipped by its end"
        if grown > GROWTH:
            fast = rate
        else:
            slow, sustained = rate, max(sustained, came_to)
            if came_to < rate * 0.9:
                yield "    this service, beside the load, does not come to more"
                break
        if slow and fast and fast < slow * NEAR:
            break
        rate = rate // 2 if not slow else rate * 2 if not fast else (slow + fast) // 2
        wait_until_shipped(folder, database)
    yield f"    the spool does not grow at {sustained:,.0f} checks/s"


def ship(folder: Path, database: Database, count: int) -> tuple[float, float]:
    """Records a second that one shipper moves, of a spool that is there, and the seconds of CPU that each takes it.

    On PostgreSQL the server's are not among these.
    """
    spool = Spool(folder / "shipped", SpoolSettings())
    for start in range(0, count, BATCH):
        spool.record([record_of(number) for number in range(start, start + BATCH)])
    spool.close()
    started, cpu = time.perf_counter(), time.thread_time()
    moved = Shipper(folder / "shipped", database).ship()
    seconds, cpu = time.perf_counter() - started, time.thread_time() - cpu
    if moved != count:
        raise SystemExit(f"{moved} of {count} records were shipped")
    return moved / seconds, cpu / moved


def steps(count: int) -> tuple[float, float]:
    """The seconds of CPU that each of so many records takes to be read from the spool, and to be made rows of."""
    payloads = [
        encode_batch([record_of(number) for number in range(start, start + BATCH)]) for start in range(0, count, BATCH)
    ]
    reading = making = 0.0
    for payload in payloads:
        began = time.thread_time()
        records = stored_batch(payload)
        read = time.thread_time()
        for record in records:
            decision_row(record)
            for make in CHILDREN.values():
                make(record)
        reading += read - began
        making += time.thread_time() - read
    return reading / count, making / count


def prepare(folder: Path, world: World) -> None:
    """A project of that world."""
    (folder / "policies").mkdir()
    (folder / "policies" / "documents.policy").write_text(POLICY)
    (folder / "data.jsonl").write_text("\n".join(world.facts()) + "\n")
    run(folder, "data", "import", "data.jsonl")


def calls_of(folder: Path, scale: Scale) -> list[Call]:
    """The batches, asked in turn by one service for many users; each answer is looked at."""
    now = time.time_ns() // 1_000_000
    token = mint(folder / ".magistrate", Ref("User", "u0"), now=now, ttl=timedelta(hours=2))
    questions = scale.world.questions(scale.batches * BATCH)

    def call(number: int) -> Call:
        asked = questions[number * BATCH : (number + 1) * BATCH]
        batch = BatchCheckRequest(request_id=str(number), checks=[_check(each, at) for at, each in enumerate(asked)])
        return Call(batch.SerializeToString(), token, _verify)

    return [call(number) for number in range(scale.batches)]


def _check(asked: Asked, number: int) -> CheckRequest:
    return CheckRequest(
        request_id=f"q{number}",
        principal=Entity(type="User", id=f"u{asked.user}"),
        action=asked.action,
        resource=Entity(type="Document", id=f"d{asked.document}"),
        context={"ip": Value(string_value=asked.ip)},
    )


def _verify(answered: bytes) -> None:
    results = BatchCheckResponse.FromString(answered).results
    if len(results) != BATCH or not all(each.response.decision_id for each in results):
        raise SystemExit(f"a wrong answer: {results}")


@dataclass(frozen=True, slots=True)
class Load:
    """Checks a second, in batches."""

    address: str
    batches: list[Call]
    rate: int

    def run(self, folder: Path, database: Database, seconds: float) -> tuple[float, float]:
        """The checks a second that were answered, and the part of their record by which the spool had grown."""
        return uvloop.run(self._run(folder, database, seconds))

    async def _run(self, folder: Path, database: Database, seconds: float) -> tuple[float, float]:
        turns = cycle(self.batches)
        connections = [await connected(self.address, turns, PATH) for _ in range(CONNECTIONS)]
        asking = Asking(connections, max(1, self.rate // BATCH))
        await asking.until(lambda: False, min(2.0, seconds))  # every fact into its cache, and the shipper under way
        written, before = bytes_of(folder, database)
        began = time.perf_counter()
        answered = await asking.until(lambda: False, seconds)
        lasted = time.perf_counter() - began
        now_written, after = bytes_of(folder, database)
        return len(answered) * BATCH / lasted, max(0, after - before) / max(1, now_written - written)


if __name__ == "__main__":
    main(sys.argv[1:])
