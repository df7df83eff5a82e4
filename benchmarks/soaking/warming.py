"""Asks of every worker all that the load will ask, so that what grows later is not a memory that fills.

A connection is one worker's, and the load's are replaced in time: a worker may be asked late what another was before.
"""

import asyncio
from itertools import cycle
from typing import Final

from benchmarks.http2 import Connection
from benchmarks.load import call_of
from benchmarks.sides.side import Side

CONNECTIONS: Final = 8
UNDER_WAY: Final = 4


async def warm(side: Side) -> None:
    """Asks each question of a gRPC side over each of some new connections."""
    host, _, port = side.address.rpartition(":")
    loop, calls = asyncio.get_running_loop(), cycle([call_of(body, side.dialect) for body in side.bodies])
    for _ in range(CONNECTIONS):
        transport, connection = await loop.create_connection(
            lambda: Connection(side.dialect.path, calls, in_flight=0), host, int(port)
        )
        connection.begin()
        for _ in side.bodies:
            while connection.under_way >= UNDER_WAY:
                await asyncio.sleep(0)
            connection.ask()
        await connection.rest()
        transport.close()
