"""A feed that is cut comes back by itself and has missed nothing; one that cannot listen polls."""

import asyncio

import psycopg
import pytest
from sqlalchemy.engine import make_url

from policy_lang.values import Ref
from service.config import Settings
from service.db.engine import Database
from service.db.feed import begin_epoch
from service.db.migration import migrate
from service.entities.writer import EntityWriter
from service.errors import RevisionUnknown
from service.model import AtLeastAsFresh, Latency
from tests.contracts.documents import SCHEMA
from tests.service.feed.followers import following, until

PLAN = Ref("Document", "plan")


@pytest.fixture
def writer(database: Database) -> EntityWriter:
    migrate(database, "facts")
    return EntityWriter(database, SCHEMA)


def cut_feeds(url: str) -> int:
    """Ends every connection that listens for changes; how many there were."""
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)) as admin:
        return len(
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'magistrate feed'"
            ).fetchall()
        )


def test_a_feed_whose_connection_is_cut_loses_nothing(postgresql_url: str, postgresql: Database) -> None:
    migrate(postgresql, "facts")
    writer = EntityWriter(postgresql, SCHEMA)

    async def run() -> None:
        async with following(Settings(database=postgresql_url), SCHEMA) as reader:
            told: list[int] = []
            reader.feed.subscribe("entity", lambda _, n: told.append(n))
            for level in range(10):
                assert await asyncio.to_thread(cut_feeds, postgresql_url) == 1
                revision = await asyncio.to_thread(writer.put, PLAN, {"level": level})
                assert await reader.level(PLAN, AtLeastAsFresh(revision)) == level
            assert told == list(range(1, 11))

    asyncio.run(run())


def test_without_listening_changes_are_found_by_polling(postgresql_url: str, postgresql: Database) -> None:
    migrate(postgresql, "facts")
    writer = EntityWriter(postgresql, SCHEMA)

    async def run() -> None:
        async with following(Settings(database=postgresql_url, feed_listens=False), SCHEMA) as reader:
            for level in range(5):
                await asyncio.to_thread(writer.put, PLAN, {"level": level})
                assert await reader.level(PLAN, Latency.FULLY_CONSISTENT) == level

    asyncio.run(run())


def test_a_restore_makes_earlier_revisions_unknown_and_empties_the_cache(
    database_url: str, database: Database, writer: EntityWriter
) -> None:
    before = writer.put(PLAN, {"level": 1})

    async def run() -> None:
        async with following(Settings(database=database_url), SCHEMA) as reader:
            assert await reader.level(PLAN) == 1
            with database.write() as connection:
                connection.exec_driver_sql("UPDATE entity SET attributes = '{\"level\": 0}'")
                begun = begin_epoch(connection)
            await until(lambda: str(reader.feed.position) == begun)
            assert await reader.level(PLAN) == 0
            with pytest.raises(RevisionUnknown):
                await reader.level(PLAN, AtLeastAsFresh(before))

    asyncio.run(run())
