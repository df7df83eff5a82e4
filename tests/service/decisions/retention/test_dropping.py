"""On PostgreSQL a partition of which all has expired goes whole, under one note; one with anything else stays."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from policy_lang.values import Ref
from service.db.bulk import insert_rows
from service.db.engine import Database
from service.db.log_partitions import DAY_MS, Partition, Partitions, first_id, partitions
from service.db.log_tables import decision, decision_attribute
from service.db.migration import migrate
from service.decisions.chaining import append
from service.decisions.checkpoint_writing import CheckpointWriter
from service.decisions.payload import encode_record, stored
from service.decisions.retention.dropping import Whole, drop_whole, droppable
from service.decisions.retention.expiring import Expired
from service.decisions.retention.holds import TURN, Hold, place
from service.decisions.retention.notes import NoteKind, WrittenNote
from service.decisions.retention.removing import Warrant
from service.decisions.retention.stretches import stretches
from service.decisions.rows import CHILDREN, decision_row
from service.model import DecisionRecord
from tests.service.decisions.chains import KEY, NORTH, SOUTH, found, tamper
from tests.service.decisions.exporting.exports import checked, export
from tests.service.decisions.retention.aged import NOW, aged, expire, fill, settings

MONTH = settings(default="30d")
START = NOW - 40 * DAY_MS - (NOW - 40 * DAY_MS) % DAY_MS
OLD = Partition(START, START + DAY_MS)
"""The day of what is some 40 days old."""
WARRANT = Warrant(NoteKind.EXPIRED, "operator:bob", "none", NOW, KEY)


def old(hour: int, principal: str = "alice") -> DecisionRecord:
    """A record of that hour of OLD."""
    return aged((NOW - START) / DAY_MS - hour / 24, principal=principal)


@pytest.fixture
def database(postgresql: Database) -> Database:
    """A log with a partition for that day, as a service of then would have made it."""
    migrate(postgresql, "log")
    with postgresql.write() as connection:
        (first, *_) = partitions(connection)
        for table in ("decision", "decision_rule", "decision_missing", "decision_attribute"):
            connection.exec_driver_sql(f"DROP TABLE {table}_first")
        Partitions(DAY_MS).make(connection, START)
        assert OLD in partitions(connection)
    assert first.first_ms == 0
    return postgresql


def drop_it(database: Database, whole: Whole) -> WrittenNote | None:
    with database.alone(TURN) as connection:
        return drop_whole(connection, whole, WARRANT)


def has_partition(database: Database) -> bool:
    with database.read() as connection:
        return OLD in partitions(connection)


def test_it_goes_whole_under_one_note_and_the_chains_verify_across_it(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path, NORTH, [old(1), old(3), aged(1)])
    fill(database, tmp_path, SOUTH, [old(2)])
    CheckpointWriter(database, tmp_path / "checkpoints.jsonl", KEY).write()
    assert expire(database, MONTH) == Expired(3, 1, 0, is_whole=True)
    assert not has_partition(database)
    report = found(database, tmp_path / "checkpoints.jsonl")
    assert report.is_sound
    assert [(chain.links, chain.proven, chain.expired) for chain in report.chains] == [(3, 3, 2), (1, 1, 1)]


@pytest.mark.parametrize("keeps", ["a hold", "a rule", "a change"])
def test_a_partition_with_anything_that_stays_goes_row_by_row(database: Database, tmp_path: Path, keeps: str) -> None:
    _, kept = fill(database, tmp_path, NORTH, [old(1), replace(old(2), tenant=Ref("Tenant", "t2"))])
    said = MONTH
    if keeps == "a hold":
        with database.alone(TURN) as connection:
            place(connection, Hold("case", "a suit", "operator:bob", NOW, tenant=Ref("Tenant", "t2")))
    elif keeps == "a rule":
        said = settings(default="30d", rules=[{"tenant": "Tenant:t2", "keep": "365d"}])
    else:
        tamper(database, f"UPDATE decision SET code = 'OTHER' WHERE id = '{kept}'")
    assert expire(database, said).records == 1
    assert has_partition(database)
    with database.read() as connection:
        assert connection.execute(select(decision.c.id)).scalars().all() == [kept]


def test_what_came_after_it_was_looked_at_keeps_a_partition(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path, NORTH, [old(1)])
    (whole,) = droppable(database, list(stretches(MONTH, NOW)))
    fill(database, tmp_path, NORTH, [old(2)])
    assert drop_it(database, whole) is None
    (whole,) = droppable(database, list(stretches(MONTH, NOW)))
    with database.alone(TURN) as connection:
        place(connection, Hold("case", "a suit", "operator:bob", NOW, principal=Ref("User", "alice")))
    assert drop_it(database, whole) is None
    assert has_partition(database)


def test_what_is_shipped_while_it_is_dropped_stays_and_so_does_the_partition(
    database: Database, tmp_path: Path
) -> None:
    (before,) = fill(database, tmp_path, NORTH, [old(1)])
    (whole,) = droppable(database, list(stretches(MONTH, NOW)))
    late = old(2)

    with ThreadPoolExecutor(1) as threads:
        with database.write() as shipping:
            shipping.execute(insert(decision), decision_row(stored(late)))
            for table, make in CHILDREN.items():
                insert_rows(shipping, table, make(stored(late)))
            append(shipping, NORTH, [(late.id, encode_record(late))])
            dropping = threads.submit(drop_it, database, whole)
            while not is_waited_for(database):
                assert not dropping.done()
        assert dropping.result() is None
    assert has_partition(database)
    with database.read() as connection:
        assert connection.execute(select(decision.c.id).order_by(decision.c.id)).scalars().all() == [before, late.id]
    assert found(database).is_sound


def is_verified(database: Database, _: Path) -> bool:
    return found(database).is_sound


def is_exported(database: Database, path: Path) -> bool:
    export(database, path)
    return checked(path).is_sound


@pytest.mark.parametrize("reads", [is_verified, is_exported])
def test_who_waits_for_a_drop_sees_what_is_gone_with_its_note(
    database: Database, tmp_path: Path, reads: Callable[[Database, Path], bool]
) -> None:
    fill(database, tmp_path, NORTH, [old(1), aged(1)])
    (whole,) = droppable(database, list(stretches(MONTH, NOW)))
    with ThreadPoolExecutor(1) as threads:
        with database.alone(TURN) as dropping:
            assert drop_whole(dropping, whole, WARRANT) is not None
            reading = threads.submit(reads, database, tmp_path / "export")
            while not is_waited_for(database):
                assert not reading.done()
        assert reading.result()


def test_a_drop_waits_for_who_is_in_the_middle_of_a_read(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path, NORTH, [old(1)])
    (whole,) = droppable(database, list(stretches(MONTH, NOW)))

    with ThreadPoolExecutor(1) as threads:
        with database.read() as reading:
            reading.execute(select(decision.c.id))
            dropping = threads.submit(drop_it, database, whole)
            while not is_waited_for(database):
                assert not dropping.done()
            reading.execute(select(decision_attribute.c.path))
        assert dropping.result() is not None


def is_waited_for(database: Database) -> bool:
    """Whether somebody waits for a table."""
    with database.read() as connection:
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted")
        return bool(connection.execute(waiting).scalar_one())


def test_an_empty_one_goes_without_a_note(database: Database) -> None:
    assert expire(database, MONTH) == Expired(0, 0, 0, is_whole=True)
    assert not has_partition(database)


def test_one_that_is_not_over_stays(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path, NORTH, [old(1)])
    almost = settings(default="40d")
    assert first_id(OLD.until_ms) > first_id(NOW - 40 * DAY_MS)
    assert expire(database, almost) == Expired(1, 1, 0, is_whole=True)
    assert has_partition(database)
