"""Imports JSON lines whole or not at all, in one transaction and one revision, in memory that does not grow with them.

The file is read three times: to validate every line, to write, and to look up what the lines refer to, since a line may
refer to one further down. Of two lines about the same fact the later one counts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final, assert_never

from sqlalchemy import Connection

from policy_lang.facts import Assignment, Link
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.feed import EVERYTHING, advance
from service.entities.admission import Admission, EntityFact, Fact
from service.entities.changes import Changes
from service.entities.hierarchy import HIERARCHY_LOCK, fault_at, has_fault, missing
from service.entities.lines import Line, lines_of, read_fact
from service.errors import DataError

BATCH: Final = 1000
"""Lines written, or looked up, at a time."""
FAULTS: Final = 10
"""Faulty lines that an error quotes."""
PASSES: Final = 3
"""Times that the file is read."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import wrote, and the revision from which it is in force."""

    entities: int
    assignments: int
    relations: int
    revision: str


class Importer:
    """Imports files into one database by one schema."""

    def __init__(self, database: Database, schema: Schema) -> None:
        self._database = database
        self._admission = Admission(schema)

    def run(self, file: BinaryIO, on_progress: Callable[[int], None] = lambda _: None) -> Imported:
        """Imports a seekable file; DataError names the lines at fault, and then nothing is imported.

        `on_progress` is told how many bytes were read since it was told last, of `PASSES` times the file's size.
        """
        self._validate(file, on_progress)
        with self._database.alone(HIERARCHY_LOCK) as connection:
            changes, counts, has_moved = Changes(connection), Counter[type[Fact]](), False
            for batch in _batches(file, on_progress):
                facts = [read_fact(line, self._admission) for line in batch]
                counts.update(map(type, facts))
                has_moved |= _write(changes, facts)
            self._look_up(connection, _batches(file, on_progress))
            if has_moved and has_fault(connection):
                raise DataError(self._blame(connection, file))
            return Imported(counts[EntityFact], counts[Assignment], counts[Link], advance(connection, [EVERYTHING]))

    def _validate(self, file: BinaryIO, on_progress: Callable[[int], None]) -> None:
        faults: list[str] = []
        count = 0
        for batch in _batches(file, on_progress):
            for line in batch:
                try:
                    read_fact(line, self._admission)
                except DataError as error:
                    count += 1
                    faults += [str(error)] if count <= FAULTS else []
        _refuse(faults, count)

    def _look_up(self, connection: Connection, batches: Iterable[Sequence[Line]]) -> None:
        """Refuses lines that refer to what is neither stored nor in the file."""
        for batch in batches:
            ends = [(line, end) for line in batch for end in self._ends(read_fact(line, self._admission))]
            absent = missing(connection, {end for _, end in ends})
            faults = [f"line {line.number:,}: there is no `{end}`" for line, end in ends if end in absent]
            _refuse(faults[:FAULTS], len(faults))

    def _ends(self, fact: Fact) -> Iterator[Ref]:
        """The entities that must be there for the fact to mean anything."""
        match fact:
            case EntityFact():
                yield from fact.parents
            case Assignment(subject, _, place, _):
                yield from (end for end in (subject, place) if end and self._admission.has_rows(end.type))
            case Link(resource, _, subject, _):
                yield from (end for end in (resource, subject) if self._admission.has_rows(end.type))
            case _:
                assert_never(fact)

    def _blame(self, connection: Connection, file: BinaryIO) -> str:
        """The first line whose entity is on a way up that is too long."""
        for line in lines_of(file):
            fact = read_fact(line, self._admission)
            fault = fault_at(connection, fact.ref) if isinstance(fact, EntityFact) and fact.parents else None
            if fault:
                return f"line {line.number:,}: {fault}\n{_NOTHING}"
        return f"the parents do not make a hierarchy\n{_NOTHING}"


def _write(changes: Changes, facts: Sequence[Fact]) -> bool:
    """Writes a batch; true if an entity has a parent which it had not before."""
    moved = changes.put([fact for fact in facts if isinstance(fact, EntityFact)])
    changes.assign(fact for fact in facts if isinstance(fact, Assignment))
    changes.relate(fact for fact in facts if isinstance(fact, Link))
    return bool(moved)


def _batches(file: BinaryIO, on_progress: Callable[[int], None]) -> Iterator[list[Line]]:
    lines, at = lines_of(file), 0
    while batch := list(islice(lines, BATCH)):
        yield batch
        on_progress(batch[-1].end - at)
        at = batch[-1].end


def _refuse(faults: Sequence[str], count: int) -> None:
    if count:
        more = f" ({count - len(faults):,} more faults are not shown)" if count > len(faults) else ""
        raise DataError("\n".join((*faults, _NOTHING + more)))


_NOTHING: Final = "help: nothing was imported"
