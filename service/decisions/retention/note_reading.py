"""Reads the notes of the database: judges them once as one sequence, and finds each by its number.

Memory is bounded by a few notes, whatever their number.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from service.db.engine import Database
from service.db.log_tables import log_note
from service.decisions.faults import Fault, FaultKind, Faults
from service.decisions.retention.notes import (
    BadNote,
    Note,
    NoteKind,
    WrittenNote,
    is_note_signed,
    note_follows,
    read_note,
)

_PAGE: Final = 100
_KEPT: Final = 64
"""Notes in memory: links that follow each other are mostly covered by few."""
_SHOWN: Final = 100


class Notes:
    """The notes that count: keys given, only those that one of them signed."""

    def __init__(self, database: Database, keys: tuple[Ed25519PublicKey, ...]) -> None:
        self._database = database
        self._keys = keys
        self._found: OrderedDict[int, Note | None] = OrderedDict()
        self.count = 0
        """How many there are."""
        self.unsigned = 0
        """How many have no signature."""
        self.unchained = 0
        """How many records from before the chains they cover."""
        self.erasures: list[Note] = []
        """The first that say that somebody had records erased."""

    def judge(self, faults: Faults) -> None:
        """Reads them all once, and adds what is wrong."""
        before: WrittenNote | None = None
        for number, line in self._lines():
            note = _read(number, line)
            if note is None:
                faults.add(_fault(number, "is not one"))
                continue
            _judge_order(note, before, faults)
            before = note
            self.count += 1
            self.unsigned += note.source.signature is None
            if not self._counts(note):
                faults.add(_fault(number, "is not signed by the given key, and covers nothing here"))
                continue
            self.unchained += note.content.unchained
            if note.content.kind is NoteKind.ERASED and len(self.erasures) < _SHOWN:
                self.erasures.append(note.content)

    def find(self, number: int) -> Note | None:
        """The note of that number, if there is one that counts."""
        if number not in self._found:
            self._found[number] = self._fetch(number)
            if len(self._found) > _KEPT:
                self._found.popitem(last=False)
        self._found.move_to_end(number)
        return self._found[number]

    def count_unchained(self) -> int:
        """How many records from before the chains they cover now, where some may have been taken out since."""
        notes = (_read(number, line) for number, line in self._lines())
        return sum(note.content.unchained for note in notes if note is not None and self._counts(note))

    def _counts(self, note: WrittenNote) -> bool:
        return not self._keys or is_note_signed(note, self._keys)

    def _fetch(self, number: int) -> Note | None:
        with self._database.read() as connection:
            line = connection.execute(select(log_note.c.line).where(log_note.c.number == number)).scalar()
        note = None if line is None else _read(number, line)
        return note.content if note is not None and self._counts(note) else None

    def _lines(self) -> Iterator[tuple[int, str]]:
        after = -(2**62)
        while True:
            query = select(log_note).where(log_note.c.number > after).order_by(log_note.c.number).limit(_PAGE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            yield from ((row.number, row.line) for row in rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1].number


def _read(number: int, line: str) -> WrittenNote | None:
    try:
        note = read_note(line)
    except BadNote:
        return None
    return note if note.content.number == number else None


def _judge_order(note: WrittenNote, before: WrittenNote | None, faults: Faults) -> None:
    number = note.content.number
    if before is None:
        if number != 1 or note.content.previous:
            faults.add(_fault(number, "is the first that is there: those before it are missing"))
    elif number != before.content.number + 1:
        faults.add(_fault(before.content.number + 1, "is missing"))
    elif not note_follows(note.content, before):
        faults.add(_fault(number, f"does not follow from note {before.content.number}"))


def _fault(number: int, what: str) -> Fault:
    return Fault(FaultKind.NOTE, f"note {number} {what}")
