"""Who answers checks has connections that nobody else takes; nobody waits, or is waited for, without end."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import text

from service.db.bounding import unbounded
from service.db.engine import Database, Prepared
from service.db.opening import LOOP_THREADS, open_database
from service.deadline import end_in
from service.doors.beside import PLACES, beside
from service.errors import FactsUnavailable, Trouble
from service.pool_settings import PoolSettings

ONE: Prepared[tuple[int]] = Prepared("SELECT 1")
SLEEP: Prepared[tuple[str]] = Prepared("SELECT CAST(pg_sleep(10) AS TEXT)")
FEW = PoolSettings(connections=1, connections_aside=1, statement_ms=60_000)


@pytest.fixture
def narrow(postgresql_url: str) -> Iterator[Database]:
    """A database with one connection for checks, one for other reads, and little patience."""
    opened = open_database(postgresql_url, FEW, read_wait_ms=50, write_wait_ms=200)
    yield opened
    opened.close()


def test_reads_that_answer_no_checks_take_no_connection_from_those_that_do(narrow: Database) -> None:
    lists = narrow.aside()
    with lists.read() as held:
        assert held.execute(text("SELECT 2")).scalar() == 2
        with narrow.reading() as reading:
            assert reading.fetch(ONE, {}) == [(1,)]
        with pytest.raises(FactsUnavailable, match="has no free connection"), lists.read():
            pass


def test_a_write_that_waits_too_long_for_another_is_refused(narrow: Database) -> None:
    with narrow.write() as first:
        narrow.wait_for(first, 7)
        with pytest.raises(FactsUnavailable, match="lock timeout"), narrow.write() as second:
            narrow.wait_for(second, 7)


def test_a_write_that_does_nothing_gives_back_what_it_holds_in_a_minute(narrow: Database) -> None:
    with narrow.write() as writing:
        assert writing.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "1min"


def test_work_that_nobody_waits_for_may_wait_as_long_as_it_takes(narrow: Database) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    with narrow.write() as writing:
        unbounded(writing)
        assert [writing.execute(text(f"SHOW {name}")).scalar() for name in names] == ["0", "0", "0"]


def _sleep(database: Database) -> None:
    with database.reading() as reading:
        reading.fetch(SLEEP, {})


def _sleep_in_a_list(database: Database) -> None:
    with database.read() as connection:
        connection.execute(text("SELECT pg_sleep(10)"))


@pytest.mark.parametrize("work", [_sleep, _sleep_in_a_list], ids=["prepared", "composed"])
def test_what_is_read_for_a_call_ends_with_it(narrow: Database, work: Callable[[Database], None]) -> None:
    async def call() -> None:
        end_in(0.5)
        await beside(work, narrow)

    began = time.monotonic()
    with pytest.raises(FactsUnavailable, match="took longer than the time that was left"):
        asyncio.run(call())
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("kind", ["reading", "read", "write"])
def test_what_is_not_begun_when_its_call_ends_is_dropped(database: Database, kind: str) -> None:
    def work() -> None:
        begun: AbstractContextManager[object] = (
            database.reading() if kind == "reading" else database.read() if kind == "read" else database.write()
        )
        with begun:
            raise AssertionError("nothing is to be begun")

    async def call() -> None:
        end_in(-0.001)
        await beside(work)

    with pytest.raises(FactsUnavailable, match="came to its end before the database was asked") as dropped:
        asyncio.run(call())
    assert dropped.value.trouble is Trouble.HURRY


def test_what_others_may_wait_for_goes_on_when_one_call_ends(narrow: Database) -> None:
    def fetch() -> list[tuple[int]]:
        with narrow.reading() as reading:
            return reading.fetch(ONE, {})

    async def call() -> list[tuple[int]]:
        end_in(-0.001)
        return await asyncio.to_thread(fetch)  # as the rows of keys are fetched, which many calls may lack

    assert asyncio.run(call()) == [(1,)]


def test_what_answers_no_check_leaves_threads_for_what_does() -> None:
    """All places are taken by work that goes on after whoever waited for it has gone."""

    async def scenario() -> str:
        go, begun = threading.Event(), threading.Semaphore(0)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LOOP_THREADS))

        def work() -> None:
            begun.release()
            go.wait(20)

        waiting = [asyncio.create_task(beside(work)) for _ in range(2 * PLACES)]
        for _ in range(PLACES):
            assert await asyncio.to_thread(begun.acquire, timeout=20)
        for each in waiting[:PLACES]:
            each.cancel()
        await asyncio.wait(waiting[:PLACES])
        assert not begun.acquire(blocking=False)
        fetched = await asyncio.wait_for(asyncio.to_thread(str, "rows of a key"), 20)
        go.set()
        await asyncio.wait(waiting)
        return fetched

    assert asyncio.run(scenario()) == "rows of a key"
