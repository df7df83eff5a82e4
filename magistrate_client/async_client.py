"""The client for asyncio: a thin shell that makes the calls and waits between tries.

What is asked, read, repeated and refused is decided in modules that it shares with `sync_client`. One object serves any
number of tasks of one event loop.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from itertools import cycle
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
from grpc import aio
from magistrate.v1.authorization_pb2 import CheckRequest, CheckStreamResponse
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from magistrate_client.answers import read_batch, read_decision, read_explanation
from magistrate_client.async_stream import AsyncCheckStream
from magistrate_client.channels import CHANNELS, endpoint
from magistrate_client.consistency import AnyConsistency
from magistrate_client.credentials import Metadata, bearer
from magistrate_client.decision import Decision
from magistrate_client.errors import Denied, MagistrateError, Unanswered, client_closed, out_of_time
from magistrate_client.explanation import Explanation
from magistrate_client.fail_closed import denied_by
from magistrate_client.pending import AT_ONCE
from magistrate_client.question import NOT_GIVEN, AnyResource, Details, NotGiven, Question
from magistrate_client.requests import batch_request, check_request, explain_request
from magistrate_client.retries import TIMEOUT, RetryPolicy, Tries
from magistrate_client.statuses import error_from_failure
from magistrate_client.tracing import traced

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class AsyncMagistrate:
    """Asks a Magistrate service, from any task of one event loop.

        async with AsyncMagistrate("127.0.0.1:7080", token=token) as client:
            if await client.check("edit", "Document:plan"):
                ...

    `token` is a bearer token, or a function, plain or async, that gives one and is called before every try.
    `credentials` are those of `grpc.ssl_channel_credentials`; without them the system's roots are trusted, and plain
    text is spoken only to this machine, or with `insecure=True`. `timeout` is the deadline of a question in seconds,
    all its tries included. May be made before the event loop runs.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | Callable[[], str | Awaitable[str]] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        insecure: bool = False,
        timeout: float = TIMEOUT,
        retry: RetryPolicy | None = None,
        channels: int = CHANNELS,
    ) -> None:
        self._endpoint = endpoint(target, credentials, insecure=insecure, channels=channels)
        self._token = token if callable(token) else None
        self._metadata: Metadata = bearer(token) if isinstance(token, str) else ()
        self._timeout = timeout
        self._retry = retry or RetryPolicy()
        self._is_closed = False
        self._lines: _Lines | None = None

    async def check(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Decision:
        """The decision on one question; MagistrateError if there is none."""
        request = check_request(Question(action, resource, **details))
        answer = await self._call(self._open().checks, request, request.request_id, timeout)
        return read_decision(answer, request.request_id)

    async def check_many(
        self,
        questions: Sequence[Question],
        *,
        request_id: str = "",
        timeout: float | None = None,
        consistency: AnyConsistency | NotGiven = NOT_GIVEN,
    ) -> tuple[Decision | Unanswered, ...]:
        """The decisions on several questions under one policy digest, in their order. A question that is wrong to the
        service fails alone, as a false `Unanswered`; MagistrateError if all have no answer, InvalidRequest if one
        cannot even be asked."""
        if not questions:
            return ()
        request = batch_request(questions, request_id, consistency)
        answer = await self._call(self._open().batches, request, request.request_id, timeout)
        return read_batch(answer, request)

    async def explain(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Explanation:
        """The decision, and every rule and clause with its value; needs `read_reasons`."""
        request = explain_request(Question(action, resource, **details))
        request_id = request.check.request_id
        answer = await self._call(self._open().explains, request, request_id, timeout)
        return read_explanation(answer, request_id)

    def stream(self, *, at_once: int = AT_ONCE) -> AsyncCheckStream:
        """A stream of questions over one call, so many of them under way; for `async with`, on the running loop."""
        return AsyncCheckStream(
            self._dial,
            timeout=self._timeout,
            retry=self._retry,
            at_once=at_once,
            renews=self._token is not None,
        )

    async def is_allowed(
        self,
        action: str,
        resource: AnyResource,
        *,
        fulfilling: Collection[str] = (),
        timeout: float | None = None,
        **details: Unpack[Details],
    ) -> bool:
        """Whether the decision is an allow whose obligations the caller fulfils. It fails closed: a MagistrateError is
        logged and is a no."""
        try:
            decision = await self.check(action, resource, timeout=timeout, **details)
            return bool(decision.fulfilling(*fulfilling))
        except MagistrateError as error:
            return denied_by(error, action, resource)

    async def require(
        self,
        action: str,
        resource: AnyResource,
        *,
        fulfilling: Collection[str] = (),
        timeout: float | None = None,
        **details: Unpack[Details],
    ) -> Decision:
        """The decision, which is an allow whose obligations the caller fulfils; else Denied, or MagistrateError."""
        decision = (await self.check(action, resource, timeout=timeout, **details)).fulfilling(*fulfilling)
        if not decision:
            raise Denied(decision)
        return decision

    async def close(self) -> None:
        """Ends the connections; questions under way fail with Unavailable `CLIENT_CLOSED`. Safe to repeat."""
        self._is_closed = True
        if self._lines is not None:
            for channel in self._lines.channels:
                await channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncMagistrate({self._endpoint.target!r})"

    def _open(self) -> "_Lines":
        # Channels belong to the loop that runs when they are made, so the first question makes them.
        if self._lines is None:
            self._lines = _Lines(self._endpoint.open_aio_channels())
        return self._lines

    async def _dial(
        self, requests: AsyncIterator[CheckRequest]
    ) -> "aio.StreamStreamCall[CheckRequest, CheckStreamResponse]":
        if self._is_closed:
            raise client_closed("")
        metadata = await _presented(self._token) if self._token else self._metadata
        return next(self._open().streams)(requests, metadata=traced(metadata))

    async def _call(
        self,
        methods: "Iterator[aio.UnaryUnaryMultiCallable[Asked, Answer]]",
        request: Asked,
        request_id: str,
        timeout: float | None,
    ) -> Answer | None:
        tries = Tries(self._retry, self._timeout if timeout is None else timeout)
        while True:
            if self._is_closed:
                raise client_closed(request_id)
            metadata = await _present(self._token, tries, request_id) if self._token else self._metadata
            try:
                return await next(methods)(request, timeout=tries.left(), metadata=traced(metadata))
            except grpc.RpcError as failure:
                wait = tries.wait_after(error_from_failure(failure, request_id))
            except (asyncio.CancelledError, aio.UsageError) as failure:
                # Closing ends calls so, which is no cancellation of the task; its own passes through.
                if self._is_closed and not _is_task_cancelled():
                    raise client_closed(request_id) from failure
                raise
            await asyncio.sleep(wait)


class _Lines:
    """The channels of one event loop, and the methods of the service on each of them in turn."""

    __slots__ = ("batches", "channels", "checks", "explains", "streams")

    def __init__(self, channels: tuple[aio.Channel, ...]) -> None:
        self.channels = channels
        stubs = [AuthorizationServiceStub(channel) for channel in channels]
        self.checks = cycle([stub.Check for stub in stubs])
        self.batches = cycle([stub.BatchCheck for stub in stubs])
        self.explains = cycle([stub.Explain for stub in stubs])
        self.streams = cycle([stub.CheckStream for stub in stubs])


async def _present(source: Callable[[], str | Awaitable[str]], tries: Tries, request_id: str) -> Metadata:
    try:
        async with asyncio.timeout(tries.left()) as limit:
            return await _presented(source)
    except TimeoutError:
        if not limit.expired():
            raise
        raise out_of_time("no token came before the deadline", request_id) from None


async def _presented(source: Callable[[], str | Awaitable[str]]) -> Metadata:
    token = source()
    return bearer(token if isinstance(token, str) else await token)


def _is_task_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
