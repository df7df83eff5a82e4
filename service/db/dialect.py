"""The few constructs that SQLite and PostgreSQL spell differently."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, Insert, Table, Text, bindparam, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

BY_INDEX: Final = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off"
"""Batches of keys and walks are beyond PostgreSQL's estimates: it sorted every parent for each step of one walk (110 ms
for 20,000 edges, 0.2 ms by the index), and compiled plans that are over sooner."""


class _EachOf(FunctionElement[str]):
    """The elements of a JSON list as rows of one column, `value`."""

    inherit_cache = True


class _ElementAt(FunctionElement[str]):
    """The text at a place of a JSON list, compared byte by byte like the columns of keys."""

    inherit_cache = True
    type = Text()


class _TextsOf(FunctionElement[str]):
    """The texts of a group as one JSON list, itself a text; NULL or `[]` where there are none."""

    inherit_cache = True
    type = Text()


class _TextOf(FunctionElement[str]):
    """A JSON column as text."""

    inherit_cache = True
    type = Text()


class _Now(FunctionElement[int]):
    """The present moment in milliseconds, also within a transaction that has lasted."""

    inherit_cache = True
    type = BigInteger()


def each_of(parameter: str, columns: Sequence[str]) -> "Batch":
    """A batch of keys, given as one JSON list of lists of texts in the named parameter, as rows.

    One parameter whatever the size: a statement's text, and its plan, are the same for one key and for ten thousand.
    """
    return Batch(_EachOf(bindparam(parameter, type_=Text)).table_valued("value").alias(parameter), tuple(columns))


class Batch:
    """The rows of a batch: what to join, and its columns by name."""

    def __init__(self, rows: FromClause, columns: tuple[str, ...]) -> None:
        self.rows = rows
        self._at = {name: place for place, name in enumerate(columns)}

    def __getitem__(self, column: str) -> ColumnElement[str]:
        """The column of that name."""
        return _ElementAt(self.rows.c.value, literal_column(str(self._at[column])))

    def matches(self, table: FromClause, *pairs: tuple[str, str]) -> ColumnElement[bool]:
        """Whether each (column of the table, column of the batch) is equal."""
        first, *rest = (table.c[theirs] == self[ours] for theirs, ours in pairs)
        condition = first
        for other in rest:
            condition = condition & other
        return condition


def texts_of(column: ColumnElement[str]) -> ColumnElement[str]:
    """Gathers the texts of a group into one JSON list, as text; NULL or `[]` where there are none."""
    return _TextsOf(column)


def text_of(document: ColumnElement[object]) -> ColumnElement[str]:
    """A JSON column as the text that it is, not decoded by the driver."""
    return _TextOf(document)


def walk_by_index(connection: Connection) -> None:
    """Has the statements of a write transaction walk from key to key, as those of a read do."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(BY_INDEX.replace("SET ", "SET LOCAL "))


def plan_by_values(connection: Connection) -> None:
    """Has PostgreSQL plan the statements of this transaction by what their parameters are.

    Which way is short depends on them: a value that few rows have is looked up, one that many have is met on the way.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def overwrite_deleted(connection: Connection) -> None:
    """Has SQLite write over what this connection deletes, which else stays in the file; PostgreSQL has its vacuum."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def write_much(connection: Connection) -> None:
    """Has SQLite keep the pages at hand that large writes come back to; PostgreSQL shares them among all.

    With the 2 MB that it has by itself, and its log of writes emptied into the file after every 4 MB, a page of an
    index is read and written many times over. What is committed is on the disk as before.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA cache_size = -65536")
        connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 8000")


def database_now() -> ColumnElement[int]:
    """The milliseconds since 1970 UTC by the clock of the database, which all its replicas share."""
    return _Now()


def upsert(connection: Connection, table: Table) -> Insert:
    """An INSERT that overwrites the row with the same primary key."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    insert: postgresql.Insert | sqlite.Insert = make(table)
    rest = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    if not rest:
        return insert.on_conflict_do_nothing()
    return insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=rest)


def insert_new(connection: Connection, table: Table) -> Insert:
    """An INSERT that leaves a row with the same primary key as it is."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    insert: postgresql.Insert | sqlite.Insert = make(table)
    return insert.on_conflict_do_nothing(index_elements=list(table.primary_key.columns))


@compiles(_EachOf, "sqlite")
def _each_of_sqlite(element: _EachOf, compiler: SQLCompiler, **kw: object) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(_EachOf, "postgresql")
def _each_of_postgresql(element: _EachOf, compiler: SQLCompiler, **kw: object) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSONB))"


@compiles(_TextsOf, "sqlite")
def _texts_of_sqlite(element: _TextsOf, compiler: SQLCompiler, **kw: object) -> str:
    return f"json_group_array({compiler.process(element.clauses, **kw)})"


@compiles(_TextsOf, "postgresql")
def _texts_of_postgresql(element: _TextsOf, compiler: SQLCompiler, **kw: object) -> str:
    return f"CAST(json_agg({compiler.process(element.clauses, **kw)}) AS TEXT)"


@compiles(_TextOf, "sqlite")
def _text_of_sqlite(element: _TextOf, compiler: SQLCompiler, **kw: object) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(_TextOf, "postgresql")
def _text_of_postgresql(element: _TextOf, compiler: SQLCompiler, **kw: object) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AS TEXT)"


@compiles(_ElementAt, "sqlite")
def _element_at_sqlite(element: _ElementAt, compiler: SQLCompiler, **kw: object) -> str:
    document, place = element.clauses
    return f"({compiler.process(document, **kw)} ->> {compiler.process(place, **kw)})"


@compiles(_ElementAt, "postgresql")
def _element_at_postgresql(element: _ElementAt, compiler: SQLCompiler, **kw: object) -> str:
    document, place = element.clauses
    return f'(({compiler.process(document, **kw)} ->> {compiler.process(place, **kw)}) COLLATE "C")'


@compiles(_Now, "sqlite")
def _now_sqlite(_element: _Now, _compiler: SQLCompiler, **_kw: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(_Now, "postgresql")
def _now_postgresql(_element: _Now, _compiler: SQLCompiler, **_kw: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
