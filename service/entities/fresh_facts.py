"""Reads the facts of a batch as fresh as it asks: from the cache, on the loop, or what that lacks in one read beneath.

Law (runtime.md, Consistency): the revision of an answer means that every fact used is at least that fresh. What is
cached is as fresh as the feed's position when it is used, and what is read beneath is fresher.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, assert_never

from policy_lang.schema import Schema
from service.entities.at_hand import AtHand, NotAtHand
from service.entities.cache import FactCache, Load
from service.entities.deadlines import left_ms
from service.entities.layers import Layered
from service.entities.loading import Lacking, Recording
from service.entities.pool import ReadPool
from service.entities.shelf import Found
from service.errors import FactsUnavailable, MagistrateError
from service.feed.feed import Feed
from service.feed.revision import Revision
from service.model import AtLeastAsFresh, Consistency, Latency
from service.ports import FactStore, Snapshot

T = TypeVar("T")

WAIT_SECONDS: Final = 10.0
"""How long a read without a deadline waits for a revision."""
DEADLINE_SHARE: Final = 0.9
"""How much of a deadline may be spent waiting: what is left takes the answer to the caller."""
JOINS: Final = 2
"""How often a read waits for those of others before it makes its own."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A read beneath, for others to wait for: the feed's position when it began, its end, and what it brings."""

    began: Revision
    ended: asyncio.Event
    lacks: tuple[object, ...]


class FreshFacts:
    """Gives batches their facts. All methods run on the loop's thread; only reads beneath leave it, in the pool.

    Without a pool they stay: right where a read is a function call, as in SQLite.
    """

    def __init__(self, store: FactStore, feed: Feed, cache: FactCache, pool: ReadPool | None = None) -> None:
        self._store = store
        self._feed = feed
        self._cache = cache
        self._pool = pool
        self._under_way: dict[object, _UnderWay] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self.reads = {"memory": 0, "joined": 0, "database": 0}
        """How many reads came from the cache alone, by a read of another call, by a read of their own."""

    @property
    def kept(self) -> int:
        """How many facts are kept."""
        return len(self._cache)

    async def read(
        self,
        schema: Schema,
        compute: Callable[[Snapshot], T],
        *,
        consistency: Consistency = Latency.MINIMAL,
        timeout_ms: int | None = None,
    ) -> T:
        """What `compute` gives from a snapshot of the facts. It may be called again, also after it was given gaps.

        FactsUnavailable where they cannot be read or are not fresh, RevisionUnknown and RevisionNotReached where they
        are not as fresh as asked.
        """
        ends = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
        wanted = None if consistency is Latency.MINIMAL else await self._reached(schema, consistency, ends)
        with suppress(NotAtHand):
            return self.at_hand(schema, compute)
        for tries_left in range(JOINS, -1, -1):
            position = self._feed.position
            self._cache.use(schema)
            lacking = Lacking(schema)
            layered = Layered(self._cache, lacking, str(position))
            try:
                answer = compute(layered)
            except MagistrateError:
                if not lacking.lacks:
                    raise
            else:
                if not lacking.lacks:
                    self.reads["joined"] += 1
                    return answer
            if not tries_left or not await self._joined(lacking.lacks, wanted.n if wanted else 0):
                break
        self.reads["database"] += 1
        return await self._loaded(_Read(schema, compute, layered.found, position, ends), lacking.lacks)

    def at_hand(self, schema: Schema, compute: Callable[[Snapshot], T]) -> T:
        """What `compute` gives from the cache alone; NotAtHand where that lacks something.

        FactsUnavailable where what is kept is not fresh.
        """
        position = self._feed.position
        self._cache.use(schema)
        answer = compute(AtHand(self._cache, str(position)))
        self.reads["memory"] += 1
        return answer

    async def reach(self, schema: Schema, consistency: Consistency, *, timeout_ms: int | None = None) -> Consistency:
        """Waits until all that follows the feed is as fresh as asked; what to ask of `read` for the same.

        Errors are those of `read`.
        """
        ends = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
        wanted = await self._reached(schema, consistency, ends)
        return Latency.MINIMAL if wanted is None else AtLeastAsFresh(str(wanted))

    async def close(self) -> None:
        """Waits for the reads beneath."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._pool is not None:
            self._pool.close()

    async def _reached(self, schema: Schema, consistency: Consistency, ends: float | None) -> Revision | None:
        """Waits until the feed is where the caller wants it; that revision, None for anywhere."""
        if consistency is Latency.MINIMAL:
            return None
        _ = self._feed.position  # where the feed is lost, waiting would be in vain
        match consistency:
            case AtLeastAsFresh(text):
                wanted = Revision.parse(text)
            case Latency.FULLY_CONSISTENT:
                wanted = await self._head(schema, left_ms(ends))
            case _:
                assert_never(consistency)
        left = WAIT_SECONDS if ends is None else max(0.0, ends - time.monotonic()) * DEADLINE_SHARE
        await self._feed.reached(wanted, left)
        return wanted

    async def _head(self, schema: Schema, timeout_ms: int | None) -> Revision:
        """The last revision that is committed."""

        def read() -> str:
            with self._store.snapshot(schema, timeout_ms=timeout_ms) as snapshot:
                return snapshot.revision

        return Revision.parse(read() if self._pool is None else await self._pool.run(read))

    async def _joined(self, lacks: Collection[object], wanted: int) -> bool:
        """Waits for reads of others that bring all that is lacking; false if none does.

        One that began before the revision wanted may have read before it.
        """
        others = {self._under_way.get(lack) for lack in lacks}
        if not all(other is not None and other.began.n >= wanted for other in others):
            return False
        for other in others:
            if other is not None:
                await other.ended.wait()
        return True

    async def _loaded(self, read: "_Read[T]", lacks: Collection[object]) -> T:
        load = self._cache.begin(read.schema)
        if self._pool is None:
            try:
                return self._keep(load, read, read.run(self._store))
            finally:
                self._cache.give_up(load)
        under_way = _UnderWay(read.position, asyncio.Event(), tuple(lacks))
        self._under_way.update(dict.fromkeys(lacks, under_way))
        # A task of its own: when this caller is gone, others may still wait for what it asked for.
        task = asyncio.create_task(self._load_in(self._pool, load, read, under_way))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def _load_in(self, pool: ReadPool, load: Load, read: "_Read[T]", under_way: _UnderWay) -> T:
        try:
            return self._keep(load, read, await pool.run(lambda: read.run(self._store), read.ends))
        finally:
            self._cache.give_up(load)
            for lack in under_way.lacks:
                if self._under_way.get(lack) is under_way:
                    del self._under_way[lack]
            under_way.ended.set()

    def _keep(self, load: Load, read: "_Read[T]", brought: "_Brought[T]") -> T:
        read_at, position = Revision.parse(brought.revision), read.position
        if read_at.epoch != position.epoch or read_at.n < position.n:
            raise FactsUnavailable(f"facts of revision {read_at} were read where the feed was at {position}")
        self._cache.keep(load, brought.found, read_at)
        return brought.answer

    def _forget(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits for it any more


@dataclass(frozen=True, slots=True)
class _Brought(Generic[T]):
    """What a read beneath came to: the answer, the facts that were read, and of which revision they are."""

    answer: T
    found: Found
    revision: str


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    """A read beneath, whole, to be run in any thread: it shares nothing with the loop's."""

    schema: Schema
    compute: Callable[[Snapshot], T]
    found: Found
    position: Revision
    ends: float | None

    def run(self, store: FactStore) -> _Brought[T]:
        """Reads in one snapshot what was not found."""
        with store.snapshot(self.schema, timeout_ms=left_ms(self.ends)) as snapshot:
            recording = Recording(snapshot)
            answer = self.compute(Layered(self.found, recording, str(self.position)))
            return _Brought(answer, recording.found, snapshot.revision)
