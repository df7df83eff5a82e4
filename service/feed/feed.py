"""What one worker has heard of changes: how far, how long ago, and whom each change concerns.

Law (runtime.md, Change feed): a change that this cannot be sure to have heard of is a change of everything. Everything
here is done by the loop's own thread.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from service.db.feed import EVERYTHING, FORMAT
from service.db.feed_reading import Polled, Told
from service.errors import FactsUnavailable, RevisionNotReached, RevisionUnknown
from service.feed.revision import Revision

EPOCH_SECONDS: Final = 1.0
"""How long the poll may take that says whether an epoch is a new one."""
LOOK_SECONDS: Final = 0.002

Hurry = Callable[[], object]
"""Has the next poll begin at once."""
OnChange = Callable[[str | None, int], None]
"""Is told the key that changed, None for every key, and the number of the revision that changed it."""


class Feed:
    """The changes applied so far, in their order and each once."""

    def __init__(self, max_staleness: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_staleness = max_staleness
        self._clock = clock
        self._subscribers: defaultdict[str, list[OnChange]] = defaultdict(list)
        self._position: Revision | None = None
        self._good_at: float | None = None
        self._moved = asyncio.Event()
        self._hurry: Hurry = _nobody

    def subscribe(self, kind: str, on_change: OnChange) -> None:
        """Has every change of that kind told, before any reader may count on it."""
        self._subscribers[kind].append(on_change)

    def when_waited_for(self, hurry: Hurry) -> None:
        """Has it called when somebody waits for a revision that is not there yet."""
        self._hurry = hurry

    @property
    def position(self) -> Revision:
        """The last revision that is applied; FactsUnavailable where the feed is not fresh."""
        if self._position is None or not self.is_fresh():
            raise FactsUnavailable(f"no change was heard of for longer than {self._max_staleness:g} seconds")
        return self._position

    @property
    def applied(self) -> int:
        """The number of the last revision that is applied, fresh or not; 0 before the first poll."""
        return 0 if self._position is None else self._position.n

    @property
    def staleness(self) -> float:
        """Seconds since the start of the last poll that succeeded; infinite before the first."""
        return float("inf") if self._good_at is None else self._clock() - self._good_at

    def is_fresh(self) -> bool:
        """Whether what is kept may be used: it was true at most `max_staleness` seconds ago."""
        return self.staleness <= self._max_staleness

    def apply(self, polled: Polled, started: float) -> None:
        """Takes in a poll that began at that reading of the clock."""
        position = Revision(polled.epoch, polled.n)
        if self._position is None or not _follows(self._position, polled):
            self._tell_all(None, polled.n)
        else:
            for told in polled.changes:
                self._tell(told)
        has_moved = position != self._position
        self._position = position
        self.confirm(started)
        if has_moved:
            self._moved.set()
            self._moved = asyncio.Event()

    def confirm(self, started: float) -> None:
        """Takes note that nothing had changed since the last poll when a new one began."""
        self._good_at = started

    async def begun(self, within: float) -> bool:
        """Waits for the first poll; false where it has not come after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._position is None:
                    await self._moved.wait()
        return self._position is not None

    async def passed(self, known: Revision, within: float) -> None:
        """Returns when a revision after that one is applied, or one of another epoch, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._position is None or (self._position.epoch == known.epoch and self._position.n <= known.n):
                    await self._moved.wait()

    async def reached(self, wanted: Revision, within: float) -> None:
        """Returns when that revision is applied.

        RevisionUnknown where its epoch is not the feed's, RevisionNotReached after so many seconds.
        """
        if self._position is not None and wanted.epoch != self._position.epoch:
            await self._looked_again(min(within, EPOCH_SECONDS))
        if self._has(wanted):
            return
        try:
            async with asyncio.timeout(within):
                while not self._has(wanted):
                    moved = self._moved
                    self._hurry()
                    if moved is self._moved:
                        await moved.wait()
        except TimeoutError as error:
            raise RevisionNotReached(f"revision `{wanted}` has not come within {within:.3g} seconds") from error

    async def _looked_again(self, within: float) -> None:
        """Waits for a poll that begins now or later: the epoch that is asked for may be newer than the last one."""
        asked = self._clock()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._good_at is not None and self._good_at < asked:
                    self._hurry()
                    await asyncio.sleep(LOOK_SECONDS)

    def _has(self, wanted: Revision) -> bool:
        if self._position is None:
            return False
        if wanted.epoch != self._position.epoch:
            raise RevisionUnknown(f"revision `{wanted}` is of an epoch other than the facts'")
        return wanted.n <= self._position.n

    def _tell(self, told: Told) -> None:
        if told.format != FORMAT or told.kind == EVERYTHING.kind:
            self._tell_all(None, told.n)
            return
        for on_change in self._subscribers.get(told.kind, ()):
            on_change(told.key, told.n)

    def _tell_all(self, key: None, n: int) -> None:
        for on_changes in self._subscribers.values():
            for on_change in on_changes:
                on_change(key, n)


def _follows(position: Revision, polled: Polled) -> bool:
    """Whether the poll tells every revision after the position: each has at least one row."""
    if polled.epoch != position.epoch or polled.n < position.n:
        return False
    return list(_distinct(polled.changes)) == list(range(position.n + 1, polled.n + 1))


def _distinct(changes: tuple[Told, ...]) -> Iterator[int]:
    last: int | None = None
    for told in changes:
        if told.n != last:
            yield told.n
        last = told.n


def _nobody() -> None:
    return
