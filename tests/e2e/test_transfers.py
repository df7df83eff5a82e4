"""Facts go in and out over the service in streams: whole or not at all, within limits that are named.

All on SQLite: that each database takes and gives the same is held in tests/contracts, and of the service's part in
tests/service/entities/test_transfer_office.py.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.entity_pb2_grpc import EntityServiceStub

from tests.e2e.asking import bearer
from tests.e2e.running import Project, Server, wait_for


@pytest.fixture
def server(project: Project) -> Iterator[Server]:
    """A service over the starter project."""
    with project.serving("--dev") as server:
        yield server


def as_root(server: Server, *arguments: str) -> tuple[str, ...]:
    """The command's arguments, by the service and a token that may do everything."""
    return (*arguments, "--server", server.address, "--token", server.token("User:root"))


def lines_of(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_the_service_exports_it_imports_again_and_changes_only_when_told(project: Project, server: Server) -> None:
    file = project.folder / "out.jsonl"
    project.must_run(*as_root(server, "data", "export", str(file)))
    exported = file.read_text()
    assert lines_of(exported) == lines_of(project.must_run("data", "export"))
    again = project.must_run(*as_root(server, "data", "import", str(file)))
    assert re.search(r"\(0 new, 0 changed, \d+ as they were\); revision ", again)

    file.write_text(exported.replace('"suspended":true', '"suspended":false'))
    assert file.read_text() != exported
    refused = project.run(*as_root(server, "data", "import", str(file)))
    assert (refused.returncode, "`User:carol` is there already, and says otherwise" in refused.stderr) == (1, True)
    tried = project.must_run(*as_root(server, "data", "import", str(file), "--upsert", "--dry-run"))
    assert "would import" in tried
    assert project.must_run("data", "export") == exported

    project.must_run(*as_root(server, "data", "import", str(file), "--upsert"))
    assert project.must_run("data", "export") == file.read_text()
    token = server.token("User:carol")
    asked = project.run("check", "read", "Document:plan", "--server", server.address, "--token", token)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert list(transfers(server).iterdir()) == []


def test_an_import_over_the_limit_is_refused_by_the_limits_name(project: Project) -> None:
    with project.with_settings(transfers__import_bytes="2048").serving("--dev") as server:
        large = project.folder / "large.jsonl"
        large.write_text('{"kind": "resource", "type": "Tenant", "id": "t"}\n' * 100)
        refused = project.run(*as_root(server, "data", "import", str(large)))
    assert "over the limit `transfers.import_bytes`" in refused.stderr
    assert refused.returncode == 1


def test_an_import_that_its_caller_gives_up_leaves_nothing(project: Project) -> None:
    before = project.must_run("data", "export")
    with project.serving("--dev") as server, grpc.insecure_channel(server.address) as channel:

        def requests() -> Iterator[pb.ImportRequest]:
            for at in range(10_000_000):
                yield pb.ImportRequest(chunk=b'{"kind": "resource", "type": "Tenant", "id": "t%d"}\n' % at)

        call = EntityServiceStub(channel).Import.future(requests(), metadata=bearer(server.token("User:root")))
        wait_for(lambda: any(path.stat().st_size for path in transfers(server).glob("*.jsonl")))
        (laid_down,) = transfers(server).glob("*.jsonl")
        assert laid_down.stat().st_mode & 0o777 == 0o600
        call.cancel()
        wait_for(lambda: not list(transfers(server).iterdir()))
    assert project.must_run("data", "export") == before


def test_a_command_that_names_both_the_service_and_the_database_is_refused(project: Project) -> None:
    ended = project.run("data", "export", "--server", "127.0.0.1:1", "--database", "sqlite:///x.db")
    assert ended.returncode == 2
    assert "`--database` is for the database itself, `--server` is for the service" in ended.stderr


def transfers(server: Server) -> Path:
    """Where the service keeps the files of imports and exports."""
    return server.data / "transfers" / "local"
