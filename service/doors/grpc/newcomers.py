"""Has the message of a call read only when it is known who calls, so that a stranger's bytes take no memory.

gRPC reads the message of a unary call before it asks for the call's handler, as large as it may be, and waits for its
end as long as the connection lasts. So who did not call within the last minute is asked for the credential first, and
the message is read after. Whether a call is let in is not decided here: it is looked at again with every call.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from time import monotonic
from typing import Any, Final, TypeVar

import grpc
from grpc.aio import EOF, ServicerContext

from service.errors import DeadlineExceeded

Response = TypeVar("Response")

Context = ServicerContext[Any, Any]
Metadata = Iterable[tuple[str, str | bytes]]
Verify = Callable[[Context], Awaitable[object]]
"""Returns when the call has a good credential; else raises what the call is to be refused with."""
One = Callable[[object, Context], Awaitable[Response]]
Many = Callable[[object, Context], AsyncGenerator[Response, None]]

KNOWN_SECONDS: Final = 60.0
KNOWN: Final = 10_000
"""Credentials that are known at a time."""
READ_SECONDS: Final = 10.0
"""How long the message of a newcomer may take to come."""


class Known:
    """Which credentials were good a short while ago: by salted hashes, for a mistake costs no more than the memory."""

    def __init__(self, verify: Verify, *, clock: Callable[[], float] = monotonic) -> None:
        self._verify = verify
        self._clock = clock
        self._seen: dict[int, float] = {}

    def has(self, metadata: Metadata) -> bool:
        """Whether a call with that metadata is by one of them."""
        for key, value in metadata:
            if key == "authorization":
                return self._seen.get(hash(value), 0.0) > self._clock()
        return False

    async def meet(self, context: Context) -> None:
        """Gets to know who calls; errors as `Verify`."""
        await self._verify(context)
        self.note(context.invocation_metadata() or ())

    def note(self, metadata: Metadata) -> None:
        """Knows who called by that metadata, for `KNOWN_SECONDS`; of too many nobody is known any more."""
        if len(self._seen) >= KNOWN:
            self._seen.clear()
        for key, value in metadata:
            if key == "authorization":
                self._seen[hash(value)] = self._clock() + KNOWN_SECONDS


class Unread:
    """Stands for the message of a call whose caller is yet to be met."""

    __slots__ = ("_context", "_meet")

    def __init__(self, meet: Verify, context: Context) -> None:
        self._meet = meet
        self._context = context

    async def read(self) -> Any:  # what the RPC's own reader makes of the bytes
        """The message, None where none came; DeadlineExceeded where it takes too long, and errors of who is to meet."""
        await self._meet(self._context)
        try:
            async with asyncio.timeout(READ_SECONDS):
                message = await self._context.read()
        except TimeoutError:
            raise DeadlineExceeded(f"the message did not come within {READ_SECONDS:g} s") from None
        return None if message is EOF else message


async def meet_anybody(_: Context) -> None:
    """For what needs no credential: its messages have no more than their time."""


class Newcomers(grpc.GenericRpcHandler):
    """Answers the calls of those who are not known: asked before the handlers for everybody else."""

    def __init__(self, known: Known, handlers: Mapping[str, "grpc.RpcMethodHandler[Any, Any]"]) -> None:
        """`handlers` reads the message itself, by the method's path; methods that it lacks are left to others."""
        self._known = known
        self._handlers = handlers

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """The handler of that call, None where it is left to others."""
        return None if self._known.has(details.invocation_metadata) else self._handlers.get(details.method)


def unread_one(meet: Verify, method: Callable[[Unread, Context], Awaitable[Response]]) -> One[Response]:
    """The method of one answer, with its message yet to be read."""

    async def answered(_: object, context: Context) -> Response:
        return await method(Unread(meet, context), context)

    return answered


def unread_many(meet: Verify, method: Callable[[Unread, Context], AsyncGenerator[Response, None]]) -> Many[Response]:
    """The method of many answers, with its message yet to be read."""

    async def answered(_: object, context: Context) -> AsyncGenerator[Response, None]:
        async with aclosing(method(Unread(meet, context), context)) as responses:
            async for response in responses:
                yield response

    return answered
