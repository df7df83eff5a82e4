"""Who fails to authenticate is bounded by peer, and all of them together by rows."""

import asyncio
from collections.abc import Mapping

import pytest

from service.errors import FactsUnavailable, RateLimited
from service.rate import Rate
from service.reception.failures import OTHERS, TOO_MANY, Failure, Failures
from service.reception.summing import sum_failures
from tests.service.clock import Clock

PEER, NEIGHBOUR = "192.0.2.7", "192.0.2.8"
NETWORK = "192.0.2.0/24"


def failures(clock: Clock, often: int = 3, rows: int = 100) -> Failures:
    return Failures(Rate(often, often), rows, clock)


def test_a_peer_may_fail_so_often_and_its_neighbour_as_often_beside_it() -> None:
    clock = Clock()
    seen = failures(clock)
    for _ in range(3):
        seen.check(PEER)
        seen.count(PEER, "wrong")
    with pytest.raises(RateLimited) as caught:
        seen.check(PEER)
    assert caught.value.retry_ms == 20_000
    seen.check(NEIGHBOUR)
    clock.now += 20
    seen.check(PEER)


def test_one_failure_too_many_is_told_as_that_and_no_more_by_its_reason() -> None:
    seen = failures(Clock(), often=1)
    seen.count(PEER, "wrong")
    with pytest.raises(RateLimited):
        seen.count(PEER, "wrong")
    assert seen.taken() == {Failure("wrong", NETWORK): 1, Failure(TOO_MANY, NETWORK): 1}


def test_sums_are_by_reason_and_network_and_begin_anew_when_they_are_taken() -> None:
    seen = failures(Clock())
    for who, reason in ((PEER, "wrong"), (NEIGHBOUR, "wrong"), (PEER, "late")):
        seen.count(who, reason)
    assert seen.taken() == {Failure("wrong", NETWORK): 2, Failure("late", NETWORK): 1}
    assert seen.taken() == {}


def test_past_the_last_row_all_others_are_one() -> None:
    seen = failures(Clock(), rows=3)
    for number in range(10):
        seen.count(f"198.51.{number}.1", "wrong")
    counted = seen.taken()
    assert len(counted) == 3
    assert counted[Failure(OTHERS, OTHERS)] == 8
    assert sum(counted.values()) == 10


def test_what_cannot_be_written_is_written_later_and_nothing_twice() -> None:
    seen, written = failures(Clock()), list[Mapping[Failure, int]]()
    seen.count(PEER, "wrong")

    def write(counts: Mapping[Failure, int]) -> None:
        written.append(counts)
        if len(written) == 1:
            raise FactsUnavailable("no database")

    async def scenario() -> None:
        summing = asyncio.create_task(sum_failures(seen, write, every=0.001))
        while len(written) < 2:
            await asyncio.sleep(0.001)
        summing.cancel()
        await asyncio.wait([summing])

    asyncio.run(scenario())
    assert written == [{Failure("wrong", NETWORK): 1}] * 2
    assert seen.taken() == {}


def test_what_was_counted_last_is_written_at_the_end() -> None:
    seen, written = failures(Clock()), list[Mapping[Failure, int]]()

    async def scenario() -> None:
        summing = asyncio.create_task(sum_failures(seen, written.append))
        await asyncio.sleep(0)
        seen.count(PEER, "wrong")
        summing.cancel()
        await asyncio.wait([summing])

    asyncio.run(scenario())
    assert written == [{Failure("wrong", NETWORK): 1}]
