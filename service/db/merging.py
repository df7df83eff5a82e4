"""Opens a database with staged facts beside its own: to look at both, and then to merge them while nobody writes facts.

Law: who writes facts shares `FACTS_LOCK` before it looks, and a merge has it to itself, so nothing that a merge has
looked at changes before it is done. What is no fact, such as a revocation, waits for its last statements alone.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

import psycopg
from sqlalchemy import Connection, Table
from sqlalchemy.schema import CreateColumn

from service.db.bounding import unbounded
from service.db.engine import Database
from service.db.staged_tables import TABLES
from service.db.staging import Staging, attach
from service.db.turns import FACTS_LOCK


class Merging(Protocol):
    """A database with staged facts beside its own."""

    def looking(self) -> AbstractContextManager[Connection]:
        """Reads what both hold; nobody waits for it."""
        ...

    def alone(self) -> AbstractContextManager[Connection]:
        """A write transaction, which no other that writes facts is beside; it is the last thing done."""
        ...


@contextmanager
def merging(database: Database, staging: Staging) -> Iterator[Merging]:
    """The database with the staged facts beside its own."""
    if database.is_embedded:
        yield _Embedded(database, staging)
        return
    with database.session() as connection, connection.begin():
        unbounded(connection)
        _copy(connection, staging)
        yield _Server(database, connection)


class _Embedded:
    """SQLite: the file of the staged facts is attached. A look is a transaction of its own: a write would lock."""

    def __init__(self, database: Database, staging: Staging) -> None:
        self._database = database
        self._staging = staging

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Reads what both hold."""
        with self._database.reading_session() as connection:
            self._attach(connection)
            with connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A write transaction: there is one at a time."""
        with self._database.session() as connection:
            self._attach(connection)
            with connection.begin():
                yield connection

    def _attach(self, connection: Connection) -> None:
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # narrows: it is the only driver here
        attach(driver, self._staging.path)
        driver.execute(_CACHE)


class _Server:
    """PostgreSQL: the staged facts were copied into temporary tables of this one transaction, so that poolers do."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Reads what both hold."""
        yield self._connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """The rest of the transaction. What is deferred to its end is checked before the block's last statements."""
        self._database.wait_for(self._connection, FACTS_LOCK)
        yield self._connection


def settle(connection: Connection) -> None:
    """Checks now what is deferred to the end of a transaction, since who takes a revision holds up all others."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")


def _copy(connection: Connection, staging: Staging) -> None:
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  # narrows: it is the only driver here
    connection.exec_driver_sql(_PLANNING)
    for table in TABLES:
        connection.exec_driver_sql(_temporary(table, connection))
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} FROM STDIN".encode()) as copy:
            for text in staging.copied(table):
                copy.write(text)
        connection.exec_driver_sql(f"ANALYZE {table.name}")


def _temporary(table: Table, connection: Connection) -> str:
    columns = ", ".join(str(CreateColumn(column).compile(dialect=connection.dialect)) for column in table.columns)
    return f"CREATE TEMPORARY TABLE {table.name} ({columns}) ON COMMIT DROP"


_CACHE: Final = "PRAGMA cache_size = -16384"
_PLANNING: Final = "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"
"""An import's statements run once, over many rows."""
