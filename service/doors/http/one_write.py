"""Sends an answer's head and body in one write: uvicorn makes two, each a system call and a packet of its own.

On a busy worker writing was a third of what it did for an evaluation (py-spy), the record's one write included.
"""

import asyncio
from weakref import ref

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class OneWrite(asyncio.Transport):
    """What a cycle takes for its transport: keeps the head back until what comes after it."""

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        super().__init__()
        self._transport = transport
        self._cycle = ref(cycle)  # in a ring the two would stay until the collector comes, which is seldom
        self._head: bytes | None = None
        self._has_head = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends it, with the head before it where that is still here; `100 Continue` is no head."""
        cycle = self._cycle()
        if cycle is None or not cycle.response_started or self._has_head:
            self._transport.write(self._taken() + bytes(data))
        else:
            self._head, self._has_head = bytes(data), True

    def flush(self) -> None:
        """Sends the head, of an answer without a body."""
        if self._head is not None:
            self._transport.write(self._taken())

    def close(self) -> None:
        """Ends the connection, when what was written is sent."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it is about to end."""
        return self._transport.is_closing()

    def _taken(self) -> bytes:
        head, self._head = self._head or b"", None
        return head
