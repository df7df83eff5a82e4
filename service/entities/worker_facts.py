"""Builds what one worker reads its facts by: the store, the feed that follows it, the cache between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from service.config import Settings
from service.db.engine import Database
from service.entities.cache import FactCache
from service.entities.fresh_facts import FreshFacts
from service.entities.pool import ReadPool
from service.entities.store import EntityStore
from service.feed.feed import Feed
from service.feed.postgresql import PostgresqlFollower
from service.feed.sqlite import SqliteFollower

FIRST_POLL_SECONDS = 5.0
"""How long a start waits for the feed; without it the worker is there, and not fresh until it comes."""


@asynccontextmanager
async def worker_facts(settings: Settings, database: Database, feed: Feed) -> AsyncIterator[FreshFacts]:
    """The facts, kept fresh while the block runs. Whoever else follows the feed must have subscribed before."""
    pool = None if database.is_embedded else ReadPool(f"the database {database.name}", settings.pool)
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
