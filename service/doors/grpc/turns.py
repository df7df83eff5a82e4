"""Has calls that wait for something done in threads of their own, a few at a time; some wait, others are refused."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Final, TypeVar

from grpc.aio import ServicerContext

from service.deadline import until_gone
from service.doors.grpc.caller import Callers
from service.errors import DeadlineExceeded, MagistrateError, RateLimited

RETRY_MS: Final = 1000
"""When it is worth asking again for what found no place."""

Request = TypeVar("Request")
Response = TypeVar("Response")
Result = TypeVar("Result")


class Turns:
    """The turns of one kind of calls: so many `at_once`, so many `waiting` beside them, then `refusal`."""

    def __init__(self, callers: Callers, *, at_once: int, waiting: int, refusal: Callable[[], MagistrateError]) -> None:
        self._callers = callers
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="turns")
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._refusal = refusal
        self._under_way = 0

    async def take(self, context: ServicerContext[Request, Response], act: Callable[[], Result]) -> Result:
        """What the act comes to, done in its turn; it hears when its caller is gone (`deadline.is_gone`)."""
        if self._under_way >= self._most:
            raise self._refusal()
        self._under_way += 1
        gone = threading.Event()
        with ExitStack() as place:
            place.callback(self._leave)
            await self._turns.acquire()
            place.callback(self._turns.release)
            # The wait may have been long: credentials end, and are revoked, meanwhile.
            await self._callers.verified(context)
            running = asyncio.get_running_loop().run_in_executor(self._threads, lambda: until_gone(gone, act))
            # The thread goes on where the wait ends: its place is free when the act has come to its end.
            running.add_done_callback(partial(_ended, place.pop_all()))
        try:
            return await asyncio.shield(running)
        finally:
            gone.set()

    def _leave(self) -> None:
        self._under_way -= 1


def _ended(place: ExitStack, running: "asyncio.Future[Result]") -> None:
    place.close()
    if not running.cancelled():
        running.exception()  # seen, also where nobody waits for it any more


def seconds_left(context: ServicerContext[Request, Response], longest: float) -> float:
    """The seconds that there are; a little less than the deadline leaves, so that the answer still arrives."""
    remaining = context.time_remaining()
    if remaining is None:
        return longest
    if remaining <= 0:
        raise DeadlineExceeded("the deadline passed before anything was done")
    return min(longest, remaining * 0.9)


def no_place(limit: str, most: int) -> RateLimited:
    """What who finds no place is told: the limit's name, and when to come again."""
    return RateLimited(f"over the limit `{limit}`: {most} are under way already", RETRY_MS, limit=limit)
