"""Turns what a database driver raises into FactsUnavailable; no SQL text and no parameter passes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.errors import FactsUnavailable, Trouble

DRIVER_ERRORS: Final = (sqlite3.Error, psycopg.Error, SQLAlchemyError)
"""Everything that a read or a write may raise on its way through the drivers."""

_SQLITE: Final[dict[int, str]] = {
    sqlite3.SQLITE_BUSY: "is locked by another writer",
    sqlite3.SQLITE_LOCKED: "is locked by another writer",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: it is absent, or its folder is",
    sqlite3.SQLITE_READONLY: "is read-only",
    sqlite3.SQLITE_FULL: "has no room left on its disk",
    sqlite3.SQLITE_IOERR: "cannot be read or written: its disk reports an error",
    sqlite3.SQLITE_NOTADB: "is no SQLite database",
    sqlite3.SQLITE_INTERRUPT: "took longer than the time that was left",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_PERM: "may not be opened by this user",
    sqlite3.SQLITE_AUTH: "may not be opened by this user",
}


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Runs a block; a driver's error leaves it as FactsUnavailable, which calls the database `name`."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise unavailable(name, error) from error


def unavailable(name: str, error: Exception) -> FactsUnavailable:
    """What to say of a driver's error."""
    if isinstance(error, PoolTimeout):
        return FactsUnavailable(f"the database {name} has no free connection", Trouble.BUSY)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return FactsUnavailable(f"the database {name} {_failure(cause)}")


def _failure(cause: BaseException) -> str:
    if isinstance(cause, sqlite3.Error):
        # The low byte is the primary code; the rest says more than an operator needs.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _SQLITE:
            return _SQLITE[code]
        return "lacks its tables" if "no such table" in str(cause) else f"failed: {type(cause).__name__}"
    if isinstance(cause, psycopg.errors.QueryCanceled | TimeoutError):
        return "took longer than the time that was left"
    if isinstance(cause, psycopg.errors.UndefinedTable):
        return "lacks its tables"
    if isinstance(cause, psycopg.Error) and cause.diag.message_primary:
        return f"failed: {cause.diag.message_primary}"
    if isinstance(cause, psycopg.OperationalError):
        # Of no statement, as there is no server's diagnosis: the driver says why it could not connect or stay so.
        return f"cannot be reached: {str(cause).partition(chr(10))[0]}"
    return f"failed: {type(cause).__name__}"
