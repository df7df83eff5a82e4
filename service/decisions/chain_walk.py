"""Walks one chain from its first link to its head, beside what checkpoints say, and finds where it is otherwise.

Whoever walks tells it of checkpoints in their order; it reads no further than the last one told, until the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from service.db.engine import Database
from service.db.log_tables import chain_head, chain_link
from service.decisions.chain import Head, begin, hash_next
from service.decisions.chain_rows import ChainedRow, chained_rows
from service.decisions.checkpoint_reading import Mark
from service.decisions.faults import Fault, FaultKind, Faults
from service.decisions.retention.note_reading import Notes
from service.decisions.retention.notes import NoteKind


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was found of one chain: how many links it has, up to which sequence it is as it was written (by itself).

    Up to `proven` the checkpoint of the number `proven_by` has seen the same; 0 and None where none has. `expired` and
    `erased` are links without their records, as notes say.
    """

    replica: str
    links: int
    sound: int
    proven: int
    proven_by: int | None
    expired: int
    erased: int
    faults: tuple[Fault, ...]
    fault_count: int


class ChainWalk:
    """How far the walk along a chain has come."""

    def __init__(self, database: Database, head: Head, notes: Notes, page: int) -> None:
        self._database = database
        self._head = head
        self._notes = notes
        self._rows: Iterator[ChainedRow] = chained_rows(database, head.replica, head.sequence, page)
        self._faults = Faults()
        self._links = 0
        self._sound = 0
        self._proven = 0
        self._proven_by: int | None = None
        self._taken = dict.fromkeys(NoteKind, 0)
        self._beyond: Mark | None = None
        self._place = 0
        self._id: str | None = None
        self._hash: bytes | None = begin(head.replica).hash

    def see(self, mark: Mark) -> None:
        """Goes on to the place that a checkpoint speaks of, and holds the chain against it."""
        while self._place < mark.head.sequence and self._step():
            continue
        if self._place < mark.head.sequence:
            self._beyond = mark
        elif self._place > mark.head.sequence or mark.head.hash != self._hash:
            since = f"records {self._proven + 1} to {mark.head.sequence}"
            text = f"{since} are not those that checkpoint {mark.number} has seen: the chain was computed anew"
            first = self._proven + 1
            self._add(FaultKind.REPLACED, text, first, self._id if self._place == first else None)
        elif not self._faults.count:
            self._proven, self._proven_by = self._place, mark.number

    def finish(self) -> ChainReport:
        """Goes on to the end, and holds it against the head and what checkpoints have seen beyond it."""
        while self._step():
            continue
        self._note_sound()
        self._end(_behind_head(self._database, self._head.replica))
        return ChainReport(
            replica=self._head.replica,
            links=self._links,
            sound=self._sound,
            proven=self._proven,
            proven_by=self._proven_by,
            expired=self._taken[NoteKind.EXPIRED],
            erased=self._taken[NoteKind.ERASED],
            faults=tuple(self._faults.first),
            fault_count=self._faults.count,
        )

    def _step(self) -> bool:
        """Whether there was a next link to go on to."""
        self._note_sound()
        row = next(self._rows, None)
        if row is None:
            return False
        link = row.link
        if link.sequence != self._place + 1:
            self._gap(link.sequence)
        self._judge(row)
        if self._hash is not None and hash_next(self._hash, link.record_hash) != link.chain_hash:
            text = "its link does not follow from the one before: changed, moved, or put in between"
            self._add(FaultKind.BROKEN, text, link.sequence, row.id)
        self._links += 1
        self._place, self._hash, self._id = link.sequence, link.chain_hash, row.id
        return True

    def _note_sound(self) -> None:
        if not self._faults.count:
            self._sound = self._place

    def _judge(self, row: ChainedRow) -> None:
        sequence = row.link.sequence
        if row.note is None:
            if row.wrong is not None:
                self._add(FaultKind.CHANGED if row.is_there else FaultKind.REMOVED, row.wrong, sequence, row.id)
            return
        if row.is_there:
            text = f"its link says that note {row.note} took the record out, and it is there"
            self._add(FaultKind.CHANGED, text, sequence, row.id)
            return
        note = self._notes.find(row.note)
        covered = None if note is None else note.of(self._head.replica)
        if note is None or covered is None or not covered.has(sequence):
            text = f"there is no such record, and no note {row.note} that counts covers its place"
            self._add(FaultKind.REMOVED, text, sequence, row.id)
            return
        self._taken[note.kind] += 1
        if row.link.salt:
            self._add(FaultKind.CHANGED, "a record that was taken out leaves no salt", sequence, row.id)
        if sequence == covered.last and row.link.chain_hash != covered.hash:
            self._add(FaultKind.NOTE, f"note {row.note} was written of another chain", sequence, row.id)

    def _end(self, behind: int) -> None:
        if self._place < self._head.sequence:
            self._add(FaultKind.TRUNCATED, f"the head is at {self._head.sequence}", self._place + 1)
        elif self._hash != self._head.hash:
            self._add(FaultKind.BROKEN, "the head is not the hash of the last link", self._place)
        if behind:
            self._add(FaultKind.INSERTED, f"{behind} links stand behind the head", self._head.sequence + 1)
        if self._beyond is not None:
            seen = f"checkpoint {self._beyond.number} has seen it up to {self._beyond.head.sequence}"
            self._add(FaultKind.TRUNCATED, f"the chain ends at {self._place}, {seen}", self._place + 1)

    def _gap(self, sequence: int) -> None:
        first = self._place + 1
        many = f"{first} to {sequence - 1}" if sequence - 1 > first else str(first)
        self._add(FaultKind.REMOVED, f"records {many} are not there, nor their links", first)
        self._hash = None

    def _add(self, kind: FaultKind, text: str, sequence: int, id_: str | None = None) -> None:
        self._faults.add(Fault(kind, text, self._head.replica, sequence, id_))


class LostChain:
    """A chain that checkpoints speak of, or that has links, and of which there is no head."""

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._last: Mark | None = None

    def see(self, mark: Mark) -> None:
        """Remembers the last that was seen of it."""
        self._last = mark

    def finish(self) -> ChainReport:
        """Its report, which is one finding."""
        last = self._last
        text = "the chain has links and no head"
        if last is not None:
            text = f"the chain has no head: checkpoint {last.number} has seen it with {last.head.sequence} records"
        fault = Fault(FaultKind.DROPPED, text, self._replica, 1)
        return ChainReport(self._replica, 0, 0, 0, None, 0, 0, (fault,), 1)


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
