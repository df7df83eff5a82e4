"""Merges staged facts into the stored ones, each table once and by key; what is stored as said stays untouched."""

from typing import Final

from sqlalchemy import Connection, Table, delete, exists, literal_column, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from service.db.facts_tables import entity, entity_parent, relation_link, role_assignment
from service.db.staged_tables import same, staged_assignment, staged_entity, staged_link, staged_parent


def write_staged(connection: Connection) -> None:
    """Writes all that is staged over what is stored, within a transaction that is somebody else's."""
    _merge(connection, staged_entity, entity)
    connection.execute(_DELETE_GONE_EDGES)
    for staged, stored in _OTHERS:
        _merge(connection, staged, stored)


def _merge(connection: Connection, staged: Table, stored: Table) -> None:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    columns = [staged.c[column.name] for column in stored.columns]
    keys = list(stored.primary_key.columns)
    # WHERE, for SQLite would take the ON of what follows for that of a join.
    rows = select(*columns).where(literal_column("1=1")).order_by(*(staged.c[key.name] for key in keys))
    insert: postgresql.Insert | sqlite.Insert = make(stored).from_select(stored.columns.keys(), rows)
    rest = [column for column in stored.columns if not column.primary_key]
    if not rest:
        connection.execute(insert.on_conflict_do_nothing(index_elements=keys))
        return
    (value,) = rest
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=keys,
            set_={value.name: insert.excluded[value.name]},
            where=value.is_distinct_from(insert.excluded[value.name]),
        )
    )


_OTHERS: Final = (
    (staged_parent, entity_parent),
    (staged_assignment, role_assignment),
    (staged_link, relation_link),
)
_CHILDREN: Final = select(staged_entity.c.type, staged_entity.c.id)
_DELETE_GONE_EDGES: Final = delete(entity_parent).where(
    tuple_(entity_parent.c.type, entity_parent.c.id).in_(_CHILDREN),
    ~exists().where(same(staged_parent, entity_parent)),
)
