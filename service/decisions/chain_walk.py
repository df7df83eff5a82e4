"""Walks one chain from its first link to its head, and finds where it is not as it was written."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from service.db.engine import Database
from service.db.log_tables import chain_head, chain_link
from service.decisions.chain import Head, begin, hash_next
from service.decisions.chain_rows import ChainedRow, chained_rows
from service.decisions.checkpoint_reading import Mark
from service.decisions.faults import Fault, FaultKind, Faults


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was found of one chain: how many links it has, up to which sequence it is as it was written (by itself).

    Up to `proven` the checkpoint of the number `proven_by` has seen the same; 0 and None where none has.
    """

    replica: str
    links: int
    sound: int
    proven: int
    proven_by: int | None
    faults: tuple[Fault, ...]
    fault_count: int


def walk_chain(database: Database, head: Head, marks: Iterator[Mark]) -> ChainReport:
    """Reads the chain up to a head that it had, beside what the checkpoints say of it in their order."""
    walk = _Walk(head, marks)
    for row in chained_rows(database, head.replica, head.sequence):
        walk.step(row)
    walk.end(_behind_head(database, head.replica))
    faults = walk.faults
    return ChainReport(
        head.replica, walk.links, walk.sound, walk.proven, walk.proven_by, tuple(faults.first), faults.count
    )


def lost_chain(replica: str, marks: Iterator[Mark]) -> ChainReport:
    """The report of a chain that checkpoints speak of and the database does not."""
    last: Mark | None = None
    for mark in marks:
        last = mark
    faults = Faults()
    if last is not None:
        seen = f"checkpoint {last.number} has seen it with {last.head.sequence} records"
        faults.add(Fault(FaultKind.DROPPED, f"the chain has no head: {seen}", replica, 1))
    else:
        faults.add(Fault(FaultKind.DROPPED, "the chain has links and no head", replica, 1))
    return ChainReport(replica, 0, 0, 0, None, tuple(faults.first), faults.count)


class _Walk:
    """How far the walk has come."""

    def __init__(self, head: Head, marks: Iterator[Mark]) -> None:
        self.faults = Faults()
        self.links = 0
        self.sound = 0
        self.proven = 0
        self.proven_by: int | None = None
        self._head = head
        self._marks = marks
        self._mark = next(marks, None)
        self._place = 0
        self._hash: bytes | None = begin(head.replica).hash

    def step(self, row: ChainedRow) -> None:
        """Goes on to the next link."""
        link = row.link
        if link.sequence != self._place + 1:
            self._gap(link.sequence)
        if row.wrong is not None:
            kind = FaultKind.CHANGED if row.is_there else FaultKind.REMOVED
            self._add(kind, row.wrong, link.sequence, row.id)
        if self._hash is not None and hash_next(self._hash, link.record_hash) != link.chain_hash:
            text = "its link does not follow from the one before: changed, moved, or put in between"
            self._add(FaultKind.BROKEN, text, link.sequence, row.id)
        self.links += 1
        self._place, self._hash = link.sequence, link.chain_hash
        self._compare(row.id)
        if not self.faults.count:
            self.sound = link.sequence

    def end(self, behind: int) -> None:
        """Holds the last link against the head, and against what checkpoints have seen beyond it."""
        if self._place < self._head.sequence:
            self._add(FaultKind.TRUNCATED, f"the head is at {self._head.sequence}", self._place + 1)
        elif self._hash != self._head.hash:
            self._add(FaultKind.BROKEN, "the head is not the hash of the last link", self._place)
        if behind:
            self._add(FaultKind.INSERTED, f"{behind} links stand behind the head", self._head.sequence + 1)
        last: Mark | None = None
        while self._mark is not None:
            last = self._mark
            self._mark = next(self._marks, None)
        if last is not None:
            seen = f"the chain ends at {self._place}, checkpoint {last.number} has seen it up to {last.head.sequence}"
            self._add(FaultKind.TRUNCATED, seen, self._place + 1)

    def _gap(self, sequence: int) -> None:
        first = self._place + 1
        many = f"{first} to {sequence - 1}" if sequence - 1 > first else str(first)
        self._add(FaultKind.REMOVED, f"records {many} are not there, nor their links", first)
        self._hash = None

    def _compare(self, id_: str) -> None:
        while self._mark is not None and self._mark.head.sequence <= self._place:
            mark = self._mark
            if mark.head.sequence < self._place or mark.head.hash != self._hash:
                since = f"records {self.proven + 1} to {mark.head.sequence}"
                text = f"{since} are not those that checkpoint {mark.number} has seen: the chain was computed anew"
                self._add(FaultKind.REPLACED, text, self.proven + 1, id_ if self._place == self.proven + 1 else None)
            elif not self.faults.count:
                self.proven, self.proven_by = self._place, mark.number
            self._mark = next(self._marks, None)

    def _add(self, kind: FaultKind, text: str, sequence: int, id_: str | None = None) -> None:
        self.faults.add(Fault(kind, text, self._head.replica, sequence, id_))


def _behind_head(database: Database, replica: str) -> int:
    """Links behind the head that the chain has now; both are seen in one moment, for a shipper may move them."""
    head = select(chain_head.c.sequence).where(chain_head.c.replica == replica).scalar_subquery()
    query = (
        select(func.count())
        .select_from(chain_link)
        .where(chain_link.c.replica == replica, chain_link.c.sequence > head)
    )
    with database.read() as connection:
        return connection.execute(query).scalar() or 0
