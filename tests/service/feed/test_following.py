"""A worker hears of every change of another's, once and in order, and shows facts no older than is asked."""

import asyncio

import pytest

from policy_lang.values import Ref
from service.config import Settings
from service.db.engine import Database
from service.db.migration import migrate
from service.entities.writer import EntityWriter
from service.errors import RevisionNotReached, RevisionUnknown
from service.model import AtLeastAsFresh, Latency
from tests.contracts.documents import SCHEMA
from tests.service.feed.followers import following, until

PLAN = Ref("Document", "plan")
ROUNDS = 50


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database=database_url)


@pytest.fixture
def writer(database: Database) -> EntityWriter:
    migrate(database, "facts")
    return EntityWriter(database, SCHEMA)


def test_a_read_at_least_as_fresh_as_a_write_is_never_stale(settings: Settings, writer: EntityWriter) -> None:
    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            for level in range(ROUNDS):
                revision = await asyncio.to_thread(writer.put, PLAN, {"level": level})
                assert await reader.level(PLAN, AtLeastAsFresh(revision)) == level

    asyncio.run(run())


def test_a_fully_consistent_read_is_never_stale(settings: Settings, writer: EntityWriter) -> None:
    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            for level in range(ROUNDS):
                await asyncio.to_thread(writer.put, PLAN, {"level": level})
                assert await reader.level(PLAN, Latency.FULLY_CONSISTENT) == level

    asyncio.run(run())


def test_a_plain_read_follows_by_itself(settings: Settings, writer: EntityWriter) -> None:
    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            assert await reader.level(PLAN) is None
            writer.put(PLAN, {"level": 1})
            async with asyncio.timeout(20):
                while await reader.level(PLAN) != 1:
                    await asyncio.sleep(0.001)

    asyncio.run(run())


def test_a_revision_of_another_epoch_is_unknown(settings: Settings, writer: EntityWriter) -> None:
    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            for text in ("other.1", "", "no revision", "1", ".1", f"{reader.feed.position.epoch}.-1", "x" * 1000):
                with pytest.raises(RevisionUnknown):
                    await reader.level(PLAN, AtLeastAsFresh(text))

    asyncio.run(run())


def test_a_revision_yet_to_come_is_waited_for_within_the_deadline(settings: Settings, writer: EntityWriter) -> None:
    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            ahead = AtLeastAsFresh(f"{reader.feed.position.epoch}.1")
            with pytest.raises(RevisionNotReached):
                await reader.facts.read(SCHEMA, lambda _: None, consistency=ahead, timeout_ms=50)
            waiting = asyncio.create_task(reader.level(PLAN, ahead))
            await asyncio.sleep(0)
            writer.put(PLAN, {"level": 7})
            assert await waiting == 7

    asyncio.run(run())


def test_what_is_kept_is_answered_without_the_database(settings: Settings, writer: EntityWriter) -> None:
    writer.put(PLAN, {"level": 3})

    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            assert await reader.level(PLAN) == 3
            reading = reader.level(PLAN)
            with pytest.raises(StopIteration) as ended:
                reading.send(None)
            assert ended.value.value == 3

    asyncio.run(run())


def test_the_position_follows_every_write(settings: Settings, writer: EntityWriter) -> None:
    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            revision = writer.put(PLAN, {"level": 3})
            await until(lambda: str(reader.feed.position) == revision)

    asyncio.run(run())
