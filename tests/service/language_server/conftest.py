"""One server for all tests, in a workspace in which each test has a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.language_server.editor import Editor, editing


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the editor works in."""
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def editor(workspace: Path) -> Iterator[Editor]:
    """An editor at work in the workspace."""
    with editing(workspace) as started:
        yield started


@pytest.fixture
def folder(workspace: Path, request: pytest.FixtureRequest) -> Path:
    """A fresh folder of the workspace."""
    made = workspace / str(request.node.name).replace("[", "-").replace("]", "")
    made.mkdir()
    return made
