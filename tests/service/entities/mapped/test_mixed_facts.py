"""Facts of several places for one batch: as fresh as asked, one read for all who ask, no source holds up another."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from policy_lang.schema import Schema
from policy_lang.values import Cell, Ref
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database, open_source
from service.entities.elsewhere import Elsewhere
from service.entities.mapped.guarded import GuardedSource
from service.entities.mapped.mixed_facts import MixedFacts
from service.entities.mapped.source import MappedSource
from service.entities.mapped.store import MappedStore
from service.entities.mapped.wanted import Brought, Wanted
from service.entities.store import EntityStore
from service.entities.worker_facts import read_pool, worker_facts
from service.entities.writer import EntityWriter
from service.errors import DataError, FactsUnavailable
from service.feed.feed import Feed
from service.model import Consistency, Latency
from service.ports import Snapshot
from service.source_settings import SourceSettings
from tests.service.entities.mapped.places import execute, schema_of
from tests.service.entities.statements import counted_statements

SCHEMA = schema_of(
    """
    type Team in Team {}
    principal type User in Team { level: int }
    type Folder { owner: User }
    type Doc in Folder { level: int }
    actions Doc { read }
    actions Folder { read }
    role editor on Doc { Doc: read }
    rule by_role: allow granted on Doc to role in resource
    rule own: allow read on Folder to anyone when resource.owner == principal and resource.owner.level > 1
    rule deep: allow read on Doc to Team "t" when principal.level >= resource.level
    """
)
ALICE, BOB = Ref("User", "alice"), Ref("User", "bob")
TEAM, FOLDER, DOC = Ref("Team", "t"), Ref("Folder", "f"), Ref("Doc", "d")
SECONDS = 60
PEOPLE: dict[str, Any] = {
    "types": {
        "User": {
            "table": "users",
            "attributes": {"level": "level"},
            "parents": [{"column": "team", "type": "Team"}],
        }
    }
}
DOCS: dict[str, Any] = {"types": {"Doc": {"table": "docs", "attributes": {"level": "level"}}}}


class Place:
    """A worker's facts: users in one application, documents in another, folders and teams in the store."""

    def __init__(self, people: str, docs: str, **pool: Any) -> None:
        execute(people, "CREATE TABLE users (id TEXT NOT NULL PRIMARY KEY, level INTEGER, team TEXT)",
                "INSERT INTO users VALUES ('alice', 1, 't')")  # fmt: skip
        execute(
            docs, "CREATE TABLE docs (id TEXT NOT NULL PRIMARY KEY, level INTEGER)", "INSERT INTO docs VALUES ('d', 7)"
        )
        self.people, self.docs = people, docs
        self.settings = {
            "people": SourceSettings.model_validate({"database": people, **PEOPLE, **pool}),
            "docs": SourceSettings.model_validate({"database": docs, **DOCS, **pool}),
        }
        self.elsewhere = Elsewhere(self.settings)
        self.facts: MixedFacts
        self.sources: dict[str, GuardedSource] = {}

    @asynccontextmanager
    async def opened(self, folder: Path) -> AsyncIterator["Place"]:
        """The place with its sources and its store, which has a team and a folder of Alice's."""
        settings = Settings(data=folder)
        database = open_database(settings.database_url)
        database.create()
        migrate(database, "facts")
        writer = EntityWriter(database, SCHEMA, self.elsewhere)
        writer.put(TEAM, {})
        writer.put(FOLDER, {"owner": "alice"})
        self.store = EntityStore(database)
        self.sources = {
            name: GuardedSource(MappedSource(name, how, open_source(how.database, how.pool)), how)
            for name, how in self.settings.items()
        }
        try:
            async with worker_facts(settings, database, Feed(10), read_pool(settings, database)) as fresh:
                self.facts = MixedFacts(fresh, self.elsewhere, self.sources)
                yield self
        finally:
            for source in self.sources.values():
                await source.close()
            database.close()

    async def level(
        self, ref: Ref = ALICE, *, consistency: Consistency = Latency.MINIMAL, timeout_ms: int | None = None
    ) -> Cell | None:
        """The level of a user or document."""

        def compute(snapshot: Snapshot) -> Cell | None:
            row = snapshot.rows([ref]).get(ref)
            return None if row is None else row.attributes["level"]

        return await self.facts.read(SCHEMA, compute, consistency=consistency, timeout_ms=timeout_ms)


def sqlite(folder: Path, **pool: Any) -> Place:
    return Place(f"sqlite:///{folder / 'people.db'}", f"sqlite:///{folder / 'docs.db'}", **pool)


async def level_in_the_end(place: Place) -> Cell | None:
    """Alice's level, asked until there is an answer."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await place.level()
            except FactsUnavailable:
                await asyncio.sleep(0.02)


def test_what_was_read_is_told_for_as_long_as_it_may_and_no_longer_where_fresh_facts_are_asked(tmp_path: Path) -> None:
    async def story() -> None:
        async with sqlite(tmp_path, max_staleness=3600).opened(tmp_path / "data") as place:
            assert await place.level() == 1
            execute(place.people, "UPDATE users SET level = 2")
            assert await place.level() == 1
            assert await place.level(consistency=Latency.FULLY_CONSISTENT) == 2
            assert await place.level() == 2

    asyncio.run(asyncio.wait_for(story(), SECONDS))


def test_with_no_staleness_every_read_is_made(tmp_path: Path) -> None:
    async def story() -> None:
        async with sqlite(tmp_path, max_staleness=0).opened(tmp_path / "data") as place:
            assert await place.level() == 1
            execute(place.people, "DELETE FROM users")
            assert await place.level() is None

    asyncio.run(asyncio.wait_for(story(), SECONDS))


def test_steps_lead_from_the_store_into_sources_and_back(tmp_path: Path) -> None:
    def compute(snapshot: Snapshot) -> object:
        # As `gather` does it: where nothing is known yet there is nothing to follow.
        owner = snapshot.rows([FOLDER])[FOLDER].attributes["owner"]
        owners = [owner] if isinstance(owner, Ref) else []
        levels = {ref: row.attributes["level"] for ref, row in snapshot.rows(owners).items()}
        return levels, snapshot.ancestry(owners), snapshot.assignments([*owners, TEAM])

    async def story() -> None:
        async with sqlite(tmp_path).opened(tmp_path / "data") as place:
            expected: object = ({ALICE: 1}, {ALICE: (TEAM,), TEAM: ()}, [])
            assert await place.facts.read(SCHEMA, compute) == expected
            sources = MappedStore(place.store, place.elsewhere, place.sources)
            with sources.snapshot(SCHEMA) as snapshot:
                assert await asyncio.to_thread(compute, snapshot) == expected

    asyncio.run(asyncio.wait_for(story(), SECONDS))


def test_equal_reads_of_many_callers_are_made_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with sqlite(tmp_path, max_staleness=60).opened(tmp_path / "data") as place:
            await place.level(DOC)
            with counted_statements() as seen:
                execute(place.people, "UPDATE users SET level = 5")
                assert await asyncio.gather(*(place.level() for _ in range(20))) == [5] * 20
            assert len([each for each in seen if "json_array(" in each]) == 1

    asyncio.run(asyncio.wait_for(story(), SECONDS))


def test_one_source_that_hangs_holds_up_nothing_else(postgresql_url: str, application_url: str, tmp_path: Path) -> None:
    pool = {"connections": 1, "waiting": 1, "statement_ms": 60_000, "breaker_failures": 1}
    hangs = create_engine(postgresql_url.replace("postgresql://", "postgresql+psycopg://"))

    async def story() -> None:
        async with Place(postgresql_url, application_url, pool=pool, max_staleness=0).opened(tmp_path) as place:
            assert (await place.level(), await place.level(DOC)) == (1, 7)
            with hangs.begin() as connection:
                connection.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
                waiting = [asyncio.create_task(place.level(ref)) for ref in (ALICE, BOB)]
                while place.sources["people"].pool.under_way < 2:
                    await asyncio.sleep(0.005)
                with pytest.raises(FactsUnavailable, match="every connection to the source `people` is busy"):
                    await place.level(Ref("User", "carol"))
                assert await place.level(DOC) == 7
                assert not any(each.done() for each in waiting)
            assert await asyncio.gather(*waiting) == [1, None]

    asyncio.run(asyncio.wait_for(story(), SECONDS))
    hangs.dispose()


def test_who_is_in_a_hurry_is_answered_in_time_whatever_a_source_does(postgresql_url: str, tmp_path: Path) -> None:
    hangs = create_engine(postgresql_url.replace("postgresql://", "postgresql+psycopg://"))

    async def story() -> None:
        place = Place(postgresql_url, f"sqlite:///{tmp_path / 'docs.db'}", max_staleness=0)
        async with place.opened(tmp_path / "data"):
            assert await place.level() == 1
            with hangs.begin() as connection:
                connection.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
                with pytest.raises(FactsUnavailable):
                    await place.level(timeout_ms=100)
            assert not place.sources["people"].pool.breaker.is_open
            assert await place.level() == 1

    asyncio.run(asyncio.wait_for(story(), SECONDS))
    hangs.dispose()


def test_a_source_that_fails_is_left_alone_and_tried_again_while_others_go_on(tmp_path: Path) -> None:
    async def story() -> None:
        pool = {"breaker_failures": 2, "breaker_seconds": 0.5, "statement_ms": 50}
        async with sqlite(tmp_path, pool=pool, max_staleness=0).opened(tmp_path / "data") as place:
            breaker = place.sources["people"].pool.breaker
            with closing(sqlite3.connect(tmp_path / "people.db", isolation_level=None)) as locks:
                locks.execute("BEGIN EXCLUSIVE")
                for _ in range(2):
                    with pytest.raises(FactsUnavailable, match="locked by another writer"):
                        await place.level()
                assert (breaker.is_open, breaker.opened) == (True, 1)
                assert await place.level(DOC) == 7
                locks.execute("ROLLBACK")
            assert await level_in_the_end(place) == 1
            assert not breaker.is_open

    asyncio.run(asyncio.wait_for(story(), SECONDS))


def test_tables_that_are_gone_make_their_facts_unavailable_until_they_are_back(tmp_path: Path) -> None:
    async def story() -> None:
        pool = {"breaker_failures": 1, "breaker_seconds": 0.05}
        async with sqlite(tmp_path, pool=pool, max_staleness=0).opened(tmp_path / "data") as place:
            assert await place.level() == 1
            execute(place.people, "ALTER TABLE users RENAME TO gone")
            with pytest.raises(FactsUnavailable, match="lacks its tables"):
                await place.level()
            assert await place.level(DOC) == 7
            execute(place.people, "ALTER TABLE gone RENAME TO users")
            assert await level_in_the_end(place) == 1

    asyncio.run(asyncio.wait_for(story(), SECONDS))


def test_while_a_source_is_waited_for_nobody_is_kept_from_the_store(tmp_path: Path) -> None:
    async def story() -> None:
        async with sqlite(tmp_path, max_staleness=0).opened(tmp_path / "data") as place:
            one = open_database(f"sqlite:///{tmp_path / 'data' / 'facts.db'}")
            store = EntityStore(one)

            class Waited:
                """Looks, while it is waited for, which connections to the store are in use."""

                def read(self, schema: Schema, wanted: Wanted, timeout_ms: int | None = None) -> Brought:
                    found.append(one._readers.pool.status().rpartition(": ")[2])
                    return place.sources["people"].read(schema, wanted, timeout_ms)

            found: list[object] = []
            with closing(one), MappedStore(store, place.elsewhere, {"people": Waited()}).snapshot(SCHEMA) as snapshot:
                assert set(snapshot.rows([FOLDER, ALICE])) == {FOLDER, ALICE}
                assert set(snapshot.rows([TEAM])) == {TEAM}
            assert found == ["0"]

    asyncio.run(asyncio.wait_for(story(), SECONDS))


def test_what_is_mapped_is_not_written_here_and_the_error_names_its_source(tmp_path: Path) -> None:
    async def story() -> None:
        async with sqlite(tmp_path).opened(tmp_path / "data") as place:
            database = open_database(f"sqlite:///{tmp_path / 'data' / 'facts.db'}")
            writer = EntityWriter(database, SCHEMA, place.elsewhere)
            with pytest.raises(DataError, match="`User` is mapped: its entities stand in the source `people`"):
                writer.put(ALICE, {"level": 9})
            with pytest.raises(DataError, match="`User` is mapped"):
                writer.delete(ALICE)
            assert writer.assign({"type": "User", "id": "alice"}, "m.editor", "d")
            database.close()

    asyncio.run(asyncio.wait_for(story(), SECONDS))
