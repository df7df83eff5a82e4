"""Keeps rows of one kind in memory by their keys, each read when it is asked for first and dropped when it changes.

Laws (runtime.md, Cache): a read that began before a change is not kept after the feed has told of it; one read serves
all who wait for it; rows that are not there are kept too, apart from those that are, so that keys which somebody makes
up push out nothing.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Final, Generic, TypeVar

from service.errors import FactsUnavailable
from service.feed.feed import Feed
from service.lru import Lru

ABSENT: Final = 1_000
"""Keys without a row that are remembered."""
READING: Final = 64
"""Keys that are being read at a time; further ones are refused."""
AT_ONCE: Final = 4
"""Of those, how many the database sees at a time."""
TRIES: Final = 5

Row = TypeVar("Row")


class Unread(Enum):
    """Stands for a row of which nothing is known."""

    UNREAD = "unread"


UNREAD: Final = Unread.UNREAD


class FollowedRows(Generic[Row]):
    """Rows as the feed leaves them. It belongs to the loop's thread; only `read` runs in others."""

    def __init__(self, feed: Feed, kind: str, read: Callable[[str], Row | None], capacity: int) -> None:
        """`read` reads the row of a key, None where there is none; FactsUnavailable if it cannot."""
        self._read = read
        self._present: Lru[str, Row] = Lru(capacity)
        self._absent: Lru[str, Unread] = Lru(ABSENT)
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._stale: set[str] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.hits = 0
        """How often a row, or that there is none, was found in memory."""
        self.misses = 0
        """How often it was not."""
        feed.subscribe(kind, self._hear)

    def find(self, key: str) -> Row | Unread | None:
        """The row; None where it is known that there is none, UNREAD where nothing is known."""
        found = self._present.get(key)
        if found is None and self._absent.get(key) is None:
            self.misses += 1
            return UNREAD
        self.hits += 1
        return found

    def drop(self, key: str) -> None:
        """Forgets what is known of a key."""
        self._stale.add(key) if key in self._loading else None
        self._present.drop(key)
        self._absent.drop(key)

    def clear(self) -> None:
        """Forgets everything."""
        self._stale.update(self._loading)
        self._present.clear()
        self._absent.clear()

    async def fetch(self, key: str) -> None:
        """Reads the row, or waits until who reads it already has; FactsUnavailable if it cannot be read now."""
        loading = self._loading.get(key)
        if loading is None:
            if len(self._loading) >= READING:
                raise FactsUnavailable(f"more than {READING} credentials are being read")
            loading = self._loading[key] = asyncio.create_task(self._load(key))
            loading.add_done_callback(_observed)
        # Who goes away must not take the read from the others.
        await asyncio.shield(loading)

    async def _load(self, key: str) -> None:
        try:
            for _ in range(TRIES):
                async with self._turns:
                    self._stale.discard(key)
                    row = await asyncio.to_thread(self._read, key)
                if key not in self._stale:
                    self._keep(key, row)
                    return
            raise FactsUnavailable("a credential changes faster than it can be read")
        finally:
            self._stale.discard(key)
            del self._loading[key]

    def _keep(self, key: str, row: Row | None) -> None:
        if row is None:
            self._absent.put(key, UNREAD)
        else:
            self._present.put(key, row)

    def _hear(self, key: str | None, _: int) -> None:
        if key is None:
            self.clear()
        else:
            self.drop(key)


def _observed(loading: "asyncio.Task[None]") -> None:
    """Takes note of how it ended, where nobody waited for that any more."""
    if not loading.cancelled():
        loading.exception()
