"""The outermost layer of every answer: reads the head, bounds the time, turns errors into pages, sends the page."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uuid_utils import uuid4

from policy_lang.stages import stage
from service.admission import REQUEST_ID_LIMIT
from service.asking import Call
from service.config import Limits
from service.doors.calls import HTTP
from service.doors.failure_log import FailureLog
from service.doors.http.arriving import Head, call_of, check_body, check_length, read_head
from service.doors.http.pages import FAULT_PAGE, Page, error_page
from service.doors.http.shedding import REQUEST_ID
from service.doors.http.whole import Answered
from service.errors import DeadlineExceeded, InvalidRequest, MagistrateError, Violation
from service.reception.peers import Peers
from service.telemetry import get_log

_log = get_log("http")
_failures: Final = FailureLog(_log)


@stage
class Exchange:
    """A request that is being answered: by which route, its call, its id, and where the rest of it comes from."""

    route: str
    call: Call
    request_id: str
    head: Head
    receive: Receive
    limits: Limits

    async def body(self) -> bytes:
        """The whole body; errors as `check`."""
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

    def check(self, body: bytes) -> None:
        """InvalidRequest or UnknownEncoding where the body is none of JSON, LimitExceeded where it is too long."""
        check_body(self.head, self.limits.message_bytes)
        check_length(len(body), self.limits.message_bytes)


Answer = Callable[[Exchange], Awaitable[Page]]
Rest = Callable[[], Awaitable[Page]]
"""What is left to do for an answer that has to be waited for."""
AnswerAtOnce = Callable[[Exchange, bytes], Page | Rest]
"""The same as an `Answer`, of a body that is here."""


def later(answer: Answer) -> AnswerAtOnce:
    """Leaves everything to that one."""
    return lambda exchange, _: partial(answer, exchange)


class Answering:
    """Answers requests of one kind: an ASGI application, and `at_once` for those that came whole.

    Nearly all do, and most are answered without a wait: those take no task and no timer, which with what uvicorn does
    for each were a third of an evaluation.
    """

    def __init__(
        self,
        route: str,
        rpc: str,
        answer: Answer,
        at_once: AnswerAtOnce,
        *,
        peers: Peers,
        limits: Limits,
        seconds: float,
    ) -> None:
        """`rpc` is the RPC of the contract that does the same, by which keys are scoped; `seconds` is for all of it."""
        self._route = route
        self._rpc = rpc
        self._answer = answer
        self._answer_at_once = at_once
        self._peers = peers
        self._limits = limits
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request and its answer."""
        rim = self._arrived(scope, receive)
        await self._told(rim, partial(self._answer, rim.exchange), send)

    def at_once(self, scope: Scope, receive: Receive, body: bytes) -> Answered | ASGIApp:
        """The answer to a request with that body (`whole.AtOnce`)."""
        rim = self._arrived(scope, receive)
        with rim:
            answer = self._answer_at_once(rim.exchange, body)
            if not isinstance(answer, Page):
                rim.is_waiting = True
                return lambda _, __, send: self._told(rim, answer, send)
            rim.page = answer
        return Answered(rim.page, rim.request_id)

    def _arrived(self, scope: Scope, receive: Receive) -> "_Rim":
        head = read_head(scope["headers"])
        request_id = head.request_id or str(uuid4()).encode()
        clock = asyncio.get_running_loop().time
        ends = clock() + self._seconds
        call = call_of(head, scope["client"], self._rpc, peers=self._peers, time_remaining=lambda: ends - clock())
        exchange = Exchange(self._route, call, request_id.decode("latin-1"), head, receive, self._limits)
        return _Rim(exchange, request_id, ends)

    async def _told(self, rim: "_Rim", rest: Rest, send: Send) -> None:
        with rim:
            async with asyncio.timeout_at(rim.ends):
                rim.page = await rest()
        await send_page(rim.page, send, (REQUEST_ID, rim.request_id))


async def send_page(page: Page, send: Send, *more: tuple[bytes, bytes]) -> None:
    """Sends the page."""
    length = (b"content-length", str(len(page.body)).encode())
    await send({"type": "http.response.start", "status": page.status, "headers": [*page.headers, length, *more]})
    await send({"type": "http.response.body", "body": page.body})


class _Rim:
    """The layer itself: whatever error comes out becomes a page, its caller learns nothing more and gets no allow.

    A cancelled request is none: it passes.
    """

    __slots__ = ("_began", "ends", "exchange", "is_waiting", "page", "request_id")

    def __init__(self, exchange: Exchange, request_id: bytes, ends: float) -> None:
        self.exchange = exchange
        self.request_id = request_id
        self.ends = ends
        self.page = FAULT_PAGE
        self.is_waiting = False
        """Whether the block ends without an answer, which is still to be waited for in another one."""
        self._began = HTTP.begin()

    def __enter__(self) -> None:
        self.is_waiting = False

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> bool:
        if self.is_waiting:
            return False
        is_answered = error is None or self._took(error)
        HTTP.end(self.exchange.route, str(int(self.page.status)) if is_answered else "CANCELLED", self._began)
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
        peer = self.exchange.call.arrival.origin.peer
        _failures.tell(reason=error.reason, cause=str(error), peer=peer, **self._which())
        return error_page(error)

    def _which(self) -> dict[str, str]:
        """Which request a line of the log is about."""
        arrival = self.exchange.call.arrival
        request_id = self.exchange.request_id[:REQUEST_ID_LIMIT]
        return {"rpc": arrival.rpc, "request_id": request_id, "trace_id": arrival.origin.trace_id}
