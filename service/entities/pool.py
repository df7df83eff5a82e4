"""Runs reads that would hold up the loop in a few threads, and refuses more at once instead of queueing.

A read is a function of nothing but the database, so one whose connection was lost is tried once more on a new one.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from service.breaker import Breaker
from service.errors import FactsUnavailable, MagistrateError, Trouble
from service.pool_settings import PoolSettings
from service.traces import TRACE

T = TypeVar("T")


@contextmanager
def judged(breaker: Breaker, turn: int) -> Iterator[None]:
    """Reads in a turn, and tells the breaker how it went: what a read itself refuses is no failure of the database."""
    try:
        yield
    except FactsUnavailable as error:
        if error.trouble in _SAYS_NOTHING:
            breaker.gave_up(turn)
        else:
            breaker.failed(turn, str(error))
        raise
    except MagistrateError:
        breaker.succeeded(turn)
        raise
    except BaseException:
        breaker.gave_up(turn)
        raise
    breaker.succeeded(turn)


class ReadPool:
    """The reads of one database: so many at a time, so many that wait, and none while its breaker is open."""

    def __init__(self, name: str, settings: PoolSettings) -> None:
        self._name = name
        self._threads = ThreadPoolExecutor(settings.connections, thread_name_prefix="facts")
        self.places = (1 + settings.waiting) * settings.connections
        """How many reads may be under way, waiting ones too."""
        self.under_way = 0
        """How many reads have a place now."""
        self.breaker = Breaker(name, settings.breaker_failures, settings.breaker_seconds)
        self.refused = 0
        """How many reads found no place."""

    async def run(self, read: Callable[[], T], ends: float | None = None) -> T:
        """What the read gives; FactsUnavailable at once where too many are under way, or the database is left alone.

        One that is not begun at `ends`, a monotonic reading in seconds, is dropped; whoever waits, waits no longer.
        """
        if self.under_way >= self.places:
            self.refused += 1
            raise FactsUnavailable(f"every connection to {self._name} is busy", Trouble.BUSY)
        turn = self.breaker.enter()
        self.under_way += 1
        judged: Callable[[], T] = partial(self._judged, turn, read, ends)
        if TRACE.get() is not None:  # threads have no context of their own
            judged = partial(copy_context().run, judged)
        running = asyncio.get_running_loop().run_in_executor(self._threads, judged)
        running.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(None if ends is None else ends - time.monotonic()):
                # The thread goes on where the wait ends: its place is free when the read has come to an end.
                return await asyncio.shield(running)
        except TimeoutError as error:
            raise FactsUnavailable(f"{self._name} did not answer in the time that was left", Trouble.HURRY) from error

    def run_here(self, read: Callable[[], T]) -> T:
        """What the read gives, in the caller's own thread; FactsUnavailable while the database is left alone."""
        return self._judged(self.breaker.enter(), read, None)

    def close(self) -> None:
        """Waits for the reads under way."""
        self._threads.shutdown()

    def _judged(self, turn: int, read: Callable[[], T], ends: float | None) -> T:
        with judged(self.breaker, turn):
            return self._tried(read, ends)

    def _tried(self, read: Callable[[], T], ends: float | None) -> T:
        if ends is not None and time.monotonic() >= ends:
            raise FactsUnavailable(f"no connection to {self._name} became free in time", Trouble.HURRY)
        try:
            return read()
        except FactsUnavailable as error:
            if error.trouble is not Trouble.LOST:
                raise
        return read()

    def _ended(self, running: "asyncio.Future[T]") -> None:
        self.under_way -= 1
        if not running.cancelled():
            running.exception()  # seen, also where nobody waits for it any more


_SAYS_NOTHING = (Trouble.HURRY, Trouble.BUSY, Trouble.DATA)
