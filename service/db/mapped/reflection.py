"""Looks at the application's tables as they are: columns, kinds, keys, and the collations by which texts are equal."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, Text, cast, inspect, literal_column, select, text, union_all
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import NoSuchTableError

from service.db.engine import Database
from service.db.mapped.columns import Column, Kind, MappedTable, kind_of
from service.db.mapped.constructs import split_name, table_of


def reflect(database: Database, names: Collection[str]) -> Mapping[str, MappedTable | None]:
    """Each table by its name, None where there is none; FactsUnavailable if nothing can be read."""
    with database.read() as connection:
        inspector = inspect(connection)
        return {name: _table(connection, inspector, name) for name in sorted(names)}


def table_names(database: Database) -> list[str]:
    """The tables and views that may be meant by names without a schema."""
    with database.read() as connection:
        inspector = inspect(connection)
        return sorted((*inspector.get_table_names(), *inspector.get_view_names()))


def _table(connection: Connection, inspector: Inspector, name: str) -> MappedTable | None:
    schema, short = split_name(name)
    if schema is not None and schema not in inspector.get_schema_names():
        return None
    try:
        found = inspector.get_columns(short, schema=schema)
    except NoSuchTableError:
        return None
    if not found:
        return None
    is_embedded = _is_embedded(connection)
    materialized = () if is_embedded else inspector.get_materialized_view_names(schema=schema)  # SQLite has none
    is_view = short in (*inspector.get_view_names(schema=schema), *materialized)
    key = inspector.get_pk_constraint(short, schema=schema)["constrained_columns"] if not is_view else []
    named = [each["name"] for each in found]
    collations = _sqlite_collations(connection, name, named) if is_embedded else _collations(connection, schema, short)
    columns = {each["name"]: _column(each, key, collations, is_embedded=is_embedded) for each in found}
    return MappedTable(name, columns, frozenset(_unique(inspector, schema, short, key, is_view=is_view)), is_view)


def _is_embedded(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _column(
    found: ReflectedColumn, key: Collection[str], collations: Mapping[str, str], *, is_embedded: bool
) -> Column:
    type_, name = found["type"], found["name"]
    kind = kind_of(type_, is_embedded=is_embedded)
    element = kind_of(type_.item_type, is_embedded=False) if isinstance(type_, postgresql.ARRAY) else None
    return Column(
        name=name,
        kind=kind,
        shown=str(type_) if kind is not Kind.UNKNOWN else "no type",
        is_nullable=bool(found["nullable"]) and name not in key,
        element=element,
        scale=getattr(type_, "scale", None),
        is_exact=name not in collations,
        collation=collations.get(name, ""),
        is_embedded=is_embedded,
    )


def _unique(
    inspector: Inspector, schema: str | None, table: str, key: Collection[str], *, is_view: bool
) -> Iterable[str]:
    if is_view:
        return
    if len(key) == 1:
        yield from key
    for constraint in inspector.get_unique_constraints(table, schema=schema):
        if len(constraint["column_names"]) == 1:
            yield from constraint["column_names"]
    for index in inspector.get_indexes(table, schema=schema):
        names = [name for name in index["column_names"] if name is not None]
        is_whole = not any(option.endswith("_where") for option in index.get("dialect_options", {}))
        if index["unique"] and is_whole and len(index["column_names"]) == len(names) == 1:
            yield from names


def _collations(connection: Connection, schema: str | None, table: str) -> dict[str, str]:
    """Columns of PostgreSQL whose texts may be equal and not identical, and the collation that makes them so."""
    found = connection.execute(_NONDETERMINISTIC, {"schema": schema, "table": table})
    return {str(name): f"collation `{collation}` is not deterministic" for name, collation in found}


def _sqlite_collations(connection: Connection, table: str, names: Collection[str]) -> dict[str, str]:
    """The same of SQLite, which tells no collation: a text that takes a column's is compared to see what that does."""
    source, found = table_of(table, names), dict[str, str]()
    for name in names:
        taken = union_all(
            select(source.c[name].label("c")).where(literal_column("0")),
            select(cast(literal_column("'a'"), Text).label("c")),
        ).subquery("probe")
        is_same = taken.c.c == literal_column("'A'"), taken.c.c == literal_column("'a '")
        ignores_case, ignores_blanks = connection.execute(select(*is_same)).one()
        if ignores_case or ignores_blanks:
            found[name] = f"its collation takes `a` for {'`A`' if ignores_case else '`a `'}"
    return found


_NONDETERMINISTIC = text(
    "SELECT a.attname, c.collname FROM pg_attribute a"
    " JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace n ON n.oid = t.relnamespace"
    " JOIN pg_collation c ON c.oid = a.attcollation"
    " WHERE t.relname = :table AND a.attnum > 0 AND NOT c.collisdeterministic"
    " AND CASE WHEN CAST(:schema AS TEXT) IS NULL THEN pg_table_is_visible(t.oid) ELSE n.nspname = :schema END"
)
