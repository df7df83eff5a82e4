"""Reads of a database that is slow or gone: bounded, dropped when late, left alone after failures, tried once more."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import ParamSpec

import pytest

from service.entities.pool import ReadPool
from service.errors import FactsUnavailable, NoPolicies, Trouble
from service.pool_settings import PoolSettings

ONE = PoolSettings(connections=1, waiting=1, breaker_failures=2, breaker_seconds=300)

Given = ParamSpec("Given")


def on_a_loop(test: Callable[Given, Coroutine[None, None, None]]) -> Callable[Given, None]:
    """Runs a test on a loop of its own."""

    @wraps(test)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def pool_of(settings: PoolSettings = ONE) -> AsyncIterator[ReadPool]:
    """A pool, closed when the block ends."""
    pool = ReadPool("the database `x`", settings)
    try:
        yield pool
    finally:
        pool.close()


def raising(*errors: Exception | None) -> Callable[[], str]:
    """A read that raises these in turn; None is an answer."""
    left = list(errors)

    def read() -> str:
        error = left.pop(0)
        if error is not None:
            raise error
        return "read"

    return read


async def fails(pool: ReadPool, *errors: Exception) -> str:
    with pytest.raises(FactsUnavailable) as raised:
        await pool.run(raising(*errors))
    return str(raised.value)


@on_a_loop
async def test_what_finds_no_place_is_refused_at_once_and_counted() -> None:
    held = threading.Event()
    async with pool_of() as pool:
        under_way = [asyncio.create_task(pool.run(held.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(FactsUnavailable, match="every connection to the database `x` is busy"):
            await pool.run(raising(None))
        held.set()
        assert await asyncio.gather(*under_way) == [True, True]
        assert await pool.run(raising(None)) == "read"
        assert (pool.refused, pool.breaker.is_open) == (1, False)


@on_a_loop
async def test_who_waits_is_told_at_the_deadline_while_the_read_keeps_its_place() -> None:
    held, read = threading.Event(), threading.Event()

    def second() -> None:
        read.set()

    async with pool_of() as pool:
        first = asyncio.create_task(pool.run(held.wait))
        await asyncio.sleep(0)
        with pytest.raises(FactsUnavailable) as raised:
            await pool.run(second, time.monotonic() + 0.02)
        assert raised.value.trouble is Trouble.HURRY
        with pytest.raises(FactsUnavailable, match="busy"):
            await pool.run(second)
        held.set()
        await first
        await pool.run(raising(None))
    assert not read.is_set(), "a read whose deadline had passed before its turn came was made all the same"


@on_a_loop
async def test_failures_in_a_row_leave_the_database_alone() -> None:
    async with pool_of() as pool:
        gone = FactsUnavailable("it is gone")
        assert [await fails(pool, gone) for _ in range(2)] == ["it is gone"] * 2
        assert await fails(pool) == "the database `x` is left alone after 2 failures: it is gone"


@pytest.mark.parametrize("trouble", [Trouble.HURRY, Trouble.BUSY])
@on_a_loop
async def test_callers_in_a_hurry_and_a_crowd_do_not_open_the_breaker(trouble: Trouble) -> None:
    async with pool_of() as pool:
        for _ in range(3):
            await fails(pool, FactsUnavailable("late", trouble))
        assert await pool.run(raising(None)) == "read"


@on_a_loop
async def test_what_a_read_itself_refuses_is_no_failure_of_the_database() -> None:
    async with pool_of() as pool:
        for _ in range(3):
            with pytest.raises(NoPolicies):
                await pool.run(raising(NoPolicies("none")))
        assert await pool.run(raising(None)) == "read"


@on_a_loop
async def test_a_read_whose_connection_was_lost_is_made_once_more_and_no_oftener() -> None:
    lost = FactsUnavailable("lost", Trouble.LOST)
    async with pool_of() as pool:
        assert await pool.run(raising(lost, None)) == "read"
        assert await fails(pool, lost, lost) == "lost"
