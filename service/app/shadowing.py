"""Builds what lets candidate policies decide beside those in force, from facts that they fetch for themselves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from policy_lang.facts import Facts
from policy_lang.schema import Schema
from service.app.core import Core
from service.db.opening import open_database
from service.entities.fresh_facts import FreshFacts
from service.entities.pool import ReadPool
from service.entities.store import EntityStore
from service.ports import Snapshot
from service.shadowing import Shadowing

CONNECTIONS: Final = 2
"""Reads of a candidate at a time: its own, so that it takes no place from what is answered."""


@asynccontextmanager
async def shadowing(core: Core) -> AsyncIterator[Shadowing]:
    """The candidate's part in a worker's calls, while the block runs."""
    settings = core.settings
    pool_settings = settings.pool.model_copy(update={"connections": CONNECTIONS})
    database = open_database(settings.database_url, pool_settings)
    pool = None if database.is_embedded else ReadPool("the candidate's facts", pool_settings)
    fresh = FreshFacts(EntityStore(database), core.feed, core.candidate_facts, pool)
    facts = core.sources.beside(fresh)

    def fetch(schema: Schema, compute: Callable[[Snapshot], list[Facts]], timeout_ms: int) -> Awaitable[list[Facts]]:
        return facts.read(schema, compute, timeout_ms=timeout_ms)

    try:
        yield Shadowing(core.given.holder, core.pdp, fetch=fetch, settings=settings.shadow, samples=core.given.samples)
    finally:
        await fresh.close()
        database.close()
