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


@pytest.mark.parametrize("text", ["true", '["a","b"]', "User:bob", "7", '{"a":1,"b":null}'])
def test_an_input_is_found_by_how_it_is_shown(spool: Spool, folder: Path, log_database: Database, text: str) -> None:
    inputs: dict[str, Json] = {
        "true": True, '["a","b"]': ["a", "b"], "User:bob": {"type": "User", "id": "bob"}, "7": 7,
        '{"a":1,"b":null}': {"b": None, "a": 1},
    }  # fmt: skip
    ship(spool, folder, log_database, [replace(each, inputs={"context.it": inputs[text]}) for each in samples(1)])
    found = DecisionLog(log_database).query(LogFilter(since=0, attributes={"context.it": text}), 10).records
    assert len(found) == 1
