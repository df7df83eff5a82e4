"""Each record gets one place in its replica's chain, without gaps, whoever ships and whoever dies meanwhile."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, MetaData, Table, insert, select

from policy_lang.decision import MissingInput
from service.config import SpoolSettings
from service.db.engine import Database
from service.db.log_tables import chain_head, chain_link, decision, decision_missing, decision_rule
from service.db.migration import alembic_config, migrate
from service.decisions.chaining import append
from service.decisions.payload import stored, stored_record
from service.decisions.rows import decision_row, rule_rows
from service.decisions.segments import segments
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.errors import FactsUnavailable
from service.model import DecisionRecord
from tests.service.decisions.chains import NORTH, found, insert_beside, keep, tamper
from tests.service.decisions.records import body_of_format, sample, samples


def test_a_link_is_what_the_law_says(log_database: Database, tmp_path: Path) -> None:
    records = samples(2)
    keep(log_database, tmp_path, NORTH, records)
    query = select(chain_link, decision.c.body).join(decision, decision.c.id == chain_link.c.decision_id)
    with log_database.read() as connection:
        first, second = connection.execute(query.order_by(chain_link.c.sequence)).all()
        head = connection.execute(select(chain_head)).one()
    before = sha256(b"magistrate chain 1\nnorth").digest()
    for place, row in enumerate((first, second), 1):
        assert (row.replica, row.sequence, row.decision_id) == (NORTH, place, records[place - 1].id)
        assert len(row.salt) == 16
        assert row.record_hash == sha256(row.salt + row.body.encode()).digest()
        before = sha256(before + row.record_hash).digest()
        assert row.chain_hash == before
    assert tuple(head) == (NORTH, 2, before)
    assert first.salt != second.salt


def test_two_shippers_of_one_replica_make_one_chain(log_database: Database, tmp_path: Path) -> None:
    folder = tmp_path / NORTH
    spools = [Spool(folder, SpoolSettings(segment_bytes=8192)) for _ in range(2)]
    for place, record in enumerate(samples(200)):
        spools[place % 2].record([record])
    for spool in spools:
        spool.close()

    def ship_until_empty() -> None:
        shipper = Shipper(folder, log_database)
        while segments(folder):
            try:
                shipper.ship()
            except FactsUnavailable:  # both began the same segment: one was refused, and tries again
                continue

    with ThreadPoolExecutor(2) as threads:
        for way in [threads.submit(ship_until_empty) for _ in range(2)]:
            way.result()
    (chain,) = found(log_database).chains
    assert (chain.links, chain.sound, chain.fault_count) == (200, 200, 0)


def test_a_shipper_killed_at_any_time_leaves_a_whole_chain(
    log_database: Database, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / NORTH
    spool = Spool(folder, SpoolSettings())
    for _ in range(25):
        spool.record(samples(100))
    spool.close()
    shipping = [sys.executable, "-m", "tests.service.decisions.ship_until_killed", str(folder), database_url]
    with subprocess.Popen(shipping) as process:
        while not _shipped(log_database):
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
    assert 0 < _shipped(log_database) <= 2500
    assert found(log_database).is_sound
    Shipper(folder, log_database).ship()
    (chain,) = found(log_database).chains
    assert (chain.links, chain.sound, chain.fault_count) == (2500, 2500, 0)


def _shipped(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(chain_head.c.sequence)).scalar() or 0


def insert_of_format_2(connection: Connection, records: list[DecisionRecord]) -> None:
    """Puts records into tables from before format 3, as the version did that wrote them."""
    there = Table("decision", MetaData(), autoload_with=connection)
    bodies = [body_of_format(2, record) for record in records]
    rows = [decision_row(stored_record(body)) | {"body": body} for body in bodies]
    connection.execute(insert(there), [{column.name: row[column.name] for column in there.columns} for row in rows])
    connection.execute(insert(decision_rule), [row for record in records for row in rule_rows(stored(record))])


def test_records_from_before_the_chains_are_counted_and_stay_outside(empty: Database, tmp_path: Path) -> None:
    old = samples(3)
    empty.create()
    with empty.write() as connection:
        command.upgrade(alembic_config("log", connection), "log_0002")
        insert_of_format_2(connection, old)
    migrate(empty, "log")
    keep(empty, tmp_path, NORTH, samples(2))
    report = found(empty)
    assert (report.is_sound, report.unchained, report.chains[0].links) == (True, 3, 2)
    tamper(empty, f"DELETE FROM decision WHERE id = '{old[1].id}'")
    (fault,) = found(empty).faults
    assert fault.text == "there were 3 records before the chains, and now there are 2"
    insert_beside(empty, sample())
    assert [fault.kind.value for fault in found(empty).faults] == ["inserted", "removed"]


def test_records_from_before_missing_inputs_had_rows_are_given_them_and_still_verify(empty: Database) -> None:
    gaps = (MissingInput("principal.clearance", "no_row"), MissingInput("context.mfa", "not_given"))
    old = [replace(sample(), missing=gaps), replace(sample(), missing=()), sample()]
    bodies = [body_of_format(2, record) for record in old]
    empty.create()
    with empty.write() as connection:
        command.upgrade(alembic_config("log", connection), "log_0003")
        insert_of_format_2(connection, old)
        append(connection, NORTH, [(record.id, body) for record, body in zip(old, bodies, strict=True)])
    migrate(empty, "log")
    with empty.read() as connection:
        rows = connection.execute(select(decision_missing).order_by(*decision_missing.columns)).all()
    assert [tuple(row) for row in rows] == [
        ("context.mfa", old[0].id),
        ("context.mfa", old[2].id),
        ("principal.clearance", old[0].id),
    ]
    assert found(empty).is_sound
