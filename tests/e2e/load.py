"""Checks at a steady rate from a process of its own, through `magistrate_client` and beside it by a bare stub.

    python -m tests.e2e.load ADDRESS RATE TOKEN_FILE EXPECTED_FILE

It asks until its standard input closes, then prints what it saw as JSON. The token is read anew for each call; when no
call is under way any more that may have read another, it stands in TOKEN_FILE.in_use too. The expected file says, by
policy digest, whether `edit` on `Document:plan` is allowed: an answer that differs from what its own digest says is
wrong, and so is one under a digest that nobody expects.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import grpc
import uvloop
from magistrate.v1.authorization_pb2 import EFFECT_ALLOW
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from magistrate_client import AsyncMagistrate, Effect, MagistrateError
from tests.e2e.asking import SECONDS, bearer, question

TICK = 0.01
"""Seconds between two volleys."""
BARE_SHARE = 5
"""The bare stub asks one question for each so many."""
BEHIND = 0.1
"""Seconds of questions that are made up for at most, where this process was held up."""
AT_ONCE = 32
"""Calls under way at most: fewer than a worker lets wait, so that it sheds none, however slow the machine is."""


@dataclass(slots=True)
class Seen:
    """What one kind of client saw. Times are milliseconds."""

    answered: int = 0
    wrong: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    digests: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)

    def answer(self, digest: str, expected: Mapping[str, bool], *, is_allowed: bool) -> None:
        """Takes note of an answer."""
        self.answered += 1
        self.digests[digest] += 1
        self.wrong += expected.get(digest) is not is_allowed

    def as_json(self) -> dict[str, object]:
        """As it is printed, the times as their median and 99th percentile."""
        cuts = quantiles(self.times, n=100) if len(self.times) > 1 else [0.0] * 99
        return {
            "answered": self.answered,
            "wrong": self.wrong,
            "failed": dict(self.failed),
            "digests": dict(self.digests),
            "times": {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2)},
        }


@dataclass(slots=True)
class Presented:
    """The token of the calls from now on."""

    file: Path
    token: str = ""
    older: set[asyncio.Task[None]] | None = None
    """Calls that may have read another, until the last has ended."""

    def look(self, under_way: set[asyncio.Task[None]]) -> None:
        """Takes note of a new one, and says when no call presents another any more."""
        if (token := self.file.read_text()) != self.token:
            self.token, self.older = token, under_way.copy()
        if self.older is not None and not self.older & under_way:
            self.file.with_suffix(".in_use").write_text(self.token)
            self.older = None


async def load(address: str, rate: int, token_file: Path, expected: Mapping[str, bool]) -> tuple[Seen, Seen]:
    """Asks until standard input closes; what the client and the bare stub saw."""
    by_client, by_stub = Seen(), Seen()
    loop = asyncio.get_running_loop()
    told_to_end = loop.run_in_executor(None, sys.stdin.buffer.read)
    under_way: set[asyncio.Task[None]] = set()
    presented = Presented(token_file)
    async with (
        AsyncMagistrate(address, token=token_file.read_text, timeout=SECONDS) as client,
        grpc.aio.insecure_channel(address, options=(("grpc.enable_retries", 0),)) as channel,
    ):
        stub = AuthorizationServiceStub(channel)

        async def ask_client() -> None:
            try:
                decision = await client.check("edit", "Document:plan")
            except MagistrateError as error:
                by_client.failed[f"{type(error).__name__}: {error}"] += 1
            else:
                by_client.answer(decision.policy_digest, expected, is_allowed=decision.effect is Effect.ALLOW)

        async def ask_stub() -> None:
            try:
                answer = await stub.Check(
                    question("edit", "Document:plan"), metadata=bearer(token_file.read_text()), timeout=SECONDS
                )
            except grpc.aio.AioRpcError as error:
                by_stub.failed[error.code().name] += 1
            else:
                by_stub.answer(answer.policy_digest, expected, is_allowed=answer.effect == EFFECT_ALLOW)

        def start(ask: Callable[[], Awaitable[None]], seen: Seen) -> None:
            task = loop.create_task(_timed(ask, seen.times))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

        due, asked, before = 0.0, 0, loop.time()
        while not told_to_end.done():
            presented.look(under_way)
            now = loop.time()
            due, before = min(due + (now - before) * rate, rate * BEHIND), now
            while due >= 1 and len(under_way) < AT_ONCE:
                start(ask_client, by_client)
                due, asked = due - 1, asked + 1
                if asked % BARE_SHARE == 0:
                    start(ask_stub, by_stub)
            await asyncio.sleep(TICK)
        if under_way:
            await asyncio.wait(under_way)
    return by_client, by_stub


async def _timed(ask: Callable[[], Awaitable[None]], times: list[float]) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    await ask()
    times.append((clock() - began) * 1000)


if __name__ == "__main__":
    by_client, by_stub = uvloop.run(
        load(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), json.loads(Path(sys.argv[4]).read_text()))
    )
    sys.stdout.write(json.dumps({"client": by_client.as_json(), "bare": by_stub.as_json()}))
