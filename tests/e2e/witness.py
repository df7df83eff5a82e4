"""Checks at a steady rate that are remembered one by one, from a process of its own.

    python -m tests.e2e.witness ADDRESS RATE TOKEN_FILE NOTES

Of ten checks four are asked alone, two over a stream and four as a batch, over connections that repeat nothing. It asks
wherever a connection stands, until its standard input closes. The notes have a line for each check: `answered SECONDS
REQUEST_ID DECISION_ID`, or `lost REQUEST_ID WHY` where the service could not be reached, or `failed REQUEST_ID WHY`.
"""

import asyncio
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TextIO

import grpc
import uvloop
from magistrate.v1.authorization_pb2 import BatchCheckRequest, CheckRequest, CheckStreamResponse
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from tests.e2e.asking import SECONDS, bearer, question

TICK = 0.01
"""Seconds between two volleys."""
CONNECTIONS = 4
LOSSES = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
BROKEN = "Internal error from Core"
"""What grpc.aio says of a stream whose connection breaks during a write."""
OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 100),
)


class Stream:
    """A stream of checks, until it breaks."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[CheckRequest, CheckStreamResponse]", notes: "Notes") -> None:
        self._call = call
        self._notes = notes
        self._writing = asyncio.Lock()
        self._waiting: dict[str, CheckRequest] = {}
        self.is_broken = False

    async def ask(self, asked: CheckRequest) -> None:
        """Sends one more."""
        async with self._writing:
            if self.is_broken:
                self._notes.lost(asked, why=BROKEN)
                return
            self._waiting[asked.request_id] = asked
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # `read` meets the same
                await self._call.write(asked)

    async def read(self) -> None:
        """Notes answers until the stream ends."""
        try:
            async for answer in self._call:
                asked = self._waiting.pop(answer.request_id)
                if answer.HasField("error"):
                    self._notes.lost(asked, why=answer.error.message)
                else:
                    self._notes.answered(asked.request_id, answer.response.decision_id)
        except grpc.aio.AioRpcError as error:
            self._notes.failed(error, *self._waiting.values())
            self._waiting.clear()
        self.is_broken = True
        self._notes.lost(*self._waiting.values(), why=BROKEN)

    async def finish(self) -> None:
        """Sends no more."""
        async with self._writing:
            if not self.is_broken:
                await self._call.done_writing()


class Notes:
    """What is noted of each check."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def answered(self, request_id: str, decision_id: str) -> None:
        """It has its answer."""
        self._file.write(f"answered {time.monotonic():.3f} {request_id} {decision_id}\n")

    def lost(self, *asked: CheckRequest, why: str) -> None:
        """They have no answer, and may have been decided."""
        self._file.write("".join(f"lost {each.request_id} {why}\n" for each in asked))

    def failed(self, error: grpc.aio.AioRpcError, *asked: CheckRequest) -> None:
        """The call ended so."""
        why = " ".join(f"{error.code().name} {error.details()}".split())
        if error.code() in LOSSES or error.details() == BROKEN:
            self.lost(*asked, why=why)
        else:
            self._file.write("".join(f"failed {each.request_id} {why}\n" for each in asked))


class Connection:
    """One connection, and the questions over it."""

    def __init__(self, address: str, token: str, notes: Notes) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        self._stub = AuthorizationServiceStub(self._channel)
        self._metadata = bearer(token)
        self._notes = notes
        self._stream: Stream | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def stands(self) -> bool:
        """Whether there is a connection; asking for it makes one."""
        return self._channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY

    def ask_ten(self, numbers: "count[int]") -> None:
        """Ten checks, in each of the ways."""
        for _ in range(4):
            self._start(self._check(_question(numbers)))
        self._start(self._batch([_question(numbers) for _ in range(4)]))
        if self._stream is None or self._stream.is_broken:
            self._stream = Stream(self._stub.CheckStream(metadata=self._metadata), self._notes)
            self._start(self._stream.read())
        for _ in range(2):
            self._start(self._stream.ask(_question(numbers)))

    async def finish(self) -> None:
        """Waits for what was asked."""
        if self._stream is not None:
            await self._stream.finish()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._channel.close()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, asked: CheckRequest) -> None:
        try:
            answer = await self._stub.Check(asked, metadata=self._metadata, timeout=SECONDS)
        except grpc.aio.AioRpcError as error:
            self._notes.failed(error, asked)
        else:
            self._notes.answered(asked.request_id, answer.decision_id)

    async def _batch(self, asked: list[CheckRequest]) -> None:
        batch = BatchCheckRequest(request_id=f"batch-{asked[0].request_id}", checks=asked)
        try:
            answer = await self._stub.BatchCheck(batch, metadata=self._metadata, timeout=SECONDS)
        except grpc.aio.AioRpcError as error:
            self._notes.failed(error, *asked)
        else:
            for each, result in zip(asked, answer.results, strict=True):
                self._notes.answered(each.request_id, result.response.decision_id)


def _question(numbers: "count[int]") -> CheckRequest:
    return question("edit", "Document:plan", request_id=str(next(numbers)))


async def witness(address: str, rate: int, token: str, notes: TextIO) -> None:
    """Asks until standard input closes."""
    loop, numbers = asyncio.get_running_loop(), count()
    told_to_end = loop.run_in_executor(None, sys.stdin.buffer.read)
    connections = [Connection(address, token, Notes(notes)) for _ in range(CONNECTIONS)]
    turns, due, before = count(), 0.0, loop.time()
    while not told_to_end.done():
        now = loop.time()
        due, before = min(due + (now - before) * rate, rate * 0.1), now
        standing = [each for each in connections if each.stands]
        while standing and due >= 10:
            due -= 10
            standing[next(turns) % len(standing)].ask_ten(numbers)
        notes.flush()
        await asyncio.sleep(TICK)
    for each in connections:
        await each.finish()


if __name__ == "__main__":
    with Path(sys.argv[4]).open("w") as file:
        uvloop.run(witness(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_text(), file))
