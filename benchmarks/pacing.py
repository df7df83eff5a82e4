"""Asks at a steady rate, whatever the answers take."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from benchmarks.driven import Call
from benchmarks.http2 import Connection
from service.config import Limits

CONNECTIONS: Final = 4
MOST_UNDER_WAY: Final = Limits().pending_requests
"""Questions that wait for their answer at a time, as many as one worker lets wait; more are left out, and counted."""


async def connected(address: str, calls: Iterator[Call], path: str) -> Connection:
    """A connection that asks the calls of that path in turn, when it is told to."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(path, calls, in_flight=0), host, int(port))
    return connection


class Asking:
    """Asks at a steady rate, whatever the answers take."""

    def __init__(self, connections: Sequence[Connection], rate: int) -> None:
        self._connections = connections
        self._rate = rate
        self.skipped = 0

    async def until(self, is_enough: Callable[[], bool], most: float) -> list[float]:
        """Asks until that holds, at most for so many seconds; the milliseconds that each answer took."""
        loop = asyncio.get_running_loop()
        for each in self._connections:
            each.begin()
        began, asked = loop.time(), 0
        while not is_enough() and loop.time() - began < most:
            while asked < (loop.time() - began) * self._rate:
                connection = self._connections[asked % CONNECTIONS]
                asked += 1
                if connection.under_way < MOST_UNDER_WAY // CONNECTIONS:
                    connection.ask()
                else:  # a machine that is too busy is not to be drowned
                    self.skipped += 1
            await asyncio.sleep(0.001)
        for each in self._connections:
            await each.rest()
        return [taken * 1000 for each in self._connections for taken in each.taken]
