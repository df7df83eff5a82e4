"""One connection of the HTTP door: uvicorn's, held to a head of some size and to a pace.

uvicorn takes a head of any size, waits for ever for a request that was begun, and takes as many requests at once as a
caller can send: whoever opens connections, and sends little or much on them, would keep them, or fill the memory.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, cast

import httptools
from starlette.types import Receive, Scope
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.doors.http.one_write import OneWrite
from service.doors.http.shedding import shed
from service.doors.http.whole import Answered, AtOnce, written

_CLOSING: Final = b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_SLOW: Final = b"HTTP/1.1 408 Request Timeout" + _CLOSING
_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large" + _CLOSING
_FULL: Final = b"HTTP/1.1 503 Service Unavailable" + _CLOSING
_NO_HOST: Final = b"HTTP/1.1 400 Bad Request\r\nMagistrate-Reason: INVALID_REQUEST" + _CLOSING

_HOST: Final = re.compile(rb"[\w.~!$&'()*+,;=%:\[\]-]*", re.ASCII)
"""What the value of `Host` is made of (RFC 3986 section 3.2.2)."""

PIPELINED: Final = 16
"""Requests of one connection that wait for the one before them; what comes behind is not read."""
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
"""The fields that say where a body ends."""


@dataclass(frozen=True, slots=True)
class Manners:
    """What connections may do: `seconds` to send a request or to read an answer, `age` until one is to end.

    Past so many `requests` under way, over all connections, more are shed. `is_leaving` says that each connection is to
    end with its next answer. `at_once` answers a POST of a path that came whole.
    """

    head_bytes: int
    seconds: float
    age: float
    connections: int
    requests: int
    is_leaving: Callable[[], bool]
    at_once: Mapping[str, AtOnce]
    turns: set[RequestResponseCycle] = field(default_factory=set)
    """What was read, and is answered in the loop's next turn."""


class Connection(HttpToolsProtocol):
    """The protocol. It belongs to the loop's thread. A request that comes whole, as nearly all do, takes no timer."""

    def __init__(self, config: Config, state: ServerState, manners: Manners) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._manners = manners
        self._ends_at = 0.0
        self._head_bytes = 0
        self._has_moved = False
        self._is_in_request = False
        self._is_over = False
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Opens, or closes at once where there are too many."""
        super().connection_made(cast(asyncio.Transport, transport))
        # Whatever is not sent at once is waited for, and no longer than `seconds`, also where the connection is to end:
        # else one would last as long as its caller likes that reads nothing.
        self.transport.set_write_buffer_limits(high=1, low=0)
        self._ends_at = self.loop.time() + self._manners.age
        if len(self.connections) > self._manners.connections:
            self._end(_FULL)
        else:
            self._reading = self.loop.call_later(self._manners.seconds, self._was_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Closes."""
        self._cancel_reading()
        self._cancel_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on."""
        if self._is_over:
            return
        self._has_moved = False
        self._read(data)
        if self._is_in_request and not self._has_moved:
            # Of its head, of what frames the pieces of its body, or of the fields behind it.
            self._head_bytes += len(data)
            self._check_head()
        if self._reading is None and not self._is_over and (self._is_in_request or self._is_idle()):
            self._reading = self.loop.call_later(self._manners.seconds, self._was_slow)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_in_request = self._has_moved = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """A request's head is whole."""
        if self._is_over:
            return
        self._has_moved = True
        self._head_bytes = len(self.url)
        hosts: list[bytes] = []
        for name, value in self.headers:
            self._head_bytes += len(name) + len(value)
            if name == b"host":
                hosts.append(value)
        self._check_head()
        self._check_host(hosts)
        if len(self.pipeline) >= PIPELINED:  # the connection ends with the answer to the last of them
            self._is_over, self.cycle.keep_alive = True, False
        if self._is_over:
            return
        application = self.app
        if len(self.tasks) + len(self._manners.turns) >= self._manners.requests:
            self.app = shed
        super().on_headers_complete()
        self.app = application
        if self._manners.is_leaving() or self.loop.time() > self._ends_at or self.parser.should_upgrade():
            self.cycle.keep_alive = False
        self.headers = []  # fields behind a body are none of its head (RFC 9110 section 6.5.1)

    def on_body(self, body: bytes) -> None:
        """A part of a request's body."""
        self._has_moved = True
        if not self._is_over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self.parser.should_upgrade():
            return  # its body is still to be read
        self._is_in_request = False
        self._cancel_reading()
        if not self._is_over:
            super().on_message_complete()

    def on_body_complete(self) -> None:
        """The body of a request is whole that is the last one here."""
        self.on_message_complete()
        self._is_over = True

    def pause_writing(self) -> None:
        """The caller does not read what it is answered."""
        super().pause_writing()
        self._writing = self._writing or self.loop.call_later(self._manners.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        self._cancel_writing()
        super().resume_writing()

    def _read(self, data: bytes) -> None:
        """As uvicorn does, but that a request which asks for another protocol, too, has its body."""
        self._unset_keepalive_if_required()
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as asked:
                (end,) = asked.args
                self._read_body(data[end:])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def _read_body(self, rest: bytes) -> None:
        """Reads on behind a head that asks for another protocol, in which httptools takes the rest to be."""
        framing = [b"%s: %s\r\n" % field for field in self.scope["headers"] if field[0] in _FRAMING]
        self.parser = httptools.HttpRequestParser(_Body(self))
        self.parser.feed_data(b"".join((b"POST / HTTP/1.1\r\n", *framing, b"\r\n")))
        self.parser.feed_data(rest)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begins with the answer: in the loop's next turn, when it is known whether the request came whole."""
        at_once = self._manners.at_once.get(cycle.scope["path"]) if cycle.scope["method"] == "POST" else None
        if at_once is None or app is shed:
            self._answer_in_task(cycle, app)
        else:
            self._manners.turns.add(cycle)
            self.loop.call_soon(self._answer, cycle, at_once)

    def _answer(self, cycle: RequestResponseCycle, at_once: AtOnce) -> None:
        self._manners.turns.discard(cycle)
        if cycle.more_body or self.flow.write_paused or self.transport.is_closing():
            self._answer_in_task(cycle, self.app)
            return
        answer = at_once(cast(Scope, cycle.scope), cast(Receive, cycle.receive), bytes(cycle.body))
        if isinstance(answer, Answered):
            self._tell(cycle, answer)
        else:
            self._answer_in_task(cycle, cast(ASGI3Application, answer))

    def _tell(self, cycle: RequestResponseCycle, answered: Answered) -> None:
        """Sends an answer, as a cycle does with that of an application."""
        cycle.response_started = cycle.response_complete = True
        is_last = not cycle.keep_alive
        self.transport.write(written(answered, date=cycle.default_headers[0][1], is_last=is_last))
        if is_last:
            self.transport.close()
        cycle.on_response = _nothing  # else the two would stay until the collector comes
        self.on_response_complete()

    def _answer_in_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        answer = OneWrite(self.transport, cycle)
        cycle.transport, cycle.on_response = answer, partial(self._answered, answer)
        super()._start_asgi_task(cycle, app)

    def _answered(self, answer: OneWrite) -> None:
        answer.flush()
        self.on_response_complete()

    def _is_idle(self) -> bool:
        """Whether everything that was asked is answered: what comes then, and is no request, must not keep it open."""
        return self.cycle is None or self.cycle.response_complete

    def _check_head(self) -> None:
        if self._head_bytes > self._manners.head_bytes:
            self._end(_LONG)

    def _check_host(self, hosts: Sequence[bytes]) -> None:
        """Ends the connection unless there is one, and it is one (RFC 9112 section 3.2); HTTP/1.0 needs none."""
        if len(hosts) == 1 and _HOST.fullmatch(hosts[0]):
            return
        if not self._is_over and (hosts or self.parser.get_http_version() != "1.0"):
            self._end(_NO_HOST)

    def _was_slow(self) -> None:
        """The request has not come in the time there is, unless it was this side that did not read on."""
        if self.flow.read_paused:
            self._reading = self.loop.call_later(self._manners.seconds, self._was_slow)
        else:
            self._end(_SLOW)

    def _end(self, answer: bytes) -> None:
        """Ends the connection, with an answer where none is on its way."""
        self._is_over = True
        if not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
                self.transport.write(answer)
            self.transport.close()

    def _cancel_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _cancel_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


class _Body:
    """What a parser tells of a body alone."""

    def __init__(self, connection: Connection) -> None:
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_body_complete


def _nothing() -> None:
    """There is nothing more to do."""
