"""What a check costs over an application's own tables, beside the same facts in the store of the service.

    python -m benchmarks.mapped [--quick] [--write]

The facts are read as a worker reads them, on SQLite and on PostgreSQL: not at hand, then kept; one check, a batch of
100, and a check of a document below ten folders. Every decision is held to what it should be. `--write` keeps the text
in benchmarks/results.
"""

import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from sqlalchemy import Connection, create_engine, insert, text

from benchmarks.freshness import postgresql, server_of
from policy_lang.compiler import Compiled
from policy_lang.decision import Effect
from policy_lang.facts import Facts, Question
from policy_lang.gather import gather
from policy_lang.loading import load
from policy_lang.values import Ref
from service.config import Settings
from service.db.facts_tables import entity, entity_parent
from service.db.migration import migrate
from service.db.opening import open_database, open_source
from service.entities.elsewhere import Elsewhere
from service.entities.fresh_facts import FreshFacts
from service.entities.mapped.guarded import GuardedSource
from service.entities.mapped.mixed_facts import MixedFacts
from service.entities.mapped.source import MappedSource
from service.entities.worker_facts import read_pool, worker_facts
from service.feed.feed import Feed
from service.ports import Snapshot
from service.source_settings import SourceSettings

RESULTS: Final = Path(__file__).parent / "results" / "mapped.txt"
POLICY: Final = """\
module docs
tenant type Tenant {}
principal type User { tenant: Tenant }
type Folder in Folder { tenant: Tenant }
type Document in Folder { tenant: Tenant }
actions Document { read }
rule by_tenant: allow read on Document to anyone when resource.tenant == principal.tenant
rule below: allow read on Document to anyone when resource under Folder "top"
"""
BUNDLE: Final = load({"docs.policy": POLICY})
SCHEMA: Final = BUNDLE.program.schema
COMPILED: Final = Compiled(BUNDLE.program)
MAPPING: Final = {
    "max_staleness": 3600,
    "cache_entries": 1_000_000,
    "types": {
        "User": {"table": "app_users", "tenant": "tenant_id"},
        "Folder": {"table": "app_folders", "tenant": "tenant_id", "parents": [{"column": "above", "type": "Folder"}]},
        "Document": {
            "table": "app_documents",
            "tenant": "tenant_id",
            "parents": [{"column": "folder", "type": "Folder"}],
        },
    },
}
NOW: Final = 1_800_000_000_000
FULL: Final = 1_000
QUICK: Final = 20
TENANTS: Final = 10
DEPTH: Final = 10
BATCH: Final = 100

Places = FreshFacts | MixedFacts


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, and keeps the text where that is asked."""
    checks = QUICK if "--quick" in arguments else FULL
    said = [
        "What mapped facts cost: python -m benchmarks.mapped",
        f"    {platform.python_implementation()} {platform.python_version()}, SQLAlchemy {version('sqlalchemy')},"
        f" psycopg {version('psycopg')}, {os.cpu_count()} cores",
    ]
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name, postgresql(Path(name)) as server:
        for facts, application in ((f"sqlite:///{name}/facts.db", f"sqlite:///{name}/app.db"), (server, server)):
            said += [f"    {server_of(facts)}", *asyncio.run(_measured(facts, application, checks))]
    print("\n".join(said))
    if "--write" in arguments:
        RESULTS.write_text("\n".join(said) + "\n")


async def _measured(facts: str, application: str, checks: int) -> list[str]:
    """The store first, whose tables hold what the application's hold, too."""
    with closing(open_database(facts)) as database:
        migrate(database, "facts")
        with database.write() as connection:
            _fill_store(connection, checks)
    _fill_application(application, checks)
    costs: list[list[list[list[float]]]] = []
    for source in (None, application):
        async with _opened(facts, source) as places:
            costs.append([await _cost(places, batches) for batches in _asked(checks)])
    return [line for name, stored, mapped in zip(_NAMES, *costs, strict=True) for line in _lines(name, stored, mapped)]


_NAMES: Final = ("a check", f"a batch of {BATCH}", f"a check below {DEPTH} folders")


def _asked(checks: int) -> Iterator[list[list[Question]]]:
    """Batches of questions, of which none names what another did: single ones, whole ones, deep ones."""
    yield [[_question(at, f"d{at}")] for at in range(checks)]
    numbers = iter(range(checks, checks + BATCH * _batches(checks)))
    yield [[_question(at, f"d{at}") for at in islice(numbers, BATCH)] for _ in range(_batches(checks))]
    yield [[_question(at, f"deep{at}")] for at in range(_deep(checks))]


def _batches(checks: int) -> int:
    return max(3, checks // 20)


def _deep(checks: int) -> int:
    return max(3, checks // 5)


def _question(at: int, document: str) -> Question:
    """Every second is of the document's own tenant; deep documents are read because of the topmost folder."""
    return Question(
        principal=Ref("User", f"u{at}"), action="read", resource=Ref("Document", document), now=NOW,
        principal_cells={}, resource_cells={}, resource_parents=(), context={"now": NOW},
    )  # fmt: skip


async def _cost(places: Places, batches: Sequence[Sequence[Question]]) -> list[list[float]]:
    """Milliseconds of each batch, not at hand and then kept."""
    return [[await _decided(places, questions) for questions in batches] for _ in range(2)]


async def _decided(places: Places, questions: Sequence[Question]) -> float:
    """Milliseconds to read for these questions and decide them; ends where one is decided as it should not be."""

    def compute(snapshot: Snapshot) -> tuple[Facts, ...]:
        return tuple(gather(questions, COMPILED, snapshot))

    began = time.perf_counter()
    decisions = [COMPILED.decide(facts) for facts in await places.read(SCHEMA, compute)]
    took = (time.perf_counter() - began) * 1000
    for question, decision in zip(questions, decisions, strict=True):
        document = question.resource.id
        is_allowed = document.startswith("deep") or int(document[1:]) % 2 == 0
        if (decision.effect is Effect.ALLOW) is not is_allowed:
            sys.exit(f"wrong: {question.principal} and {question.resource}")
    return took


def _lines(name: str, stored: list[list[float]], mapped: list[list[float]]) -> Iterator[str]:
    for how, own, other in zip(("not at hand", "kept"), stored, mapped, strict=True):
        yield (
            f"        {name:<25}{how:<12} store p50 {median(own):7.3f} ms, p99 {quantiles(own, n=100)[98]:7.3f} ms;"
            f"  mapped p50 {median(other):7.3f} ms, p99 {quantiles(other, n=100)[98]:7.3f} ms"
            f"  ({median(other) / median(own):.2f} ×)"
        )


@asynccontextmanager
async def _opened(facts: str, application: str | None) -> AsyncIterator[Places]:
    """The facts of a worker: of the store alone, or where an application is named, of its tables."""
    with closing(open_database(facts)) as database:
        settings = Settings.model_validate({"database": facts, "cache_entries": 1_000_000})
        async with worker_facts(settings, database, Feed(10), read_pool(settings, database)) as fresh:
            if application is None:
                yield fresh
                return
            how = SourceSettings.model_validate({"database": application, **MAPPING})
            source = GuardedSource(MappedSource("app", how, open_source(application, how.pool)), how)
            try:
                yield MixedFacts(fresh, Elsewhere({"app": how}), {"app": source})
            finally:
                await source.close()


# The facts ------------------------------------------------------------------------------------------------------------


def _rows(checks: int) -> Iterator[tuple[str, str, str, str | None]]:
    """Type, id, tenant and parent of everything: users by turns, each second document of its user's tenant."""
    yield "Folder", "top", "other", None
    for at in range(checks + BATCH * _batches(checks)):
        yield "User", f"u{at}", f"t{at % TENANTS}", None
        yield "Document", f"d{at}", f"t{(at + at % 2) % TENANTS}", None
    for at in range(_deep(checks)):
        for level in range(DEPTH - 1):
            yield "Folder", f"f{at}-{level}", "other", f"f{at}-{level + 1}" if level + 2 < DEPTH else "top"
        yield "Document", f"deep{at}", "other", f"f{at}-0"


def _fill_store(connection: Connection, checks: int) -> None:
    rows = list(_rows(checks))
    connection.execute(
        insert(entity),
        [{"type": type_, "id": id_, "attributes": {"tenant": f"Tenant:{tenant}"}} for type_, id_, tenant, _ in rows],
    )
    connection.execute(
        insert(entity_parent),
        [
            {"type": type_, "id": id_, "parent_type": "Folder", "parent_id": above}
            for type_, id_, _, above in rows
            if above
        ],
    )
    connection.execute(text("ANALYZE"))


def _fill_application(url: str, checks: int) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    tables = {"User": ("app_users", None), "Folder": ("app_folders", "above"), "Document": ("app_documents", "folder")}
    with engine.begin() as connection:
        for type_, (table, above) in tables.items():
            more = f", {above} TEXT" if above else ""
            columns = f"id TEXT NOT NULL PRIMARY KEY, tenant_id TEXT NOT NULL{more}"
            connection.execute(text(f"CREATE TABLE {table} ({columns})"))
            names = "id, tenant_id" + (f", {above}" if above else "")
            values = ":id, :tenant" + (", :above" if above else "")
            connection.execute(
                text(f"INSERT INTO {table} ({names}) VALUES ({values})"),
                [{"id": row[1], "tenant": row[2], "above": row[3]} for row in _rows(checks) if row[0] == type_],
            )
        connection.execute(text("ANALYZE"))
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1:])
