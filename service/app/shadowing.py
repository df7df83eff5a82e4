"""Builds what lets candidate policies decide beside those in force, from facts that they fetch for themselves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from policy_lang.facts import Facts
from policy_lang.schema import Schema
from service.app.core import Core
from service.app.sources import mapped_sources
from service.config import Settings
from service.db.opening import open_database
from service.entities.fresh_facts import FreshFacts
from service.entities.pool import ReadPool
from service.entities.store import EntityStore
from service.pool_settings import PoolSettings
from service.ports import Snapshot
from service.shadowing import Shadowing

CONNECTIONS: Final = 2
"""Reads of a candidate in one database at a time: its own, so that it takes no place from what is answered."""


@asynccontextmanager
async def shadowing(core: Core) -> AsyncIterator[Shadowing]:
    """The candidate's part in a worker's calls, while the block runs."""
    settings = _apart(core.settings)
    database = open_database(settings.database_url, settings.pool)
    pool = None if database.is_embedded else ReadPool("the candidate's facts", settings.pool)
    fresh = FreshFacts(EntityStore(database), core.feed, core.candidate_facts, pool)
    try:
        async with mapped_sources(settings) as sources:
            facts = sources.beside(fresh)

            def fetch(
                schema: Schema, compute: Callable[[Snapshot], list[Facts]], timeout_ms: int
            ) -> Awaitable[list[Facts]]:
                return facts.read(schema, compute, timeout_ms=timeout_ms)

            yield Shadowing(
                core.given.holder, core.pdp, fetch=fetch, settings=settings.shadow, samples=core.given.samples
            )
    finally:
        await fresh.close()
        database.close()


def _apart(settings: Settings) -> Settings:
    """What a candidate reads by: rows are kept by one schema, and its budget must open no breaker but its own."""
    kept = settings.shadow.cache_entries
    sources = {
        name: source.model_copy(update={"pool": _few(source.pool), "cache_entries": kept})
        for name, source in settings.sources.items()
    }
    return settings.model_copy(update={"pool": _few(settings.pool), "sources": sources})


def _few(pool: PoolSettings) -> PoolSettings:
    return pool.model_copy(update={"connections": CONNECTIONS})
