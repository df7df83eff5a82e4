"""A caller of JSON over HTTP/1.1 that costs next to nothing: connections that are kept, and no more (RFC 9112)."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final, cast

from benchmarks.http2 import Call

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class JsonConnection(asyncio.Protocol):
    """Keeps one call of one path in flight until it is told to rest; with none to keep it calls when told to `ask`.

    Calls beyond the first wait for their turn: HTTP/1.1 answers in order.
    """

    def __init__(self, path: str, calls: Iterator[Call], in_flight: int) -> None:
        self.taken: list[float] = []
        """Seconds that each answered call took."""
        self._head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n".encode()
        self._calls = calls
        self._keeps = in_flight > 0
        self._open: tuple[Call, float] | None = None
        self._waiting: list[float] = []
        self._received = bytearray()
        self._rested: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_resting = True

    def begin(self) -> None:
        """Starts to call."""
        self._rested = asyncio.get_running_loop().create_future()
        self._is_resting = False
        self.taken = []
        if self._keeps:
            self._call(time.perf_counter())

    def ask(self, due: float | None = None) -> None:
        """Makes one more call, now or when the one before is answered; what it takes counts from `due`, or from now."""
        began = time.perf_counter() if due is None else due
        if self._open is None:
            self._call(began)
        else:
            self._waiting.append(began)

    def fail(self, how: str) -> None:
        """Takes note that a call has no answer; here that ends the run."""
        raise AssertionError(f"a call failed: {how}")

    @property
    def under_way(self) -> int:
        """Calls that have no answer yet."""
        return len(self._waiting) + (self._open is not None)

    async def rest(self) -> None:
        """Calls no more, and returns when the last answer is there; raises what went wrong."""
        self._is_resting = True
        if self._open is not None or self._rested.done():
            await self._rested

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is ready to call."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Takes a whole answer, and calls again."""
        self._received += data
        end = self._received.find(_HEAD_END)
        if end < 0 or self._open is None:
            return
        head = bytes(self._received[:end])
        length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])
        body_at = end + len(_HEAD_END)
        if len(self._received) < body_at + length:
            return
        body = bytes(self._received[body_at : body_at + length])
        del self._received[: body_at + length]
        try:
            self._answered(head, body)
        except AssertionError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """A call that is open has failed."""
        if self._open is not None:
            self._fail(exc or ConnectionError("the server closed the connection"))

    def _answered(self, head: bytes, body: bytes) -> None:
        assert self._open is not None
        call, began = self._open
        self._open = None
        if head.startswith(b"HTTP/1.1 200 "):
            self.taken.append(time.perf_counter() - began)
            call.verify(body)
        else:
            self.fail(f"{head.splitlines()[0]!r}, {body!r}")
        if self._waiting:
            self._call(self._waiting.pop(0))
        elif self._keeps and not self._is_resting:
            self._call(time.perf_counter())
        elif self._is_resting and not self._rested.done():
            self._rested.set_result(None)

    def _call(self, began: float) -> None:
        call = next(self._calls)
        credential = f"authorization: Bearer {call.token}\r\n" if call.token else ""
        rest = f"{credential}content-length: {len(call.message)}\r\n\r\n".encode()
        self._open = (call, began)
        self._transport.write(self._head + rest + call.message)

    def _fail(self, error: Exception) -> None:
        self._is_resting = True
        if not self._rested.done():
            self._rested.set_exception(error)
