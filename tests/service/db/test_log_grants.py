"""Of the log on PostgreSQL each role may do what its work needs, and no more; tried with real roles."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from policy_lang.values import Ref
from service.config import SpoolSettings
from service.db.engine import Database
from service.db.log_partitions import DAY_MS, Partition, Partitions, drop
from service.db.log_tables import LOG
from service.db.opening import open_database
from service.db.versions import version_table
from service.decisions.checkpoint_writing import CheckpointWriter
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.partitioning import make_partitions
from service.decisions.retention.erasing import Erasure
from service.decisions.retention.holds import TURN, Hold, lift, place
from service.decisions.retention.notes import NoteKind
from service.decisions.retention.removing import Warrant
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.decisions.unauthenticated import Unauthenticated
from service.decisions.verification import verify_log
from service.errors import FactsUnavailable
from service.partition_settings import PartitionSettings
from tests.service.db.log_members import Members, grant, log_members
from tests.service.decisions.chains import KEY
from tests.service.decisions.records import sample
from tests.service.decisions.retention.aged import NOW, aged, expire, fill, settings

ADDS, READS, COUNTS, SUMS = "INSERT SELECT", "SELECT", "INSERT SELECT UPDATE", "DELETE INSERT SELECT UPDATE"
GRANTED: Mapping[str, tuple[str, str]] = {
    "decision": (ADDS, "DELETE SELECT"),
    "decision_rule": (ADDS, "DELETE SELECT"),
    "decision_missing": (ADDS, "DELETE SELECT"),
    "decision_attribute": (ADDS, "DELETE SELECT"),
    "chain_link": (ADDS, READS),
    "log_note": (READS, "INSERT SELECT"),
    "log_hold": (READS, "DELETE INSERT SELECT"),
    "checkpoint": (ADDS, READS),
    "chain_origin": (READS, READS),
    "chain_head": (COUNTS, READS),
    "spool_position": (COUNTS, ""),
    "unauthenticated": (SUMS, ""),
    version_table("log"): (READS, READS),
}
"""Table → what the service may do there, and what retention; the reader may read each.

Retention may also update two columns of the links: the salt, which it empties, and the number of the note.
"""
RECORDS = (
    "decision", "decision_rule", "decision_missing", "decision_attribute", "chain_link", "checkpoint", "log_note",
    "log_hold",
)  # fmt: skip
HARM = {
    "update": "UPDATE {} SET {} = {}",
    "delete": "DELETE FROM {}",
    "truncate": "TRUNCATE {}",
    "drop": "DROP TABLE {}",
    "disable": "ALTER TABLE {} DISABLE TRIGGER ALL",
}
MADE = """
SELECT coalesce(string_agg(privilege_type, ' ' ORDER BY privilege_type), '') FROM information_schema.role_table_grants
WHERE grantee = :role AND table_name = :table AND table_schema = current_schema()
"""


@pytest.fixture
def members(postgresql: Database, postgresql_url: str) -> Iterator[Members]:
    with log_members(postgresql, postgresql_url) as made:
        yield made


def opened(members: Members, role: str) -> "closing[Database]":
    return closing(open_database(members.url(role)))


def recorded(database: Database, folder: Path) -> None:
    """Ships two records by that database, and writes a checkpoint of them."""
    spool = Spool(folder / "local", SpoolSettings())
    spool.record([sample(), sample()])
    spool.close()
    assert Shipper(folder / "local", database).ship() == 2
    CheckpointWriter(database, folder / "checkpoints.jsonl", None).try_write()


@pytest.mark.parametrize("times", [1, 2])
def test_every_table_is_granted_as_far_as_its_roles_need(members: Members, times: int) -> None:
    for _ in range(times - 1):
        grant(members.owner)
    assert {*LOG.tables, version_table("log")} == GRANTED.keys()
    with members.owner.read() as connection:
        for table, (service, retention) in GRANTED.items():
            wanted = {"service": service, "reader": READS, "retention": retention}
            query = {role: {"role": f"magistrate_log_{role}", "table": table} for role in wanted}
            assert {role: connection.execute(text(MADE), query[role]).scalar_one() for role in wanted} == wanted, table


def test_the_service_does_all_its_work_under_its_role(members: Members, tmp_path: Path) -> None:
    with opened(members, "service") as database:
        assert make_partitions(database, PartitionSettings(ahead=2), 1_800_000_000_000) == 3
        recorded(database, tmp_path)
        Unauthenticated(database).add("local", {("expired", "192.0.2.0/24"): 3}, 1_800_000_000_000)
        assert verify_log(database, None, ()).is_sound
    with opened(members, "reader") as database:
        assert len(DecisionLog(database).query(LogFilter(), 10).records) == 2
        report = verify_log(database, tmp_path / "checkpoints.jsonl", ())
        assert report.is_sound and report.last_checkpoint == 1


@pytest.mark.parametrize("role", ["service", "reader"])
def test_neither_service_nor_reader_can_harm_a_record(members: Members, tmp_path: Path, role: str) -> None:
    recorded(members.owner, tmp_path)
    with psycopg.connect(members.url(role), autocommit=True) as connection:
        for table in RECORDS:
            column = LOG.tables[table].columns.keys()[0]
            parts = [table, *partitions_of(connection, table)]
            for each in parts:
                for harm in HARM.values():
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(harm.format(each, column, column).encode())
        low, high = 0, 1 << 47
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT magistrate_log_drop_partition(%s, %s)", (low, high))


def partitions_of(connection: psycopg.Connection, table: str) -> list[str]:
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
    return [str(row[0]) for row in connection.execute(query, (table,))]


def test_a_reader_adds_nothing(members: Members, tmp_path: Path) -> None:
    with opened(members, "reader") as database, pytest.raises(FactsUnavailable, match="permission denied"):
        recorded(database, tmp_path)


def test_retention_takes_a_day_out_and_adds_no_record(members: Members, tmp_path: Path) -> None:
    day = Partition(
        1_800_000_000_000 - 1_800_000_000_000 % DAY_MS, 1_800_000_000_000 - 1_800_000_000_000 % DAY_MS + DAY_MS
    )
    with members.owner.write() as connection:
        Partitions(DAY_MS).make(connection, day.first_ms)
    with opened(members, "retention") as database:
        with database.write() as connection:
            assert drop(connection, day)
        with pytest.raises(FactsUnavailable, match="permission denied"):
            recorded(database, tmp_path)


def test_retention_expires_and_erases_under_its_role(members: Members, tmp_path: Path) -> None:
    fill(members.owner, tmp_path, "local", [aged(40), aged(40, tenant="t2"), aged(1, principal="eve")])
    with opened(members, "retention") as database:
        hold = Hold("case", "a suit", "operator:bob", NOW, tenant=Ref("Tenant", "t2"))
        with database.alone(TURN) as connection:
            place(connection, hold)
        assert expire(database, settings(default="30d")).records == 1
        warrant = Warrant(NoteKind.ERASED, "operator:bob", "request 114", NOW, KEY)
        assert Erasure(database, Ref("User", "eve"), is_mentioned=False).erase(warrant, lambda _: None).records == 1
        with database.alone(TURN) as connection:
            lift(connection, hold)
    report = verify_log(members.owner, None, (KEY.public_key(),))
    assert (report.is_sound, report.chains[0].expired, report.chains[0].erased) == (True, 1, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chain_link SET chain_hash = salt",
        "DELETE FROM chain_link",
        "UPDATE log_note SET line = ''",
        "DELETE FROM log_note",
        "UPDATE decision SET code = ''",
        "UPDATE log_hold SET reason = ''",
    ],
)
def test_retention_changes_no_record_and_no_note(members: Members, statement: str) -> None:
    with (
        psycopg.connect(members.url("retention")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())
