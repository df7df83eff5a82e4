"""A real service whose streams answer as a test says, and both clients' streams under one face."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import grpc
import pytest
from grpc import aio
from magistrate.v1 import authorization_pb2 as pb

import magistrate_client as mc
from magistrate_client.async_stream import Answered
from tests.magistrate_client.scripted_service import MOMENT

PATIENCE = 20.0
PATIENT = mc.RetryPolicy(tries=1000, first_wait=0.01, longest_wait=0.05)
Context = aio.ServicerContext[pb.CheckRequest, pb.CheckStreamResponse]
Answer = Callable[["Streamer", pb.CheckRequest], pb.CheckStreamResponse | grpc.StatusCode]
"""What the service says to a question, or the status by which it ends the call there."""


def allowed(_: "Streamer", request: pb.CheckRequest) -> pb.CheckStreamResponse:
    """An allow under the question's id, whose code is the resource."""
    response = pb.CheckResponse(
        request_id=request.request_id, effect=pb.EFFECT_ALLOW, code=request.resource.id, decided_at=MOMENT
    )
    return pb.CheckStreamResponse(request_id=request.request_id, response=response)


@dataclass
class Streamer:
    """A service that reads as fast as it is asked, and answers once it may."""

    answer: Answer = allowed
    go: asyncio.Event = field(default_factory=asyncio.Event)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[pb.CheckRequest] = field(default_factory=list)
    tokens: list[str | bytes | None] = field(default_factory=list)
    answered: int = 0
    most: int = 0
    """How many questions at the most waited for their answers."""
    ended: int = 0
    """Calls that came to their end in order."""
    target: str = ""

    async def CheckStream(  # noqa: N802
        self, requests: AsyncIterator[pb.CheckRequest], context: Context
    ) -> AsyncIterator[pb.CheckStreamResponse]:
        """One call."""
        self.tokens.append(dict(context.invocation_metadata() or ()).get("authorization"))
        waiting: asyncio.Queue[pb.CheckRequest | None] = asyncio.Queue()
        reading = asyncio.create_task(self._read(requests, waiting))
        try:
            while (request := await waiting.get()) is not None:
                await self.go.wait()
                said = self.answer(self, request)
                if isinstance(said, grpc.StatusCode):
                    await context.abort(said, "no more")
                else:
                    self.answered += 1
                    yield said
            self.ended += 1
        finally:
            reading.cancel()

    async def _read(
        self, requests: AsyncIterator[pb.CheckRequest], waiting: "asyncio.Queue[pb.CheckRequest | None]"
    ) -> None:
        async for request in requests:
            self.asked.append(request)
            self.most = max(self.most, len(self.asked) - self.answered)
            self.was_asked.set()
            waiting.put_nowait(request)
        waiting.put_nowait(None)

    def times(self, name: str) -> int:
        """How often it was asked about that resource."""
        return sum(request.resource.id == name for request in self.asked)


@asynccontextmanager
async def streaming(streamer: Streamer, target: str = "127.0.0.1:0") -> AsyncIterator[Streamer]:
    """The service at the target, on a free port if it is not said."""
    handler = grpc.stream_stream_rpc_method_handler(
        streamer.CheckStream, pb.CheckRequest.FromString, pb.CheckStreamResponse.SerializeToString
    )
    server = aio.server()
    name = "magistrate.v1.AuthorizationService"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {"CheckStream": handler})])
    streamer.target = f"127.0.0.1:{server.add_insecure_port(target)}"
    await server.start()
    try:
        yield streamer
    finally:
        await server.stop(None)


def ready(answer: Answer = allowed) -> Streamer:
    """A service that answers at once."""
    streamer = Streamer(answer)
    streamer.go.set()
    return streamer


Token = str | Callable[[], str] | None


class Ask(Protocol):
    """Asks the questions over one stream of a client."""

    async def __call__(
        self,
        target: str,
        questions: Iterable[mc.Question],
        *,
        at_once: int = 64,
        token: Token = None,
        timeout: float = PATIENCE,
    ) -> list[Answered]: ...


async def by_tasks(
    target: str,
    questions: Iterable[mc.Question],
    *,
    at_once: int = 64,
    token: Token = None,
    timeout: float = PATIENCE,
) -> list[Answered]:
    """Through the client for asyncio."""
    async with (
        mc.AsyncMagistrate(target, token=token, timeout=timeout, retry=PATIENT) as client,
        client.stream(at_once=at_once) as stream,
    ):
        return [answered async for answered in stream.answers(questions)]


async def by_threads(
    target: str,
    questions: Iterable[mc.Question],
    *,
    at_once: int = 64,
    token: Token = None,
    timeout: float = PATIENCE,
) -> list[Answered]:
    """Through the client for threads."""

    def ask() -> list[Answered]:
        with (
            mc.Magistrate(target, token=token, timeout=timeout, retry=PATIENT) as client,
            client.stream(at_once=at_once) as stream,
        ):
            return list(stream.answers(questions))

    return await asyncio.to_thread(ask)


both_streams = pytest.mark.parametrize("ask", [by_tasks, by_threads], ids=["async", "threads"])
