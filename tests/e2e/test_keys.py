"""Keys and sessions through the command line: good on every worker of a running service, and refused once revoked."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status.rpc_status import from_call
from magistrate.v1.authorization_pb2 import CheckRequest
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub
from magistrate.v1.credential_pb2 import (
    SESSION_PURPOSE_CALL,
    CreateApiKeyRequest,
    CreateSessionRequest,
    KeyRate,
    KeyScopes,
    RevokePrincipalRequest,
    RevokeSessionRequest,
    RotateApiKeyRequest,
)
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.values import Ref
from service.db.opening import open_database
from service.governance.grants import Grants
from tests.e2e.asking import REFUSED_OFTEN, SECONDS, bearer, question, refusal_of, stub_of
from tests.e2e.cutting import cut_feed
from tests.e2e.running import Project, Server, wait_for

CONNECTIONS = 8
"""Enough that two workers both have some, but for one time in a hundred and twenty."""
READ = question("read", "Document:plan")
ALICE, BOB, GATEWAY = (EntityRef(type="User", id=name) for name in ("alice", "bob", "gateway"))
BURST = 60
PER_MINUTE = 60


def grant(url: str) -> None:
    """Lets alice ask, and the gateway ask for others."""
    database = open_database(url)
    grants = Grants(database)
    for user, role in (("alice", "check"), ("gateway", "pep"), ("gateway", "check_as:User"), ("bob", "check")):
        grants.give(Ref("User", user), role, None)
    database.close()


@pytest.fixture
def server(project_on_each: Project) -> Iterator[Server]:
    """Two workers over the starter project, on each kind of database in turn."""
    grant(project_on_each.settings.get("database") or f"sqlite:///{project_on_each.folder / '.magistrate/facts.db'}")
    with project_on_each.with_settings(**REFUSED_OFTEN).serving("--dev", "--workers", "2") as server:
        yield server


@pytest.fixture(scope="module")
def two_workers(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers over the starter project on SQLite, for all tests here that break nothing."""
    project = Project(shutil.copytree(prepared, tmp_path_factory.mktemp("keys") / "project"))
    grant(f"sqlite:///{project.folder / '.magistrate/facts.db'}")
    with project.with_settings(**REFUSED_OFTEN).serving("--dev", "--workers", "2") as server:
        yield server


@contextmanager
def credentials(server: Server) -> Iterator[tuple[CredentialServiceStub, tuple[tuple[str, str], ...]]]:
    """CredentialService, and what the user root presents to it."""
    with grpc.insecure_channel(server.address) as channel:
        yield CredentialServiceStub(channel), bearer(server.token("User:root"))


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
    wait_for(lambda: f"the API key `{id_}` is revoked" in server.log())
    assert server.stop() == 0
    with project_on_each.serving("--dev") as again, stub_of(again.address) as stub:
        assert status_of(stub, key) is grpc.StatusCode.UNAUTHENTICATED
        assert status_of(stub, other) is grpc.StatusCode.OK
    for secret in (key.split("_", 2)[2], other.split("_", 2)[2]):
        assert secret not in server.log()


def test_a_rotated_key_has_two_secrets_for_as_long_as_was_said(two_workers: Server) -> None:
    with credentials(two_workers) as (stub, root), connections(two_workers) as stubs:
        made = stub.CreateApiKey(CreateApiKeyRequest(name="ci", principal=ALICE), metadata=root)
        rotating = RotateApiKeyRequest(id=made.key.id, overlap=Duration(seconds=3600))
        second = stub.RotateApiKey(rotating, metadata=root).secret
        wait_for(lambda: are(stubs, second, grpc.StatusCode.OK))
        assert are(stubs, made.secret, grpc.StatusCode.OK)
        third = stub.RotateApiKey(RotateApiKeyRequest(id=made.key.id), metadata=root).secret
        wait_for(lambda: are(stubs, second, grpc.StatusCode.UNAUTHENTICATED))
        assert are(stubs, made.secret, grpc.StatusCode.UNAUTHENTICATED)
        assert are(stubs, third, grpc.StatusCode.OK)


def test_everything_of_a_principal_is_refused_its_keys_and_sessions_too(two_workers: Server) -> None:
    with credentials(two_workers) as (stub, root), connections(two_workers) as stubs:
        hers = stub.CreateApiKey(CreateApiKeyRequest(name="hers", principal=BOB), metadata=root).secret
        asked = CreateApiKeyRequest(name="owned", principal=ALICE, owner=BOB)
        owned = stub.CreateApiKey(asked, metadata=root).secret
        calling = CreateSessionRequest(principal=BOB, purpose=SESSION_PURPOSE_CALL)
        session = stub.CreateSession(calling, metadata=root).token
        for credential in (hers, session, owned):
            wait_for(partial(are, stubs, credential, grpc.StatusCode.OK))
        stub.RevokePrincipal(RevokePrincipalRequest(principal=BOB), metadata=root)
        for credential in (hers, session, owned):
            wait_for(partial(are, stubs, credential, grpc.StatusCode.UNAUTHENTICATED))


def test_a_session_names_whom_questions_are_about_until_its_opener_ends_it(two_workers: Server) -> None:
    asked = question("read", "Document:plan")
    with credentials(two_workers) as (stub, root), connections(two_workers) as stubs:
        made = stub.CreateApiKey(
            CreateApiKeyRequest(
                name="gateway",
                principal=GATEWAY,
                scopes=KeyScopes(rpcs=["AuthorizationService.Check", "CredentialService.*"]),
            ),
            metadata=root,
        )
        gateway = bearer(made.secret)
        opened = stub.CreateSession(CreateSessionRequest(principal=ALICE), metadata=gateway)
        asked.principal_token = opened.token
        wait_for(lambda: all(status_of(stub, made.secret, asked) is grpc.StatusCode.OK for stub in stubs))
        assert are(stubs, opened.token, grpc.StatusCode.UNAUTHENTICATED)  # it is not for calling
        assert stub.RevokeSession(RevokeSessionRequest(id=opened.session.id), metadata=gateway).count == 1
        wait_for(lambda: all(status_of(stub, made.secret, asked) is grpc.StatusCode.UNAUTHENTICATED for stub in stubs))


def test_a_keys_rate_holds_for_all_workers_and_connections_together(two_workers: Server) -> None:
    with credentials(two_workers) as (stub, root):
        rate = KeyRate(per_minute=PER_MINUTE, burst=BURST)
        key = stub.CreateApiKey(CreateApiKeyRequest(name="ci", principal=ALICE, rate=rate), metadata=root).secret
    together = threading.Barrier(2 * CONNECTIONS)

    def ask_often(stub: AuthorizationServiceStub) -> Counter[grpc.StatusCode]:
        together.wait()
        return Counter(status_of(stub, key) for _ in range(20))

    began = time.monotonic()
    with connections(two_workers, 2 * CONNECTIONS) as stubs, ThreadPoolExecutor(2 * CONNECTIONS) as threads:
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
