"""What a worker has, without the worker: a feed that follows a database, and the facts that it keeps fresh."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.config import Settings
from service.db.opening import open_database
from service.entities.fresh_facts import FreshFacts
from service.entities.worker_facts import read_pool, worker_facts
from service.feed.feed import Feed
from service.model import Consistency, Latency
from service.ports import Snapshot

PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Follower:
    """One worker's feed and facts, read by one schema."""

    feed: Feed
    facts: FreshFacts
    schema: Schema

    async def level(self, ref: Ref, consistency: Consistency = Latency.MINIMAL) -> object:
        """The attribute `level` of an entity, None where it has no row."""

        def read(snapshot: Snapshot) -> object:
            row = snapshot.rows([ref]).get(ref)
            return None if row is None else row.attributes["level"]

        return await self.facts.read(self.schema, read, consistency=consistency)


@asynccontextmanager
async def following(settings: Settings, schema: Schema) -> AsyncIterator[Follower]:
    """A follower of its own, as each worker has one, with connections of its own."""
    database = open_database(settings.database_url)
    feed = Feed(settings.max_staleness)
    try:
        async with worker_facts(settings, database, feed, read_pool(settings, database)) as facts:
            yield Follower(feed, facts, schema)
    finally:
        database.close()


async def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Returns when the condition holds."""
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.002)
