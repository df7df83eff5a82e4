"""What deep teams cost: three ways to read who is above a member, a check by a team's role, and moving a team.

    python -m benchmarks.hierarchies [--quick] [--write]

100,000 members in two teams each, of 10,000 teams ten deep, on SQLite and on PostgreSQL. Every reading of every way is
held to what this module reckons by itself. A closure table is made beside the others, to weigh what it would save
against what it costs to keep. `--write` keeps the text in benchmarks/results.
"""

import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Final, TypeVar

from sqlalchemy import insert, text

from benchmarks.freshness import postgresql, server_of
from policy_lang.compiler import Compiled
from policy_lang.decision import Effect
from policy_lang.facts import Question
from policy_lang.gather import gather
from policy_lang.loading import load
from policy_lang.values import Ref
from service.db.engine import Database, Prepared
from service.db.facts_tables import entity, entity_parent, role_assignment
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter

RESULTS: Final = Path(__file__).parent / "results" / "hierarchies.txt"
POLICY: Final = """\
module docs
type Team in Team {}
principal type User in Team {}
type Document {}
actions Document { read }
role reader { Document: read }
rule by_role: allow read on Document to role reader
"""
BUNDLE: Final = load({"docs.policy": POLICY})
COMPILED: Final = Compiled(BUNDLE.program)
SCHEMA: Final = BUNDLE.program.schema
DEPTH: Final = 10
NOW: Final = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How many members and teams there are, and how often each cost is taken."""

    members: int
    teams: int
    reads: int
    moves: int


FULL: Final = Scale(100_000, 10_000, 2_000, 50)
QUICK: Final = Scale(500, 100, 20, 3)


class World:
    """Teams in ten levels of one size, each under a team of the level above; members in two teams of any level."""

    def __init__(self, scale: Scale) -> None:
        drawn = random.Random(7)
        width = scale.teams // DEPTH
        self.teams: Final = [[Ref("Team", f"t{level}-{at}") for at in range(width)] for level in range(DEPTH)]
        self.parents: Final[dict[Ref, tuple[Ref, ...]]] = dict.fromkeys(self.teams[0], ())
        for above, below in zip(self.teams, self.teams[1:], strict=False):
            self.parents.update({team: (drawn.choice(above),) for team in below})
        every = list(self.parents)
        # Of each member's teams one is on the lowest level, so that every member's longest way up is of ten teams.
        self.members: Final = [Ref("User", f"u{at}") for at in range(scale.members)]
        for member in self.members:
            self.parents[member] = tuple(sorted({drawn.choice(self.teams[-1]), drawn.choice(every)}))
        self.holders: Final = frozenset(self.teams[0][::2])
        """The teams of the first level that hold the role: half of them."""
        self.asked: Final = drawn.sample(self.members, scale.reads)

    def above(self, member: Ref) -> set[Ref]:
        """All that a member is in, by this module's own reckoning."""
        found: set[Ref] = set()
        waiting = list(self.parents[member])
        while waiting:
            team = waiting.pop()
            found.add(team)
            waiting += self.parents[team]
        return found


T = TypeVar("T")
Read = Callable[[Collection[Ref]], Mapping[Ref, set[Ref]]]
"""Reads what is above each of the members."""


class Ways:
    """The three ways to read what is above members, each in snapshots of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._store = EntityStore(database)
        self._closure: Prepared[tuple[str, str, str, str]] = Prepared(_CLOSURE_READ[database.is_embedded])

    def recursive(self, members: Collection[Ref]) -> dict[Ref, set[Ref]]:
        """One recursive statement, as the service reads."""
        with self._store.snapshot(SCHEMA) as snapshot:
            parents = snapshot.ancestry(members)
        return {member: _climbed(member, parents) for member in members}

    def by_level(self, members: Collection[Ref]) -> dict[Ref, set[Ref]]:
        """One statement for each level."""
        parents: dict[Ref, tuple[Ref, ...]] = {}
        with self._store.snapshot(SCHEMA) as snapshot:
            level: Collection[Ref] = members
            while level:
                parents |= {ref: row.parents for ref, row in snapshot.rows(level).items()}
                level = {ref for child in level for ref in parents.get(child, ())} - set(parents)
        return {member: _climbed(member, parents) for member in members}

    def closed(self, members: Collection[Ref]) -> dict[Ref, set[Ref]]:
        """One statement on a closure table."""
        above: dict[Ref, set[Ref]] = {member: set() for member in members}
        keys = "[" + ",".join(f'["{ref.type}","{ref.id}"]' for ref in members) + "]"
        with self._database.reading() as reading:
            for type_, id_, above_type, above_id in reading.fetch(self._closure, {"refs": keys}):
                above[Ref(type_, id_)].add(Ref(above_type, above_id))
        return above


def main(arguments: Sequence[str]) -> None:
    """Measures on each database and prints; exits with 1 where a reading or a decision was wrong."""
    scale = QUICK if "--quick" in arguments else FULL
    world = World(scale)
    said = [
        f"hierarchies  {' '.join(('python -m benchmarks.hierarchies', *arguments))}",
        f"    {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"psycopg {version('psycopg')}; load average {os.getloadavg()[0]:.1f}, this run among it",
        f"    {scale.members:,} members in two teams each, {len(world.parents) - scale.members:,} teams {DEPTH} deep",
    ]
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name, postgresql(Path(name)) as server:
        for url in (f"sqlite:///{name}/facts.db", server):
            with closing(open_database(url)) as database:
                _fill(database, world)
                said.append(f"    {server_of(url)}")
                said += _measured(database, world, scale)
    print("\n".join(said))
    if "--write" in arguments:
        RESULTS.write_text("\n".join(said) + "\n")


def _measured(database: Database, world: World, scale: Scale) -> list[str]:
    ways = Ways(database)
    named: dict[str, Read] = {
        "recursive CTE": ways.recursive, "a query a level": ways.by_level, "closure table": ways.closed
    }  # fmt: skip
    batches = [world.asked[at : at + 100] for at in range(0, len(world.asked), 100)]
    lines: list[str] = []
    for name, read in named.items():
        one = _timed(read, [[member] for member in world.asked], world)
        hundred = _timed(read, batches, world)
        lines.append(f"        above, {name:16} {_spread(one)};  of 100 members p50 {median(hundred):8.2f} ms")
    store = EntityStore(database)
    checks = [_check(store, world, member) for member in world.asked]
    lines.append(f"        a check uncached         {_spread(checks)}")
    for where, level in (("lowest", world.teams[-1]), ("second highest", world.teams[1])):
        moves = [_move(database, world, team) for team in level[: scale.moves]]
        closure = [_rewrite(database, team) for team in level[: scale.moves]]
        lines.append(
            f"        a team of the {where + ' level':20} moves in {_spread(moves)};  in a closure table"
            f" {median([rows for rows, _ in closure]):,.0f} rows change, p50"
            f" {median([ms for _, ms in closure]):.2f} ms more"
        )
    return lines


def _timed(read: Read, asked: Iterable[Collection[Ref]], world: World) -> list[float]:
    took = []
    for members in asked:
        began = time.perf_counter()
        found = read(members)
        took.append((time.perf_counter() - began) * 1000)
        if any(found[member] != world.above(member) for member in members):
            sys.exit(f"wrong: what is above {members}")
    return took


def _check(store: EntityStore, world: World, member: Ref) -> float:
    """Milliseconds of one check by a role of a team, with no fact in memory."""
    question = Question(
        principal=member, action="read", resource=Ref("Document", "d"), now=NOW, principal_cells={},
        resource_cells={}, resource_parents=(), context={"now": NOW},
    )  # fmt: skip
    began = time.perf_counter()
    with store.snapshot(SCHEMA) as snapshot:
        (facts,) = gather([question], COMPILED, snapshot)
    decided = COMPILED.decide(facts)
    took = (time.perf_counter() - began) * 1000
    if (decided.effect is Effect.ALLOW) is world.holders.isdisjoint(world.above(member)):
        sys.exit(f"wrong: what {member} may do")
    return took


def _move(database: Database, world: World, team: Ref) -> float:
    """Milliseconds to put a team under another of the level above, and back: half of both."""
    (now,) = world.parents[team]
    other = next(ref for ref in world.teams[int(team.id[1 : team.id.index("-")]) - 1] if ref != now)
    writer = EntityWriter(database, SCHEMA)
    began = time.perf_counter()
    for parent in (other, now):
        writer.put(team, {}, [parent.id])
    return (time.perf_counter() - began) * 500


def _rewrite(database: Database, team: Ref) -> tuple[int, float]:
    """What a move of the team would change in a closure table beside: rows, and milliseconds to delete and add them."""
    given = {"type": team.type, "id": team.id}
    began = time.perf_counter()
    with database.write() as connection:
        connection.execute(text(_CLOSURE_LEFT))
        rows = connection.execute(text(_CLOSURE_TAKE), given).rowcount
        connection.execute(text(_CLOSURE_DELETE))
        connection.execute(text(_CLOSURE_ADD))
        connection.execute(text("DROP TABLE moved"))
    return rows, (time.perf_counter() - began) * 1000


def _fill(database: Database, world: World) -> None:
    """Writes the world, the closure of it, and what the planner knows of both."""
    migrate(database, "facts")
    with database.write() as connection:
        for refs in _batches(world.parents):
            connection.execute(insert(entity), [{"type": ref.type, "id": ref.id, "attributes": {}} for ref in refs])
        connection.execute(insert(entity), [{"type": "Document", "id": "d", "attributes": {}}])
        edges = ((child, parent) for child, parents in world.parents.items() for parent in parents)
        for batch in _batches(edges):
            connection.execute(insert(entity_parent), [
                {"type": child.type, "id": child.id, "parent_type": parent.type, "parent_id": parent.id}
                for child, parent in batch
            ])  # fmt: skip
        held = [
            {"subject_type": ref.type, "subject_id": ref.id, "role": "docs.reader", "place_type": "", "place_id": ""}
            for ref in sorted(world.holders)
        ]
        connection.execute(insert(role_assignment), held)
        for statement in _CLOSURE_MAKE:
            connection.execute(text(statement))
    with database.write() as connection:
        connection.execute(text("ANALYZE"))


def _climbed(member: Ref, parents: Mapping[Ref, tuple[Ref, ...]]) -> set[Ref]:
    above: set[Ref] = set()
    waiting = list(parents.get(member, ()))
    while waiting:
        team = waiting.pop()
        if team not in above:
            above.add(team)
            waiting += parents.get(team, ())
    return above


def _spread(took: Sequence[float]) -> str:
    cuts = quantiles(took, n=100, method="inclusive")
    return f"p50 {cuts[49]:7.2f} ms   p99 {cuts[98]:7.2f} ms"


def _batches(items: Iterable[T], size: int = 5_000) -> Iterable[list[T]]:
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch


_CLOSURE_MAKE: Final = (
    "CREATE TABLE closure (type TEXT, id TEXT, above_type TEXT, above_id TEXT,"
    " PRIMARY KEY (type, id, above_type, above_id))",
    "CREATE INDEX closure_below ON closure (above_type, above_id)",
    """INSERT INTO closure
    WITH RECURSIVE up(type, id, above_type, above_id) AS (
      SELECT type, id, parent_type, parent_id FROM entity_parent
      UNION SELECT up.type, up.id, edge.parent_type, edge.parent_id
      FROM up JOIN entity_parent edge ON edge.type = up.above_type AND edge.id = up.above_id)
    SELECT * FROM up""",
)
_CLOSURE_READ: Final[Mapping[bool, str]] = {
    True: """SELECT closure.type, closure.id, above_type, above_id FROM json_each(:refs) asked
             JOIN closure ON closure.type = asked.value ->> 0 AND closure.id = asked.value ->> 1""",
    False: """SELECT closure.type, closure.id, above_type, above_id
              FROM jsonb_array_elements(CAST(%(refs)s AS JSONB)) AS asked(value)
              JOIN closure ON closure.type = asked.value ->> 0 AND closure.id = asked.value ->> 1""",
}
"""By whether the database is embedded."""
_CLOSURE_LEFT: Final = "CREATE TEMPORARY TABLE moved (type TEXT, id TEXT, above_type TEXT, above_id TEXT)"
_CLOSURE_TAKE: Final = """INSERT INTO moved
    SELECT below.type, below.id, up.above_type, up.above_id
    FROM (SELECT type, id FROM closure WHERE above_type = CAST(:type AS TEXT) AND above_id = CAST(:id AS TEXT)
          UNION ALL SELECT CAST(:type AS TEXT), CAST(:id AS TEXT)) below
    CROSS JOIN closure up WHERE up.type = CAST(:type AS TEXT) AND up.id = CAST(:id AS TEXT)"""
_CLOSURE_DELETE: Final = "DELETE FROM closure WHERE (type, id, above_type, above_id) IN (SELECT * FROM moved)"
_CLOSURE_ADD: Final = "INSERT INTO closure SELECT * FROM moved"


if __name__ == "__main__":
    main(sys.argv[1:])
