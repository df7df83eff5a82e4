"""The outermost layer of every answer: reads the head, bounds the time, turns errors into pages, sends the page."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from starlette.types import Receive, Scope, Send
from uuid_utils import uuid4

from service.admission import REQUEST_ID_LIMIT
from service.asking import Call
from service.config import Limits
from service.doors.calls import HTTP
from service.doors.failure_log import FailureLog
from service.doors.http.arriving import Head, call_of, check_body, check_length, read_head
from service.doors.http.pages import FAULT_PAGE, Page, error_page
from service.doors.http.shedding import REQUEST_ID
from service.errors import DeadlineExceeded, InvalidRequest, MagistrateError, Violation
from service.reception.peers import Peers
from service.telemetry import get_log

_log = get_log("http")
_failures: Final = FailureLog(_log)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that is being answered: by which route, its call, its id, and where the rest of it comes from."""

    route: str
    call: Call
    request_id: str
    head: Head
    receive: Receive
    limits: Limits

    async def body(self) -> bytes:
        """The whole body; InvalidRequest or UnknownEncoding where it is none of JSON, LimitExceeded where too long."""
        most = self.limits.message_bytes
        check_body(self.head, most)
        message = await self.receive()
        body = bytes(message.get("body", b""))
        while message.get("more_body", False):
            check_length(len(body), most)
            message = await self.receive()
            body += message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise InvalidRequest([Violation("body", "it came to no end")])
        check_length(len(body), most)
        return body


Answer = Callable[[Exchange], Awaitable[Page]]


class Answering:
    """Answers requests of one kind (an ASGI application)."""

    def __init__(self, route: str, rpc: str, answer: Answer, *, peers: Peers, limits: Limits, seconds: float) -> None:
        """`rpc` is the RPC of the contract that does the same, by which keys are scoped; `seconds` is for all of it."""
        self._route = route
        self._rpc = rpc
        self._answer = answer
        self._peers = peers
        self._limits = limits
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request and its answer."""
        head = read_head(scope["headers"])
        request_id = head.request_id or str(uuid4()).encode()
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._seconds
        call = call_of(head, scope["client"], self._rpc, peers=self._peers, time_remaining=lambda: ends - loop.time())
        exchange = Exchange(self._route, call, request_id.decode("latin-1"), head, receive, self._limits)
        async with _Rim(exchange) as rim, asyncio.timeout_at(ends):
            rim.page = await self._answer(exchange)
        await send_page(rim.page, send, (REQUEST_ID, request_id))


async def send_page(page: Page, send: Send, *more: tuple[bytes, bytes]) -> None:
    """Sends the page."""
    length = (b"content-length", str(len(page.body)).encode())
    await send({"type": "http.response.start", "status": page.status, "headers": [*page.headers, length, *more]})
    await send({"type": "http.response.body", "body": page.body})


class _Rim:
    """The layer itself: whatever error comes out becomes a page, its caller learns nothing more and gets no allow.

    A cancelled request is none: it passes.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._began = 0.0
        self.page = FAULT_PAGE

    async def __aenter__(self) -> "_Rim":
        self._began = HTTP.begin()
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> bool:
        is_answered = error is None or self._took(error)
        HTTP.end(self._exchange.route, str(int(self.page.status)) if is_answered else "CANCELLED", self._began)
        return is_answered

    def _took(self, error: BaseException) -> bool:
        """Whether the error has become the page."""
        match error:
            case MagistrateError():
                self.page = self._told(error)
            case TimeoutError():
                self.page = self._told(DeadlineExceeded("the request took too long"))
            case Exception():
                self.page = FAULT_PAGE
                _log.error("fault", **self._which(), exc_info=error)
            case _:
                return False
        return True

    def _told(self, error: MagistrateError) -> Page:
        """The error as callers see it, once the log was told its true cause."""
        peer = self._exchange.call.arrival.origin.peer
        _failures.tell(reason=error.reason, cause=str(error), peer=peer, **self._which())
        return error_page(error)

    def _which(self) -> dict[str, str]:
        """Which request a line of the log is about."""
        arrival = self._exchange.call.arrival
        request_id = self._exchange.request_id[:REQUEST_ID_LIMIT]
        return {"rpc": arrival.rpc, "request_id": request_id, "trace_id": arrival.origin.trace_id}
