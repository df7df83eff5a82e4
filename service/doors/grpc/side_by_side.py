"""Answers the requests of a stream side by side: so many at a time, each as soon as it is ready.

Requests that come close together are answered together, which costs less than each alone. Most are answered at once.
Only an answer that has to wait gets a task of its own: with one for every message, and a wait for all of them, a
message cost more than a call.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Final, Generic, TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")

Answering = Callable[[Sequence[Request]], Iterable[Response | Coroutine[None, None, Response]]]
"""Gives of each request, in order, its answer, or what is still to be done for that."""

TOGETHER: Final = 16
"""Requests that are answered together at most: more would hold the loop up for longer, and save little."""
QUIET_TURNS: Final = 2
"""Turns of the loop without another request after which those that are there are answered: to read one takes two."""


async def answers_of(
    requests: AsyncIterator[Request],
    answer: Answering[Request, Response],
    *,
    at_once: int,
    begin: Callable[[], Awaitable[object]],
    ended: Callable[[], Awaitable[object]],
) -> AsyncGenerator[Response, None]:
    """What `answer` gives for each request, whichever is ready first. What it raises ends the stream.

    Nothing is read before `begin` has returned, and what that raises ends the stream too. No more than `at_once`
    requests are read and not answered: who sends more, or does not take answers, waits, by HTTP/2's own flow control.
    Once `ended` returns no more are read, and those that were are answered.
    """
    stream = _Stream(answer, at_once)
    reading = asyncio.create_task(stream.read(requests, begin))
    answering = asyncio.create_task(stream.answer(reading))
    ending = asyncio.ensure_future(ended())
    reading.add_done_callback(stream.look)
    answering.add_done_callback(stream.stir)
    ending.add_done_callback(lambda _: reading.cancel())
    try:
        while True:
            while stream.ready:
                yield stream.take()
            if stream.is_done(answering):
                break
            await stream.stirred()
    finally:
        for task in (ending, reading, answering, *stream.under_way):
            task.cancel()


class _Stream(Generic[Request, Response]):
    """The requests of one stream that are not answered yet, and the answers that are not given yet."""

    def __init__(self, answer: Answering[Request, Response], at_once: int) -> None:
        self._answer = answer
        self._at_once = at_once
        self._asked: deque[Request] = deque()
        self._due = asyncio.Event()
        self._moved = asyncio.Event()
        self._has_room = asyncio.Event()
        self._failed: asyncio.Task[Response] | None = None
        self.ready: deque[Response] = deque()
        self.under_way: set[asyncio.Task[Response]] = set()

    async def read(self, requests: AsyncIterator[Request], begin: Callable[[], Awaitable[object]]) -> None:
        """Begins, then reads, until there are no more requests."""
        await begin()
        async for request in requests:
            self._asked.append(request)
            if self._is_due:
                self._due.set()
            # Before the next is read, not after: what is read when the reading is ended would be lost.
            while len(self._asked) + len(self.ready) + len(self.under_way) >= self._at_once:
                self._has_room.clear()
                await self._has_room.wait()

    async def answer(self, reading: asyncio.Task[None]) -> None:
        """Answers what is read, until no more is, and raises what ended the reading."""
        while self._asked or not reading.done():
            if not self._is_due:
                self._due.clear()
                await self._due.wait()
                continue
            await self._gathered()
            asked, count = self._asked, min(len(self._asked), TOGETHER)
            for answer in self._answer([asked.popleft() for _ in range(count)]):
                self._put(answer)
        if not reading.cancelled():
            reading.result()

    def is_done(self, answering: asyncio.Task[None]) -> bool:
        """Whether everything that was read is answered and given; what went wrong is raised."""
        if self._failed is not None:
            self._failed.result()
        if not answering.done():
            return False
        answering.result()
        return not self.ready and not self.under_way

    def take(self) -> Response:
        """The next answer; there is one."""
        self._has_room.set()
        answer = self.ready.popleft()
        if self._is_due:
            self._due.set()
        return answer

    def look(self, _: object) -> None:
        """Has `answer` look whether anything is left."""
        self._due.set()

    def stir(self, _: object) -> None:
        """Has `stirred` return."""
        self._moved.set()

    async def stirred(self) -> None:
        """Returns when there is something to look at, which may have been so all along."""
        if not self._moved.is_set():
            await self._moved.wait()
        self._moved.clear()

    @property
    def _is_due(self) -> bool:
        """Whether to answer what was read: while earlier answers wait to be taken, more may gather at no one's cost."""
        return len(self._asked) >= TOGETHER or (bool(self._asked) and not self.ready)

    async def _gathered(self) -> None:
        """Returns when as many wait as are answered together, or no more came for some turns of the loop."""
        seen, quiet = len(self._asked), 0
        while quiet < QUIET_TURNS and seen < TOGETHER:
            await asyncio.sleep(0)
            seen, before = len(self._asked), seen
            quiet = 0 if seen > before else quiet + 1

    def _put(self, answer: Response | Coroutine[None, None, Response]) -> None:
        if isinstance(answer, Coroutine):
            task = asyncio.create_task(answer)
            self.under_way.add(task)
            task.add_done_callback(self._answered)
        else:
            self.ready.append(answer)
            self._moved.set()

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
