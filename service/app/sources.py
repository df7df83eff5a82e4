"""Opens the mapped sources of a worker, and tells how they do."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.config import Settings
from service.db.opening import open_source
from service.entities.elsewhere import Elsewhere
from service.entities.fresh_facts import FreshFacts
from service.entities.mapped.guarded import GuardedSource
from service.entities.mapped.mixed_facts import MixedFacts
from service.entities.mapped.source import MappedSource
from service.entities.mapped.store import MappedStore
from service.entities.mapped.tenants import tenants_in
from service.entities.pool import ReadPool
from service.ports import FactStore
from service.samples import Samples

GAUGE_SECONDS = 0.25
FACTS = "facts"
"""How the database of the facts is called beside the sources."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The mapped sources of a worker, and what stands in them; none where nothing is mapped."""

    elsewhere: Elsewhere
    guarded: Mapping[str, GuardedSource]

    def beside(self, facts: FreshFacts) -> FreshFacts | MixedFacts:
        """The facts of the store and of the sources, for the loop."""
        return MixedFacts(facts, self.elsewhere, self.guarded) if self.guarded else facts

    def behind(self, store: FactStore) -> FactStore:
        """The same, for those who may wait."""
        return MappedStore(store, self.elsewhere, self.guarded) if self.guarded else store

    async def gauge(self, samples: Samples, facts: ReadPool | None) -> None:
        """Keeps what this worker tells of the databases that it reads true."""
        pools = {f"sources.{name}": source.pool for name, source in self.guarded.items()}
        if facts is not None:
            pools[FACTS] = facts
        while pools:
            for name, pool in pools.items():
                labels = (("database", name),)
                samples.states["magistrate_breaker_open", labels] = float(pool.breaker.is_open)
                samples.states["magistrate_reads_under_way", labels] = pool.under_way
                samples.states["magistrate_reads_places", labels] = pool.places
                samples.counters["magistrate_breaker_opened", labels] = pool.breaker.opened
                samples.counters["magistrate_reads_refused", labels] = pool.refused
            await asyncio.sleep(GAUGE_SECONDS)


@asynccontextmanager
async def mapped_sources(settings: Settings) -> AsyncIterator[Sources]:
    """The sources of the settings while the block runs; ConfigError where two hold the same."""
    guarded = {
        name: GuardedSource(
            MappedSource(name, source, open_source(source.database or settings.database_url, source.pool)), source
        )
        for name, source in settings.sources.items()
    }
    try:
        yield Sources(Elsewhere(settings.sources, tenants_in(guarded)), guarded)
    finally:
        for source in guarded.values():
            await source.close()
