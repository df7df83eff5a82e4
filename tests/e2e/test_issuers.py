"""A service that fetches its issuer's keys answers through their rotation, and through the issuer's absence."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import grpc
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from tests.e2e.asking import SECONDS, bearer, question, refusal_of, stub_of
from tests.e2e.running import Project, Server, wait_for
from tests.e2e.trusting import INTROSPECTED, trusting
from tests.identity_provider.provider import DISCOVERY, INTROSPECTION, JWKS, Reply
from tests.service.authn.forge import EC_KEY, OTHER_EC_KEY, public_jwk

CONNECTIONS = 8
READ = question("read", "Document:plan")


@contextmanager
def connections(server: Server) -> Iterator[Sequence[AuthorizationServiceStub]]:
    """Kept connections, which the workers share."""
    with ExitStack() as opened:
        yield [opened.enter_context(stub_of(server.address)) for _ in range(CONNECTIONS)]


def is_good(stub: AuthorizationServiceStub, token: str) -> bool:
    """Whether the credential is; an answer of any kind says so."""
    try:
        stub.Check(READ, metadata=bearer(token), timeout=SECONDS)
    except grpc.RpcError as error:
        assert refusal_of(error).status is grpc.StatusCode.UNAUTHENTICATED
        return False
    return True


def test_keys_rotate_without_a_failed_call_on_two_workers(project: Project) -> None:
    with trusting(project) as trust:
        trust.provider.keys = [public_jwk(EC_KEY)]
        with trust.project.serving("--workers", "2") as server, connections(server) as stubs:
            assert all(is_good(stub, trust.token("alice")) for stub in stubs)
            # The provider signs with a key that it has only just published: nobody here has heard of it.
            trust.provider.keys = [public_jwk(EC_KEY), public_jwk(OTHER_EC_KEY, "k2")]
            for stub in stubs:
                assert is_good(stub, trust.token("alice", OTHER_EC_KEY, "k2"))
                assert is_good(stub, trust.token("alice"))
            trust.provider.keys = [public_jwk(OTHER_EC_KEY, "k2")]
            # Whoever names a key that is not there has them fetched, and the one that is gone is out of force.
            tokens = [trust.token("alice", kid=kid) for kid in ("k3", "k1")]
            wait_for(lambda: not any(is_good(stub, token) for token in tokens for stub in stubs))
            assert all(is_good(stub, trust.token("alice", OTHER_EC_KEY, "k2")) for stub in stubs)
            counted = server.asked("/metrics")[1]
            assert f'magistrate_key_fetches_total{{issuer="{trust.provider.url}",result="fetched"}}' in counted
            hits = 'magistrate_credential_cache_total{kind="jwt",result="hit"}'
            wait_for(lambda: hits in server.asked("/metrics")[1])
            left = f'magistrate_issuer_keys_left_seconds{{issuer="{trust.provider.url}",process="worker '
            lines = [line for line in server.asked("/metrics")[1].splitlines() if line.startswith(left)]
            assert lines
            assert all(14_000 < float(line.split()[-1]) <= 14_400 for line in lines)
            assert server.stop() == 0


def test_a_service_outlives_the_absence_of_its_issuer_and_a_dead_worker(project: Project) -> None:
    with trusting(project) as trust:
        trust.provider.keys = [public_jwk(EC_KEY)]
        trust.provider.misbehaviour[DISCOVERY] = lambda: Reply(b"", status=503)
        with trust.project.serving() as server, stub_of(server.address) as stub:
            assert not is_good(stub, trust.token("alice"))
            del trust.provider.misbehaviour[DISCOVERY]
            wait_for(lambda: is_good(stub, trust.token("alice")))
            trust.provider.misbehaviour[JWKS] = lambda: Reply(b"<html>")
            before = server.worker()
            os.kill(before, signal.SIGKILL)
            wait_for(lambda: before not in server.workers())
            server.worker()
            with stub_of(server.address) as again:
                wait_for(lambda: is_ready(again, trust.token("alice")))
            wait_for(lambda: "keys not fetched" in server.log())


def is_ready(stub: AuthorizationServiceStub, token: str) -> bool:
    """Whether the worker answers, and takes the credential."""
    try:
        stub.Check(READ, metadata=bearer(token), timeout=SECONDS, wait_for_ready=True)
    except grpc.RpcError as error:
        assert refusal_of(error).status is not grpc.StatusCode.UNAUTHENTICATED
        return False
    return True


def test_a_revoked_key_of_an_issuer_signs_nothing_more_on_any_worker(project: Project) -> None:
    with trusting(project) as trust:
        trust.provider.keys = [public_jwk(EC_KEY), public_jwk(OTHER_EC_KEY, "k2")]
        with trust.project.serving("--workers", "2") as server, connections(server) as stubs:
            stolen, good = trust.token("alice"), trust.token("alice", OTHER_EC_KEY, "k2")
            assert all(is_good(stub, stolen) and is_good(stub, good) for stub in stubs)
            root = trust.project.with_settings(server=server.address, token=trust.token("root", OTHER_EC_KEY, "k2"))
            said = root.must_run("token", "revoke", "--kid", "k1", "--issuer", trust.provider.url)
            assert said.startswith(f"revoked key k1 of {trust.provider.url}; revision ")
            wait_for(lambda: not any(is_good(stub, stolen) for stub in stubs))
            assert not any(is_good(stub, trust.token("bob")) for stub in stubs)
            assert all(is_good(stub, good) for stub in stubs)


def test_an_opaque_token_is_good_until_it_is_revoked_on_any_worker(project: Project) -> None:
    with trusting(project, INTROSPECTED) as trust:
        trust.provider.keys = [public_jwk(EC_KEY)]
        end = int(time.time()) + 600
        for name in ("lost", "other"):
            trust.provider.tokens[name] = {"active": True, "sub": "alice", "aud": "magistrate", "exp": end}
        with trust.project.serving("--workers", "2") as server, connections(server) as stubs:
            assert all(is_good(stub, "lost") and is_good(stub, "other") for stub in stubs)
            assert not is_good(stubs[0], "unheard-of")
            assert trust.provider.asked[INTROSPECTION] <= 5  # two tokens by each of two workers, and a stranger's
            root = trust.project.with_settings(server=server.address, token=trust.token("root"))
            said = root.must_run("token", "revoke", "-", "--issuer", trust.provider.url, stdin="lost")
            assert said.startswith("revoked token sha256:")
            wait_for(lambda: not any(is_good(stub, "lost") for stub in stubs))
            assert all(is_good(stub, "other") for stub in stubs)
