"""Rows in memory: read once for all who ask, dropped when they change, and not to be pushed out by made-up keys."""

import asyncio
import threading
from collections import Counter

import pytest

from service.db.feed import EVERYTHING, Change
from service.errors import FactsUnavailable
from service.feed.rows import ABSENT, READING, UNREAD, FollowedRows
from tests.service.feed.told import ToldFeed

KIND = "thing"


class Table:
    """Rows by key; a read may be made to wait at its end."""

    def __init__(self, **rows: int) -> None:
        self.rows = rows
        self.reads: Counter[str] = Counter()
        self.may_end = threading.Event()
        self.may_end.set()
        self.has_read = threading.Event()

    def read(self, key: str) -> int | None:
        self.reads[key] += 1
        found = self.rows.get(key)
        self.has_read.set()
        assert self.may_end.wait(20)
        return found


def test_many_who_ask_for_one_row_at_once_cost_one_read() -> None:
    async def scenario() -> None:
        table = Table(a=1)
        rows = FollowedRows(ToldFeed().feed, KIND, table.read, 10)
        assert rows.find("a") is UNREAD
        await asyncio.gather(*(rows.fetch("a") for _ in range(50)))
        assert [rows.find("a") for _ in range(3)] == [1, 1, 1]
        assert table.reads == {"a": 1}
        assert (rows.hits, rows.misses) == (3, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("change", [Change(KIND, "a"), EVERYTHING], ids=["the row", "everything"])
def test_a_row_that_changed_is_read_again_and_one_that_did_not_is_kept(change: Change) -> None:
    async def scenario() -> None:
        told, table = ToldFeed(), Table(a=1, b=2)
        rows = FollowedRows(told.feed, KIND, table.read, 10)
        await rows.fetch("a")
        told.tell(Change(KIND, "b"), Change("other", "a"))
        assert rows.find("a") == 1
        told.tell(change)
        assert rows.find("a") is UNREAD

    asyncio.run(scenario())


def test_a_row_that_changed_while_it_was_read_is_read_again_before_anybody_sees_it() -> None:
    async def scenario() -> None:
        told, table = ToldFeed(), Table(a=1)
        rows = FollowedRows(told.feed, KIND, table.read, 10)
        table.may_end.clear()
        fetching = asyncio.create_task(rows.fetch("a"))
        await asyncio.to_thread(table.has_read.wait, 20)
        table.rows["a"] = 2
        told.tell(Change(KIND, "a"))
        table.may_end.set()
        await fetching
        assert rows.find("a") == 2
        assert table.reads == {"a": 2}

    asyncio.run(scenario())


def test_that_there_is_no_row_is_remembered_until_there_is_one() -> None:
    async def scenario() -> None:
        told, table = ToldFeed(), Table()
        rows = FollowedRows(told.feed, KIND, table.read, 10)
        await rows.fetch("a")
        assert rows.find("a") is None
        table.rows["a"] = 1
        told.tell(Change(KIND, "a"))
        await rows.fetch("a")
        assert rows.find("a") == 1

    asyncio.run(scenario())


def test_keys_that_somebody_makes_up_push_no_row_out_and_each_other() -> None:
    async def scenario() -> None:
        rows = FollowedRows(ToldFeed().feed, KIND, Table(a=1).read, 10)
        await rows.fetch("a")
        for number in range(ABSENT + 1):
            await rows.fetch(f"x{number}")
        assert rows.find("a") == 1
        assert rows.find("x0") is UNREAD
        assert rows.find(f"x{ABSENT}") is None

    asyncio.run(scenario())


def test_past_so_many_reads_at_a_time_a_further_one_is_unavailable() -> None:
    async def scenario() -> None:
        table = Table()
        rows = FollowedRows(ToldFeed().feed, KIND, table.read, 10)
        table.may_end.clear()
        reading = [asyncio.create_task(rows.fetch(f"x{number}")) for number in range(READING)]
        await asyncio.to_thread(table.has_read.wait, 20)
        with pytest.raises(FactsUnavailable):
            await rows.fetch("a")
        table.may_end.set()
        await asyncio.gather(*reading)
        await rows.fetch("a")

    asyncio.run(scenario())


def test_a_read_that_fails_is_told_to_all_who_wait_and_tried_anew_by_the_next() -> None:
    async def scenario() -> None:
        failing = [True]

        def read(_: str) -> int:
            if failing[0]:
                raise FactsUnavailable("no database")
            return 1

        rows = FollowedRows(ToldFeed().feed, KIND, read, 10)
        ended = await asyncio.gather(rows.fetch("a"), rows.fetch("a"), return_exceptions=True)
        assert [type(each) for each in ended] == [FactsUnavailable, FactsUnavailable]
        failing[0] = False
        await rows.fetch("a")
        assert rows.find("a") == 1

    asyncio.run(scenario())
