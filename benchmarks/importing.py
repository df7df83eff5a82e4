"""What an import and an export of a million facts cost, and how long a revocation waits while one is running.

    python -m benchmarks.importing [--quick] [--write]

Each is one command in a process of its own, on SQLite and on PostgreSQL; its peak of memory is the kernel's count.
Meanwhile this process revokes a token every 20 ms on the same database and takes the time until each is committed. The
same file is imported again, which changes nothing, and what is exported is held to what was imported. Seven to ten
minutes; `--quick` takes few facts, on SQLite alone. `--write` keeps the text in benchmarks/results.
"""

import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from typing import Final

import orjson

from benchmarks.freshness import postgresql, server_of
from benchmarks.serving import MAGISTRATE, environment
from policy_lang.values import Ref
from service.db.migration import migrate
from service.db.opening import open_database
from service.errors import FactsUnavailable
from service.revocations.revocation import RevokedToken, TokenName
from service.revocations.store import RevocationStore

RESULTS: Final = Path(__file__).parent / "results" / "import.txt"
FULL: Final = 1_000_000
QUICK: Final = 5_000
EVERY: Final = 0.02
"""Seconds between two revocations."""
POLICY: Final = """\
module docs
tenant type Tenant {}
type Team in Team { tenant: Tenant }
principal type User in Team { tenant: Tenant, clearance: int, suspended: bool }
type Document { tenant: Tenant, owner: User, labels: set<string>, price: decimal? }
actions Document { read }
role viewer on Tenant { Document: read }
relation collaborator on Document: User, Team
rule shared: allow read on Document to collaborator
"""


def facts(count: int) -> Iterator[dict[str, object]]:
    """So many facts: of a hundred 1 tenant or team, 19 users in teams, 50 documents, 15 assignments, 15 relations."""
    tenants = max(1, count // 1000)
    for at in range(tenants):
        yield {"kind": "resource", "type": "Tenant", "id": f"t{at}"}
    teams, users, documents = max(1, count // 100 - tenants), count * 19 // 100, count // 2
    for at in range(teams):
        parents = [f"team{at // 10}"] if at else []
        yield {"kind": "resource", "type": "Team", "id": f"team{at}", "attributes": {"tenant": f"t{at % tenants}"},
               "parents": parents}  # fmt: skip
    for at in range(users):
        yield {"kind": "principal", "type": "User", "id": f"user{at}", "parents": [f"team{at % teams}"],
               "attributes": {"tenant": f"t{at % tenants}", "clearance": at % 5, "suspended": at % 50 == 0}}  # fmt: skip  # noqa: E501
    for at in range(documents):
        yield {"kind": "resource", "type": "Document", "id": f"document-{at:08}", "attributes": {
            "tenant": f"t{at % tenants}", "owner": f"user{at % users}", "labels": ["a", f"label{at % 7}"],
            "price": f"{at % 1000}.50"}}  # fmt: skip
    rest = count - tenants - teams - users - documents
    for at in range(rest // 2):
        yield {"kind": "assignment", "principal": {"type": "User", "id": f"user{at % users}"}, "role": "docs.viewer",
               "scope": f"t{at // users % tenants}", "expires_at": "2030-01-01T00:00:00Z" if at % 3 else None}  # fmt: skip  # noqa: E501
    for at in range(rest - rest // 2):
        yield {"kind": "relation", "resource": f"document-{at % documents:08}", "relation": "docs.collaborator",
               "principal": {"type": "User", "id": f"user{at * 7 % users}"}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ran:
    """One command: how long it took, its peak of memory, and what it printed."""

    seconds: float
    peak_bytes: int
    said: str


@dataclass
class Waits:
    """How long each revocation took, in milliseconds."""

    took: list[float] = field(default_factory=list)
    refused: int = 0

    def __str__(self) -> str:
        cuts = quantiles(self.took, n=100, method="inclusive")
        return (
            f"{len(self.took):,} revocations, {self.refused} refused: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, "
            f"longest {max(self.took):,.0f} ms"
        )


def main(arguments: Sequence[str]) -> None:
    """Measures on each database and prints; exits with 1 where an export is not what was imported."""
    is_quick = "--quick" in arguments
    count = QUICK if is_quick else FULL
    said = [
        f"importing  {' '.join(('python -m benchmarks.importing', *arguments))}",
        f"    {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"psycopg {version('psycopg')}; load average {os.getloadavg()[0]:.1f}, this run among it",
    ]
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name:
        folder = Path(name)
        (folder / "policies").mkdir()
        (folder / "policies" / "docs.policy").write_text(POLICY)
        size = _write(folder / "facts.jsonl", count)
        said.append(f"    {count:,} facts, {size / 1e6:,.0f} MB")
        embedded = f"sqlite:///{folder}/facts.db"
        said += ["    SQLite", *_measured(folder, embedded, count)]
        if not is_quick:
            with postgresql(folder) as server:
                said += [f"    {server_of(server)}", *_measured(folder, server, count)]
    print("\n".join(said))
    if "--write" in arguments:
        RESULTS.write_text("\n".join(said) + "\n")


def _measured(folder: Path, url: str, count: int) -> list[str]:
    with closing(open_database(url)) as database:
        migrate(database, "facts")
    alone = Waits()
    with revoking(url, alone):
        time.sleep(5 if count == FULL else 0.5)
    lines = [f"        nothing else     {alone}"]
    for name, arguments in (
        ("import", ("import", "facts.jsonl")),
        ("the same again", ("import", "facts.jsonl")),
        ("upsert", ("import", "facts.jsonl", "--upsert")),
        ("export", ("export", "out.jsonl")),
    ):
        waits = Waits()
        with revoking(url, waits):
            ran = _run(folder, "data", *arguments, database=url)
        lines += [
            f"        {name:16} {ran.seconds:6.1f} s, {count / ran.seconds:8,.0f} facts/s, "
            f"peak {ran.peak_bytes / 1e6:,.0f} MB",
            f"        {'':16} {waits}",
        ]
    back = _run(folder, "data", "import", "out.jsonl", database=url).said
    if f"(0 new, 0 changed, {count:,} as they were)" not in back:
        sys.exit(f"wrong: what was exported is not what was imported: {back}")
    return lines


def _run(folder: Path, *arguments: str, **settings: str) -> Ran:
    """One command of `magistrate`, to its end."""
    began = time.perf_counter()
    with (folder / "said").open("w+b") as said:
        process = subprocess.Popen([*MAGISTRATE, *arguments], cwd=folder, env=environment(**settings), stdout=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        said.seek(0)
        text = said.read().decode()
    if process.returncode:
        sys.exit(f"`{' '.join(arguments)}` ends with {process.returncode}")
    return Ran(seconds, usage.ru_maxrss * 1024, text)


def _write(path: Path, count: int) -> int:
    with path.open("wb") as file:
        for fact in facts(count):
            file.write(orjson.dumps(fact) + b"\n")
    return path.stat().st_size


@contextmanager
def revoking(url: str, waits: Waits) -> Iterator[None]:
    """Revokes one token after the other while the block runs, as a worker of a service would."""
    ended = threading.Event()

    def revoke() -> None:
        with closing(open_database(url)) as database:
            store, at = RevocationStore(database), 0
            while not ended.wait(EVERY):
                at, now = at + 1, time.time_ns() // 1_000_000
                began = time.perf_counter()
                what = RevokedToken(TokenName("idp", f"{now}-{at}"), now + 600_000)
                try:
                    store.add(what, by=Ref("Service", "bench"), now=now)
                except FactsUnavailable:
                    waits.refused += 1
                waits.took.append((time.perf_counter() - began) * 1000)

    thread = threading.Thread(target=revoke)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
