"""Reads the links of a chain with their records, a page at a time, and judges each record by its link."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Table, select

from service.db.engine import Database
from service.db.log_tables import chain_link, decision
from service.decisions.chain import Link, hash_record
from service.decisions.payload import BadPayload, decode_record
from service.decisions.rows import CHILDREN, Cell, decision_row

PAGE: Final = 500
"""Records in memory at once."""

_Children = Mapping[str, set[tuple[Cell, ...]]]
"""Id of a record → its rows in one table."""

_COLUMNS: Final = tuple(column.name for column in decision.columns)


@dataclass(frozen=True, slots=True)
class ChainedRow:
    """A link, the id that it has for its record, and what is wrong with that record: None if nothing is.

    `is_there` says whether there is a record of that id at all.
    """

    link: Link
    id: str
    is_there: bool
    wrong: str | None


def chained_rows(database: Database, replica: str, last: int) -> Iterator[ChainedRow]:
    """The links of a chain up to the sequence `last`, in their order."""
    after = -(2**62)
    while True:
        with database.read() as connection:
            rows = _page(connection, replica, after, last)
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1].link.sequence


def _page(connection: Connection, replica: str, after: int, last: int) -> list[ChainedRow]:
    link = chain_link.c
    query = (
        select(link.sequence, link.salt, link.record_hash, link.chain_hash, link.decision_id, *decision.columns)
        .outerjoin(decision, decision.c.id == link.decision_id)
        .where(link.replica == replica, link.sequence > after, link.sequence <= last)
        .order_by(link.sequence)
        .limit(PAGE)
    )
    rows = connection.execute(query).all()
    ids = [row[4] for row in rows]
    beside = {table: _children(connection, table, ids) for table in CHILDREN}
    return [_judged(row[:5], dict(zip(_COLUMNS, row[5:], strict=True)), beside) for row in rows]


def _children(connection: Connection, table: Table, ids: Sequence[str]) -> _Children:
    """What stands in a table beside `decision` of those ids."""
    found: dict[str, set[tuple[Cell, ...]]] = {}
    for row in connection.execute(select(table).where(table.c.decision_id.in_(ids))):
        found.setdefault(row.decision_id, set()).add(tuple(row))
    return found


def _judged(chained: Sequence[object], row: Mapping[str, Cell], beside: Mapping[Table, _Children]) -> ChainedRow:
    sequence, salt, record_hash, chain_hash, id_ = chained
    assert isinstance(sequence, int) and isinstance(id_, str)  # noqa: S101  # narrows what the columns hold
    assert isinstance(salt, bytes) and isinstance(record_hash, bytes) and isinstance(chain_hash, bytes)  # noqa: S101
    link = Link(sequence, salt, record_hash, chain_hash)
    body = row["body"]
    if not isinstance(body, str):
        return ChainedRow(link, id_, is_there=False, wrong="there is no such record")
    return ChainedRow(link, id_, is_there=True, wrong=_find_wrong(link, body, row, beside))


def _find_wrong(link: Link, body: str, row: Mapping[str, Cell], beside: Mapping[Table, _Children]) -> str | None:
    if hash_record(link.salt, body) != link.record_hash:
        return "its body, salt or hash was changed"
    try:
        record = decode_record(body)
    except BadPayload:
        return "its body is no record that this version reads"
    derived = decision_row(record)
    for name in _COLUMNS:
        if name != "body" and derived[name] != row[name]:
            return f"its column `{name}` does not say what its body says"
    for table, make in CHILDREN.items():
        children = {tuple(child[column.name] for column in table.columns) for child in make(record)}
        if children != beside[table].get(record.id, set()):
            return f"its rows of `{table.name}` do not say what its body says"
    return None
