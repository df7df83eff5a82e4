"""A service on a Unix socket: who reaches it, and what becomes of the socket when processes come and go."""

import json
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import grpc
import httpx
import pytest
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from magistrate_client import Magistrate
from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.evaluating import is_evaluated
from tests.e2e.running import Project, Server, is_running, wait_for, wait_until

READ = question("read", "Document:plan")
DOORS = ("--grpc", "unix:door.sock", "--http", "unix:http.sock")
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
    with project.serving("--dev", *DOORS) as server:
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


def over_http(project: Project) -> httpx.Client:
    """A client of the HTTP door, whose every request is a connection of its own."""
    transport = httpx.HTTPTransport(
        uds=str(project.folder / "http.sock"), limits=httpx.Limits(max_keepalive_connections=0)
    )
    return httpx.Client(base_url="http://magistrate", transport=transport)


def test_http_is_spoken_on_a_socket_too(project: Project, server: Server) -> None:
    assert server.http == f"unix:{project.folder}/http.sock"
    with over_http(project) as client:
        assert is_evaluated(client, server)


@pytest.mark.parametrize("name", ["door.sock", "http.sock"])
def test_its_file_has_the_mode_that_is_set(project: Project, server: Server, name: str) -> None:
    assert stat.filemode((project.folder / name).lstat().st_mode) == "srw----rw-"


def test_a_worker_that_leaves_takes_nothing_from_the_one_that_came(project: Project, server: Server) -> None:
    leaving = server.worker()
    with stub_of(server.address) as before:
        assert is_allowed(server, before)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not is_running(leaving))
        with stub_of(server.address) as after, over_http(project) as client:
            assert is_allowed(server, after)
            assert is_evaluated(client, server)


def test_a_worker_that_was_killed_is_followed_by_one_at_the_same_path(project: Project, server: Server) -> None:
    killed = server.worker()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not is_running(killed))
    with Magistrate(server.address, token=server.token("User:alice"), timeout=SECONDS) as client:
        wait_for(lambda: client.is_allowed("read", "Document:plan"))
    with over_http(project) as client_of_http:
        assert is_evaluated(client_of_http, server)


def test_a_second_service_leaves_it_alone(project: Project, server: Server) -> None:
    said = project.refused("--data", "other", *DOORS)
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


def test_what_was_left_behind_makes_room_for_workers_that_share_a_socket(project: Project, server: Server) -> None:
    """The last one here: it ends the service that the others share."""
    place, children = project.folder / "http.sock", list(server.children())
    server.process.kill()
    wait_for(lambda: not any(map(is_running, children)))
    assert place.is_socket()
    options = ("--dev", "--workers", "2", "--http", "unix:http.sock")
    with project.serving(*options) as again, over_http(project) as client:
        assert [listens_on(pid, place) for pid in again.workers()] == [True, True]
        assert all(is_evaluated(client, again) for _ in range(10))
        assert again.stop() == 0
    assert not place.exists()


def listens_on(pid: int, place: Path) -> bool:
    """Whether the process has the socket open that listens there."""
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    listening = {f"socket:[{fields[6]}]" for fields in lines if fields[7:] and fields[7].startswith(f"{place}.")}
    return any(str(each.readlink()) in listening for each in Path(f"/proc/{pid}/fd").iterdir())
