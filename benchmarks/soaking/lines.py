"""Calls of one door over connections of our own, each replaced when the server asks it to end."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Final

from benchmarks.driven import Call
from benchmarks.http1 import JsonConnection
from benchmarks.http2 import Connection
from benchmarks.load import call_of
from benchmarks.sides.side import Side
from benchmarks.soaking.latencies import Tally

CONNECTIONS: Final = 8


class _Grpc(Connection):
    """Takes no more calls once the server says so; those under way are answered yet."""

    is_leaving = False

    def leave(self, why: bytes) -> None:
        """Is to be replaced."""
        del why
        self.is_leaving = True


class _Http(JsonConnection):
    """The same for HTTP, where the server says goodbye by closing a connection on which nothing is asked."""

    is_leaving = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Is to be replaced; a call that is open has failed."""
        self.is_leaving = True
        super().connection_lost(exc)


class Lines:
    """The connections of one door."""

    def __init__(self, side: Side, tally: Tally) -> None:
        host, _, port = side.address.rpartition(":")
        self._host, self._port = host, int(port)
        calls = cycle([self._counted(call_of(body, side.dialect)) for body in side.bodies])
        self._make: Callable[[], _Grpc | _Http] = partial(
            _Grpc if side.dialect.is_grpc else _Http, side.dialect.path, calls, in_flight=0, fail=self._count_failure
        )
        self._tally = tally
        self._lines: list[_Grpc | _Http] = []
        self._left: list[_Grpc | _Http] = []
        self._turn = 0

    async def open(self) -> None:
        """Makes the connections."""
        self._lines = [await self._connected() for _ in range(CONNECTIONS)]

    async def ask(self, due: float) -> None:
        """One more call, over the connections in turn."""
        self._turn = (self._turn + 1) % len(self._lines)
        line = self._lines[self._turn]
        if line.is_leaving:
            self._left.append(line)
            line = self._lines[self._turn] = await self._connected()
        line.ask(due)

    async def rest(self) -> None:
        """Waits for the last answers, and tells the tally."""
        for line in (*self._left, *self._lines):
            await line.rest()
            self._tally.taken.extend(line.taken)

    async def _connected(self) -> _Grpc | _Http:
        _, line = await asyncio.get_running_loop().create_connection(self._make, self._host, self._port)
        line.begin()
        return line

    def _count_failure(self, how: str) -> None:
        self._tally.failed[how] += 1

    def _counted(self, call: Call) -> Call:
        def verify(answered: bytes) -> None:
            try:
                call.verify(answered)
            except AssertionError:
                self._tally.wrong += 1

        return Call(call.message, call.token, verify)
