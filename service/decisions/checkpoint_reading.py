"""Reads the checkpoints of the database and of a file as one sequence, with what is wrong about it.

A file may hold any of them, one line that an auditor kept included; what it holds, the database must hold too. Where
they differ the file is believed: it is what a change of the database does not reach. The file is read as it was before
the database was asked: one that is written meanwhile is in the database first, and missing from neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from service.db.engine import Database
from service.db.log_tables import checkpoint
from service.decisions.chain import Head
from service.decisions.checkpoint import BadCheckpoint, WrittenCheckpoint, follows, is_signed, read_checkpoint
from service.decisions.checkpoint_file import lines_of
from service.decisions.faults import Fault, FaultKind, Faults

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Mark:
    """What a checkpoint says of one chain."""

    number: int
    head: Head


class Checkpoints:
    """The checkpoints up to the last that there was when they were judged; keys given, only those that they signed."""

    def __init__(self, database: Database, file: Path | None, keys: tuple[Ed25519PublicKey, ...]) -> None:
        self._database = database
        self._file = file
        self._keys = keys
        self.last: WrittenCheckpoint | None = None
        """The last one, None where there is none."""
        self.unsigned = 0
        """How many have no signature."""
        self.has_kept = False
        """Whether the file has any."""

    def judge(self, faults: Faults) -> set[str]:
        """Reads them all once: adds what is wrong, and gives the replicas that they speak of."""
        replicas: set[str] = set()
        self.last = None
        for each in self._merged(faults):
            self._judge_order(each, faults)
            self.unsigned += each.source.signature is None
            if self._keys and not is_signed(each, self._keys):
                faults.add(_fault(each.content.number, "is not signed by the given key, and proves nothing here"))
            else:
                replicas.update(head.replica for head in each.content.heads)
            self.last = each
        return replicas

    def each(self) -> Iterator[WrittenCheckpoint]:
        """Those that count, in their order."""
        if self.last is None:
            return
        for each in self._merged(Faults()):
            if each.content.number > self.last.content.number:
                return
            if not self._keys or is_signed(each, self._keys):
                yield each

    def marks(self) -> Iterator[Mark]:
        """What those that count say of the chains, in their order."""
        return (Mark(each.content.number, head) for each in self.each() for head in each.content.heads)

    def _judge_order(self, each: WrittenCheckpoint, faults: Faults) -> None:
        number = each.content.number
        if self.last is None:
            if number != 1 or each.content.previous:
                faults.add(_fault(number, "is the first that is there: those before it are missing"))
        elif number != self.last.content.number + 1:
            faults.add(_fault(self.last.content.number + 1, "is missing"))
        elif not follows(each.content, self.last):
            faults.add(_fault(number, f"does not follow from checkpoint {self.last.content.number}"))

    def _merged(self, faults: Faults) -> Iterator[WrittenCheckpoint]:
        stored, kept = self._stored(faults), self._kept(faults)
        theirs, ours = next(kept, None), next(stored, None)  # in this order: see above
        while ours is not None or theirs is not None:
            if theirs is None or (ours is not None and ours.content.number < theirs.content.number):
                assert ours is not None  # noqa: S101  # narrows: one of the two is there
                yield ours
                ours = next(stored, None)
                continue
            number = theirs.content.number
            if ours is None or ours.content.number > number:
                faults.add(_fault(number, "is in the file and not in the database"))
            else:
                if ours.line != theirs.line:
                    faults.add(_fault(number, "is another in the database than in the file"))
                ours = next(stored, None)
            yield theirs
            theirs = next(kept, None)

    def _stored(self, faults: Faults) -> Iterator[WrittenCheckpoint]:
        after = -(2**62)
        while True:
            query = select(checkpoint).where(checkpoint.c.number > after).order_by(checkpoint.c.number).limit(_PAGE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            for number, line in rows:
                read = _read(line, f"row {number} of the database", faults)
                if read is not None and read.content.number != number:
                    faults.add(_fault(number, f"says in the database that it is {read.content.number}"))
                elif read is not None:
                    yield read
            if len(rows) < _PAGE:
                return
            after = rows[-1].number

    def _kept(self, faults: Faults) -> Iterator[WrittenCheckpoint]:
        if self._file is None:
            return
        before = 0
        for place, line in enumerate(lines_of(self._file), 1):
            read = _read(line, f"line {place} of the file", faults)
            if read is None:
                continue
            if read.content.number <= before:
                faults.add(_fault(read.content.number, f"stands in the file behind checkpoint {before}"))
                continue
            before = read.content.number
            self.has_kept = True
            yield read


def _read(line: str, where: str, faults: Faults) -> WrittenCheckpoint | None:
    try:
        return read_checkpoint(line)
    except BadCheckpoint:
        faults.add(Fault(FaultKind.CHECKPOINT, f"{where} is no checkpoint"))
        return None


def _fault(number: int, what: str) -> Fault:
    return Fault(FaultKind.CHECKPOINT, f"checkpoint {number} {what}")
