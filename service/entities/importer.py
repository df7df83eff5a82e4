"""Imports JSON lines whole or not at all, in one revision, in memory that does not grow with them.

Lines are read once, checked by the schema, and laid down in a temporary file by key; then all of them are compared with
what is stored, and only then, in one short transaction, written. Of two lines about the same fact the later one counts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, assert_never

import orjson
from sqlalchemy import Connection, Table, select

from policy_lang.facts import Assignment, Link
from policy_lang.schema import Schema
from service.db.engine import Database
from service.db.facts_tables import revision
from service.db.feed import EVERYTHING, advance
from service.db.merging import merging, settle
from service.db.staged_tables import staged_assignment, staged_entity, staged_link, staged_parent
from service.db.staging import Row, Staging, staging
from service.entities.admission import Admission, EntityFact, Fact
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.entities.import_checks import FAULTS, Proposal, Terms, propose
from service.entities.import_writing import write_staged
from service.entities.imported import Asked, Imported
from service.entities.lines import Line, lines_of, read_fact
from service.errors import DataError

TOLD: Final = 1000
"""Lines read between two words about progress."""
PLAINLY: Final = Asked()
"""Nothing that is there is changed."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told how far an import has come, and may stop it before anything is written, by what it raises."""

    read: Callable[[int], None] = lambda _: None
    """How many bytes were read since it was told last."""
    writes: Callable[[], None] = lambda: None
    """All is checked, and about to be written."""
    approve: Callable[[Connection], None] = lambda _: None
    """Called first in the transaction that writes, when no other writes facts beside it."""


class Importer:
    """Imports into one database by one schema; temporary files are made in `folder`."""

    def __init__(
        self, database: Database, schema: Schema, folder: Path | None = None, *, elsewhere: Elsewhere = NOWHERE
    ) -> None:
        self._database = database
        self._admission = Admission(schema, elsewhere)
        self._stored_types: Final = [name for name in schema.types if self._admission.has_rows(name)]
        self._folder = folder

    def run(self, file: BinaryIO, asked: Asked = PLAINLY, listener: Listener = Listener()) -> Imported:
        """Imports a file; DataError names the lines at fault, and then nothing is imported."""
        with staging(self._folder) as staged:
            self._stage(file, staged, listener)
            with merging(self._database, staged) as merge:
                with merge.looking() as connection:
                    seen, proposal = _revision(connection), self._propose(connection, asked)
                if asked.is_trial or proposal.changes_nothing:
                    return _imported(proposal, seen)
                listener.writes()
                with merge.alone() as connection:
                    listener.approve(connection)
                    if _revision(connection) != seen:
                        proposal = self._propose(connection, asked)
                    write_staged(connection)
                    settle(connection)
                    return _imported(proposal, advance(connection, [EVERYTHING]))

    def _stage(self, file: BinaryIO, staged: Staging, listener: Listener) -> None:
        """Lays every line's fact down; DataError where lines are no facts of the schema."""
        faults: list[str] = []
        count = 0
        for line in _read(file, listener):
            try:
                for table, row in _rows_of(read_fact(line, self._admission), line.number):
                    staged.add(table, row)
            except DataError as error:
                count += 1
                faults += [str(error)] if count <= FAULTS else []
        _refuse(faults, count)
        staged.finish()

    def _propose(self, connection: Connection, asked: Asked) -> Proposal:
        """What the import comes to; DataError where that may not be."""
        terms = Terms(asked.may_change, asked.may_move_grants)
        proposal = propose(connection, self._stored_types, terms)
        _refuse([f"line {line:,}: {why}" for line, why in proposal.faults.first], proposal.faults.count)
        return proposal


def _rows_of(fact: Fact, line: int) -> Iterator[tuple[Table, Row]]:
    match fact:
        case EntityFact(ref, attributes, parents):
            document = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS).decode()
            yield staged_entity, (*ref, document, line)
            for parent in parents:
                yield staged_parent, (*ref, *parent, line)
        case Assignment(subject, role, place, expires_at):
            yield staged_assignment, (*subject, role, *(place or ("", "")), expires_at, line)
        case Link(resource, relation, subject, expires_at):
            yield staged_link, (*resource, relation, *subject, expires_at, line)
        case _:
            assert_never(fact)


def _read(file: BinaryIO, listener: Listener) -> Iterator[Line]:
    """Each line, one in memory at a time; the listener is told now and then how far that is."""
    told = end = 0
    for count, line in enumerate(lines_of(file), 1):
        yield line
        end = line.end
        if count % TOLD == 0:
            listener.read(end - told)
            told = end
    listener.read(end - told)


def _imported(proposal: Proposal, now: str) -> Imported:
    return Imported(proposal.entities, proposal.assignments, proposal.relations, now)


def _revision(connection: Connection) -> str:
    epoch, number = connection.execute(select(revision.c.epoch, revision.c.n)).one()
    return f"{epoch}.{number}"


def _refuse(faults: Sequence[str], count: int) -> None:
    if count:
        more = f" ({count - len(faults):,} more faults are not shown)" if count > len(faults) else ""
        raise DataError("\n".join((*faults, "help: nothing was imported" + more)))
