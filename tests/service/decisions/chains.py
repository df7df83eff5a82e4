"""Chains of several replicas to tamper with, and what a verification says of them."""

from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select, update

from service.config import SpoolSettings
from service.db.engine import Database
from service.db.log_partitions import Partitions
from service.db.log_tables import chain_head, chain_link, decision
from service.decisions.chain import begin, hash_next, hash_record
from service.decisions.checkpoint_writing import CheckpointWriter
from service.decisions.payload import stored
from service.decisions.rows import decision_row
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.decisions.verification import LogReport, verify_log
from service.model import DecisionRecord
from tests.service.decisions.records import samples

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NORTH, SOUTH, WEST = CHAINS = "north", "south", "west"
LENGTH = 12
"""Records of each chain."""


def keep(database: Database, folder: Path, replica: str, records: list[DecisionRecord]) -> None:
    """Has records decided and shipped by a replica."""
    spool = Spool(folder / replica, SpoolSettings())
    for record in records:
        spool.record([record])
    spool.close()
    Shipper(folder / replica, database).ship()


def fill(database: Database, folder: Path) -> Path:
    """Three chains of LENGTH records: a checkpoint saw half of each, and a second one all; the file of those."""
    file = folder / "checkpoints.jsonl"
    writer = CheckpointWriter(database, file, KEY)
    for _ in range(2):
        for replica in CHAINS:
            keep(database, folder, replica, samples(LENGTH // 2))
        writer.write()
    return file


def found(database: Database, file: Path | None = None, *, has_key: bool = True) -> LogReport:
    """What a verification finds."""
    return verify_log(database, file, (KEY.public_key(),) if has_key else ())


def faults_of(report: LogReport) -> list[tuple[str, str | None, int | None]]:
    """Each finding as (kind, replica, sequence), those of the chains first."""
    every = [fault for chain in report.chains for fault in chain.faults] + list(report.faults)
    return [(fault.kind.value, fault.replica, fault.sequence) for fault in every]


def tamper(database: Database, *statements: str) -> None:
    """Does to the database what somebody with its password might."""
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def id_at(database: Database, replica: str, sequence: int) -> str:
    """The id of the record at a place of a chain."""
    query = select(chain_link.c.decision_id)
    with database.read() as connection:
        here = query.where(chain_link.c.replica == replica, chain_link.c.sequence == sequence)
        return str(connection.execute(here).scalar_one())


def chain_anew(database: Database, replica: str, first: int) -> None:
    """Computes a chain anew from a place on, over what its records say now, as somebody who knows how would.

    Where a record was taken out its hash stays.
    """
    link = chain_link.c
    with database.write() as connection:
        before = connection.execute(
            select(link.chain_hash).where(link.replica == replica, link.sequence == first - 1)
        ).scalar()
        rows = connection.execute(
            select(link.sequence, link.salt, link.record_hash, decision.c.body)
            .outerjoin(decision, decision.c.id == link.decision_id)
            .where(link.replica == replica, link.sequence >= first)
            .order_by(link.sequence)
        ).all()
        hash_ = begin(replica).hash if before is None else before
        for row in rows:
            record_hash = row.record_hash if row.body is None else hash_record(row.salt, row.body)
            hash_ = hash_next(hash_, record_hash)
            connection.execute(
                update(chain_link)
                .where(link.replica == replica, link.sequence == row.sequence)
                .values(record_hash=record_hash, chain_hash=hash_)
            )
        connection.execute(
            update(chain_head).where(chain_head.c.replica == replica).values(sequence=rows[-1].sequence, hash=hash_)
        )


def insert_beside(database: Database, record: DecisionRecord) -> None:
    """Puts a record into the log without a link."""
    row = decision_row(stored(replace(record, rules=())))
    with database.write() as connection, Partitions().covering(connection, [record.id]):
        connection.execute(insert(decision), row)
