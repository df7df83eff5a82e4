"""Has calls that wait for something done in threads of their own, a few at a time; some wait, others are refused."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from grpc.aio import ServicerContext

from service.doors.grpc.caller import Callers
from service.errors import DeadlineExceeded, MagistrateError

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
        """What the act comes to, done in its turn."""
        if self._under_way >= self._most:
            raise self._refusal()
        self._under_way += 1
        try:
            async with self._turns:
                # The wait may have been long: credentials end, and are revoked, meanwhile.
                await self._callers.verified(context)
                return await asyncio.get_running_loop().run_in_executor(self._threads, act)
        finally:
            self._under_way -= 1


def seconds_left(context: ServicerContext[Request, Response], longest: float) -> float:
    """The seconds that there are; a little less than the deadline leaves, so that the answer still arrives."""
    remaining = context.time_remaining()
    if remaining is None:
        return longest
    if remaining <= 0:
        raise DeadlineExceeded("the deadline passed before anything was done")
    return min(longest, remaining * 0.9)
