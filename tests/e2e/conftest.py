"""A project with the starter's policies and facts, and a service over it, on each kind of database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli.init import write_starter
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


@pytest.fixture
def project_on_each(tmp_path: Path, database_url: str) -> Project:
    """The starter project on each kind of database in turn, its facts imported."""
    return _starter(tmp_path / "project", {"database": database_url, "log_database": database_url})


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    """A PostgreSQL server that the test may stop and start."""
    with own_postgresql() as server:
        yield server


@pytest.fixture
def running_server(project_on_each: Project) -> Iterator[Server]:
    """A service over the starter project, on each kind of database in turn."""
    with project_on_each.serving("--dev") as server:
        yield server


@pytest.fixture(scope="session")
def shared_server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One service over the starter project on SQLite, for tests that change nothing."""
    folder = shutil.copytree(prepared, tmp_path_factory.mktemp("shared") / "project")
    with Project(folder).serving("--dev") as server:
        yield server


def _starter(folder: Path, settings: dict[str, str]) -> Project:
    write_starter(folder)
    project = Project(folder, settings)
    project.must_run("db", "migrate")
    project.must_run("data", "import", "data.jsonl")
    return project
