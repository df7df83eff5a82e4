"""Watches of the facts, as streams: a step is read when the one before was sent, so slow readers cost no memory."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from grpc.aio import ServicerContext

from policy_lang.values import Ref
from service.doors.beside import beside
from service.doors.grpc.caller import Callers
from service.entities.watching import Told, Watching
from service.errors import RateLimited
from service.feed.feed import Feed
from service.feed.revision import Revision

CHECK_SECONDS: Final = 1.0
"""How often it is looked at whether the caller may still watch (identity.md)."""
MARK_SECONDS: Final = 10.0
"""How often a watch that has nothing to tell says how far it is."""

Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a watch is for: one tenant's changes, or all; after a revision, or from now on where it is empty."""

    tenant: Ref | None
    after: str


class Watches:
    """The watches of one worker, `most` at a time. `ended` returns when they are to come to their end."""

    def __init__(
        self, callers: Callers, watching: Watching, feed: Feed, *, most: int, ended: Callable[[], Awaitable[object]]
    ) -> None:
        self._callers = callers
        self._watching = watching
        self._feed = feed
        self._most = most
        self._ended = ended
        self._count = 0

    async def follow(self, wanted: Wanted, context: ServicerContext[Request, Response]) -> AsyncGenerator[Told, None]:
        """First where it begins, without changes; then every revision that changed something, and marks between."""
        caller = await self._callers.admitted(context)
        async with self._one_more() as ending:
            position = await beside(self._watching.begin, caller, wanted.tenant, wanted.after)
            yield Told(position, ())
            async for told in self._after(position, wanted, context, ending):
                yield told

    async def _after(
        self,
        position: Revision,
        wanted: Wanted,
        context: ServicerContext[Request, Response],
        ending: "asyncio.Future[object]",
    ) -> AsyncIterator[Told]:
        loop, said = asyncio.get_running_loop(), position
        said_at = checked_at = loop.time()
        while not ending.done():
            step = await beside(self._watching.step, position, wanted.tenant)
            for told in step.told:
                if loop.time() - checked_at >= CHECK_SECONDS:
                    await self._check(wanted, context)
                    checked_at = loop.time()
                yield told
                said, said_at = told.revision, loop.time()
            position = step.position
            if position != said and loop.time() - said_at >= MARK_SECONDS:
                yield Told(position, ())
                said, said_at = position, loop.time()
            if not step.has_more:
                await self._wait(position, ending)
            if loop.time() - checked_at >= CHECK_SECONDS:
                await self._check(wanted, context)
                checked_at = loop.time()

    async def _check(self, wanted: Wanted, context: ServicerContext[Request, Response]) -> None:
        caller = await self._callers.verified(context)
        await beside(self._watching.check, caller, wanted.tenant)

    async def _wait(self, position: Revision, ending: "asyncio.Future[object]") -> None:
        """Until there is something after the position, or it is time to look at the caller again, or to end."""
        passing: asyncio.Future[object] = asyncio.ensure_future(self._feed.passed(position, CHECK_SECONDS))
        try:
            both: list[asyncio.Future[object]] = [passing, ending]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            passing.cancel()

    @asynccontextmanager
    async def _one_more(self) -> "AsyncIterator[asyncio.Future[object]]":
        """One watch more, and what is done when it is to end; RateLimited where there are as many as there may be."""
        if self._count >= self._most:
            raise RateLimited(f"over the limit `watches`: {self._most} are under way already", 1000, limit="watches")
        self._count += 1
        ending = asyncio.ensure_future(self._ended())
        try:
            yield ending
        finally:
            ending.cancel()
            self._count -= 1
