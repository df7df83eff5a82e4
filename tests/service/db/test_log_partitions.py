"""On PostgreSQL every record has a partition whatever its id, an old log keeps every row, and nobody waits."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from alembic import command
from sqlalchemy import Connection, insert, inspect, select, text
from uuid_utils import uuid7

from service.config import SpoolSettings
from service.db.engine import Database
from service.db.log_partitions import DAY_MS, HOUR_MS, Partition, Partitions, drop, first_id, partitions
from service.db.log_tables import decision
from service.db.migration import alembic_config, migrate
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.partitioning import make_partitions
from service.decisions.payload import stored
from service.decisions.rows import CHILDREN, decision_row
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.decisions.verification import verify_log
from service.errors import FactsUnavailable
from service.model import DecisionRecord
from service.partition_settings import PartitionSettings
from tests.service.decisions.records import sample

BEFORE = "log_0004"
"""The last version without partitions."""
UNLIKE = """
SELECT parent.indexrelid::regclass FROM pg_index AS parent JOIN pg_class ON pg_class.oid = parent.indexrelid
WHERE relkind = 'I' AND NOT indisvalid
"""
"""Indexes of partitioned tables that some partition lacks."""
HOW_MANY = """
SELECT relname, (SELECT count(*) FROM pg_index WHERE indrelid = pg_class.oid),
  (SELECT count(*) FROM pg_index WHERE indrelid = CAST(relname || '_first' AS regclass))
FROM pg_class WHERE relkind = 'p'
"""
"""Indexes of each partitioned table, and of its first partition."""
NOON = 1_800_014_400_000
"""Noon of the 15th of January 2027."""
MIDNIGHT = NOON - 12 * HOUR_MS


@pytest.fixture
def log(postgresql: Database) -> Database:
    """A log on PostgreSQL without rows."""
    migrate(postgresql, "log")
    return postgresql


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "local", SpoolSettings())
    yield opened
    opened.close()


def record_at(moment: int) -> DecisionRecord:
    """A record whose id names that moment."""
    return replace(sample(), id=first_id(moment)[:14] + str(uuid7())[14:], time=moment)


def ranges(database: Database) -> list[Partition]:
    with database.read() as connection:
        return partitions(connection)


def make(database: Database, moment: int, *, hours: int) -> bool:
    with database.write() as connection:
        return Partitions(hours * HOUR_MS).make(connection, moment)


def insert_old(connection: Connection, record: DecisionRecord) -> None:
    """Inserts the record into the log as it stands, without the columns that came later."""
    known = {column["name"] for column in inspect(connection).get_columns(decision.name)}
    row = {name: value for name, value in decision_row(stored(record)).items() if name in known}
    connection.execute(insert(decision), row)


def test_records_of_any_clock_are_shipped_and_verify(log: Database, spool: Spool, tmp_path: Path) -> None:
    a_week_later, set_back, set_ahead = NOON + 7 * DAY_MS, 1_000_000_000_000, 4_000_000_000_000
    moments = (0, set_back, NOON, a_week_later, set_ahead, 5_000_000_000_000, (1 << 48) - 1)
    records = [record_at(moment) for moment in moments]
    spool.record(records)
    assert Shipper(tmp_path / "local", log).ship() == len(records)
    assert DecisionLog(log).query(LogFilter(), 100).records == tuple(records[::-1])
    assert verify_log(log, None, ()).is_sound


def test_rows_stand_in_the_partition_of_their_day(log: Database, spool: Spool, tmp_path: Path) -> None:
    records = [record_at(NOON), record_at(NOON + DAY_MS)]
    spool.record(records)
    Shipper(tmp_path / "local", log, Partitions(DAY_MS)).ship()
    with log.read() as connection:
        found = connection.execute(text("SELECT id::text, tableoid::regclass::text FROM decision ORDER BY id")).all()
        rules = connection.execute(text("SELECT DISTINCT tableoid::regclass::text FROM decision_rule ORDER BY 1")).all()
    assert [tuple(row) for row in found] == [
        (records[0].id, "decision_20270115t00"),
        (records[1].id, "decision_20270116t00"),
    ]
    assert [row[0] for row in rules] == ["decision_rule_20270115t00", "decision_rule_20270116t00"]


def test_a_partition_dropped_meanwhile_is_made_again(log: Database, spool: Spool, tmp_path: Path) -> None:
    shipper, day = Shipper(tmp_path / "local", log, Partitions(DAY_MS)), Partition(MIDNIGHT, MIDNIGHT + DAY_MS)
    for _ in range(2):
        spool.record([record_at(NOON)])
        shipper.ship()
    with log.write() as connection:
        assert drop(connection, day)
    late = record_at(NOON + 1)
    spool.record([late])
    with pytest.raises(FactsUnavailable, match="no partition"):
        shipper.ship()
    assert shipper.ship() == 1
    assert DecisionLog(log).query(LogFilter(), 10).records == (late,)


def test_only_the_partition_that_was_named_is_dropped(log: Database) -> None:
    for day in range(3):
        make(log, NOON + day * DAY_MS, hours=24)
    before = ranges(log)
    with log.write() as connection:
        assert drop(connection, Partition(MIDNIGHT + DAY_MS, MIDNIGHT + 2 * DAY_MS))
        assert not drop(connection, Partition(MIDNIGHT, MIDNIGHT + 2 * DAY_MS))
    assert ranges(log) == [each for each in before if each.first_ms != MIDNIGHT + DAY_MS]


def test_partitions_are_made_ahead_once(log: Database) -> None:
    settings = PartitionSettings(hours=24, ahead=2)
    assert [make_partitions(log, settings, NOON), make_partitions(log, settings, NOON)] == [3, 0]
    wanted = [Partition(MIDNIGHT + day * DAY_MS, MIDNIGHT + (day + 1) * DAY_MS) for day in range(3)]
    assert [each for each in ranges(log) if each in wanted] == wanted


def test_a_new_length_fits_between_the_partitions_that_there_are(log: Database) -> None:
    make(log, NOON, hours=6)
    make(log, NOON + 6 * HOUR_MS, hours=24)
    make(log, NOON - HOUR_MS, hours=24)
    found = [(each.first_ms - NOON, each.until_ms - NOON) for each in ranges(log)[1:-1]]
    assert found == [(-12 * HOUR_MS, 0), (0, 6 * HOUR_MS), (6 * HOUR_MS, 12 * HOUR_MS)]


def test_many_who_make_one_partition_make_it_once(log: Database) -> None:
    together = Barrier(4)

    def one(_: int) -> bool:
        together.wait()
        return make(log, NOON, hours=24)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(one, range(4))) == [False, False, False, True]


def test_who_reads_or_writes_holds_up_nobody_who_makes_a_partition(log: Database) -> None:
    make(log, NOON, hours=24)
    with log.read() as reader, log.write() as writer, log.write() as maker:
        reader.execute(select(decision)).all()
        writer.execute(insert(decision), decision_row(stored(record_at(NOON))))
        maker.execute(text("SET LOCAL lock_timeout = '1s'"))
        assert Partitions().make(maker, NOON + DAY_MS)


def test_an_old_log_keeps_every_row_and_its_indexes(empty_postgresql: Database) -> None:
    with empty_postgresql.write() as connection:
        command.upgrade(alembic_config("log", connection), BEFORE)
        now = int(connection.execute(text("SELECT extract(epoch FROM now()) * 1000")).scalar_one())
        records = [record_at(now - 400 * DAY_MS), record_at(now), record_at(now + 40 * DAY_MS), record_at(1 << 47)]
        for record in records:
            insert_old(connection, record)
        for table, rows_of in CHILDREN.items():
            connection.execute(insert(table), [row for record in records for row in rows_of(stored(record))])
    migrate(empty_postgresql, "log")
    assert DecisionLog(empty_postgresql).query(LogFilter(), 10).records == tuple(records[::-1])
    by_rule = LogFilter(rule="docs.editors_edit")
    assert DecisionLog(empty_postgresql).query(by_rule, 10).records == tuple(records[::-1])
    with empty_postgresql.read() as connection:
        found = connection.execute(text("SELECT tableoid::regclass::text FROM decision ORDER BY id")).scalars().all()
        differing = connection.execute(text(UNLIKE)).all()
        indexes = connection.execute(text(HOW_MANY)).all()
    assert found[:2] == ["decision_first", "decision_first"]
    assert found[2].startswith("decision_20") and found[3] == "decision_last"
    assert differing == []
    assert [(table, count) for table, count, first in indexes if count != first] == []


@pytest.mark.parametrize("records", [0, 1])
def test_a_new_record_after_the_migration_goes_to_the_partition_of_its_day(
    empty_postgresql: Database, spool: Spool, tmp_path: Path, records: int
) -> None:
    with empty_postgresql.write() as connection:
        command.upgrade(alembic_config("log", connection), BEFORE)
        for _ in range(records):
            insert_old(connection, sample())
    migrate(empty_postgresql, "log")
    first = ranges(empty_postgresql)[0]
    fresh = record_at(first.until_ms + DAY_MS)
    spool.record([sample(), fresh])
    Shipper(tmp_path / "local", empty_postgresql).ship()
    with empty_postgresql.read() as connection:
        name = connection.execute(
            select(text("tableoid::regclass::text")).select_from(decision).where(decision.c.id == fresh.id)
        ).scalar_one()
    assert name.startswith("decision_20")
    assert len(DecisionLog(empty_postgresql).query(LogFilter(), 10).records) == records + 2
