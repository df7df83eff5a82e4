"""The load of the soak, in a process of its own: calls of every door at random moments, every answer judged.

    python -m benchmarks.soaking.load FOLDER SECONDS

Most calls go over connections of our own, which cost little; some by the client library, as an application makes them.
"""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Final, TypedDict

import orjson
import uvloop

from benchmarks.sides.side import Side
from benchmarks.sides.side_file import read_side, write_side
from benchmarks.soaking.latencies import Tally
from benchmarks.soaking.lines import Lines
from benchmarks.world import Asked
from magistrate_client import AsyncMagistrate, Decision, Effect, MagistrateError

CLIENT, STREAM = "client library", "its stream"
PATIENCE: Final = 10.0
ORDERS: Final = "orders.json"


@dataclass(frozen=True, slots=True)
class Orders:
    """Who asks what by the client library, and how many calls a second there are of each sort."""

    address: str
    token: str
    rates: Mapping[str, float]
    questions: Sequence[Asked]


def write_orders(folder: Path, orders: Orders, sides: Sequence[Side]) -> None:
    """Writes them for the process."""
    (folder / ORDERS).write_bytes(orjson.dumps(orders))
    for number, side in enumerate(sides):
        write_side(folder / f"{number}.side", side)


Ask = Callable[[float], Awaitable[None]]
"""One call, due at that moment."""


async def _load(folder: Path, seconds: float) -> dict[str, Tally]:
    read = orjson.loads((folder / ORDERS).read_bytes())
    orders = Orders(**read | {"questions": [Asked(**each) for each in read["questions"]]})
    sides = [read_side(path) for path in sorted(folder.glob("*.side"))]
    tallies = {side.name: Tally(side.checks) for side in sides}
    lines = {side.name: Lines(side, tallies[side.name]) for side in sides}
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(AsyncMagistrate(orders.address, token=orders.token, timeout=PATIENCE))
        stream = await opened.enter_async_context(client.stream())
        turns = cycle(orders.questions)

        async def single(asked: Asked) -> Decision:
            return await client.check(asked.action, f"Document:d{asked.document}", **_of(asked))

        async def streamed(asked: Asked) -> Decision:
            return await stream.check(asked.action, f"Document:d{asked.document}", **_of(asked))

        by_client: dict[str, _ByClient] = {}
        for name, ask in ((CLIENT, single), (STREAM, streamed)):
            tallies[name] = Tally(1)
            by_client[name] = _ByClient(ask, turns, tallies[name])
        for line in lines.values():
            await line.open()
        doors: dict[str, Ask] = {name: line.ask for name, line in lines.items()}
        doors |= {name: each.ask for name, each in by_client.items()}
        await asyncio.gather(*(_arrive(ask, orders.rates[name], seconds) for name, ask in doors.items()))
        for line in lines.values():
            await line.rest()
        for each in by_client.values():
            await each.rest()
    return tallies


class _ByClient:
    """Calls by the client library, each a task of its own."""

    def __init__(self, decide: Callable[[Asked], Awaitable[Decision]], turns: Iterator[Asked], tally: Tally) -> None:
        self._decide = decide
        self._turns = turns
        self._tally = tally
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, due: float) -> None:
        """Begins one more."""
        task = asyncio.create_task(self._tallied(next(self._turns), due))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def rest(self) -> None:
        """Waits for those that are under way."""
        await asyncio.gather(*self._under_way)

    async def _tallied(self, asked: Asked, due: float) -> None:
        try:
            decision = await self._decide(asked)
        except MagistrateError as error:
            self._tally.failed[f"{type(error).__name__}: {error}"] += 1
            return
        if (decision.effect is Effect.ALLOW) is asked.is_allowed:
            self._tally.taken.append(time.perf_counter() - due)
        else:
            self._tally.wrong += 1


async def _arrive(ask: Ask, rate: float, seconds: float) -> None:
    """Calls at random moments, so many a second on the average, whatever the answers take."""
    draw, end = random.Random(20260103), time.perf_counter() + seconds
    due = time.perf_counter() + draw.expovariate(rate)
    while due < end:
        await asyncio.sleep(due - time.perf_counter())
        await ask(due)
        due += draw.expovariate(rate)


class _Details(TypedDict):
    principal: str
    context: Mapping[str, str]


def _of(asked: Asked) -> _Details:
    return {"principal": f"User:u{asked.user}", "context": {"ip": asked.ip}}


if __name__ == "__main__":
    name, seconds = sys.argv[1:]
    ended = uvloop.run(_load(Path(name), float(seconds)))
    print(orjson.dumps({door: asdict(tally.summary()) for door, tally in ended.items()}).decode())
