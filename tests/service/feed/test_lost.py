"""A feed that is cut comes back by itself and has missed nothing; one that cannot listen polls."""

import asyncio
import socket
import threading
import time
from contextlib import suppress
from typing import Final

import psycopg
import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from policy_lang.values import Ref
from service.config import Settings
from service.db.engine import Database
from service.db.feed import begin_epoch
from service.db.migration import migrate
from service.entities.writer import EntityWriter
from service.errors import RevisionUnknown
from service.feed.feed import Feed
from service.feed.postgresql import PostgresqlFollower
from service.model import AtLeastAsFresh, Latency
from tests.contracts.documents import SCHEMA
from tests.service.feed.followers import following, until

PLAN = Ref("Document", "plan")
LISTENING: Final = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'magistrate feed'"
)


@pytest.fixture
def writer(database: Database) -> EntityWriter:
    migrate(database, "facts")
    return EntityWriter(database, SCHEMA)


def cut_feed(url: str) -> None:
    """Ends the one connection that listens for changes; one that was ended before may need a moment to be gone."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as admin:
        while len(listening := admin.execute(LISTENING).fetchall()) != 1:
            time.sleep(0.001)
        admin.execute("SELECT pg_terminate_backend(%s)", listening[0])


def test_a_feed_whose_connection_is_cut_loses_nothing(postgresql_url: str, postgresql: Database) -> None:
    migrate(postgresql, "facts")
    writer = EntityWriter(postgresql, SCHEMA)

    async def run() -> None:
        async with following(Settings(database=postgresql_url), SCHEMA) as reader:
            told: list[int] = []
            reader.feed.subscribe("entity", lambda _, n: told.append(n))
            for level in range(10):
                await asyncio.to_thread(cut_feed, postgresql_url)
                revision = await asyncio.to_thread(writer.put, PLAN, {"level": level})
                assert await reader.level(PLAN, AtLeastAsFresh(revision)) == level
            assert told == list(range(1, 11))

    asyncio.run(run())


def test_what_is_lost_when_nobody_follows_any_more_is_no_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, capture_logs() as lines:
        port = silent.getsockname()[1]

        async def begin_and_end() -> None:
            follower = PostgresqlFollower(f"postgresql://nobody@127.0.0.1:{port}/facts?sslmode=disable", Feed(10.0))
            following = asyncio.create_task(follower.run())
            asked, _ = await asyncio.to_thread(silent.accept)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            asked.close()

        asyncio.run(begin_and_end())
        for thread in threading.enumerate():
            if thread.name == "feed":
                thread.join(20)
    assert lines == []


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
