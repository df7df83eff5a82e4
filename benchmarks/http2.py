"""A gRPC caller that costs next to nothing: one HTTP/2 connection that knows unary calls and no more (RFC 9113, 7541).

gRPC's own Python client takes more of the machine than the server that it asks, so what it measures is itself.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from typing import Final

from grpc import StatusCode

from benchmarks.driven import Call, DrivenConnection, end_run

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 0x1, 0x1, 0x4
_WIDE: Final = (1 << 31) - 1
_MESSAGE_PREFIX: Final = 5


class Connection(DrivenConnection):
    """Calls one method, each answer followed by the next call where so many are kept in flight."""

    def __init__(self, path: str, calls: Iterator[Call], in_flight: int, fail: Callable[[str], None] = end_run) -> None:
        super().__init__(calls, in_flight, fail)
        self._first_headers, self._later_headers = _headers(path)
        self._open: dict[int, tuple[Call, float, bytearray]] = {}
        self._next_stream = 1
        self._received = bytearray()

    def ask(self, due: float | None = None) -> None:
        """Makes one more call; what it takes counts from `due`, a reading of `perf_counter`, or from now."""
        self._transport.write(self._call(due))

    def leave(self, why: bytes) -> None:
        """The server asks for no more calls over this connection; here that ends the run."""
        raise AssertionError(f"the server ends a connection: {why!r}")

    @property
    def under_way(self) -> int:
        """Calls that have no answer yet."""
        return len(self._open)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets the server, with windows so wide that they need no care."""
        super().connection_made(transport)
        settings = struct.pack(">HI", 4, _WIDE) + struct.pack(">HI", 1, 0)
        greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, settings)
        self._transport.write(greeting + _frame(_WINDOW_UPDATE, 0, 0, (_WIDE - 65_535).to_bytes(4, "big")))

    def data_received(self, data: bytes) -> None:
        """Takes whole frames, answers what must be, and calls again for each answer."""
        self._received += data
        replies: list[bytes] = []
        at, size = 0, len(self._received)
        try:
            while size - at >= 9:
                length = int.from_bytes(self._received[at : at + 3], "big")
                if size - at < 9 + length:
                    break
                kind, flags = self._received[at + 3], self._received[at + 4]
                stream = int.from_bytes(self._received[at + 5 : at + 9], "big")
                self._take(kind, flags, stream, self._received[at + 9 : at + 9 + length], replies)
                at += 9 + length
        except AssertionError as error:
            self._break(error)
        del self._received[:at]
        if replies:
            self._transport.write(b"".join(replies))

    def _start(self) -> None:
        self._transport.write(b"".join(self._call() for _ in range(self._in_flight)))

    def _take(self, kind: int, flags: int, stream: int, payload: bytearray, replies: list[bytes]) -> None:
        if kind == _DATA:
            self._open[stream][2].extend(payload)
        elif kind == _HEADERS and flags & _END_STREAM:
            self._answered(stream, payload, replies)
        elif kind in (_SETTINGS, _PING) and not flags & _ACK:
            replies.append(_frame(kind, _ACK, 0, bytes(payload) if kind == _PING else b""))
        elif kind == _RST_STREAM and stream in self._open:
            del self._open[stream]
            self._fail(f"RST_STREAM {int.from_bytes(payload, 'big')}")
            self._ended(replies)
        elif kind == _GOAWAY:
            self.leave(bytes(payload))

    def _answered(self, stream: int, trailers: bytearray, replies: list[bytes]) -> None:
        call, began, body = self._open.pop(stream)
        if body:
            self.taken.append(time.perf_counter() - began)
            call.verify(bytes(body[_MESSAGE_PREFIX:]))
        else:
            self._fail(_status(trailers))
        self._ended(replies)

    def _ended(self, replies: list[bytes]) -> None:
        """Calls again in the place of a call that has ended, or rests."""
        if not self._is_resting and len(self._open) < self._in_flight:
            replies.append(self._call())
        elif self._is_resting and not self._open:
            self._have_rested()

    def _call(self, due: float | None = None) -> bytes:
        call, stream = next(self._calls), self._next_stream
        self._next_stream += 2
        self._open[stream] = (call, time.perf_counter() if due is None else due, bytearray())
        headers = self._first_headers if stream == 1 else self._later_headers
        if call.token:
            headers += b"\x0f\x08" + _string(f"Bearer {call.token}")  # authorization, never put in the table
        message = b"\0" + len(call.message).to_bytes(4, "big") + call.message
        return _frame(_HEADERS, _END_HEADERS, stream, headers) + _frame(_DATA, _END_STREAM, stream, message)


def _headers(path: str) -> tuple[bytes, bytes]:
    """The first call's headers, which enter the server's table, and every later call's, which point there."""
    method_and_scheme = b"\x83\x86"
    first = b"".join(
        (
            method_and_scheme,
            b"\x44" + _string(path),
            b"\x41" + _string("localhost"),
            b"\x5f" + _string("application/grpc"),
            b"\x40" + _string("te") + _string("trailers"),
        )
    )
    return first, method_and_scheme + bytes((0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62))


def _status(trailers: bytearray) -> str:
    """The name of the status that a call ended with, where it is written out in full, as of calls that gRPC refuses."""
    _, name, rest = trailers.partition(b"grpc-status")
    codes = {code.value[0]: code.name for code in StatusCode}
    return codes.get(int(rest[1 : 1 + rest[0]]), "unknown") if name else "no answer"


def _string(text: str) -> bytes:
    """RFC 7541 section 5.2, without Huffman coding."""
    raw = text.encode("ascii")
    if len(raw) < 127:
        return bytes((len(raw),)) + raw
    rest, length = len(raw) - 127, bytearray((127,))
    while rest >= 128:
        length.append(rest & 127 | 128)
        rest >>= 7
    length.append(rest)
    return bytes(length) + raw


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113 section 4.1."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
