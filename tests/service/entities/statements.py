"""Counts the statements that reach a database, at its driver."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The SELECTs that connections made within the block execute, as they come."""
    seen: list[str] = []

    def note(statement: object) -> None:
        text = str(statement)
        if text.lstrip().startswith(("SELECT", "WITH")):
            seen.append(text)

    class NotingCursor(psycopg.Cursor[tuple[object, ...]]):
        def execute(self, query: psycopg.abc.Query, *args: object, **kwargs: object) -> "NotingCursor":
            note(query)
            super().execute(query, *args, **kwargs)  # type: ignore[call-overload]  # passed on as they are
            return self

    def watch(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        match connection:
            case sqlite3.Connection():
                connection.set_trace_callback(note)
            case psycopg.Connection():
                connection.cursor_factory = NotingCursor

    event.listen(Pool, "connect", watch)
    try:
        yield seen
    finally:
        event.remove(Pool, "connect", watch)
