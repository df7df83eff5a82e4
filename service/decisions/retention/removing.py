"""Takes records out of the log, in one transaction with the note that says so.

Law: what is left of a record is its link: its place, its id, and hashes that tell nothing, for the salt goes too. Only
what is as it was written is taken out: a record that does not fit its link stays, and so does what shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, insert, not_, select, update

from service.db.dialect import overwrite_deleted
from service.db.log_tables import chain_link, decision, log_note
from service.decisions.chain_rows import ChainedRow, rows_of
from service.decisions.chaining import origin
from service.decisions.retention.holds import holds, is_held
from service.decisions.retention.notes import Covered, Note, NoteKind, WrittenNote, ranges_of, read_note, write_note
from service.decisions.rows import CHILDREN
from service.decisions.signed_lines import hash_line

STEP: Final = 1000
"""Records taken out in one transaction."""


@dataclass(frozen=True, slots=True)
class Warrant:
    """By what records are taken out: why, by whom, at what time; and the key that signs the notes, if there is one."""

    kind: NoteKind
    by: str
    reason: str
    now: int
    key: Ed25519PrivateKey | None


@dataclass(frozen=True, slots=True)
class Removal:
    """The note that was written, None where nothing could be taken out; and the records that do not fit their links."""

    note: WrittenNote | None
    unfit: tuple[str, ...]


def remove(connection: Connection, ids: Sequence[str], warrant: Warrant) -> Removal:
    """Takes out those of these records that are there, fit their links and are not held; STEP of them at most.

    The transaction has the turn of holds (`holds.TURN`).
    """
    free = _free(connection, ids)
    rows = rows_of(connection, free)
    fit = [row for row in rows if row.is_there and row.wrong is None and row.note is None]
    before = _from_before_chains(connection, set(free) - {row.id for row in rows})
    gone = [row.id for row in fit] + before
    unfit = tuple(sorted(set(free) - set(gone)))
    if not gone:
        return Removal(None, unfit)
    overwrite_deleted(connection)
    note = add_note(connection, _covered(fit), len(before), warrant)
    mark = update(chain_link).where(chain_link.c.decision_id.in_(gone))
    connection.execute(mark.values(salt=b"", note=note.content.number))
    for table in CHILDREN:
        connection.execute(delete(table).where(table.c.decision_id.in_(gone)))
    connection.execute(delete(decision).where(decision.c.id.in_(gone)))
    return Removal(note, unfit)


def _free(connection: Connection, ids: Sequence[str]) -> list[str]:
    query = select(decision.c.id).where(decision.c.id.in_(ids), not_(is_held(holds(connection))))
    return list(connection.execute(query).scalars())


def _from_before_chains(connection: Connection, unlinked: set[str]) -> list[str]:
    """Those that are in no chain by right; any other without a link was put in, and stays to be found."""
    _, last = origin(connection)
    return [id_ for id_ in unlinked if last is not None and id_ <= last]


def _covered(rows: Sequence[ChainedRow]) -> tuple[Covered, ...]:
    by_chain: dict[str, list[ChainedRow]] = {}
    for row in sorted(rows, key=lambda row: (row.replica, row.link.sequence)):
        by_chain.setdefault(row.replica, []).append(row)
    return tuple(
        Covered(replica, ranges_of(row.link.sequence for row in chain), chain[-1].link.chain_hash)
        for replica, chain in by_chain.items()
    )


def add_note(connection: Connection, chains: tuple[Covered, ...], unchained: int, warrant: Warrant) -> WrittenNote:
    """Writes the next note; the transaction has the turn of holds, so no other writes one beside it."""
    last = connection.execute(select(log_note).order_by(log_note.c.number.desc()).limit(1)).first()
    content = Note(
        number=1 if last is None else last.number + 1,
        time=warrant.now,
        previous="" if last is None else hash_line(last.line),
        kind=warrant.kind,
        by=warrant.by,
        reason=warrant.reason,
        chains=chains,
        unchained=unchained,
    )
    written = read_note(write_note(content, warrant.key))
    connection.execute(insert(log_note).values(number=content.number, line=written.line))
    return written
