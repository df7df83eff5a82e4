"""The tables of facts that wait to be imported: in a SQLite file of their own, or temporary ones of PostgreSQL.

Their names are none of the facts', so that one statement can speak of both. `line` is where a fact stood.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, ColumnElement, MetaData, Table, and_
from sqlalchemy.schema import SchemaItem

from service.db.facts_tables import DOCUMENT, NAME

STAGED: Final = MetaData()


def _table(name: str, keys: tuple[str, ...], *others: SchemaItem) -> Table:
    columns = [Column(key, NAME, primary_key=True, nullable=False) for key in keys]
    return Table(name, STAGED, *columns, *others, _line(), sqlite_with_rowid=False)


def _line() -> "Column[int]":
    return Column("line", BigInteger, nullable=False)


def _expiry() -> "Column[int]":
    return Column("expires_at", BigInteger)


staged_entity: Final = _table("staged_entity", ("type", "id"), Column("attributes", DOCUMENT, nullable=False))
staged_parent: Final = _table("staged_parent", ("type", "id", "parent_type", "parent_id"))
staged_assignment: Final = _table(
    "staged_assignment", ("subject_type", "subject_id", "role", "place_type", "place_id"), _expiry()
)
staged_link: Final = _table(
    "staged_link", ("resource_type", "resource_id", "relation", "subject_type", "subject_id"), _expiry()
)
TABLES: Final = (staged_entity, staged_parent, staged_assignment, staged_link)


def same(staged: Table, stored: Table) -> ColumnElement[bool]:
    """Whether a staged row and a stored one are about the same fact."""
    return and_(*(staged.c[key.name] == key for key in stored.primary_key.columns))
