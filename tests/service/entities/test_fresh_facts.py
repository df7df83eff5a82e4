"""The cache is never staler than the feed: loads and changes that cross, loads that are shared, loads that fail."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest

from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.config import Settings
from service.db.engine import Database
from service.db.migration import migrate
from service.entities.cache import FactCache
from service.entities.fresh_facts import FreshFacts
from service.entities.pool import ReadPool
from service.entities.store import EntityStore, StoredSnapshot
from service.entities.worker_facts import follower
from service.entities.writer import EntityWriter
from service.errors import DataError, FactsUnavailable
from service.feed.feed import Feed
from service.model import AtLeastAsFresh, Consistency, Latency
from service.pool_settings import PoolSettings
from service.ports import Snapshot
from tests.contracts.documents import SCHEMA
from tests.service.feed.followers import until

PLAN, OTHER = Ref("Document", "plan"), Ref("Document", "other")


class CountedStore:
    """The store, its snapshots counted; it can be made to fail."""

    def __init__(self, store: EntityStore) -> None:
        self._store = store
        self.opened = 0
        self.is_lost = False

    @contextmanager
    def snapshot(self, schema: Schema, *, timeout_ms: int | None = None) -> Iterator[StoredSnapshot]:
        self.opened += 1
        if self.is_lost:
            raise FactsUnavailable("lost")
        with self._store.snapshot(schema, timeout_ms=timeout_ms) as snapshot:
            yield snapshot


class Worker:
    """Facts over a counted store, read in threads whatever the database, and the feed that keeps them fresh."""

    def __init__(self, database: Database, entries: int = 100) -> None:
        self.store = CountedStore(EntityStore(database))
        self.feed = Feed(10)
        self.cache = FactCache(self.feed, entries)
        self.facts = FreshFacts(self.store, self.feed, self.cache, ReadPool("the facts", PoolSettings(connections=2)))

    async def level(self, ref: Ref = PLAN, *, consistency: Consistency = Latency.MINIMAL) -> object:
        """The document's level, None where it has no row."""
        return await self.facts.read(SCHEMA, lambda snapshot: level_in(snapshot, ref), consistency=consistency)

    def held_up(self, ref: Ref = PLAN) -> tuple["asyncio.Task[object]", threading.Event, threading.Event]:
        """A read that stops once it has read its row, until it is let go: the read, when it has read, the go."""
        has_read, may_end = threading.Event(), threading.Event()

        def read(snapshot: Snapshot) -> object:
            level = level_in(snapshot, ref)
            if threading.current_thread() is not threading.main_thread():
                has_read.set()
                assert may_end.wait(20)
            return level

        return asyncio.create_task(self.facts.read(SCHEMA, read)), has_read, may_end


def level_in(snapshot: Snapshot, ref: Ref) -> object:
    row = snapshot.rows([ref]).get(ref)
    return None if row is None else row.attributes["level"]


@asynccontextmanager
async def working(url: str, database: Database, entries: int = 100) -> AsyncIterator[Worker]:
    worker = Worker(database, entries)
    following = asyncio.create_task(follower(Settings(database=url), database, worker.feed).run())
    assert await worker.feed.begun(20)
    yield worker
    following.cancel()
    await asyncio.wait([following])
    await worker.facts.close()


@pytest.fixture
def writer(database: Database) -> EntityWriter:
    migrate(database, "facts")
    writer = EntityWriter(database, SCHEMA)
    writer.put(PLAN, {"level": 1})
    return writer


def test_a_load_that_a_change_overtook_keeps_nothing(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    async def run() -> None:
        async with working(database_url, database) as worker:
            load, has_read, may_end = worker.held_up()
            await asyncio.to_thread(has_read.wait)
            revision = await asyncio.to_thread(writer.put, PLAN, {"level": 2})
            await until(lambda: str(worker.feed.position) == revision)
            may_end.set()
            assert await load == 1, "it says a revision of before the change"
            assert await worker.level() == 2
            assert worker.store.opened == 2

    asyncio.run(run())


def test_a_change_of_another_key_leaves_a_load_what_it_read(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    async def run() -> None:
        async with working(database_url, database) as worker:
            load, has_read, may_end = worker.held_up()
            await asyncio.to_thread(has_read.wait)
            revision = await asyncio.to_thread(writer.put, OTHER, {})
            await until(lambda: str(worker.feed.position) == revision)
            may_end.set()
            assert await load == 1
            assert await worker.level() == 1
            assert worker.store.opened == 1

    asyncio.run(run())


def test_readers_of_one_key_share_a_load(database_url: str, database: Database, writer: EntityWriter) -> None:
    async def run() -> None:
        async with working(database_url, database) as worker:
            assert await asyncio.gather(*(worker.level() for _ in range(20))) == [1] * 20
            assert worker.store.opened == 1

    asyncio.run(run())


def test_a_reader_does_not_join_a_load_from_before_the_revision_it_asks_for(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    async def run() -> None:
        async with working(database_url, database) as worker:
            load, has_read, may_end = worker.held_up()
            await asyncio.to_thread(has_read.wait)
            revision = await asyncio.to_thread(writer.put, PLAN, {"level": 2})
            assert await worker.level(consistency=AtLeastAsFresh(revision)) == 2
            may_end.set()
            await load
            assert await worker.level() == 2

    asyncio.run(run())


def test_a_load_goes_on_for_others_when_its_caller_is_gone(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    async def run() -> None:
        async with working(database_url, database) as worker:
            load, has_read, may_end = worker.held_up()
            await asyncio.to_thread(has_read.wait)
            joined = asyncio.create_task(worker.level())
            await asyncio.sleep(0)
            load.cancel()
            may_end.set()
            assert await joined == 1
            assert worker.store.opened == 1

    asyncio.run(run())


def test_what_is_not_there_is_known_not_to_be_there(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    async def run() -> None:
        async with working(database_url, database) as worker:
            assert await worker.level(OTHER) is None
            assert await worker.level(OTHER) is None
            assert worker.store.opened == 1
            revision = await asyncio.to_thread(writer.put, OTHER, {"level": 5})
            assert await worker.level(OTHER, consistency=AtLeastAsFresh(revision)) == 5

    asyncio.run(run())


def test_what_is_kept_is_answered_while_the_store_is_lost(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    async def run() -> None:
        async with working(database_url, database) as worker:
            assert await worker.level() == 1
            worker.store.is_lost = True
            assert await worker.level() == 1
            with pytest.raises(FactsUnavailable):
                await worker.level(OTHER)
            with pytest.raises(FactsUnavailable):
                await worker.level(consistency=Latency.FULLY_CONSISTENT)
            worker.store.is_lost = False
            assert await worker.level(OTHER) is None

    asyncio.run(run())


def test_rows_of_another_schema_are_read_anew(database_url: str, database: Database, writer: EntityWriter) -> None:
    other = Schema({"Tenant": SCHEMA.types["Tenant"]}, {}, {}, {}, {})

    async def run() -> None:
        async with working(database_url, database) as worker:
            assert await worker.level() == 1
            ask = lambda snapshot: dict(snapshot.rows([PLAN]))  # noqa: E731
            with pytest.raises(KeyError):
                await worker.facts.read(other, ask)
            assert await worker.level() == 1
            assert worker.store.opened == 2

    asyncio.run(run())


def test_rows_of_the_same_types_are_kept_where_other_declarations_change(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    other = replace(SCHEMA, roles={})

    async def run() -> None:
        async with working(database_url, database) as worker:
            assert await worker.level() == 1
            assert await worker.facts.read(other, lambda snapshot: dict(snapshot.rows([PLAN])).keys()) == {PLAN}
            assert worker.store.opened == 1

    asyncio.run(run())


def test_the_cache_is_bounded(database_url: str, database: Database, writer: EntityWriter) -> None:
    async def run() -> None:
        async with working(database_url, database, entries=3) as worker:
            for at in range(10):
                await worker.level(Ref("Document", f"d{at}"))
                await worker.level(PLAN)
            assert len(worker.cache) == 3
            assert worker.store.opened == 11, "what is used is kept, what was used longest ago is not"

    asyncio.run(run())


def test_a_worker_without_a_cache_reads_anew_each_time(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    async def run() -> None:
        async with working(database_url, database, entries=0) as worker:
            assert [await worker.level() for _ in range(3)] == [1, 1, 1]
            assert worker.store.opened == 3

    asyncio.run(run())


def test_an_error_of_the_reading_itself_comes_through(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    def refuse(snapshot: Snapshot) -> object:
        raise DataError(f"level {level_in(snapshot, PLAN)}")

    async def run() -> None:
        async with working(database_url, database) as worker:
            for _ in range(2):
                with pytest.raises(DataError, match="level 1"):
                    await worker.facts.read(SCHEMA, refuse)

    asyncio.run(run())
