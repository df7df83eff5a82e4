"""A stream of questions for asyncio: many under way over one call, each answered as soon as it can be.

What is asked, read, repeated and refused is decided in modules that it shares with `sync_stream`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self, Unpack

import grpc
from grpc import aio
from magistrate.v1.authorization_pb2 import CheckRequest, CheckStreamResponse

from magistrate_client.answers import unreadable
from magistrate_client.decision import Decision
from magistrate_client.errors import MagistrateError, Unanswered, client_closed, out_of_time
from magistrate_client.pending import Broken, Brought, Pending, ended, error_of_end, refuse_twice
from magistrate_client.question import AnyResource, Details, Question
from magistrate_client.requests import check_request
from magistrate_client.retries import RetryPolicy, Tries

Answered = tuple[Question, Decision | Unanswered]
"""A question of a stream, and what came of it."""
Call = aio.StreamStreamCall[CheckRequest, CheckStreamResponse]
Dial = Callable[[AsyncIterator[CheckRequest]], Awaitable[Call]]
"""Begins a call that sends those requests; MagistrateError where none can be."""


class AsyncCheckStream:
    """Questions over one call, from any task of the client's event loop; `AsyncMagistrate.stream` makes it.

        async with client.stream() as stream:
            async for question, answer in stream.answers(questions):
                ...

    At most so many questions are under way at once; whoever asks more waits, within the deadline of the question. Each
    is decided by the credential as it is then. Where the stream breaks another is begun, and what has no answer is
    asked again under the same id.
    """

    def __init__(self, dial: Dial, *, timeout: float, retry: RetryPolicy, at_once: int, renews: bool) -> None:
        self._dial = dial
        self._dialing = asyncio.Lock()
        self._timeout = timeout
        self._retry = retry
        self._at_once = at_once
        self._renews = renews
        self._room = asyncio.Semaphore(at_once)
        self._under_way: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closed = self._is_over = False
        self._line: _Line | None = None

    async def check(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Decision:
        """The decision on one question; MagistrateError if there is none."""
        return await self._decided(Question(action, resource, **details), timeout)

    async def answers(
        self, questions: Iterable[Question] | AsyncIterable[Question], *, timeout: float | None = None
    ) -> AsyncGenerator[Answered, None]:
        """Each question with its answer, whichever is ready first; a question that got none has a false `Unanswered`.

        Questions are taken as there is room for them, and no more while the answers are not taken.
        """
        room = asyncio.Semaphore(self._at_once)
        ready: asyncio.Queue[asyncio.Task[Answered] | None] = asyncio.Queue()
        tasks: set[asyncio.Task[Answered]] = set()

        async def take() -> None:
            try:
                async for question in _each(questions):
                    await room.acquire()
                    task = asyncio.create_task(self._answered(question, timeout))
                    tasks.add(task)
                    task.add_done_callback(ready.put_nowait)
                if tasks:
                    await asyncio.wait(tasks)
            finally:
                ready.put_nowait(None)

        taking = asyncio.create_task(take())
        try:
            while (task := await ready.get()) is not None:
                tasks.discard(task)
                room.release()
                yield task.result()
            await taking
        finally:
            for each in (taking, *tasks):
                each.cancel()

    async def close(self) -> None:
        """Takes no more questions, waits for the answers to those under way, and ends the stream. Safe to repeat.

        The wait is no longer than the client's timeout; what has no answer then fails with `CLIENT_CLOSED`.
        """
        self._is_closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), self._timeout)
        self._is_over = True
        if self._line is not None:
            await self._line.finish(self._timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _answered(self, question: Question, timeout: float | None) -> Answered:
        try:
            return question, await self._decided(question, timeout)
        except MagistrateError as error:
            return question, Unanswered(error)

    async def _decided(self, question: Question, timeout: float | None) -> Decision:
        request = check_request(question)
        tries = Tries(self._retry, self._timeout if timeout is None else timeout)
        with self._one_more(request.request_id):
            try:
                async with asyncio.timeout(tries.left()) as limit, self._room:
                    return await self._tried(Pending(request, tries, self._renews))
            except TimeoutError:
                if not limit.expired():
                    raise
                raise out_of_time("no answer came before the deadline", request.request_id) from None

    async def _tried(self, pending: Pending) -> Decision:
        while True:
            brought: Brought | None = None
            try:
                line = await self._current()
                brought = await line.ask(pending.request)
                return pending.decision(brought)
            except MagistrateError as error:
                wait = pending.wait_after(error, brought)
            await asyncio.sleep(wait)

    async def _current(self) -> "_Line":
        """The line there is, or another where it has ended."""
        async with self._dialing:
            if self._is_over:
                raise client_closed("")
            if self._line is None or self._line.is_over:
                to_send: asyncio.Queue[CheckRequest | None] = asyncio.Queue()
                call = await self._dial(_sent(to_send))
                if self._is_over:  # closed meanwhile: nobody would end this one
                    call.cancel()
                    raise client_closed("")
                self._line = _Line(call, to_send)
            return self._line

    @contextmanager
    def _one_more(self, request_id: str) -> Iterator[None]:
        if self._is_closed:
            raise client_closed(request_id)
        refuse_twice(request_id, self._under_way)
        self._under_way.add(request_id)
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way.remove(request_id)
            if not self._under_way:
                self._idle.set()


class _Line:
    """One call while it lasts, and who waits for what it brings."""

    def __init__(self, call: Call, to_send: "asyncio.Queue[CheckRequest | None]") -> None:
        self.is_over = False
        self._to_send = to_send
        self._waiting: dict[str, asyncio.Future[Brought]] = {}
        self._given_up: set[str] = set()
        """The ids of questions that were asked, and whose answers nobody waits for any more."""
        self._has_answered = False
        self._reading = asyncio.create_task(self._read(call))

    async def ask(self, request: CheckRequest) -> Brought:
        """What comes for the request: its answer, or the end of the line. InvalidRequest where another's may come."""
        refuse_twice(request.request_id, self._given_up)
        brought: asyncio.Future[Brought] = asyncio.get_running_loop().create_future()
        self._waiting[request.request_id] = brought
        self._to_send.put_nowait(request)
        try:
            return await brought
        finally:
            self._waiting.pop(request.request_id, None)
            if brought.cancelled():
                self._given_up.add(request.request_id)

    async def finish(self, patience: float) -> None:
        """Sends no more, and returns when the service has ended the call too, or patience is at its end."""
        self._to_send.put_nowait(None)
        await asyncio.wait([self._reading], timeout=patience)
        self._reading.cancel()

    async def _read(self, call: Call) -> None:
        error: MagistrateError = ended()
        try:
            async for answer in call:
                self._take(answer)
        except grpc.RpcError as failure:
            error = error_of_end(failure)
        except MagistrateError as refusal:
            error = refusal
        except (asyncio.CancelledError, aio.UsageError):
            error = client_closed("")  # whose doing alone it can be
        finally:
            self.is_over = True
            self._to_send.put_nowait(None)
            for brought in self._waiting.values():
                if not brought.done():
                    brought.set_result(Broken(error, self._has_answered))

    def _take(self, answer: CheckStreamResponse | None) -> None:
        if answer is None:  # which is how gRPC gives bytes that are no message
            raise unreadable("the answer is no message of the contract", "")
        self._has_answered = True
        brought = self._waiting.get(answer.request_id)
        if brought is None:
            self._given_up.discard(answer.request_id)
        elif not brought.done():
            brought.set_result(answer)


async def _sent(to_send: "asyncio.Queue[CheckRequest | None]") -> AsyncIterator[CheckRequest]:
    while (request := await to_send.get()) is not None:
        yield request


async def _each(questions: Iterable[Question] | AsyncIterable[Question]) -> AsyncIterator[Question]:
    if isinstance(questions, AsyncIterable):
        async for question in questions:
            yield question
    else:
        for question in questions:
            yield question
