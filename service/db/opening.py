"""Opens a database by its URL: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST:PORT/NAME`."""

import re
import sqlite3
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson
import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from policy_lang.types import Json
from service.db.dialect import BY_INDEX
from service.db.engine import Database
from service.errors import ConfigError
from service.pool_settings import PoolSettings

READ_WAIT_MS: Final = 500
"""How long a read waits for a lock (SQLite) or for a free connection (PostgreSQL) before it is unavailable."""
WRITE_WAIT_MS: Final = 10_000
"""How long a write waits for its turn."""
IDLE_MS: Final = 60_000
"""How long a write may hold what it has locked without asking for anything."""
WRITE_CONNECTIONS: Final = 4
SPARE_CONNECTIONS: Final = 2
LOOP_THREADS: Final = 32
"""Threads of an event loop's own executor, at most: all may read SQLite, and the loop itself must not wait for them."""
POOL: Final = PoolSettings()

_MISPLACED: Final = re.compile("[@=]")
"""What a host or a database's name only has where the rest of a password, or a parameter, was read as a part of it."""


def open_database(
    url: str, pool: PoolSettings = POOL, *, read_wait_ms: int = READ_WAIT_MS, write_wait_ms: int = WRITE_WAIT_MS
) -> Database:
    """The database of that URL. Nothing connects yet; ConfigError for a URL that names none."""
    parsed = parse_url(url)
    if parsed.drivername == "sqlite":
        return _open_sqlite(parsed, pool, read_wait_ms, write_wait_ms)
    return _open_postgresql(parsed, pool, read_wait_ms, write_wait_ms)


def parse_url(url: str) -> URL:
    """The parts of a database's URL; ConfigError, which repeats none of its text, where it is not understood."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # The text is not repeated: it may hold a password.
        raise ConfigError(f"the URL of a database is not understood\nhelp: {_FORMS}") from error
    kind = parsed.drivername.partition("+")[0]
    if kind == "sqlite":
        if not parsed.database or parsed.database == ":memory:" or parsed.query:
            raise ConfigError(f"a SQLite database needs a file, and takes no parameters\nhelp: {_FORMS}")
        return parsed.set(drivername="sqlite")
    if kind in {"postgresql", "postgres"}:
        if _MISPLACED.search(f"{parsed.host}{parsed.database}"):
            raise ConfigError(f"a database has `@` or `=` in its host or its name\nhelp: {_FORMS}")
        return parsed.set(drivername="postgresql+psycopg")
    raise ConfigError(f"unknown kind of database `{kind}`\nhelp: {_FORMS}")


def driver_arguments(url: URL) -> dict[str, str | int]:
    """What libpq is told of a server; a URL it would refuse for a space in the password, and repeat the password."""
    return dict(url.get_dialect()().create_connect_args(url)[1])


def open_source(url: str, pool: PoolSettings) -> Database:
    """The application's database of that URL, whose connections cannot write; errors are those of `open_database`.

    A few connections are for those who do not read by the pool.
    """
    parsed = parse_url(url)
    if parsed.drivername == "sqlite":
        file = Path(parsed.database or "")
        readers = _sqlite_engine(file, "ro", pool.statement_ms, pool.connections + SPARE_CONNECTIONS)
        event.listen(readers, "connect", _set_up_sqlite_reader)
        event.listen(readers, "connect", _set_up_sqlite_source)
        event.listen(readers, "begin", _begin)
        return Database(f"`{file}`", readers, readers, file, statement_ms=pool.statement_ms, is_bounded=True)
    readers = _postgresql_engine(parsed, pool, pool.statement_ms, pool.connections + SPARE_CONNECTIONS)
    event.listen(readers, "connect", _set_up_postgresql_source)
    event.listen(readers, "connect", partial(_set_up_postgresql_reader, pool.statement_ms))
    return Database(shown(parsed), readers, readers, None, statement_ms=pool.statement_ms)


def _open_sqlite(url: URL, pool: PoolSettings, read_wait_ms: int, write_wait_ms: int) -> Database:
    file = Path(url.database or "")
    # One writer at a time is SQLite's law; waiting for it in the pool's queue is fair, waiting for the lock is not.
    readers = _sqlite_engine(file, "rw", read_wait_ms, pool.connections + LOOP_THREADS)
    writers = _sqlite_engine(file, "rw", write_wait_ms, 1)
    event.listen(readers, "connect", _set_up_sqlite_reader)
    event.listen(readers, "begin", _begin)
    event.listen(writers, "connect", _set_up_sqlite_writer)
    event.listen(writers, "begin", _begin_immediate)
    return Database(f"`{file}`", readers, writers, file)


def _sqlite_engine(file: Path, mode: str, wait_ms: int, connections: int) -> Engine:
    def connect() -> sqlite3.Connection:
        # Never `rwc`: a database that is absent is an error, not an empty database.
        address = f"file:{quote(str(file.absolute()))}?mode={mode}"
        return sqlite3.connect(address, uri=True, timeout=wait_ms / 1000, isolation_level=None, check_same_thread=False)

    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        paramstyle="named",
        pool_size=connections,
        max_overflow=0,
        pool_timeout=wait_ms / 1000,
        pool_use_lifo=True,
        hide_parameters=True,
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
    )


def _open_postgresql(url: URL, pool: PoolSettings, read_wait_ms: int, write_wait_ms: int) -> Database:
    readers = _postgresql_engine(url, pool, read_wait_ms, pool.connections)
    aside = _postgresql_engine(url, pool, read_wait_ms, pool.connections_aside)
    writers = _postgresql_engine(url, pool, write_wait_ms, WRITE_CONNECTIONS)
    for each in (readers, aside):
        event.listen(each, "connect", partial(_set_up_postgresql_reader, pool.statement_ms))
    event.listen(writers, "connect", partial(_set_up_postgresql_writer, write_wait_ms))
    return Database(shown(url), readers, writers, None, statement_ms=pool.statement_ms, aside=aside)


def _postgresql_engine(url: URL, pool: PoolSettings, wait_ms: int, connections: int) -> Engine:
    # A server that is gone without a word would hold a read, and its place, for a quarter of an hour.
    patience = {
        "connect_timeout": pool.connect_seconds,
        "keepalives_idle": pool.connect_seconds,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": pool.statement_ms + 1000 * pool.connect_seconds,
    }
    return create_engine(
        url,
        connect_args={name: value for name, value in patience.items() if name not in url.query},
        pool_size=connections,
        max_overflow=0,
        pool_timeout=wait_ms / 1000,
        pool_use_lifo=True,
        hide_parameters=True,
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
    )


def shown(url: URL) -> str:
    """How messages call it, made anew of its harmless parts: a password may stand in the query too."""
    return f"`{URL.create('postgresql', url.username, host=url.host, port=url.port, database=url.database)}`"


def _set_up_sqlite_reader(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _set_up_sqlite_writer(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _set_up_sqlite_source(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101  # narrows: it is the only driver here
    # Bytes that are no text become code points that no value may have, and not the failure of all rows.
    connection.text_factory = lambda read: read.decode("utf-8", "surrogateescape")


def _set_up_postgresql_source(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    assert isinstance(connection, psycopg.Connection)  # noqa: S101  # narrows: it is the only driver here
    # As JSON writes times and intervals where nothing of the server's own settings counts.
    connection.execute("SET TimeZone = 'UTC'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'")
    connection.commit()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _set_up_postgresql_reader(statement_ms: int, connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    assert isinstance(connection, psycopg.Connection)  # noqa: S101  # narrows: it is the only driver here
    connection.execute(f"SET statement_timeout = {statement_ms}; {BY_INDEX}")
    connection.commit()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def _set_up_postgresql_writer(wait_ms: int, connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    assert isinstance(connection, psycopg.Connection)  # noqa: S101  # narrows: it is the only driver here
    connection.execute(f"SET lock_timeout = {wait_ms}; SET idle_in_transaction_session_timeout = {IDLE_MS}")
    connection.commit()


def _to_json(value: Json) -> str:
    """Sorted keys: equal values are equal bytes (types.py, the stored form)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


_FORMS: Final = "give `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST:PORT/NAME`; in a password `@` is `%40`"
