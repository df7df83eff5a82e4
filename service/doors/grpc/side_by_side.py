"""Answers the requests of a stream side by side: so many at a time, each as soon as it is ready.

Most are answered as they are read. Only an answer that has to wait gets a task of its own: with one for every message,
and a wait for all of them, a message cost more than a call.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Generic, TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")


async def answers_of(
    requests: AsyncIterator[Request],
    answer: Callable[[Request], Response | Coroutine[None, None, Response]],
    *,
    at_once: int,
    begin: Callable[[], Awaitable[object]],
    ended: Callable[[], Awaitable[object]],
) -> AsyncGenerator[Response, None]:
    """What `answer` gives for each request, whichever is ready first. What it raises ends the stream.

    Nothing is read before `begin` has returned, and what that raises ends the stream too. No more than `at_once`
    requests are read and not answered, and one that waits for its turn: who sends more, or does not take answers,
    waits, by HTTP/2's own flow control. Once `ended` returns no more are read, and those that were are answered.
    """
    stream = _Stream(answer, at_once)
    reading = asyncio.create_task(stream.read(requests, begin))
    ending = asyncio.ensure_future(ended())
    reading.add_done_callback(stream.stir)
    ending.add_done_callback(lambda _: reading.cancel())
    try:
        while True:
            while stream.ready:
                yield stream.take()
            if stream.is_done(reading):
                break
            await stream.stirred()
    finally:
        for task in (ending, reading, *stream.under_way):
            task.cancel()


class _Stream(Generic[Request, Response]):
    """The requests of one stream that are not answered yet, and the answers that are not given yet."""

    def __init__(self, answer: Callable[[Request], Response | Coroutine[None, None, Response]], at_once: int) -> None:
        self._answer = answer
        self._at_once = at_once
        self._moved = asyncio.Event()
        self._has_room = asyncio.Event()
        self._failed: asyncio.Task[Response] | None = None
        self.ready: deque[Response] = deque()
        self.under_way: set[asyncio.Task[Response]] = set()

    async def read(self, requests: AsyncIterator[Request], begin: Callable[[], Awaitable[object]]) -> None:
        """Begins, then reads and answers, until there are no more requests."""
        await begin()
        async for request in requests:
            while len(self.ready) + len(self.under_way) >= self._at_once:
                self._has_room.clear()
                await self._has_room.wait()
            answer = self._answer(request)
            if isinstance(answer, Coroutine):
                task = asyncio.create_task(answer)
                self.under_way.add(task)
                task.add_done_callback(self._answered)
            else:
                self.ready.append(answer)
                self._moved.set()

    def is_done(self, reading: asyncio.Task[None]) -> bool:
        """Whether everything that was read is answered and given; what went wrong is raised."""
        if self._failed is not None:
            self._failed.result()
        if not reading.done():
            return False
        if not reading.cancelled():
            reading.result()
        return not self.ready and not self.under_way

    def take(self) -> Response:
        """The next answer; there is one."""
        self._has_room.set()
        return self.ready.popleft()

    def stir(self, _: object) -> None:
        """Has `stirred` return."""
        self._moved.set()

    async def stirred(self) -> None:
        """Returns when there is something to look at, which may have been so all along."""
        if not self._moved.is_set():
            await self._moved.wait()
        self._moved.clear()

    def _answered(self, task: asyncio.Task[Response]) -> None:
        self.under_way.discard(task)
        self._has_room.set()
        self._moved.set()
        if task.cancelled():
            return
        if task.exception() is None:
            self.ready.append(task.result())
        elif self._failed is None:
            self._failed = task
