"""Inserts many rows in a transaction that is under way: by COPY on PostgreSQL, in one statement on SQLite."""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table, insert


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Inserts the rows, which all have the columns of the first."""
    if not rows:
        return
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        connection.execute(insert(table), [dict(row) for row in rows])
        return
    columns = list(rows[0])
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[column] for column in columns])
