"""Sums of unauthenticated calls are kept by the minute, added up over workers, and forgotten after a month."""

import pytest

from service.db.engine import Database
from service.decisions.unauthenticated import KEPT_MS, MINUTE_MS, Sum, Unauthenticated

NOON = 1_800_000_000_000 - 1_800_000_000_000 % MINUTE_MS
WRONG, LATE = ("wrong", "192.0.2.0/24"), ("late", "192.0.2.0/24")


@pytest.fixture
def sums(log_database: Database) -> Unauthenticated:
    return Unauthenticated(log_database)


def test_what_two_workers_count_in_a_minute_is_one_sum(sums: Unauthenticated) -> None:
    sums.add("r1", {WRONG: 2, LATE: 1}, NOON + 1)
    sums.add("r1", {WRONG: 5}, NOON + 59_999)
    sums.add("r2", {WRONG: 1}, NOON)
    sums.add("r1", {WRONG: 1}, NOON + MINUTE_MS)
    assert sums.since(NOON, 10) == [
        Sum(NOON + MINUTE_MS, "r1", *WRONG, 1),
        Sum(NOON, "r1", *WRONG, 7),
        Sum(NOON, "r1", *LATE, 1),
        Sum(NOON, "r2", *WRONG, 1),
    ]
    assert len(sums.since(NOON + MINUTE_MS, 10)) == 1
    assert len(sums.since(NOON, 2)) == 2


def test_a_reason_with_letters_that_no_terminal_should_get_is_kept_without_them(sums: Unauthenticated) -> None:
    sums.add("r1", {("a\0b\x1b[2J", "local"): 1}, NOON)
    assert [each.reason for each in sums.since(NOON, 10)] == ["a?b?[2J"]


def test_a_month_later_they_are_gone(sums: Unauthenticated) -> None:
    sums.add("r1", {WRONG: 1}, NOON)
    sums.add("r1", {LATE: 1}, NOON + MINUTE_MS)
    sums.add("r1", {WRONG: 1}, NOON + MINUTE_MS + KEPT_MS)
    assert [each.minute for each in sums.since(0, 10)] == [NOON + MINUTE_MS + KEPT_MS, NOON + MINUTE_MS]
