"""Builds what one worker reads its facts by: the store, the feed that follows it, the cache between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from service.config import Settings
from service.db.engine import Database
from service.entities.cache import FactCache
from service.entities.fresh_facts import FreshFacts
from service.entities.guarded_store import GuardedStore
from service.entities.pool import ReadPool
from service.entities.store import EntityStore
from service.feed.feed import Feed
from service.feed.postgresql import PostgresqlFollower
from service.feed.sqlite import SqliteFollower
from service.ports import FactStore

FIRST_POLL_SECONDS = 5.0
"""How long a start waits for the feed; without it the worker is there, and not fresh until it comes."""


def read_pool(settings: Settings, database: Database) -> ReadPool | None:
    """What a worker reads its facts in; None where a read is a function call."""
    return None if database.is_embedded else ReadPool(f"the database {database.name}", settings.pool)


def guarded_store(database: Database, pool: ReadPool | None) -> FactStore:
    """The store for those who read beside the pool: they, too, leave a database alone that fails."""
    store = EntityStore(database)
    return store if pool is None else GuardedStore(store, pool.breaker)


@asynccontextmanager
async def worker_facts(
    settings: Settings, database: Database, feed: Feed, pool: ReadPool | None
) -> AsyncIterator[FreshFacts]:
    """The facts, kept fresh while the block runs. Whoever else follows the feed must have subscribed before.

    The pool is closed with it.
    """
    facts = FreshFacts(EntityStore(database), feed, FactCache(feed, settings.cache_entries), pool)
    following = asyncio.create_task(follower(settings, database, feed).run())
    try:
        await feed.begun(FIRST_POLL_SECONDS)
        yield facts
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await facts.close()


def follower(settings: Settings, database: Database, feed: Feed) -> SqliteFollower | PostgresqlFollower:
    """What follows that kind of database."""
    if database.is_embedded:
        return SqliteFollower(database, feed)
    return PostgresqlFollower(settings.feed_url or settings.database_url, feed, listens=settings.feed_listens)
