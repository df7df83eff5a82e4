"""Finds the records that are in no chain: those from before there were chains, and those that were put in."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from service.db.engine import Database
from service.db.log_tables import chain_link, decision
from service.decisions.chaining import origin
from service.decisions.checkpoint_reading import Checkpoints
from service.decisions.faults import Fault, FaultKind, Faults
from service.decisions.retention.note_reading import Notes

_PAGE: Final = 5000


@dataclass(frozen=True, slots=True)
class Unchained:
    """How many records are in no chain, all of them from before the chains if nothing was added to `faults`."""

    records: int


def find_unchained(database: Database, checkpoints: Checkpoints, notes: Notes, faults: Faults) -> Unchained:
    """Looks at every record's id once, and adds what is wrong."""
    with database.read() as connection:
        noted = origin(connection)
    seen = checkpoints.last
    if seen is not None and (seen.content.unchained, seen.content.unchained_last) != noted:
        text = f"the note of the records from before the chains is not what checkpoint {seen.content.number} has seen"
        faults.add(Fault(FaultKind.CHANGED, text))
        noted = (seen.content.unchained, seen.content.unchained_last)
    count, last = noted
    before = inserted = 0
    after: str | None = None
    while True:
        with database.read() as connection:
            page = _page(connection, after)
        for id_, is_chained in page:
            if is_chained:
                continue
            if last is not None and id_ <= last:
                before += 1
            else:
                inserted += 1
                faults.add(Fault(FaultKind.INSERTED, "the record is in no chain", id=id_))
        if len(page) < _PAGE:
            break
        after = page[-1][0]
    expected = count - notes.unchained
    if before != expected and not count - notes.count_unchained() <= before < expected:
        kind = FaultKind.REMOVED if before < expected else FaultKind.INSERTED
        covered = f", of which notes cover {notes.unchained}" if notes.unchained else ""
        faults.add(Fault(kind, f"there were {count} records before the chains{covered}, and now there are {before}"))
    return Unchained(before + inserted)


def _page(connection: Connection, after: str | None) -> list[tuple[str, bool]]:
    query = select(decision.c.id, chain_link.c.sequence).outerjoin(
        chain_link, chain_link.c.decision_id == decision.c.id
    )
    if after is not None:
        query = query.where(decision.c.id > after)
    rows = connection.execute(query.order_by(decision.c.id).limit(_PAGE))
    return [(id_, sequence is not None) for id_, sequence in rows]
