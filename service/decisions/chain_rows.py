"""Reads the links of a chain with their records, a page at a time, and judges each record by its link."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, select

from service.db.engine import Database
from service.db.log_partitions import hold_partitions
from service.db.log_tables import chain_link, decision
from service.decisions.chain import Link, hash_record
from service.decisions.payload import BadPayload, stored_record
from service.decisions.rows import CHILDREN, Cell, decision_row

_Children = Mapping[str, set[tuple[Cell, ...]]]
"""Id of a record → its rows in one table."""

_COLUMNS: Final = tuple(column.name for column in decision.columns)
_Query = Select[*tuple[Any, ...]]
_LINKS: Final[_Query] = select(
    chain_link.c.sequence, chain_link.c.salt, chain_link.c.record_hash, chain_link.c.chain_hash, chain_link.c.note,
    chain_link.c.replica, chain_link.c.decision_id, *decision.columns,
).outerjoin(decision, decision.c.id == chain_link.c.decision_id)  # fmt: skip
_ID: Final = 6
"""Where in a row the link ends, with the id of its record."""


@dataclass(frozen=True, slots=True)
class ChainedRow:
    """A link, the id that it has for its record, and what is wrong with that record: None if nothing is.

    `is_there` says whether there is a record of that id at all; `note` is the number of the note that it names.
    """

    replica: str
    link: Link
    id: str
    note: int | None
    is_there: bool
    wrong: str | None


def chained_rows(database: Database, replica: str, last: int, page: int) -> Iterator[ChainedRow]:
    """The links of a chain up to the sequence `last`, in their order; `page` of them are in memory at once."""
    link = chain_link.c
    after = -(2**62)
    while True:
        chosen = _LINKS.where(link.replica == replica, link.sequence > after, link.sequence <= last)
        with database.read() as connection:
            hold_partitions(connection)
            rows = _judge(connection, chosen.order_by(link.sequence).limit(page))
        yield from rows
        if len(rows) < page:
            return
        after = rows[-1].link.sequence


def rows_of(connection: Connection, ids: Sequence[str]) -> list[ChainedRow]:
    """The links of those records."""
    return _judge(connection, _LINKS.where(chain_link.c.decision_id.in_(ids)))


def _judge(connection: Connection, query: _Query) -> list[ChainedRow]:
    rows = connection.execute(query).all()
    beside = {table: _children(connection, table, [row[_ID] for row in rows]) for table in CHILDREN}
    return [_judged(row[: _ID + 1], dict(zip(_COLUMNS, row[_ID + 1 :], strict=True)), beside) for row in rows]


def _children(connection: Connection, table: Table, ids: Sequence[str]) -> _Children:
    """What stands in a table beside `decision` of those ids."""
    found: dict[str, set[tuple[Cell, ...]]] = {}
    for row in connection.execute(select(table).where(table.c.decision_id.in_(ids))):
        found.setdefault(row.decision_id, set()).add(tuple(row))
    return found


def _judged(chained: Sequence[object], row: Mapping[str, Cell], beside: Mapping[Table, _Children]) -> ChainedRow:
    sequence, salt, record_hash, chain_hash, note, replica, id_ = chained
    assert isinstance(sequence, int) and isinstance(replica, str)  # noqa: S101  # narrows what the columns hold
    assert isinstance(id_, str) and (note is None or isinstance(note, int))  # noqa: S101
    assert isinstance(salt, bytes) and isinstance(record_hash, bytes) and isinstance(chain_hash, bytes)  # noqa: S101
    link = Link(sequence, salt, record_hash, chain_hash)
    body = row["body"]
    if not isinstance(body, str):
        return ChainedRow(replica, link, id_, note, is_there=False, wrong="there is no such record")
    return ChainedRow(replica, link, id_, note, is_there=True, wrong=_find_wrong(link, body, row, beside))


def _find_wrong(link: Link, body: str, row: Mapping[str, Cell], beside: Mapping[Table, _Children]) -> str | None:
    if hash_record(link.salt, body) != link.record_hash:
        return "its body, salt or hash was changed"
    try:
        record = stored_record(body)
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
