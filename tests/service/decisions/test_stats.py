"""Counts are those of a plain loop over the same records, and name the rules that were never why."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.db.engine import Database
from service.decisions.log_filter import LogFilter
from service.decisions.stats import ActiveRules, Counted, LogStats, Named, Unfired, Wanted, count
from service.errors import FactsUnavailable, InvalidRequest
from service.model import DecisionRecord
from tests.service.decisions.chains import NORTH, keep
from tests.service.decisions.records import samples

DAY = LogFilter(since=0, until=1000)
ACTIVE = ActiveRules("sha256:now", ("docs.r0", "docs.r1", "docs.r2", "docs.never"))


def scattered(count: int) -> list[DecisionRecord]:
    """Records that differ in all that is counted, over the milliseconds 0 to 999."""
    return [
        replace(
            record,
            time=number * 1000 // count,
            effect=Effect.ALLOW if number % 3 else Effect.DENY,
            principal=Ref("User", f"u{number % 5}"),
            code=f"C{number % 2}",
            action="read" if number % 4 else "edit",
            rules=tuple(f"docs.r{rule}" for rule in range(number % 3)),
            policy_digest="sha256:now" if number % 2 else "sha256:then",
        )
        for number, record in enumerate(samples(count))
    ]


def counted(database: Database, wanted: LogFilter = DAY, *, top: int = 100, buckets: int = 10) -> LogStats:
    return count(database, Wanted(wanted, top, buckets), ACTIVE)


def expected(pairs: list[tuple[str, Effect]]) -> list[Named]:
    """The same by a loop: the most frequent first, then by name."""
    many = Counter(name for name, _ in pairs)
    return [
        Named(name, Counted(pairs.count((name, Effect.ALLOW)), pairs.count((name, Effect.DENY))))
        for name in sorted(many, key=lambda name: (-many[name], name))
    ]


def test_every_count_is_that_of_a_loop(log_database: Database, tmp_path: Path) -> None:
    records = scattered(60)
    keep(log_database, tmp_path, NORTH, records)
    stats = counted(log_database)
    assert stats.total == Counted(40, 20)
    assert list(stats.by_rule) == expected([(rule, each.effect) for each in records for rule in each.rules])
    assert list(stats.by_principal) == expected([(str(each.principal), each.effect) for each in records])
    assert list(stats.by_code) == expected([(each.code, each.effect) for each in records])
    assert list(stats.by_action) == expected([(each.action, each.effect) for each in records])


def test_time_is_divided_into_stretches_without_gaps(log_database: Database, tmp_path: Path) -> None:
    keep(
        log_database,
        tmp_path,
        NORTH,
        [replace(each, time=time) for each, time in zip(samples(3), (0, 99, 950), strict=True)],
    )
    stats = counted(log_database)
    assert [stretch.start for stretch in stats.stretches] == list(range(0, 1000, 100))
    assert [stretch.counted.denied for stretch in stats.stretches] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert stats.stretch_ms == 100


def test_what_does_not_fit_is_not_counted(log_database: Database, tmp_path: Path) -> None:
    keep(log_database, tmp_path, NORTH, scattered(60))
    stats = counted(log_database, replace(DAY, rule="docs.r1", action="read"))
    assert stats.total == Counted(15, 0)
    assert [each.name for each in stats.by_rule] == ["docs.r0", "docs.r1"]
    assert counted(log_database, replace(DAY, since=500)).total == Counted(20, 10)


def test_lists_have_so_many_names(log_database: Database, tmp_path: Path) -> None:
    keep(log_database, tmp_path, NORTH, scattered(60))
    assert [each.name for each in counted(log_database, top=2).by_principal] == ["User:u0", "User:u1"]


def test_rules_that_never_fired_are_those_of_the_policies_in_force(log_database: Database, tmp_path: Path) -> None:
    fired = [replace(each, time=1, policy_digest="sha256:now", rules=("docs.r0",)) for each in samples(1)]
    of_old = [replace(each, time=1, policy_digest="sha256:then", rules=("docs.r1",)) for each in samples(1)]
    keep(log_database, tmp_path, NORTH, [*fired, *of_old])
    assert counted(log_database).unfired == Unfired("sha256:now", ("docs.never", "docs.r1", "docs.r2"))
    assert counted(log_database, replace(DAY, policy_digest="sha256:then")).unfired is None
    assert count(log_database, Wanted(DAY, 1, 1), None).unfired is None


def test_an_empty_log_counts_nothing(log_database: Database) -> None:
    stats = counted(log_database)
    assert (stats.total, stats.by_rule, stats.by_code) == (Counted(0, 0), (), ())


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(LogFilter(until=1000), 1, 1),
        Wanted(LogFilter(since=0), 1, 1),
        Wanted(replace(DAY, attributes={"context.a": "1"}), 1, 1),
        Wanted(DAY, 0, 1),
        Wanted(DAY, 1, 1001),
    ],
    ids=["no since", "no until", "attributes", "top", "buckets"],
)
def test_what_cannot_be_counted_is_refused(log_database: Database, wanted: Wanted) -> None:
    with pytest.raises(InvalidRequest):
        count(log_database, wanted, None)


def test_counting_ends_when_its_time_does(log_database: Database, tmp_path: Path) -> None:
    keep(log_database, tmp_path, NORTH, scattered(3000))
    with pytest.raises(FactsUnavailable, match="longer than the time that was left"):
        for _ in range(200):
            count(log_database, Wanted(DAY, 100, 1000), ACTIVE, timeout_ms=1)
