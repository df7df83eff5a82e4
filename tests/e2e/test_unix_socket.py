"""A service on a Unix socket: who reaches it, and what becomes of the socket when processes come and go."""

import json
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import grpc
import pytest
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from magistrate_client import Magistrate
from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.running import Project, Server, is_running, wait_for, wait_until

READ = question("read", "Document:plan")
GRPC = ("--grpc", "unix:door.sock")
SETTINGS = """
[sockets]
mode = "0606"
[limits]
failed_authentications = 5
"""


@pytest.fixture(scope="module")
def project(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with the path of a socket that is short enough."""
    folder = copytree(prepared, tmp_path_factory.mktemp("unix") / "p")
    (folder / "magistrate.toml").write_text(SETTINGS)
    return Project(folder).with_settings(config="magistrate.toml")


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    """The service, for every test here but those that need their own."""
    with project.serving("--dev", *GRPC) as server:
        yield server


def is_allowed(server: Server, stub: AuthorizationServiceStub) -> bool:
    """Whether alice may read, asked once."""
    answer = stub.Check(READ, metadata=bearer(server.token("User:alice")), timeout=SECONDS)
    return answer.code == "ALLOWED"


def test_the_library_and_commands_reach_it(project: Project, server: Server) -> None:
    assert server.address == f"unix:{project.folder}/door.sock"
    token = server.token("User:alice")
    with Magistrate(server.address, token=token) as client:
        assert client.check("read", "Document:plan")
    asked = project.with_settings(token=token, server="unix:door.sock").run("check", "read", "Document:plan")
    assert (asked.returncode, asked.stdout.split()[0]) == (0, "allow"), asked


def test_its_file_has_the_mode_that_is_set(project: Project, server: Server) -> None:
    assert stat.filemode((project.folder / "door.sock").lstat().st_mode) == "srw----rw-"


def test_a_worker_that_leaves_takes_nothing_from_the_one_that_came(server: Server) -> None:
    leaving = server.worker()
    with stub_of(server.address) as before:
        assert is_allowed(server, before)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not is_running(leaving))
        with stub_of(server.address) as after:
            assert is_allowed(server, after)


def test_a_worker_that_was_killed_is_followed_by_one_at_the_same_path(server: Server) -> None:
    killed = server.worker()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not is_running(killed))
    with Magistrate(server.address, token=server.token("User:alice"), timeout=SECONDS) as client:
        assert client.check("read", "Document:plan")


def test_a_second_service_leaves_it_alone(project: Project, server: Server) -> None:
    said = project.refused("--data", "other", *GRPC)
    assert f"the socket `{project.folder}/door.sock` is in use by process {server.process.pid}" in said
    with stub_of(server.address) as stub:
        assert is_allowed(server, stub)


def test_its_callers_have_no_address_and_fail_as_one(project: Project, server: Server) -> None:
    with stub_of(server.address) as one, stub_of(server.address) as other:
        wait_until(lambda: refusal(one, READ, bearer("x")).status, grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert refusal(other, READ, bearer("x")).status is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert is_allowed(server, other)
    record = json.loads(project.must_run("log", "query", "--wait", "--limit", "1", "--output", "jsonl"))
    assert (record["code"], record["peer"]) == ("ALLOWED", "")


def test_a_socket_left_behind_makes_room_and_one_that_ends_well_is_removed(project: Project, server: Server) -> None:
    """The last one here: it ends the service that the others share."""
    place, workers = project.folder / "door.sock", server.workers()
    server.process.kill()
    wait_for(lambda: not any(map(is_running, workers)))
    assert place.is_socket()
    with project.serving("--dev", *GRPC) as again:
        with stub_of(again.address) as stub:
            assert is_allowed(again, stub)
        assert again.stop() == 0
    assert not place.exists()
