"""A revocation through the command line is in force on every worker of a running service, and after its restart."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from queue import SimpleQueue

import grpc
import jwt
import pytest
from magistrate.v1.authorization_pb2 import CheckRequest
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub
from magistrate.v1.credential_pb2 import RevokeTokenRequest
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub

from policy_lang.values import Ref
from service.authn.dev import SUBJECT_AUDIENCE, mint
from tests.e2e.asking import REFUSED_OFTEN, SECONDS, bearer, question, refusal_of, stub_of
from tests.e2e.conftest import starter_on
from tests.e2e.cutting import cut_feed
from tests.e2e.running import Project, Server, wait_for

CONNECTIONS = 8
"""Enough that two workers both have some, but for one time in a hundred and twenty."""
READ = question("read", "Document:plan")


class OpenStream:
    """A stream of questions that stays open between them."""

    def __init__(self, stub: AuthorizationServiceStub, token: str) -> None:
        self._asked: SimpleQueue[CheckRequest | None] = SimpleQueue()
        questions: Iterator[CheckRequest] = iter(self._asked.get, None)
        self._answers = stub.CheckStream(questions, metadata=bearer(token))

    def is_refused(self) -> bool:
        """Whether the stream ends at one more question because of its credential."""
        self._asked.put(READ)
        try:
            next(self._answers)
        except grpc.RpcError as error:
            assert refusal_of(error).status is grpc.StatusCode.UNAUTHENTICATED
            self._asked.put(None)
            return True
        return False

    def close(self) -> None:
        """Ends it."""
        self._asked.put(None)
        self._answers.cancel()


@pytest.fixture
def server(project_on_each: Project) -> Iterator[Server]:
    """Two workers over the starter project, on each kind of database in turn."""
    with project_on_each.with_settings(**REFUSED_OFTEN).serving("--dev", "--workers", "2") as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def two_workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same, for all tests here that break nothing."""
    folder = tmp_path_factory.mktemp("revocation") / "project"
    with (
        starter_on(request.param, folder, request) as project,
        project.with_settings(**REFUSED_OFTEN).serving("--dev", "--workers", "2") as server,
    ):
        yield server


@contextmanager
def connections(server: Server) -> Iterator[Sequence[AuthorizationServiceStub]]:
    """Kept connections, which the workers share."""
    with ExitStack() as opened:
        yield [opened.enter_context(stub_of(server.address)) for _ in range(CONNECTIONS)]


def is_refused(stub: AuthorizationServiceStub, token: str) -> bool:
    """Whether the credential is refused; an answer of any kind is none."""
    try:
        stub.Check(READ, metadata=bearer(token), timeout=SECONDS)
    except grpc.RpcError as error:
        assert refusal_of(error).status is grpc.StatusCode.UNAUTHENTICATED
        return True
    return False


def administrator(project: Project, server: Server) -> Project:
    """The project with every command made as the user root, to that server."""
    return project.with_settings(server=server.address, token=server.token("User:root"))


def test_a_revoked_token_is_refused_on_every_kept_connection_and_after_a_restart(
    project_on_each: Project, server: Server
) -> None:
    token, other = server.token("User:alice"), server.token("User:alice")
    with connections(server) as stubs, ExitStack() as open_streams:
        assert not any(is_refused(stub, token) for stub in stubs)
        streams = [OpenStream(stub, token) for stub in stubs]
        for stream in streams:
            open_streams.callback(stream.close)
        assert not any(stream.is_refused() for stream in streams)
        cut_feed(project_on_each)
        ended = administrator(project_on_each, server).run("token", "revoke", "-", stdin=token)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert token not in ended.stdout
        wait_for(lambda: all(is_refused(stub, token) for stub in stubs))
        assert all(stream.is_refused() for stream in streams)
        assert not any(is_refused(stub, other) for stub in stubs)
    assert server.stop() == 0
    with project_on_each.serving("--dev") as again, stub_of(again.address) as stub:
        assert is_refused(stub, token)
        assert not is_refused(stub, other)


def test_revoking_a_principal_refuses_its_tokens_as_caller_and_as_principal(two_workers: Server) -> None:
    server = two_workers
    now = int(time.time() * 1000)
    hers = mint(server.data, Ref("User", "alice"), now=now, ttl=timedelta(minutes=5), audience=SUBJECT_AUDIENCE)
    asked = question("read", "Document:plan")
    asked.principal_token = hers
    pep = bearer(server.token("User:gateway"))
    with connections(server) as stubs:
        for stub in stubs:
            stub.Check(asked, metadata=pep, timeout=SECONDS)
        root = administrator(Project(server.data.parent), server)
        said = root.must_run("token", "revoke", "--principal", "User:alice")
        assert said.startswith("revoked every token of User:alice issued up to ")
        wait_for(lambda: all(is_refused(stub, server.token("User:alice")) for stub in stubs))
        for stub in stubs:
            with pytest.raises(grpc.RpcError) as caught:
                stub.Check(asked, metadata=pep, timeout=SECONDS)
            assert refusal_of(caught.value).status is grpc.StatusCode.UNAUTHENTICATED
            assert stub.Check(READ, metadata=pep, timeout=SECONDS)


def test_a_check_as_fresh_as_the_revocation_is_never_answered(two_workers: Server) -> None:
    server = two_workers
    root = bearer(server.token("User:root"))
    with connections(server) as stubs, grpc.insecure_channel(server.address) as channel:
        credentials = CredentialServiceStub(channel)
        for place in range(5 * CONNECTIONS):
            stub, token = stubs[place % CONNECTIONS], server.token("User:bob")
            said = jwt.decode(token, options={"verify_signature": False})
            asked = question("read", "Document:plan")
            stub.Check(asked, metadata=bearer(token), timeout=SECONDS)
            request = RevokeTokenRequest(issuer=said["iss"], jti=said["jti"])
            asked.consistency.at_least_as_fresh = credentials.RevokeToken(request, metadata=root).revision
            with pytest.raises(grpc.RpcError) as caught:
                stub.Check(asked, metadata=bearer(token), timeout=SECONDS)
            assert refusal_of(caught.value).status is grpc.StatusCode.UNAUTHENTICATED


def test_a_failed_revocation_says_why_and_exits_so(project: Project) -> None:
    with project.serving("--dev") as server:
        root = administrator(project, server)
        expected = {
            ("--jti", "j1", "--issuer", "https://typo.example"): (2, "no issuer of that name"),
            ("--principal", "Document:plan"): (2, "principal.type"),
            ("--principal", "User:alice", "--server", "127.0.0.1:1"): (3, "UNAVAILABLE"),
            ("--principal", "User:alice", "--token", "no-token"): (1, "UNAUTHENTICATED"),
            ("--jti", "j1"): (2, "--issuer"),
            (server.token("User:alice"),): (2, "standard input"),
            (): (2, "give one of"),
        }
        for options, (code, text) in expected.items():
            ended = root.run("token", "revoke", *options)
            assert (ended.returncode, text in ended.stderr) == (code, True), f"{options}: {ended.stderr}"
        assert root.run("token", "revoke", "-", stdin="no token").returncode == 1
