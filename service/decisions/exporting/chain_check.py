"""Follows one chain through an export, and finds where it is otherwise than it was written."""

from dataclasses import dataclass

from service.decisions.chain import Head, begin, hash_next, hash_record
from service.decisions.exporting.lines import Bare, Place, Recorded
from service.decisions.exporting.manifest import ExportedChain
from service.decisions.faults import Fault, FaultKind, Faults
from service.decisions.retention.notes import Note, NoteKind


@dataclass(frozen=True, slots=True)
class CheckedChain:
    """What was found of one chain in an export: its first and last place there, and how many records.

    `proven` of the records were seen by a checkpoint, `proven_by` the last such; `bare` places have no record because
    it was not asked for, `expired` and `erased` ones because notes say so.
    """

    replica: str
    first: int
    last: int
    records: int
    proven: int
    proven_by: int | None
    bare: int
    expired: int
    erased: int
    faults: tuple[Fault, ...]
    fault_count: int


class ChainCheck:
    """How far a chain was followed. `is_whole` says that the export has every place of it."""

    def __init__(self, replica: str, notes: dict[int, Note], *, is_whole: bool) -> None:
        self._replica = replica
        self._notes = notes
        self._is_whole = is_whole
        self._faults = Faults()
        self._first = self._place = 0
        self._hash: bytes | None = begin(replica).hash
        self._records = self._proven = self._pending = self._bare = 0
        self._proven_by: int | None = None
        self._taken = dict.fromkeys(NoteKind, 0)

    def record(self, line: Recorded) -> None:
        """Goes on to a place with its record."""
        self._go_on(line.place, hash_record(line.salt, line.body))
        self._records += 1
        self._pending += 1

    def bare(self, line: Bare) -> None:
        """Goes on to a place without its record."""
        sequence = line.place.sequence
        self._go_on(line.place, line.record_hash)
        if line.note is None:
            self._bare += 1
            if self._is_whole:
                self._add(FaultKind.REMOVED, "the record is not there, and no note says why", sequence)
            return
        note = self._notes.get(line.note)
        covered = None if note is None else note.of(self._replica)
        if note is None or covered is None or not covered.has(sequence):
            text = f"the record is not there, and no note {line.note} that counts covers its place"
            self._add(FaultKind.REMOVED, text, sequence)
            return
        self._taken[note.kind] += 1
        if sequence == covered.last and line.place.hash != covered.hash:
            self._add(FaultKind.NOTE, f"note {line.note} was written of another chain", sequence)

    def see(self, number: int, head: Head) -> None:
        """Holds what came against a checkpoint."""
        if self._place < head.sequence:
            if self._is_whole or self._pending:
                text = f"the chain is there up to {self._place}, checkpoint {number} has seen it up to {head.sequence}"
                self._add(FaultKind.TRUNCATED, text, self._place + 1)
            return
        if self._place > head.sequence or self._hash != head.hash:
            text = f"what comes before is not what checkpoint {number} has seen: it was computed anew"
            self._add(FaultKind.REPLACED, text, head.sequence)
        elif not self._faults.count:
            self._proven += self._pending
            self._proven_by = number
        self._pending = 0

    def finish(self, told: ExportedChain | None) -> CheckedChain:
        """Holds it against what the manifest tells of it, None where that is nothing."""
        if told is None:
            self._add(FaultKind.INSERTED, "the manifest tells of no such chain", 1)
        else:
            self._compare(told)
        return CheckedChain(
            replica=self._replica,
            first=self._first,
            last=self._place,
            records=self._records,
            proven=self._proven,
            proven_by=self._proven_by,
            bare=self._bare,
            expired=self._taken[NoteKind.EXPIRED],
            erased=self._taken[NoteKind.ERASED],
            faults=tuple(self._faults.first),
            fault_count=self._faults.count,
        )

    def _compare(self, told: ExportedChain) -> None:
        head = told.head
        if self._is_whole and self._place < head.sequence:
            text = f"the chain is there up to {self._place}, the manifest tells of {head.sequence}"
            self._add(FaultKind.TRUNCATED, text, self._place + 1)
        elif self._place > head.sequence or (self._place == head.sequence and self._hash != head.hash):
            self._add(FaultKind.BROKEN, "the head that the manifest tells is another", self._place)
        elif (self._first, self._place, self._records) != (told.first, told.last, told.records):
            text = f"the manifest tells of {told.records} records at {told.first} to {told.last}"
            self._add(FaultKind.REMOVED, f"{text}: there are {self._records} at {self._first} to {self._place}", 1)

    def _go_on(self, place: Place, record_hash: bytes) -> None:
        before = self._hash if place.before is None else place.before
        if place.sequence != self._place + 1:
            self._jump(place)
        elif place.before is not None:
            self._add(FaultKind.BROKEN, "it begins anew where it goes on", place.sequence)
        if before is not None and hash_next(before, record_hash) != place.hash:
            text = "it does not follow from the one before: changed, moved, or put in between"
            self._add(FaultKind.BROKEN, text, place.sequence)
        self._first = self._first or place.sequence
        self._place, self._hash = place.sequence, place.hash

    def _jump(self, place: Place) -> None:
        """A gap is right where the export was filtered; what came before it, no later checkpoint proves."""
        self._hash = None
        if place.sequence <= self._place:
            self._add(FaultKind.BROKEN, f"it comes behind {self._place}", place.sequence)
        elif self._is_whole or place.before is None:
            first, last = self._place + 1, place.sequence - 1
            many = str(first) if first == last else f"{first} to {last}"
            self._add(FaultKind.REMOVED, f"places {many} are not there", first)
        self._pending = 0

    def _add(self, kind: FaultKind, text: str, sequence: int) -> None:
        self._faults.add(Fault(kind, text, self._replica, sequence))
