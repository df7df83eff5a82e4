"""Workers that lease let through what the rate says, together, and give back what they do not use."""

import asyncio
from collections.abc import Callable

import pytest

from service.errors import FactsUnavailable, RateLimited
from service.rate import Rate
from service.reception import leases as leasing
from service.reception.leases import IDLE_SECONDS, Lease, Leases
from service.runtime.leasing import Lessor
from service.runtime.messages import GivenBack, Wanted
from tests.service.clock import Clock

RATE = Rate(per_minute=60, burst=100)
KEY = "api-key k1"


class Pipe:
    """One worker's way to the lessor: answers come after the call, as they do over a pipe (`leases.Keeper`)."""

    def __init__(self, lessor: Lessor, clock: Callable[[], float]) -> None:
        self.lessor = lessor
        self.leases = Leases(self, clock)
        self.asked = 0
        self.given_back = 0

    def ask(self, wanted: leasing.Wanted) -> None:
        self.asked += 1
        number, name, rate, amount = wanted
        leased = self.lessor.lease(Wanted(number, name, rate.per_minute, rate.burst, amount))
        lease = Lease(leased.amount, leased.retry_ms)
        asyncio.get_running_loop().call_soon(self.leases.answered, number, lease)

    def give_back(self, name: str, amount: int) -> None:
        self.lessor.take_back(GivenBack(name, amount))
        self.given_back += amount


async def allowed(pipe: Pipe, calls: int, amount: int = 1) -> int:
    """How many of so many calls at once are let through."""
    ended = await asyncio.gather(*(pipe.leases.take(KEY, RATE, amount) for _ in range(calls)), return_exceptions=True)
    assert {type(each) for each in ended} <= {type(None), RateLimited}
    return ended.count(None)


def test_two_workers_asked_at_once_let_through_the_burst_and_not_one_more() -> None:
    async def scenario() -> tuple[int, int]:
        clock = Clock()
        lessor = Lessor(clock)
        one, other = Pipe(lessor, clock), Pipe(lessor, clock)
        passed = sum(await asyncio.gather(allowed(one, 150), allowed(other, 150)))
        return passed, one.asked + other.asked

    passed, asked = asyncio.run(scenario())
    assert passed == RATE.burst
    assert asked < 80  # a lease is more than one while there is much


def test_what_a_worker_does_not_use_the_other_gets() -> None:
    async def scenario() -> int:
        clock = Clock()
        lessor = Lessor(clock)
        one, other = Pipe(lessor, clock), Pipe(lessor, clock)
        await one.leases.take(KEY, RATE, 1)
        clock.now += IDLE_SECONDS
        running = asyncio.create_task(one.leases.run())
        while not one.given_back:
            await asyncio.sleep(0.01)
        running.cancel()
        return await allowed(other, 150)

    assert asyncio.run(scenario()) == RATE.burst - 1


def test_a_batch_counts_what_it_asks_for() -> None:
    async def scenario() -> int:
        clock = Clock()
        return await allowed(Pipe(Lessor(clock), clock), 30, amount=20)

    assert asyncio.run(scenario()) == 5


def test_a_batch_has_its_lease_though_others_take_meanwhile_what_was_at_hand() -> None:
    async def scenario() -> int:
        clock = Clock()
        pipe = Pipe(Lessor(clock), clock)
        await pipe.leases.take(KEY, RATE, 1)
        batch = asyncio.create_task(pipe.leases.take(KEY, RATE, 20))
        while pipe.asked < 2:
            await asyncio.sleep(0)
        assert pipe.leases.spend(KEY, 6)  # all that there was beside
        await batch
        return pipe.asked

    assert asyncio.run(scenario()) == 3


def test_a_refusal_says_when_to_come_again_and_then_there_is_room() -> None:
    async def scenario() -> None:
        clock = Clock()
        pipe = Pipe(Lessor(clock), clock)
        assert await allowed(pipe, 100) == 100
        with pytest.raises(RateLimited) as caught:
            await pipe.leases.take(KEY, RATE, 1)
        assert caught.value.retry_ms is not None
        clock.now += caught.value.retry_ms / 1000
        await pipe.leases.take(KEY, RATE, 1)

    asyncio.run(scenario())


def test_a_flood_past_the_rate_asks_the_keeper_no_more() -> None:
    async def scenario() -> int:
        clock = Clock()
        pipe = Pipe(Lessor(clock), clock)
        await allowed(pipe, 101)
        before = pipe.asked
        assert await allowed(pipe, 1000) == 0
        return pipe.asked - before

    assert asyncio.run(scenario()) == 0


def test_what_never_fits_is_refused_without_a_time() -> None:
    async def scenario() -> None:
        clock = Clock()
        with pytest.raises(RateLimited) as caught:
            await Pipe(Lessor(clock), clock).leases.take(KEY, RATE, RATE.burst + 1)
        assert caught.value.retry_ms is None

    asyncio.run(scenario())


def test_a_keeper_that_does_not_answer_makes_the_call_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def ask(self, wanted: leasing.Wanted) -> None:
            """Nothing."""

        def give_back(self, name: str, amount: int) -> None:
            """Nothing."""

    monkeypatch.setattr(leasing, "ANSWER_SECONDS", 0.01)

    async def scenario() -> None:
        with pytest.raises(FactsUnavailable):
            await Leases(Silent()).take(KEY, RATE, 1)

    asyncio.run(scenario())
