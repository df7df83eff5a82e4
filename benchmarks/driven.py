"""What callers that cost next to nothing have in common, whatever they speak: how they begin, fail and rest."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Call:
    """One question as it goes over the wire; `verify` raises if its answer is wrong."""

    message: bytes
    token: str
    verify: Callable[[bytes], None]


def end_run(how: str) -> None:
    """What a call that has no answer comes to where nothing else is said."""
    raise AssertionError(f"a call failed: {how}")


class DrivenConnection(asyncio.Protocol, ABC):
    """A connection that keeps so many calls in flight until it is told to rest; with none to keep, `ask` makes calls.

    `fail` is told of each call that has no answer, and why.
    """

    def __init__(self, calls: Iterator[Call], in_flight: int, fail: Callable[[str], None]) -> None:
        self.taken: list[float] = []
        """Seconds that each answered call took."""
        self._calls = calls
        self._in_flight = in_flight
        self._fail = fail
        self._rested: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_resting = True

    def begin(self) -> None:
        """Starts to call."""
        self._rested = asyncio.get_running_loop().create_future()
        self._is_resting = False
        self.taken = []
        self._start()

    @abstractmethod
    def ask(self, due: float | None = None) -> None:
        """Makes one more call; what it takes counts from `due`, a reading of `perf_counter`, or from now."""

    @property
    @abstractmethod
    def under_way(self) -> int:
        """Calls that have no answer yet."""

    async def rest(self) -> None:
        """Calls no more, and returns when the last answer is there; raises what went wrong."""
        self._is_resting = True
        if self.under_way or self._rested.done():
            await self._rested

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is ready to call."""
        self._transport = cast(asyncio.Transport, transport)  # which that of uvloop is, though not by name

    def connection_lost(self, exc: Exception | None) -> None:
        """Calls that are open have failed."""
        if self.under_way:
            self._break(exc or ConnectionError("the server closed the connection"))

    @abstractmethod
    def _start(self) -> None:
        """Makes the first calls, where some are to be kept in flight."""

    def _have_rested(self) -> None:
        if not self._rested.done():
            self._rested.set_result(None)

    def _break(self, error: Exception) -> None:
        self._is_resting = True
        if not self._rested.done():
            self._rested.set_exception(error)
