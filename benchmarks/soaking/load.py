"""The load of the soak, in a process of its own: calls of every door at random moments, every answer judged.

    python -m benchmarks.soaking.load FILE SECONDS

It calls gRPC by the client library, as an application does, and HTTP over connections that are kept.
"""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Final, TypedDict

import httpx
import orjson
import uvloop

from benchmarks.soaking.latencies import Tally
from benchmarks.world import Asked
from magistrate_client import AsyncMagistrate, Decision, Effect, MagistrateError, Question, Unanswered

BATCH: Final = 20
UNARY, BATCHES, STREAM, HTTP = DOORS = ("unary", "batches of 20", "stream", "HTTP")
PATIENCE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Orders:
    """Where to ask what, by whom, and how many calls a second at each door."""

    grpc: str
    http: str
    token: str
    rates: Mapping[str, float]
    questions: Sequence[Asked]


def write_orders(path: Path, orders: Orders) -> None:
    """Writes them for the process."""
    path.write_bytes(orjson.dumps(orders))


def _read_orders(path: Path) -> Orders:
    read = orjson.loads(path.read_bytes())
    return Orders(**read | {"questions": [Asked(**each) for each in read["questions"]]})


class WrongAnswer(Exception):
    """An answer that is not the right one."""


Ask = Callable[[], Awaitable[None]]
"""One call of a door; MagistrateError or httpx.HTTPError where it fails, WrongAnswer where its answer is wrong."""


async def _load(orders: Orders, seconds: float) -> dict[str, Tally]:
    tallies = {door: Tally(BATCH if door == BATCHES else 1) for door in DOORS}
    async with AsyncExitStack() as opened:
        doors = await _open(orders, opened)
        await asyncio.gather(
            *(_arrive(doors[door], orders.rates[door], seconds, tallies[door]) for door in DOORS if orders.rates[door])
        )
    return tallies


async def _open(orders: Orders, opened: AsyncExitStack) -> Mapping[str, Ask]:
    client = await opened.enter_async_context(AsyncMagistrate(orders.grpc, token=orders.token, timeout=PATIENCE))
    stream = await opened.enter_async_context(client.stream())
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
    http = await opened.enter_async_context(
        httpx.AsyncClient(
            base_url=f"http://{orders.http}",
            headers={"authorization": f"Bearer {orders.token}"},
            limits=limits,
            timeout=PATIENCE,
        )
    )
    turns = cycle(orders.questions)

    async def unary() -> None:
        asked = next(turns)
        _judge(asked, await client.check(asked.action, f"Document:d{asked.document}", **_of(asked)))

    async def batch() -> None:
        group = list(islice(turns, BATCH))
        answers = await client.check_many([_question(asked) for asked in group])
        for asked, answer in zip(group, answers, strict=True):
            _judge(asked, answer)

    async def streamed() -> None:
        asked = next(turns)
        _judge(asked, await stream.check(asked.action, f"Document:d{asked.document}", **_of(asked)))

    async def evaluation() -> None:
        asked = next(turns)
        answered = await http.post("/access/v1/evaluation", json=_evaluation(asked))
        answered.raise_for_status()
        if answered.json()["decision"] is not asked.is_allowed:
            raise WrongAnswer

    return {UNARY: unary, BATCHES: batch, STREAM: streamed, HTTP: evaluation}


async def _arrive(ask: Ask, rate: float, seconds: float, tally: Tally) -> None:
    """Calls at random moments, so many a second on the average, whatever the answers take."""
    draw, end = random.Random(20260103), time.perf_counter() + seconds
    due, under_way = time.perf_counter() + draw.expovariate(rate), set[asyncio.Task[None]]()
    while due < end:
        await asyncio.sleep(due - time.perf_counter())
        task = asyncio.create_task(_tally(ask, due, tally))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        due += draw.expovariate(rate)
    await asyncio.gather(*under_way)


async def _tally(ask: Ask, due: float, tally: Tally) -> None:
    try:
        await ask()
    except (MagistrateError, httpx.HTTPError) as error:
        tally.failed[f"{type(error).__name__}: {error}"] += 1
    except WrongAnswer:
        tally.wrong += 1
    else:
        tally.taken.append(time.perf_counter() - due)


class _Details(TypedDict):
    principal: str
    context: Mapping[str, str]


def _of(asked: Asked) -> _Details:
    return {"principal": f"User:u{asked.user}", "context": {"ip": asked.ip}}


def _question(asked: Asked) -> Question:
    return Question(asked.action, f"Document:d{asked.document}", **_of(asked))


def _judge(asked: Asked, answer: Decision | Unanswered) -> None:
    if isinstance(answer, Unanswered):
        raise answer.error
    if (answer.effect is Effect.ALLOW) is not asked.is_allowed:
        raise WrongAnswer


def _evaluation(asked: Asked) -> dict[str, object]:
    return {
        "subject": {"type": "User", "id": f"u{asked.user}"},
        "action": {"name": asked.action},
        "resource": {"type": "Document", "id": f"d{asked.document}"},
        "context": {"ip": asked.ip},
    }


if __name__ == "__main__":
    file, seconds = sys.argv[1:]
    ended = uvloop.run(_load(_read_orders(Path(file)), float(seconds)))
    print(orjson.dumps({door: asdict(tally.summary()) for door, tally in ended.items()}).decode())
