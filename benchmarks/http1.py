"""A caller of JSON over HTTP/1.1 that costs next to nothing: connections that are kept, and no more (RFC 9112)."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.driven import Call, DrivenConnection, end_run

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class JsonConnection(DrivenConnection):
    """Calls one path, and keeps at most one call; those beyond it wait for their turn: HTTP/1.1 answers in order."""

    def __init__(self, path: str, calls: Iterator[Call], in_flight: int, fail: Callable[[str], None] = end_run) -> None:
        super().__init__(calls, min(in_flight, 1), fail)
        self._head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n".encode()
        self._open: tuple[Call, float] | None = None
        self._waiting: list[float] = []
        self._received = bytearray()

    def ask(self, due: float | None = None) -> None:
        """Makes one more call, now or when the one before is answered; what it takes counts from `due`, or from now."""
        began = time.perf_counter() if due is None else due
        if self._open is None:
            self._call(began)
        else:
            self._waiting.append(began)

    @property
    def under_way(self) -> int:
        """Calls that have no answer yet."""
        return len(self._waiting) + (self._open is not None)

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
            self._break(error)

    def _start(self) -> None:
        if self._in_flight:
            self._call(time.perf_counter())

    def _answered(self, head: bytes, body: bytes) -> None:
        assert self._open is not None
        call, began = self._open
        self._open = None
        if head.startswith(b"HTTP/1.1 200 "):
            self.taken.append(time.perf_counter() - began)
            call.verify(body)
        else:
            self._fail(f"{head.splitlines()[0]!r}, {body!r}")
        if self._waiting:
            self._call(self._waiting.pop(0))
        elif self._is_resting:
            self._have_rested()
        else:
            self._start()

    def _call(self, began: float) -> None:
        call = next(self._calls)
        credential = f"authorization: Bearer {call.token}\r\n" if call.token else ""
        rest = f"{credential}content-length: {len(call.message)}\r\n\r\n".encode()
        self._open = (call, began)
        self._transport.write(self._head + rest + call.message)
