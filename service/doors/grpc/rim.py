"""The outermost layer of every RPC: errors become statuses, faults become INTERNAL."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import wraps
from typing import Final, Generic, NamedTuple, TypeVar
from uuid import uuid4

from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc.aio import EOF, ServicerContext
from grpc_status.rpc_status import to_status

from service.doors.calls import GRPC
from service.doors.failure_log import FailureLog
from service.doors.grpc.caller import RPC
from service.doors.grpc.newcomers import Unread
from service.doors.grpc.status import internal_status, status_of
from service.errors import MESSAGE_BYTES, InvalidRequest, LimitExceeded, MagistrateError, Violation
from service.reception.tracing import TRACE_ID
from service.telemetry import get_log

_log = get_log("grpc")
_failures = FailureLog(_log)

_NAMES: Final = {code.value[0]: code.name for code in StatusCode}
"""The statuses of gRPC by their numbers."""

Servicer = TypeVar("Servicer")
Request = TypeVar("Request")
Response = TypeVar("Response")
Method = Callable[[Servicer, Request, ServicerContext[Request, Response]], Awaitable[Response]]
StreamMethod = Callable[
    [Servicer, AsyncIterator[Request], ServicerContext[Request | None, Response]], AsyncGenerator[Response, None]
]
AnsweringMethod = Callable[
    [Servicer, AsyncIterator[Request | None], ServicerContext[Request | None, Response]], AsyncGenerator[Response, None]
]

GatheringMethod = Callable[
    [Servicer, AsyncIterator[Request | None], ServicerContext[Request, Response]], Awaitable[Response]
]
TellingMethod = Callable[[Servicer, Request, ServicerContext[Request, Response]], AsyncGenerator[Response, None]]


def answering(method: Method[Servicer, Request, Response]) -> Method[Servicer, Request, Response]:
    """The RPC with its errors turned into statuses by the one table; the true cause goes to the log alone."""

    rpc = _rpc_of(method.__qualname__)

    @wraps(method)
    async def answered(
        servicer: Servicer, request: Request | Unread | None, context: ServicerContext[Request, Response]
    ) -> Response:
        async with _Rim(rpc, context):
            message: Request | None = await request.read() if isinstance(request, Unread) else request
            return await method(servicer, message_of(message), context)

    return answered


def answering_stream(method: StreamMethod[Servicer, Request, Response]) -> AnsweringMethod[Servicer, Request, Response]:
    """The same for an RPC of many questions and answers: an error that it raises ends the call."""

    rpc = _rpc_of(method.__qualname__)

    @wraps(method)
    async def answered(
        servicer: Servicer, _: AsyncIterator[Request | None], context: ServicerContext[Request | None, Response]
    ) -> AsyncGenerator[Response, None]:
        async with _Rim(rpc, context), aclosing(method(servicer, _messages(context), context)) as responses:
            async for response in responses:
                yield response

    return answered


def streaming(method: TellingMethod[Servicer, Request, Response]) -> TellingMethod[Servicer, Request, Response]:
    """The same for an RPC of one question and many answers."""

    rpc = _rpc_of(method.__qualname__)

    @wraps(method)
    async def answered(
        servicer: Servicer, request: Request | Unread | None, context: ServicerContext[Request, Response]
    ) -> AsyncGenerator[Response, None]:
        async with _Rim(rpc, context):
            message: Request | None = await request.read() if isinstance(request, Unread) else request
            async with aclosing(method(servicer, message_of(message), context)) as responses:
                async for response in responses:
                    yield response

    return answered


def gathering(method: GatheringMethod[Servicer, Request, Response]) -> GatheringMethod[Servicer, Request, Response]:
    """The same for an RPC of many messages and one answer."""

    rpc = _rpc_of(method.__qualname__)

    @wraps(method)
    async def answered(
        servicer: Servicer, requests: AsyncIterator[Request | None], context: ServicerContext[Request, Response]
    ) -> Response:
        async with _Rim(rpc, context):
            return await method(servicer, requests, context)

    return answered


class _Rim(Generic[Request, Response]):
    """The layer itself: whatever error comes out ends the call, its caller learns nothing more and gets no allow.

    A cancelled call is none: it passes.
    """

    def __init__(self, rpc: str, context: ServicerContext[Request, Response]) -> None:
        self._rpc = rpc
        self._context = context
        self._began = 0.0

    async def __aenter__(self) -> None:
        RPC.set(self._rpc)
        self._began = GRPC.begin()

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, Exception):
            GRPC.end(self._rpc, "OK" if error is None else "CANCELLED", self._began)
            return
        status = _status_of_end(error, self._context.peer() or "")
        GRPC.end(self._rpc, name_of(status), self._began)
        await self._context.abort_with_status(to_status(status))


class Oversized(NamedTuple):
    """Stands for a message of more bytes than there may be."""

    most: int
    size: int


def message_of(request: Request | None) -> Request:
    """The message; InvalidRequest where the bytes were none, LimitExceeded where they were too many."""
    if isinstance(request, Oversized):
        raise LimitExceeded(MESSAGE_BYTES, request.most, request.size)
    if request is None:
        raise InvalidRequest([Violation("", "the bytes are no message of this RPC")])
    return request


async def message_or_abort(request: Request | Unread | None, context: ServicerContext[Request, Response]) -> Request:
    """The same for the RPCs that ask for no credential: the call ends here, and the log, which strangers could fill, is
    told nothing."""
    try:
        message: Request | None = await request.read() if isinstance(request, Unread) else request
        return message_of(message)
    except MagistrateError as error:
        await context.abort_with_status(to_status(status_of(error)))


async def _messages(context: ServicerContext[Request | None, Response]) -> AsyncGenerator[Request, None]:
    """What comes in, as `message_of` has it; gRPC's own iterator is two more generators around each message."""
    while (request := await context.read()) is not EOF:
        yield message_of(request)


def _status_of_end(error: Exception, peer: str) -> Status:
    """What callers see of an error that ends a call: of a fault, nothing but the id under which the log has it."""
    if isinstance(error, MagistrateError):
        return told(error, peer)
    fault = str(uuid4())
    _log.error("fault", rpc=RPC.get(), request_id=fault, trace_id=TRACE_ID.get(), exc_info=error)
    return internal_status(fault)


def told(error: MagistrateError, peer: str) -> Status:
    """The error as callers see it, once the log was told its true cause, under the id that the status has."""
    failure = str(uuid4())
    trace_id = TRACE_ID.get()
    _failures.tell(
        rpc=RPC.get(), reason=error.reason, cause=str(error), peer=peer, request_id=failure, trace_id=trace_id
    )
    return status_of(error, failure)


def name_of(status: Status) -> str:
    """The name of its code."""
    return _NAMES[status.code]


def _rpc_of(method: str) -> str:
    """`Service.Rpc`, of the method that answers it."""
    servicer, _, rpc = method.rpartition(".")
    return f"{servicer.removesuffix('Servicer')}Service.{rpc}"
