"""Whatever is written, what a worker reads through its cache is what the store has, for every kind of read."""

import asyncio
import random
from collections.abc import Callable, Collection
from contextlib import suppress

from policy_lang.types import Json
from policy_lang.values import Ref
from service.config import Settings
from service.db.engine import Database
from service.db.migration import migrate
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import DataError
from service.model import AtLeastAsFresh
from service.ports import Snapshot
from tests.contracts.documents import SCHEMA
from tests.service.feed.followers import following

STEPS = 150
TEAMS = [Ref("Team", f"g{at}") for at in range(4)]
USERS = [Ref("User", f"u{at}") for at in range(4)]
DOCUMENTS = [Ref("Document", f"d{at}") for at in range(3)]
TENANT, SERVICE, GONE = Ref("Tenant", "t"), Ref("Service", "s"), Ref("User", "gone")
SUBJECTS = [*USERS, *TEAMS, SERVICE, GONE]
COLLABORATOR = "docs.collaborator"


def given(ref: Ref) -> Json:
    return {"type": ref.type, "id": ref.id}


class Story:
    """Writes and reads at random, the same each time."""

    def __init__(self, writer: EntityWriter, seed: int) -> None:
        self._writer = writer
        self._draw = random.Random(seed)

    def write(self) -> str:
        """One write that is not refused; its revision."""
        while True:
            with suppress(DataError):
                return self._draw.choice(self._writes())()

    def read(self) -> Callable[[Snapshot], object]:
        """A read of any kind, of any keys."""
        return self._draw.choice(self._reads())

    def _writes(self) -> list[Callable[[], str]]:
        draw, writer = self._draw, self._writer
        user, team, document = draw.choice(USERS), draw.choice(TEAMS), draw.choice(DOCUMENTS)
        subject, other = draw.choice(SUBJECTS), draw.choice(TEAMS)
        return [
            lambda: writer.put(user, {"clearance": draw.randrange(9)}, [team.id]),
            lambda: writer.put(team, {}, [other.id]),
            lambda: writer.put(team, {}),
            lambda: writer.put(document, {"level": draw.randrange(9)}),
            lambda: writer.put(TENANT, {}),
            lambda: writer.delete(draw.choice([user, team, document, TENANT])),
            lambda: writer.assign(given(subject), "docs.auditor"),
            lambda: writer.assign(given(subject), "docs.viewer", "t"),
            lambda: writer.unassign(given(subject), "docs.auditor"),
            lambda: writer.relate(document.id, COLLABORATOR, given(draw.choice([user, team]))),
            lambda: writer.unrelate(document.id, COLLABORATOR, given(draw.choice([user, team]))),
        ]

    def _reads(self) -> list[Callable[[Snapshot], object]]:
        refs, subjects = self._some([*USERS, *TEAMS, *DOCUMENTS, TENANT, GONE]), self._some(SUBJECTS)
        people, ends = self._some([*USERS, *TEAMS, GONE]), [(ref, COLLABORATOR) for ref in self._some(DOCUMENTS)]
        return [
            lambda snapshot: dict(snapshot.rows(refs)),
            lambda snapshot: dict(snapshot.ancestry(people)),
            lambda snapshot: sorted(snapshot.assignments(subjects), key=str),
            lambda snapshot: sorted(snapshot.assignments_at([TENANT, None]), key=str),
            lambda snapshot: sorted(snapshot.links(ends, subjects), key=str),
            lambda snapshot: sorted(snapshot.links(ends, None), key=str),
        ]

    def _some(self, refs: Collection[Ref]) -> list[Ref]:
        return self._draw.sample(list(refs), self._draw.randint(1, 4)) if len(refs) >= 4 else list(refs)


def test_reads_through_the_cache_are_those_of_the_store(database_url: str, database: Database) -> None:
    migrate(database, "facts")
    story, store = Story(EntityWriter(database, SCHEMA), seed=7), EntityStore(database)

    async def run() -> None:
        async with following(Settings(database=database_url), SCHEMA) as reader:
            for _ in range(STEPS):
                written = AtLeastAsFresh(story.write())
                for read in [story.read() for _ in range(3)]:
                    found = await reader.facts.read(SCHEMA, read, consistency=written)
                    with store.snapshot(SCHEMA) as snapshot:
                        assert found == read(snapshot)

    asyncio.run(run())


def test_a_small_cache_answers_the_same(database_url: str, database: Database) -> None:
    migrate(database, "facts")
    story, store = Story(EntityWriter(database, SCHEMA), seed=8), EntityStore(database)

    async def run() -> None:
        async with following(Settings(database=database_url, cache_entries=3), SCHEMA) as reader:
            for _ in range(STEPS):
                written = AtLeastAsFresh(story.write())
                read = story.read()
                found = await reader.facts.read(SCHEMA, read, consistency=written)
                with store.snapshot(SCHEMA) as snapshot:
                    assert found == read(snapshot)

    asyncio.run(run())
