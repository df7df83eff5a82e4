"""What many facts cost: a check, and a batch of 100, with no fact in memory, as resources and roles grow to a million.

    python -m benchmarks.resources [--quick] [--write]

A tenth as many role assignments as resources, on SQLite and on PostgreSQL; every decision is held to what it should be.
`--write` keeps the text in benchmarks/results.
"""

import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from sqlalchemy import insert, text

from benchmarks.freshness import postgresql, server_of
from policy_lang.compiler import Compiled
from policy_lang.decision import Effect
from policy_lang.facts import Question
from policy_lang.gather import gather
from policy_lang.loading import load
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import entity, role_assignment
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.store import EntityStore

RESULTS: Final = Path(__file__).parent / "results" / "resources.txt"
POLICY: Final = """\
module docs
tenant type Tenant {}
principal type User { tenant: Tenant }
type Document { tenant: Tenant }
actions Document { read }
role reader on Tenant { Document: read }
rule by_role: allow read on Document to role reader in resource.tenant
"""
COMPILED: Final = Compiled(load({"docs.policy": POLICY}).program)
SCHEMA: Final = load({"docs.policy": POLICY}).program.schema
NOW: Final = 1_800_000_000_000
FULL: Final = (10_000, 100_000, 1_000_000)
QUICK: Final = (200, 2_000)
TENANTS: Final = 100
BATCH: Final = 100


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, and keeps the text where that is asked."""
    sizes, checks = (QUICK, 20) if "--quick" in arguments else (FULL, 1_000)
    said = [
        "What many facts cost: python -m benchmarks.resources",
        f"    {platform.python_implementation()} {platform.python_version()}, SQLAlchemy {version('sqlalchemy')},"
        f" psycopg {version('psycopg')}, {os.cpu_count()} cores",
    ]
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name, postgresql(Path(name)) as server:
        for url in (f"sqlite:///{name}/facts.db", server):
            with closing(open_database(url)) as database:
                migrate(database, "facts")
                said += [f"    {server_of(url)}", *_measured(database, sizes, checks)]
    print("\n".join(said))
    if "--write" in arguments:
        RESULTS.write_text("\n".join(said) + "\n")


def _measured(database: Database, sizes: Sequence[int], checks: int) -> Iterator[str]:
    store, filled, chance = EntityStore(database), 0, random.Random(7)
    for size in sizes:
        _fill(database, filled, size)
        filled = size
        single = [_decided(store, [_question(size, chance)]) for _ in range(checks)]
        batches = [
            _decided(store, [_question(size, chance) for _ in range(BATCH)]) for _ in range(max(3, checks // 10))
        ]
        yield (
            f"        {size:>9,} resources, {size // 10:>7,} assignments: a check p50 {median(single):6.2f} ms,"
            f" p99 {quantiles(single, n=100)[98]:6.2f} ms;  a batch of {BATCH} p50 {median(batches):7.2f} ms"
        )


def _question(size: int, chance: random.Random) -> Question:
    return Question(
        principal=Ref("User", f"u{chance.randrange(size // 10)}"),
        action="read",
        resource=Ref("Document", f"d{chance.randrange(size)}"),
        now=NOW,
        principal_cells={},
        resource_cells={},
        resource_parents=(),
        context={"now": NOW},
    )


def _decided(store: EntityStore, questions: Sequence[Question]) -> float:
    """Milliseconds to read for these questions and decide them; ends where one is decided as it should not be."""
    began = time.perf_counter()
    with store.snapshot(SCHEMA) as snapshot:
        known = gather(questions, COMPILED, snapshot)
    decisions = [COMPILED.decide(facts) for facts in known]
    took = (time.perf_counter() - began) * 1000
    for question, decision in zip(questions, decisions, strict=True):
        same = int(question.principal.id[1:]) % TENANTS == int(question.resource.id[1:]) % TENANTS
        if (decision.effect is Effect.ALLOW) is not same:
            sys.exit(f"wrong: {question.principal} and {question.resource}")
    return took


def _fill(database: Database, start: int, end: int) -> None:
    """Documents and users of a hundred tenants in turn, each user a reader of its own; and what the planner knows."""
    documents = (("Document", f"d{at}", at) for at in range(start, end))
    users = (("User", f"u{at}", at) for at in range(start // 10, end // 10))
    with database.write() as connection:
        for rows in (documents, users):
            while batch := list(islice(rows, 5_000)):
                connection.execute(
                    insert(entity),
                    [
                        {"type": type_, "id": id_, "attributes": {"tenant": f"Tenant:t{at % TENANTS}"}}
                        for type_, id_, at in batch
                    ],
                )
        held = (
            {"subject_type": "User", "subject_id": f"u{at}", "role": "docs.reader", "place_type": "Tenant",
             "place_id": f"t{at % TENANTS}"}
            for at in range(start // 10, end // 10)
        )  # fmt: skip
        while assigned := list(islice(held, 5_000)):
            connection.execute(insert(role_assignment), assigned)
    with database.write() as connection:
        connection.execute(text("ANALYZE"))


if __name__ == "__main__":
    main(sys.argv[1:])
