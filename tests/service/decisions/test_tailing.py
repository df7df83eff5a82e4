"""A tail tells every record that is shipped, once, in the order of shipping, whoever ships and however late."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.decision import Effect
from service.db.engine import Database
from service.decisions import tailing
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.tailing import LAST_LIMIT, LogTail, Positions
from service.errors import InvalidRequest
from service.model import DecisionRecord
from tests.service.decisions.chains import NORTH, SOUTH, keep, tamper
from tests.service.decisions.records import samples

ALL = LogFilter()


def followed(tail: LogTail, positions: Positions, wanted: LogFilter = ALL) -> tuple[list[DecisionRecord], Positions]:
    """What there is to follow, step by step."""
    found: list[DecisionRecord] = []
    while True:
        step = tail.step(wanted, positions)
        found += step.records
        positions = step.positions
        if not step.has_more:
            return found, positions


@pytest.fixture
def tail(log_database: Database) -> LogTail:
    return LogTail(DecisionLog(log_database))


def test_a_tail_begins_with_the_last_and_follows_what_comes(
    tail: LogTail, tmp_path: Path, log_database: Database
) -> None:
    before, after = samples(5), samples(3)
    keep(log_database, tmp_path, NORTH, before)
    begun = tail.begin(ALL, 2)
    assert list(begun.records) == before[-2:]
    assert followed(tail, begun.positions)[0] == []
    keep(log_database, tmp_path, NORTH, after)
    assert followed(tail, begun.positions)[0] == after


def test_what_is_shipped_late_is_told_though_younger_records_were(
    tail: LogTail, tmp_path: Path, log_database: Database
) -> None:
    late, early = samples(2), samples(2)
    keep(log_database, tmp_path, NORTH, early)
    begun = tail.begin(ALL, 0)
    keep(log_database, tmp_path, SOUTH, late)
    assert late[0].id < early[0].id
    assert followed(tail, begun.positions)[0] == late


@pytest.mark.parametrize(
    "put_back", ["DELETE FROM chain_head", "UPDATE chain_head SET sequence = 1 WHERE replica = 'north'"]
)
def test_a_log_that_was_put_back_is_told_and_nothing_of_it_skipped(
    tail: LogTail, tmp_path: Path, log_database: Database, put_back: str
) -> None:
    for replica in (NORTH, SOUTH):
        keep(log_database, tmp_path, replica, samples(2))
    begun = tail.begin(ALL, 0)
    tamper(log_database, put_back)
    with pytest.raises(InvalidRequest, match="resume_token: the chain of `north` ends before it"):
        tail.step(ALL, begun.positions)


def test_steps_neither_repeat_nor_skip(
    tail: LogTail, tmp_path: Path, log_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "WINDOW", 3)
    begun = tail.begin(ALL, 0)
    north, south = samples(7), samples(4)
    keep(log_database, tmp_path, NORTH, north)
    keep(log_database, tmp_path, SOUTH, south)
    found, positions = followed(tail, begun.positions)
    assert of(found, north) == north
    assert of(found, south) == south
    assert len(found) == 11
    assert positions == {NORTH: 7, SOUTH: 4}
    assert followed(tail, positions)[0] == []


def test_a_step_tells_so_many_bytes_of_each_chain_and_the_next_goes_on(
    tail: LogTail, tmp_path: Path, log_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "STEP_BYTES", 50_000)
    begun = tail.begin(ALL, 0)
    north, south = ([replace(each, inputs={"context.note": "x" * 10_000}) for each in samples(6)] for _ in range(2))
    keep(log_database, tmp_path, NORTH, north)
    keep(log_database, tmp_path, SOUTH, south)
    step = tail.step(ALL, begun.positions)
    assert (len(step.records), step.positions, step.has_more) == (6, {NORTH: 3, SOUTH: 3}, True)
    found, positions = followed(tail, begun.positions)
    assert (of(found, north), of(found, south), positions) == (north, south, {NORTH: 6, SOUTH: 6})


def of(found: Sequence[DecisionRecord], records: Sequence[DecisionRecord]) -> list[DecisionRecord]:
    """Those of one chain, as they came."""
    return [record for record in found if record in records]


@pytest.mark.parametrize(
    "wanted",
    [LogFilter(effect=Effect.ALLOW), LogFilter(rule="docs.other"), LogFilter(attributes={"context.a": "1"})],
    ids=["column", "rule", "attribute"],
)
def test_a_tail_tells_what_fits_alone(tail: LogTail, tmp_path: Path, log_database: Database, wanted: LogFilter) -> None:
    begun = tail.begin(LogFilter(), 0)
    plain, fitting = samples(2)
    fitting = replace(fitting, effect=Effect.ALLOW, rules=("docs.other",), inputs={"context.a": 1})
    keep(log_database, tmp_path, NORTH, [plain, fitting])
    assert followed(tail, begun.positions, wanted)[0] == [fitting]


def test_the_records_to_begin_with_have_a_bound(tail: LogTail) -> None:
    with pytest.raises(InvalidRequest, match="last: up to 1000"):
        tail.begin(ALL, LAST_LIMIT + 1)
