"""A project with the starter's policies and facts, and a service over it, on each kind of database."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from service.cli.init import write_starter
from tests.conftest import database_of
from tests.e2e.own_server import OwnServer, own_postgresql
from tests.e2e.running import Project, Server


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter project on SQLite, its facts imported; to be copied."""
    return _starter(tmp_path_factory.mktemp("prepared") / "project", {}).folder


@pytest.fixture
def project(prepared: Path, tmp_path: Path) -> Project:
    """The starter project on SQLite, its facts imported."""
    return Project(shutil.copytree(prepared, tmp_path / "project"))


@pytest.fixture(scope="session")
def prepared_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables of facts and log and the starter's facts; to be copied."""
    folder = tmp_path_factory.mktemp("prepared-sqlite")
    file = Path(shutil.copy(sqlite_template, folder / "facts.db"))
    _starter(folder / "project", _both(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def prepared_postgresql(
    postgresql_server: URL, postgresql_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The name of a PostgreSQL database with the same; to be copied."""
    with database_of(postgresql_server, postgresql_template) as url:
        _starter(tmp_path_factory.mktemp("prepared-postgresql") / "project", _both(url))
        yield str(make_url(url).database)


@contextmanager
def starter_on(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """The starter project in that folder, its facts imported and its log in one database of that kind, of its own."""
    write_starter(folder)
    if kind == "sqlite":
        file = shutil.copy(request.getfixturevalue("prepared_sqlite"), folder.with_name("facts.db"))
        yield Project(folder, _both(f"sqlite:///{file}"))
        return
    server, prepared = (request.getfixturevalue(name) for name in ("postgresql_server", "prepared_postgresql"))
    with database_of(server, prepared) as url:
        yield Project(folder, _both(url))


@pytest.fixture(params=["sqlite", "postgresql"])
def project_on_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """The starter project on each kind of database in turn, its facts imported."""
    with starter_on(request.param, tmp_path / "project", request) as project:
        yield project


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    """A PostgreSQL server that the test may stop and start."""
    with own_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def shared_server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One service over the starter project on SQLite, for tests that change nothing."""
    folder = shutil.copytree(prepared, tmp_path_factory.mktemp("shared") / "project")
    with Project(folder).serving("--dev") as server:
        yield server


@pytest.fixture(scope="session")
def shared_server_on_postgresql(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One service over the starter project on PostgreSQL, for tests that change nothing."""
    folder = tmp_path_factory.mktemp("shared-postgresql") / "project"
    with starter_on("postgresql", folder, request) as project, project.serving("--dev") as server:
        yield server


@pytest.fixture(params=["shared_server", "shared_server_on_postgresql"], ids=["sqlite", "postgresql"])
def shared_server_on_each(request: pytest.FixtureRequest) -> Server:
    """One service over the starter project on each kind of database in turn, for tests that change nothing."""
    server: Server = request.getfixturevalue(request.param)
    return server


def _both(url: str) -> dict[str, str]:
    return {"database": url, "log_database": url}


def _starter(folder: Path, settings: dict[str, str]) -> Project:
    write_starter(folder)
    project = Project(folder, settings)
    project.must_run("db", "migrate")
    project.must_run("data", "import", "data.jsonl")
    return project
