"""Takes whole partitions out of the log on PostgreSQL: those of which everything has expired and nothing is held.

Law: what is in a partition is judged record by record as anything that is taken out, a page at a time and before; then
one transaction writes the note, empties the salts, and drops the partition if it still holds just that: what somebody
ships into it until the drop has it alone shows by its link, and takes the drop back.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, func, or_, select, update

from service.db.engine import Database
from service.db.log_partitions import Partition, drop, first_id, partitions
from service.db.log_tables import chain_link, decision
from service.decisions.chain_rows import ChainedRow, rows_of
from service.decisions.retention.holds import holds, is_held
from service.decisions.retention.notes import Covered, WrittenNote, ranges_of
from service.decisions.retention.removing import STEP, Warrant, add_note
from service.decisions.retention.stretches import Stretch


@dataclass(frozen=True, slots=True)
class Whole:
    """A partition of which everything may go: how many records it has, and which places of chains they are."""

    partition: Partition
    records: int
    chains: tuple[Covered, ...]


def droppable(database: Database, stretches: Sequence[Stretch]) -> Iterator[Whole]:
    """The partitions of which all may go, the earliest first; none on SQLite."""
    if not stretches:
        return
    latest = max(stretch.before for stretch in stretches)
    with database.read() as connection:
        past = [each for each in partitions(connection) if each.until_ms <= latest]
    has_expired = or_(*(and_(each.within, each.applies, _before(each.before)) for each in stretches))
    for partition in past:
        whole = _survey(database, partition, has_expired)
        if whole is not None:
            yield whole


def drop_whole(connection: Connection, whole: Whole, warrant: Warrant) -> WrittenNote | None:
    """Drops the partition, and gives the note that was written; None where it holds something else by now.

    The transaction has the turn of holds (`holds.TURN`). An empty partition goes without a note, and gives none.
    """
    ours = _within(decision.c.id, whole.partition)
    counts = select(func.count(), func.count().filter(is_held(holds(connection))), _open_links(whole.partition))
    count, held, links = connection.execute(counts.select_from(decision).where(ours)).one()
    if count != whole.records or held:
        return None
    with connection.begin_nested() as attempt:
        note = _drop(connection, whole, warrant)
        if connection.execute(select(_open_links(whole.partition))).scalar_one() != links - whole.records:
            attempt.rollback()
            return None
    return note


def _drop(connection: Connection, whole: Whole, warrant: Warrant) -> WrittenNote | None:
    note = None
    if whole.records:
        note = add_note(connection, whole.chains, 0, warrant)
        gone = chain_link.c.decision_id.in_(select(decision.c.id).where(_within(decision.c.id, whole.partition)))
        connection.execute(update(chain_link).where(gone).values(salt=b"", note=note.content.number))
    drop(connection, whole.partition)
    return note


def _open_links(partition: Partition) -> ScalarSelect[int]:
    """How many links of that time say of no note that it took their records out."""
    ours = _within(chain_link.c.decision_id, partition)
    return select(func.count()).select_from(chain_link).where(ours, chain_link.c.note.is_(None)).scalar_subquery()


def _survey(database: Database, partition: Partition, has_expired: ColumnElement[bool]) -> Whole | None:
    """What is in a partition, None where something in it stays."""
    key = decision.c.id
    records = 0
    places: dict[str, array[int]] = {}
    last: dict[str, ChainedRow] = {}
    after: str | None = None
    while True:
        with database.read() as connection:
            query = select(key, has_expired, is_held(holds(connection))).where(_within(key, partition))
            query = query if after is None else query.where(key > after)
            page = connection.execute(query.order_by(key).limit(STEP)).all()
            rows = rows_of(connection, [id_ for id_, _, _ in page])
        if not all(is_expired and not held for _, is_expired, held in page) or len(rows) < len(page):
            return None
        if not all(row.is_there and row.wrong is None and row.note is None for row in rows):
            return None
        for row in rows:
            places.setdefault(row.replica, array("q")).append(row.link.sequence)
            if row.replica not in last or row.link.sequence > last[row.replica].link.sequence:
                last[row.replica] = row
        records += len(page)
        if len(page) < STEP:
            return Whole(partition, records, tuple(_covered(each, places, last) for each in sorted(places)))
        after = page[-1][0]


def _covered(replica: str, places: "Mapping[str, array[int]]", last: dict[str, ChainedRow]) -> Covered:
    return Covered(replica, ranges_of(sorted(places[replica])), last[replica].link.chain_hash)


def _within(key: ColumnElement[str], partition: Partition) -> ColumnElement[bool]:
    return and_(key >= first_id(partition.first_ms), key < first_id(partition.until_ms))


def _before(moment: int) -> ColumnElement[bool]:
    return decision.c.id < first_id(max(0, moment))
