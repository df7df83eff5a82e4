"""Keys and sessions through the command line: good on every worker of a running service, and refused once revoked."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import grpc
import psycopg
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status.rpc_status import from_call
from magistrate.v1.authorization_pb2 import CheckRequest
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from tests.e2e.asking import SECONDS, bearer, question, refusal_of, stub_of
from tests.e2e.running import Project, Server, wait_for

CONNECTIONS = 8
"""Enough that two workers both have some, but for one time in a hundred and twenty."""
READ = question("read", "Document:plan")
BURST = 60
PER_MINUTE = 60


@pytest.fixture
def server(project_on_each: Project) -> Iterator[Server]:
    """Two workers over the starter project, on each kind of database in turn; alice may ask."""
    project_on_each.must_run("admin", "grant", "User:alice", "check")
    project_on_each.must_run("admin", "grant", "User:gateway", "pep")
    project_on_each.must_run("admin", "grant", "User:gateway", "check_as:User")
    with project_on_each.serving("--dev", "--workers", "2") as server:
        yield server


@contextmanager
def connections(server: Server, count: int = CONNECTIONS) -> Iterator[Sequence[AuthorizationServiceStub]]:
    """Kept connections, which the workers share."""
    with ExitStack() as opened:
        yield [opened.enter_context(stub_of(server.address)) for _ in range(count)]


def status_of(stub: AuthorizationServiceStub, credential: str, asked: CheckRequest = READ) -> grpc.StatusCode:
    """How a check by that credential ends."""
    try:
        stub.Check(asked, metadata=bearer(credential), timeout=SECONDS)
    except grpc.RpcError as error:
        return refusal_of(error).status
    return grpc.StatusCode.OK


def are(stubs: Sequence[AuthorizationServiceStub], credential: str, status: grpc.StatusCode) -> bool:
    """Whether checks by that credential end so on every connection."""
    return all(status_of(stub, credential) is status for stub in stubs)


def by(project: Project, server: Server, principal: str) -> Project:
    """The project with every command made as that user, to that server."""
    return project.with_settings(server=server.address, token=server.token(principal))


def cut_feed(project: Project) -> None:
    """Ends every worker's connection to the change feed, where it has one; a file's cannot be cut."""
    url = project.settings.get("database", "")
    if not url.startswith("postgresql"):
        return
    with psycopg.connect(url) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'magistrate feed' AND datname = current_database()"
        ).fetchall()
    assert len(ended) == 2


def test_a_revoked_key_is_refused_on_every_kept_connection_although_the_feed_was_cut_and_after_a_restart(
    project_on_each: Project, server: Server
) -> None:
    root = by(project_on_each, server, "User:root")
    made = root.run("key", "create", "ci", "--principal", "User:alice")
    assert made.returncode == 0, made.stderr
    key, other = made.stdout.strip(), root.must_run("key", "create", "other", "--principal", "User:alice").strip()
    assert key not in made.stderr
    id_ = key.split("_")[1]
    with connections(server) as stubs:
        assert are(stubs, key, grpc.StatusCode.OK)
        cut_feed(project_on_each)
        assert key not in root.must_run("key", "revoke", id_)
        wait_for(lambda: are(stubs, key, grpc.StatusCode.UNAUTHENTICATED))
        assert are(stubs, other, grpc.StatusCode.OK)
    assert f"the API key `{id_}` is revoked" in server.log()
    assert server.stop() == 0
    with project_on_each.serving("--dev") as again, stub_of(again.address) as stub:
        assert status_of(stub, key) is grpc.StatusCode.UNAUTHENTICATED
        assert status_of(stub, other) is grpc.StatusCode.OK
    for secret in (key.split("_")[2], other.split("_")[2]):
        assert secret not in server.log()


def test_a_rotated_key_has_two_secrets_for_as_long_as_was_said(project_on_each: Project, server: Server) -> None:
    root = by(project_on_each, server, "User:root")
    first = root.must_run("key", "create", "ci", "--principal", "User:alice").strip()
    second = root.must_run("key", "rotate", first.split("_")[1], "--overlap", "1h").strip()
    with connections(server) as stubs:
        assert are(stubs, first, grpc.StatusCode.OK)
        assert are(stubs, second, grpc.StatusCode.OK)
        third = root.must_run("key", "rotate", first.split("_")[1]).strip()
        wait_for(lambda: are(stubs, second, grpc.StatusCode.UNAUTHENTICATED))
        assert are(stubs, first, grpc.StatusCode.UNAUTHENTICATED)
        assert are(stubs, third, grpc.StatusCode.OK)


def test_everything_of_a_principal_is_refused_its_keys_and_sessions_too(
    project_on_each: Project, server: Server
) -> None:
    root = by(project_on_each, server, "User:root")
    hers = root.must_run("key", "create", "hers", "--principal", "User:alice").strip()
    session = root.must_run("session", "open", "User:alice", "--calls").strip()
    owned = root.must_run("key", "create", "owned", "--principal", "User:gateway", "--owner", "User:alice").strip()
    with connections(server) as stubs:
        for credential in (hers, session, owned):
            assert are(stubs, credential, grpc.StatusCode.OK)
        root.must_run("token", "revoke", "--principal", "User:alice")
        for credential in (hers, session, owned):
            wait_for(lambda credential=credential: are(stubs, credential, grpc.StatusCode.UNAUTHENTICATED))


def test_a_session_names_whom_questions_are_about_until_its_opener_ends_it(
    project_on_each: Project, server: Server
) -> None:
    gateway = by(project_on_each, server, "User:gateway")
    key = (
        by(project_on_each, server, "User:root").must_run("key", "create", "gw", "--principal", "User:gateway").strip()
    )
    session = gateway.must_run("session", "open", "User:alice").strip()
    asked = question("read", "Document:plan")
    asked.principal_token = session
    with connections(server) as stubs:
        assert all(status_of(stub, key, asked) is grpc.StatusCode.OK for stub in stubs)
        assert are(stubs, session, grpc.StatusCode.UNAUTHENTICATED)  # it is not for calling
        listed = by(project_on_each, server, "User:root").must_run("session", "list", "--output", "jsonl")
        assert session not in listed
        id_ = listed.split('"id":"')[1].split('"')[0]
        assert gateway.must_run("session", "revoke", id_).startswith("ended 1 session; revision ")
        wait_for(lambda: all(status_of(stub, key, asked) is grpc.StatusCode.UNAUTHENTICATED for stub in stubs))


def test_a_keys_rate_holds_for_all_workers_and_connections_together(project: Project) -> None:
    project.must_run("admin", "grant", "User:alice", "check")
    with project.serving("--dev", "--workers", "2") as server:
        root = by(project, server, "User:root")
        rate = ("--per-minute", str(PER_MINUTE), "--burst", str(BURST))
        key = root.must_run("key", "create", "ci", "--principal", "User:alice", *rate).strip()
        together = threading.Barrier(2 * CONNECTIONS)

        def ask_often(stub: AuthorizationServiceStub) -> Counter[grpc.StatusCode]:
            together.wait()
            return Counter(status_of(stub, key) for _ in range(20))

        began = time.monotonic()
        with connections(server, 2 * CONNECTIONS) as stubs, ThreadPoolExecutor(2 * CONNECTIONS) as threads:
            counts = sum(threads.map(ask_often, stubs), Counter[grpc.StatusCode]())
            flowed = (time.monotonic() - began) * PER_MINUTE / 60
            assert set(counts) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
            assert BURST <= counts[grpc.StatusCode.OK] <= BURST + flowed
            assert 0 < retry_seconds(stubs[0], key) <= 60 / PER_MINUTE


def retry_seconds(stub: AuthorizationServiceStub, key: str) -> float:
    """When a call that is refused for its rate is told to come again."""
    while True:
        try:
            stub.Check(READ, metadata=bearer(key), timeout=SECONDS)
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            status, retry = from_call(error), RetryInfo()
            assert status is not None
            assert status.details[1].Unpack(retry)
            return retry.retry_delay.ToMilliseconds() / 1000
