"""Inserts many rows in a transaction that is under way: by COPY on PostgreSQL, by the bare driver on SQLite.

On SQLite a row through SQLAlchemy costs 10 µs more than one that is handed to the driver.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table

Value = str | int | bytes | None


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Value]]) -> None:
    """Inserts the rows, which all have the columns of the first, in its order."""
    if rows:
        columns = tuple(rows[0])
        insert_values(connection, table, columns, [tuple(row.values()) for row in rows])


def insert_values(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Value]]
) -> None:
    """Inserts rows of values, which stand in the order of those columns."""
    driver = connection.connection.driver_connection
    if isinstance(driver, psycopg.Connection):
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # narrows: there is no third driver
    quoted = connection.dialect.identifier_preparer.quote
    places = ", ".join("?" * len(columns))
    driver.executemany(
        f"INSERT INTO {quoted(table.name)} ({', '.join(map(quoted, columns))}) VALUES ({places})",  # noqa: S608
        rows,
    )
