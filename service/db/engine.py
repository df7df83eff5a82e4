"""Gives read and write transactions on a database; FactsUnavailable where it cannot answer.

On SQLite a write begins IMMEDIATE, so that two never deadlock over an upgrade, and what is committed is on disk. On
PostgreSQL a read sees one snapshot. Readers and writers have pools of their own: no import starves a check.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar, cast

import psycopg
from sqlalchemy import Connection, Dialect, Engine, SelectBase, text

from service.db.bounding import bounded
from service.db.failures import translated, unavailable
from service.deadline import left_ms
from service.errors import FactsUnavailable, Trouble
from service.traces import TRACE

STATEMENT_MS: Final = 5_000
"""How long one statement of a read may take on PostgreSQL, where the settings do not say."""
FAIR_MS: Final = 250
"""What every statement should be able to do in: one that had less and did not says nothing of the database."""
MOST_MS: Final = 600_000

Parameter = str | int | None
RowT = TypeVar("RowT", bound=tuple[object, ...])


class Prepared(Generic[RowT]):
    """A SELECT as the text that the driver takes, compiled once; its rows are `RowT`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class _Cursor(Protocol):
    def fetchall(self) -> list[tuple[object, ...]]: ...


class _Driver(Protocol):
    """What `sqlite3.Connection` and `psycopg.Connection` have in common."""

    def execute(self, text: str, parameters: Mapping[str, Parameter], /) -> _Cursor: ...


class Reading:
    """One read transaction on the bare driver, where a statement costs a fifth of one through SQLAlchemy.

    No statement is begun after `ends`, a monotonic reading in seconds: all of them have one end.
    """

    __slots__ = ("_driver", "_ends", "_system")

    def __init__(self, driver: _Driver, system: str, ends: float | None = None) -> None:
        """`system` is the name of the kind of database."""
        self._driver = driver
        self._system = system
        self._ends = ends

    def fetch(self, prepared: Prepared[RowT], parameters: Mapping[str, Parameter]) -> list[RowT]:
        """All rows of one statement; TimeoutError where the time for it is over."""
        if self._ends is not None and time.monotonic() >= self._ends:
            raise TimeoutError
        trace = TRACE.get()
        if trace is None:
            return cast(list[RowT], self._driver.execute(prepared.text, parameters).fetchall())
        began = time.perf_counter()
        try:
            return cast(list[RowT], self._driver.execute(prepared.text, parameters).fetchall())
        finally:
            trace.query(self._system, prepared.text, began, time.perf_counter())


class Database:
    """A database, opened by `open_database`."""

    def __init__(
        self,
        name: str,
        readers: Engine,
        writers: Engine,
        file: Path | None,
        *,
        statement_ms: int = STATEMENT_MS,
        is_bounded: bool = False,
        aside: Engine | None = None,
    ) -> None:
        """`is_bounded`: of an embedded database, too, reads end when their time is over.

        `aside` has the connections of those who read and answer no checks, where they have some of their own.
        """
        self.name = name
        """How messages call it; never with a password."""
        self.file = file
        """The file of an embedded database."""
        self._readers = readers
        self._writers = writers
        self._statement_ms = statement_ms
        self._is_bounded = is_bounded
        self._aside = aside or readers
        self._go_on: Callable[[], None] = _always

    @property
    def is_embedded(self) -> bool:
        """Whether it is SQLite: a file of this machine, which whoever opens it migrates."""
        return self.file is not None

    @property
    def dialect(self) -> Dialect:
        """How SQL is spelled for it."""
        return self._readers.dialect

    def create(self) -> None:
        """Makes the file of an embedded database, for its owner alone, unless it is there."""
        if self.file is None or self.file.exists():
            return
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.file, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise FactsUnavailable(f"the database {self.name} cannot be made: {error.strerror}") from error

    def exists(self) -> bool:
        """Whether there is something to connect to; of a server nobody knows before trying."""
        return self.file is None or self.file.exists()

    def prepare(self, statement: SelectBase) -> Prepared[RowT]:
        """Compiles a SELECT for `Reading.fetch`; its parameters are named, its constants are literal columns."""
        return Prepared(str(statement.compile(dialect=self._readers.dialect)))

    @contextmanager
    def reading(self, timeout_ms: int | None = None) -> Iterator[Reading]:
        """A read transaction for prepared statements; each may take `timeout_ms` on PostgreSQL, if no less is set.

        None is begun when that is over. On SQLite all of them together may take it, if it is bounded.
        """
        timeout_ms = self._with_call(timeout_ms)
        ends = None if timeout_ms is None or self.is_embedded else time.monotonic() + timeout_ms / 1000
        with translated(self.name):
            connection = self._readers.raw_connection()
            try:
                driver = cast(_Driver, connection.driver_connection)
                if self.is_embedded:
                    if self._is_bounded:
                        _interrupt(connection.driver_connection, min(timeout_ms or MOST_MS, self._statement_ms))
                    driver.execute("BEGIN", {})
                elif timeout_ms is not None and timeout_ms < self._statement_ms:
                    driver.execute(_STATEMENT_TIMEOUT, {"ms": str(timeout_ms)})
                yield Reading(driver, self.dialect.name, ends)
            except (psycopg.errors.QueryCanceled, sqlite3.OperationalError, TimeoutError) as error:
                is_hurried = _is_interrupted(error) and timeout_ms is not None and timeout_ms < FAIR_MS
                raise FactsUnavailable(
                    str(unavailable(self.name, error)), Trouble.HURRY if is_hurried else Trouble.FAILURE
                ) from error
            except psycopg.OperationalError as error:
                if isinstance(driver, psycopg.Connection) and driver.closed:
                    # The server went away: so it did for every other connection here, which need not fail first.
                    connection.invalidate(error)
                    self._readers.dispose()
                    raise FactsUnavailable(str(unavailable(self.name, error)), Trouble.LOST) from error
                raise
            finally:
                if self._is_bounded:
                    _interrupt(connection.driver_connection, None)
                connection.close()

    @contextmanager
    def watching(self) -> Iterator[Reading]:
        """A connection of an embedded database in no transaction: each statement sees all that is committed by then."""
        with translated(self.name):
            connection = self._readers.raw_connection()
            try:
                yield Reading(cast(_Driver, connection.driver_connection), self.dialect.name)
            finally:
                connection.close()

    def aside(self) -> "Database":
        """The same database for those who answer no checks: on a server they read by connections of their own."""
        other = copy(self)
        other._readers = self._aside
        return other

    def interruptible(self, go_on: Callable[[], None]) -> "Database":
        """The same database, which asks before each read whether to go on: what that raises ends a long work."""
        other = copy(self)
        other._go_on = go_on
        return other

    @contextmanager
    def read(self, timeout_ms: int | None = None) -> Iterator[Connection]:
        """A read transaction; each statement may take `timeout_ms`, all of them together on SQLite.

        Nothing is begun, FactsUnavailable, where the call that it is for has come to its end (`service/deadline.py`).
        """
        self._go_on()
        timeout_ms = self._with_call(timeout_ms)
        with translated(self.name), self._readers.connect() as connection, connection.begin():
            if timeout_ms is None:
                yield connection
            else:
                with bounded(connection, timeout_ms):
                    yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction: committed when the block ends, rolled back when it raises.

        Nothing is begun where the call that it is for has come to its end.
        """
        left_ms()
        with translated(self.name), self._writers.begin() as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A writer's connection in no transaction yet; nobody else uses it, so no other waits for it."""
        with translated(self.name), self._writers.connect() as connection:
            connection.detach()
            yield connection

    @contextmanager
    def reading_session(self) -> Iterator[Connection]:
        """The same of a reader."""
        with translated(self.name), self._readers.connect() as connection:
            connection.detach()
            yield connection

    @contextmanager
    def alone(self, key: int) -> Iterator[Connection]:
        """A write transaction that waits for every other with the same key; on SQLite all wait for each other."""
        with self.write() as connection:
            self.wait_for(connection, key)
            yield connection

    def wait_for(self, connection: Connection, key: int) -> None:
        """Makes a write transaction wait for every other with the same key, until it ends."""
        if not self.is_embedded:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def has_turn(self, connection: Connection, key: int) -> bool:
        """Whether no other write transaction has that key; if so, this one has it until it ends."""
        if self.is_embedded:
            return True
        return bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": key}).scalar())

    def settle(self) -> bool:
        """Empties the write-ahead log of an embedded database, where former pages stand; whether it is empty now."""
        if not self.is_embedded:
            return True
        with translated(self.name):
            connection = self._writers.raw_connection()
            try:
                ((busy, *_),) = cast(_Driver, connection.driver_connection).execute(_EMPTY_WAL, {}).fetchall()
                return not busy
            finally:
                connection.close()

    def _with_call(self, timeout_ms: int | None) -> int | None:
        """How long a statement may take, no longer than the call has that it is for."""
        left = left_ms()
        return left if left is not None and left < (timeout_ms or self._statement_ms) else timeout_ms

    def close(self) -> None:
        """Closes every connection that is not in use."""
        for engine in (self._readers, self._aside, self._writers):
            engine.dispose()


def _is_interrupted(error: Exception) -> bool:
    return not isinstance(error, sqlite3.Error) or error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT


def _interrupt(connection: object, after_ms: int | None) -> None:
    """Ends what runs on a connection of SQLite when so much time has gone by; None: lets it run."""
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101  # narrows: it is the only embedded driver
    if after_ms is None:
        connection.set_progress_handler(None, 0)
        return
    ends = time.monotonic() + after_ms / 1000
    connection.set_progress_handler(lambda: time.monotonic() > ends, _STEPS_BETWEEN_LOOKS)


_STEPS_BETWEEN_LOOKS: Final = 10_000
_EMPTY_WAL = "PRAGMA wal_checkpoint(TRUNCATE)"
_STATEMENT_TIMEOUT = "SELECT set_config('statement_timeout', %(ms)s, true)"


def _always() -> None:
    """Goes on."""
