"""Answers the requests of a stream side by side: so many at a time, each as soon as it is ready."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from enum import Enum
from typing import Any, TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")


class _End(Enum):
    END = 0


async def answers_of(
    requests: AsyncIterator[Request],
    answer: Callable[[Request], Coroutine[None, None, Response]],
    *,
    at_once: int,
    ended: Callable[[], Awaitable[object]],
) -> AsyncGenerator[Response, None]:
    """What `answer` gives for each request, whichever is ready first. What it raises ends the stream.

    No more than `at_once` requests are read and not answered, and one that waits for its turn: who sends more waits, by
    HTTP/2's own flow control. Once `ended` returns no more are read, and those that were are answered.
    """
    ending = asyncio.ensure_future(ended())
    reading: asyncio.Task[Request | _End] | None = asyncio.create_task(_next(requests))
    answering: set[asyncio.Task[Response]] = set()
    try:
        while reading is not None or answering:
            has_room = len(answering) < at_once
            waits: set[asyncio.Future[Any]] = {*answering}
            if reading is not None:
                waits |= {ending, reading} if has_room else {ending}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for done in [task for task in answering if task.done()]:
                answering.remove(done)
                yield done.result()
            if reading is None:
                continue
            if ending.done():
                reading.cancel()
                reading = None
            elif has_room and reading.done():
                request = reading.result()
                reading = None
                if not isinstance(request, _End):
                    answering.add(asyncio.create_task(answer(request)))
                    reading = asyncio.create_task(_next(requests))
    finally:
        for task in (ending, reading, *answering):
            if task is not None:
                task.cancel()


async def _next(requests: AsyncIterator[Request]) -> Request | _End:
    return await anext(requests, _End.END)
