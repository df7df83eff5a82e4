"""Gives batches their facts from the store and from mapped sources, of which none waits for another.

Law (runtime.md, Facts and freshness): a source is asked once a step for the whole batch; a batch that needs one that
does not answer is unavailable, and no other. While a source is waited for, no connection to the store is held.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from policy_lang.schema import Schema
from service.entities.deadlines import left_ms
from service.entities.elsewhere import Elsewhere
from service.entities.fresh_facts import FreshFacts
from service.entities.mapped.aged import MappedShelf
from service.entities.mapped.guarded import GuardedSource
from service.entities.mapped.noting import Noting
from service.entities.mapped.split import Split
from service.entities.mapped.wanted import Wanted
from service.errors import FactsUnavailable, MagistrateError
from service.model import Consistency, Latency
from service.ports import Snapshot

T = TypeVar("T")

ROUNDS: Final = 64
"""Reads of mapped sources one after the other, at most: steps and ancestors are bounded, and each brings some."""


@dataclass(frozen=True, slots=True)
class _Lacks:
    """What an attempt did not have at hand, by source."""

    wanted: Mapping[str, Wanted]


class MixedFacts:
    """As `FreshFacts`, where sources are mapped."""

    def __init__(self, facts: FreshFacts, elsewhere: Elsewhere, sources: Mapping[str, GuardedSource]) -> None:
        self._facts = facts
        self._elsewhere = elsewhere
        self._sources = sources

    async def read(
        self,
        schema: Schema,
        compute: Callable[[Snapshot], T],
        *,
        consistency: Consistency = Latency.MINIMAL,
        timeout_ms: int | None = None,
    ) -> T:
        """As `FreshFacts.read`; any consistency but the least reads sources past what is kept of them."""
        began = time.monotonic()
        ends = None if timeout_ms is None else began + timeout_ms / 1000
        ages = {
            name: began - (source.max_staleness if consistency is Latency.MINIMAL else 0)
            for name, source in self._sources.items()
        }
        shelves = {name: source.shelf(schema, ages[name]) for name, source in self._sources.items()}
        wished = await self._facts.reach(schema, consistency, timeout_ms=timeout_ms)

        def attempt(stored: Snapshot) -> T | _Lacks:
            noting = Noting(schema, self._elsewhere, shelves)
            try:
                answer = compute(Split(stored, noting, self._elsewhere))
            except MagistrateError:
                if not noting.wanted:
                    raise
            else:
                if not noting.wanted:
                    return answer
            return _Lacks(noting.wanted)

        for _ in range(ROUNDS):
            answer = await self._facts.read(schema, attempt, consistency=wished, timeout_ms=left_ms(ends))
            if not isinstance(answer, _Lacks):
                return answer
            await self._fill(schema, answer.wanted, shelves=shelves, ages=ages, ends=ends)
        raise FactsUnavailable(f"the facts of one batch took more than {ROUNDS} reads")

    async def reach(self, schema: Schema, consistency: Consistency, *, timeout_ms: int | None = None) -> Consistency:
        """As `FreshFacts.reach`."""
        return await self._facts.reach(schema, consistency, timeout_ms=timeout_ms)

    async def _fill(
        self, schema: Schema, wanted: Mapping[str, Wanted], *, shelves: Mapping[str, MappedShelf],
        ages: Mapping[str, float], ends: float | None,
    ) -> None:  # fmt: skip
        """Reads what is lacking of all sources at once."""
        fetches = [
            self._sources[name].fetch(schema, each, not_before=ages[name], ends=ends) for name, each in wanted.items()
        ]
        for name, brought in zip(wanted, await asyncio.gather(*fetches), strict=True):
            shelves[name].brought.add(brought)
