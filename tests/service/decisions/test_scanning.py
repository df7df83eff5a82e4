"""Attributes that no index has are looked for within a range of time, and only in so many records at a time."""

from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.types import Json
from service.db.engine import Database
from service.decisions.log import DecisionLog, Scan
from service.decisions.log_filter import LogFilter
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.errors import InvalidRequest
from service.model import DecisionRecord
from tests.service.decisions.records import samples

WANTED = LogFilter(since=0, attributes={"context.device": "d1"})


def numbered(count: int, *fitting: int) -> list[DecisionRecord]:
    """Records of the milliseconds 0, 1, …; those of the numbers given have the attribute."""
    return [
        replace(record, time=number, inputs={"context.device": "d1" if number in fitting else "d2"})
        for number, record in enumerate(samples(count))
    ]


def ship(spool: Spool, folder: Path, database: Database, records: list[DecisionRecord]) -> None:
    spool.record(records)
    Shipper(folder, database).ship()


def test_without_a_range_of_time_nothing_is_looked_for(log_database: Database) -> None:
    with pytest.raises(InvalidRequest, match=r"since: required: no index has `context\.device`"):
        DecisionLog(log_database).query(LogFilter(attributes={"context.device": "d1"}), 10)


def test_a_page_ends_at_the_limit_and_the_next_goes_on_behind(
    spool: Spool, folder: Path, log_database: Database
) -> None:
    records = numbered(9, 0, 6)
    ship(spool, folder, log_database, records)
    log = DecisionLog(log_database, scan_limit=4)
    first = log.query(WANTED, 10)
    second = log.query(WANTED, 10, first.next_after)
    third = log.query(WANTED, 10, second.next_after)
    assert (first.records, first.next_after, first.scan) == ((records[6],), records[5].id, Scan(4, 5))
    assert (second.records, second.next_after, second.scan) == ((), records[1].id, Scan(4, 1))
    assert (third.records, third.next_after, third.scan) == ((records[0],), None, None)


def test_a_log_of_just_so_many_records_is_looked_at_whole(spool: Spool, folder: Path, log_database: Database) -> None:
    ship(spool, folder, log_database, numbered(4, 0))
    page = DecisionLog(log_database, scan_limit=4).query(WANTED, 10)
    assert (len(page.records), page.next_after, page.scan) == (1, None, None)


def test_pages_of_what_is_looked_for_neither_repeat_nor_skip(
    spool: Spool, folder: Path, log_database: Database
) -> None:
    records = numbered(1200, *range(0, 1200, 5))
    ship(spool, folder, log_database, records)
    log, found, after = DecisionLog(log_database), list[DecisionRecord](), None
    while True:
        page = log.query(WANTED, 100, after)
        found += page.records
        after = page.next_after
        if after is None:
            break
    assert found == records[::5][::-1]


INPUTS: dict[str, Json] = {
    "true": True, "a": ["a", "b"], "User:bob": {"type": "User", "id": "bob"}, "7": 7, "plain": "plain",
    "Team:x": [{"type": "Team", "id": "w"}, {"type": "Team", "id": "x"}],
}  # fmt: skip
"""By what text each value is found."""


@pytest.mark.parametrize("text", INPUTS)
@pytest.mark.parametrize("found_by", [(), ("context.it",)], ids=["looked for", "by index"])
def test_an_input_is_found_by_its_text_and_a_set_by_each_element(
    spool: Spool, folder: Path, log_database: Database, text: str, found_by: tuple[str, ...]
) -> None:
    inputs: list[dict[str, Json]] = [
        {"context.it": INPUTS[text]},
        {"context.it": "other"},
        {"context.other": INPUTS[text]},
    ]
    records = [replace(each, inputs=given, found_by=found_by) for each, given in zip(samples(3), inputs, strict=True)]
    ship(spool, folder, log_database, records)
    log = DecisionLog(log_database)
    assert log.query(LogFilter(since=0, attributes={"context.it": text}), 10).records == (records[0],)


def test_an_indexed_attribute_needs_no_range_and_narrows_one_that_is_not(
    spool: Spool, folder: Path, log_database: Database
) -> None:
    inputs: list[dict[str, Json]] = [{"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 0, "b": 2}]
    records = [replace(each, inputs=given, found_by=("a",)) for each, given in zip(samples(3), inputs, strict=True)]
    ship(spool, folder, log_database, records)
    log = DecisionLog(log_database)
    assert log.query(LogFilter(attributes={"a": "1"}), 10).records == (records[1], records[0])
    assert log.query(LogFilter(since=0, attributes={"a": "1", "b": "2"}), 10).records == (records[0],)
