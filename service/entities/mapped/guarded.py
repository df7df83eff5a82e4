"""Keeps a slow or failing source from holding up what does not need it: its threads, breaker and memory are its own."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from policy_lang.schema import Schema
from service.entities.deadlines import left_ms
from service.entities.mapped.aged import Aged, MappedShelf
from service.entities.mapped.source import MappedSource
from service.entities.mapped.wanted import Brought, Wanted
from service.entities.pool import ReadPool
from service.source_settings import SourceSettings

JOINS: Final = 2
"""How often a read waits for those of others before it makes its own."""


@dataclass(slots=True)
class _UnderWay:
    """A read for others to wait for: when it began, its end, and what it brought; None where it failed."""

    began: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    brought: Brought | None = None


class GuardedSource:
    """A source, as the loop reads it. All methods but `read` run on the loop's thread."""

    def __init__(self, source: MappedSource, settings: SourceSettings) -> None:
        self.name = source.name
        self.pool = ReadPool(f"the source `{source.name}`", settings.pool)
        self.max_staleness = settings.max_staleness
        self._source = source
        self._aged = Aged(settings.cache_entries)
        self._under_way: dict[tuple[str, object], _UnderWay] = {}

    def shelf(self, schema: Schema, not_before: float) -> MappedShelf:
        """What is at hand for one batch, of what was read at that moment or later."""
        self._aged.use(schema)
        return MappedShelf(self._aged, not_before)

    async def fetch(self, schema: Schema, wanted: Wanted, *, not_before: float, ends: float | None) -> Brought:
        """What is wanted, read at that moment or later; FactsUnavailable where it cannot be."""
        asks = list(wanted.asks())
        for _ in range(JOINS):
            others = [self._under_way.get(ask) for ask in asks]
            joined = [other for other in others if other is not None and other.began >= not_before]
            if len(joined) < len(asks):
                break
            brought = await _brought_by(joined, ends)
            if brought is not None:
                return brought
        return await self._read(schema, wanted, asks, ends)

    def read(self, schema: Schema, wanted: Wanted, timeout_ms: int | None = None) -> Brought:
        """What is wanted, read in the caller's own thread; FactsUnavailable where it cannot be."""
        return self.pool.run_here(lambda: self._source.read(schema, wanted, timeout_ms))

    async def close(self) -> None:
        """Waits for the reads under way, and closes the source."""
        await asyncio.to_thread(self.pool.close)
        self._source.close()

    async def _read(
        self, schema: Schema, wanted: Wanted, asks: Iterable[tuple[str, object]], ends: float | None
    ) -> Brought:
        under_way = _UnderWay(time.monotonic())
        mine = {ask: under_way for ask in asks if ask not in self._under_way}
        self._under_way.update(mine)
        try:
            brought = await self.pool.run(lambda: self._source.read(schema, wanted, left_ms(ends)), ends)
            under_way.brought = brought
        finally:
            for ask in mine:
                del self._under_way[ask]
            under_way.ended.set()
        self._aged.keep(schema, brought, under_way.began)
        return brought


async def _brought_by(others: Iterable[_UnderWay], ends: float | None) -> Brought | None:
    """What others' reads brought together; None where one failed, or did not end in time."""
    brought = Brought()
    for other in {id(each): each for each in others}.values():
        try:
            async with asyncio.timeout(None if ends is None else ends - time.monotonic()):
                await other.ended.wait()
        except TimeoutError:
            return None
        if other.brought is None:
            return None
        brought.add(other.brought)
    return brought
