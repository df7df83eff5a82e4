"""Both clients under one async face, so that one suite holds them to the same laws."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from typing import ParamSpec, Protocol, TypedDict, Unpack

import grpc
import pytest

from magistrate_client import AsyncMagistrate, Decision, Explanation, Magistrate, Question, RetryPolicy, Unanswered
from magistrate_client.consistency import AnyConsistency
from magistrate_client.question import NOT_GIVEN, AnyResource, Details, NotGiven
from tests.magistrate_client.scripted_service import ScriptedService, serving

Given = ParamSpec("Given")


class Options(TypedDict, total=False):
    """What both clients are made with."""

    token: str | Callable[[], str] | None
    timeout: float
    retry: RetryPolicy
    channels: int
    credentials: grpc.ChannelCredentials | None


class Client(Protocol):
    """What both clients do."""

    async def check(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Decision: ...
    async def check_many(
        self,
        questions: Sequence[Question],
        *,
        request_id: str = "",
        timeout: float | None = None,
        consistency: AnyConsistency | NotGiven = NOT_GIVEN,
    ) -> tuple[Decision | Unanswered, ...]: ...
    async def explain(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Explanation: ...
    async def is_allowed(
        self,
        action: str,
        resource: AnyResource,
        *,
        fulfilling: Collection[str] = (),
        timeout: float | None = None,
        **details: Unpack[Details],
    ) -> bool: ...
    async def require(
        self,
        action: str,
        resource: AnyResource,
        *,
        fulfilling: Collection[str] = (),
        timeout: float | None = None,
        **details: Unpack[Details],
    ) -> Decision: ...
    async def close(self) -> None: ...


class Threaded:
    """The client for threads, each call of it in one."""

    def __init__(self, target: str, **options: Unpack[Options]) -> None:
        self._client = Magistrate(target, **options)

    async def check(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Decision:
        return await asyncio.to_thread(self._client.check, action, resource, timeout=timeout, **details)

    async def check_many(
        self,
        questions: Sequence[Question],
        *,
        request_id: str = "",
        timeout: float | None = None,
        consistency: AnyConsistency | NotGiven = NOT_GIVEN,
    ) -> tuple[Decision | Unanswered, ...]:
        return await asyncio.to_thread(
            self._client.check_many, questions, request_id=request_id, timeout=timeout, consistency=consistency
        )

    async def explain(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Explanation:
        return await asyncio.to_thread(self._client.explain, action, resource, timeout=timeout, **details)

    async def is_allowed(
        self,
        action: str,
        resource: AnyResource,
        *,
        fulfilling: Collection[str] = (),
        timeout: float | None = None,
        **details: Unpack[Details],
    ) -> bool:
        return await asyncio.to_thread(
            self._client.is_allowed, action, resource, fulfilling=fulfilling, timeout=timeout, **details
        )

    async def require(
        self,
        action: str,
        resource: AnyResource,
        *,
        fulfilling: Collection[str] = (),
        timeout: float | None = None,
        **details: Unpack[Details],
    ) -> Decision:
        return await asyncio.to_thread(
            self._client.require, action, resource, fulfilling=fulfilling, timeout=timeout, **details
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._client.close)


class Shell(Protocol):
    """Makes a client."""

    def __call__(self, target: str, **options: Unpack[Options]) -> Client: ...


def make_async(target: str, **options: Unpack[Options]) -> Client:
    """The client for asyncio."""
    return AsyncMagistrate(target, **options)


def make_threaded(target: str, **options: Unpack[Options]) -> Client:
    """The client for threads."""
    return Threaded(target, **options)


both_shells = pytest.mark.parametrize("shell", [make_async, make_threaded], ids=["async", "threads"])


def on_a_loop(test: Callable[Given, Coroutine[None, None, None]]) -> Callable[Given, None]:
    """Runs an async test to its end."""

    @wraps(test)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def asking(shell: Shell, **options: Unpack[Options]) -> AsyncIterator[tuple[ScriptedService, Client]]:
    """A scripted service, and a client of it."""
    async with serving() as service:
        client = shell(service.target, **options)
        try:
            yield service, client
        finally:
            await client.close()
