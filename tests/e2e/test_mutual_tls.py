"""Clients that call by certificate: who is let in, and what ends that on connections that are open."""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copytree

import grpc
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.certifying import GATEWAY, Certifying, as_alice, certifying, connected, status_of
from tests.e2e.running import Project, Server, wait_for, wait_until
from tests.identity_provider.clients import ClientAuthority, Held, host, uri

OK, UNAUTHENTICATED = grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED
CONNECTIONS = 8
"""Enough that two workers both have some, but for one time in a hundred and twenty."""
SECOND = datetime.timedelta(seconds=1)


@pytest.fixture(scope="module")
def place(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Certifying:
    """A project that accepts certificates."""
    return certifying(Project(copytree(prepared, tmp_path_factory.mktemp("certified") / "project")))


@pytest.fixture(scope="module")
def server(place: Certifying) -> Iterator[Server]:
    """Two workers over it, for every test here."""
    with place.project.serving("--dev", "--workers", "2") as server:
        yield server


@contextmanager
def several(place: Certifying, server: Server, held: Held) -> Iterator[Sequence[AuthorizationServiceStub]]:
    """Kept connections by one certificate, which the workers share."""
    with ExitStack() as opened:
        yield [opened.enter_context(connected(server.mutual_tls, place.servers, held)) for _ in range(CONNECTIONS)]


def once(place: Certifying, server: Server, held: Held | None) -> grpc.StatusCode:
    """How a call by that certificate ends."""
    with connected(server.mutual_tls, place.servers, held) as stub:
        return status_of(stub)


def test_a_certificate_calls_as_its_one_uri_name(place: Certifying, server: Server) -> None:
    assert once(place, server, place.clients.holding(uri(GATEWAY))) is OK


def test_a_certificate_by_an_authority_between_calls_too(place: Certifying, server: Server) -> None:
    between = ClientAuthority("between", above=place.clients)
    assert once(place, server, between.holding(uri(GATEWAY))) is OK


def test_a_mapped_dns_name_calls_as_whom_it_is_mapped_to(place: Certifying, server: Server) -> None:
    assert once(place, server, place.clients.holding(host("other.example.org"), host("batch.example.org"))) is OK


def test_a_mapped_uri_name_calls_as_whom_it_is_mapped_to(place: Certifying, server: Server) -> None:
    with connected(server.mutual_tls, place.servers, place.clients.holding(uri("spiffe://example.org/desk"))) as stub:
        assert refusal(stub, as_alice(), ()).status is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("names", "common_name", "is_authority"),
    [
        pytest.param([], GATEWAY, False, id="the common name alone"),
        pytest.param([], "batch.example.org", False, id="a mapped host as common name"),
        pytest.param([uri("spiffe://example.com/shop/gateway")], "x", False, id="another trust domain"),
        pytest.param([uri("spiffe://example.org.evil.test/shop/gateway")], "x", False, id="a domain that begins so"),
        pytest.param([uri("spiffe://evil.test/example.org")], "x", False, id="the domain in the path"),
        pytest.param([uri("spiffe://example.org@evil.test/shop")], "x", False, id="the domain as user"),
        pytest.param([uri("spiffe://example.org:443/shop/gateway")], "x", False, id="a port"),
        pytest.param([uri("spiffe://example.org")], "x", False, id="no path"),
        pytest.param([uri("spiffe://example.org/shop/../shop/gateway")], "x", False, id="a path that goes up"),
        pytest.param([uri("spiffe://example.org/shop/%67ateway")], "x", False, id="an escape"),
        pytest.param([uri(GATEWAY + "?x")], "x", False, id="a query"),
        pytest.param([uri(f"spiffe://example.org/{'a' * 300}")], "x", False, id="longer than an id"),
        pytest.param([uri(GATEWAY), uri("spiffe://example.org/other")], "x", False, id="several URI names"),
        pytest.param([uri("https://evil.test/x"), host("batch.example.org")], "x", False, id="a bad URI, a good host"),
        pytest.param([host("other.example.org")], "x", False, id="a host that is not mapped"),
        pytest.param([host("*.example.org")], "x", False, id="a wildcard"),
        pytest.param([host("batch.example.org"), host("night.example.org")], "x", False, id="two mapped hosts"),
        pytest.param([uri(GATEWAY)], "x", True, id="an authority's own"),
    ],
)
def test_a_certificate_that_names_nobody_for_certain_is_refused(
    place: Certifying, server: Server, names: list[x509.GeneralName], common_name: str, is_authority: bool
) -> None:
    held = place.clients.holding(*names, common_name=common_name, is_authority=is_authority)
    with connected(server.mutual_tls, place.servers, held) as stub:
        refused = refusal(stub, as_alice(), ())
    assert (refused.status, refused.text) == (UNAUTHENTICATED, "the credential is missing or does not verify")


def test_the_handshake_refuses_who_shows_no_good_certificate(place: Certifying, server: Server) -> None:
    strangers = {
        "no certificate": None,
        "another authority": ClientAuthority("clients").holding(uri(GATEWAY)),
        "an expired one": place.clients.holding(uri(GATEWAY), lifetime=-SECOND),
        "a server's": place.clients.holding(uri(GATEWAY), purposes=[ExtendedKeyUsageOID.SERVER_AUTH]),
    }
    ended = {name: once(place, server, held) for name, held in strangers.items()}
    assert ended == dict.fromkeys(strangers, grpc.StatusCode.UNAVAILABLE)


def test_a_certificate_beside_a_token_is_two_credentials(place: Certifying, server: Server) -> None:
    with connected(server.mutual_tls, place.servers, place.clients.holding(uri(GATEWAY))) as stub:
        assert status_of(stub, bearer(server.token("User:alice"))) is UNAUTHENTICATED
        assert status_of(stub) is OK


def test_the_first_door_takes_tokens_as_before_and_no_certificate(place: Certifying, server: Server) -> None:
    with stub_of(server.address) as stub:
        assert stub.Check(
            question("read", "Document:plan"), metadata=bearer(server.token("User:alice")), timeout=SECONDS
        )
        assert status_of(stub) is UNAUTHENTICATED


def test_a_certificate_is_refused_from_its_end_on_an_open_connection(place: Certifying, server: Server) -> None:
    with connected(server.mutual_tls, place.servers, place.clients.holding(uri(GATEWAY), lifetime=5 * SECOND)) as stub:
        assert status_of(stub) is OK
        wait_until(lambda: status_of(stub), UNAUTHENTICATED)
    wait_for(lambda: "the credential is expired" in server.log())


def test_a_revoked_certificate_is_refused_on_every_open_connection(place: Certifying, server: Server) -> None:
    revoked, other = (place.clients.holding(uri(GATEWAY)) for _ in range(2))
    (place.folder / "revoked.pem").write_bytes(revoked.pem)
    with several(place, server, revoked) as stubs, several(place, server, other) as others:
        assert {status_of(stub) for stub in (*stubs, *others)} == {OK}
        said = administrator(place, server).must_run("certificate", "revoke", "revoked.pem")
        assert said.startswith(f"revoked certificate {revoked.sha256}; revision ")
        asked = as_alice()
        asked.consistency.at_least_as_fresh = said.rpartition(" ")[2].strip()
        assert {status_of(stub, asked=asked) for stub in stubs} == {UNAUTHENTICATED}
        assert {status_of(stub, asked=asked) for stub in others} == {OK}
    assert revoked.twin().sha256 != revoked.sha256
    assert once(place, server, revoked.twin()) is UNAUTHENTICATED
    assert once(place, server, other.twin()) is OK


def administrator(place: Certifying, server: Server) -> Project:
    """The project with every command made as the user root, to that server."""
    return place.project.with_settings(server=server.address, token=server.token("User:root"))


def test_a_revoked_principal_is_blocked_until_that_is_lifted(place: Certifying, server: Server) -> None:
    held, root = place.clients.holding(host("batch.example.org")), administrator(place, server)
    with several(place, server, held) as stubs:
        for _ in range(2):  # what was lifted is revoked anew, also within one second
            root.must_run("token", "revoke", "--principal", "magistrate.Service:batch")
            wait_until(lambda: {status_of(stub) for stub in stubs}, {UNAUTHENTICATED})
            assert once(place, server, place.clients.holding(host("batch.example.org"))) is UNAUTHENTICATED
            root.must_run("certificate", "lift", "magistrate.Service:batch")
            wait_until(lambda: {status_of(stub) for stub in stubs}, {OK})
    ended = root.run("certificate", "lift", "magistrate.Service:nobody")
    assert (ended.returncode, "is not revoked" in ended.stderr) == (1, True)


def test_a_new_server_certificate_is_shown_while_connections_stay(place: Certifying, server: Server) -> None:
    held, servers = place.clients.holding(uri(GATEWAY)), ClientAuthority("new servers")
    new = servers.holding(host("magistrate.test"))
    with connected(server.mutual_tls, place.servers, held) as kept:
        assert status_of(kept) is OK
        (place.folder / "server.pem").write_bytes(new.pem)  # whose key is not there yet
        wait_for(lambda: "is not the key of" in server.log())
        assert once(place, server, held) is OK
        new.write(place.folder / "server.pem", place.folder / "server.key")
        changed = Certifying(place.project, place.clients, servers)
        wait_until(lambda: [once(changed, server, held) for _ in range(CONNECTIONS)], [OK] * CONNECTIONS)
        assert once(place, server, held) is grpc.StatusCode.UNAVAILABLE
        assert status_of(kept) is OK
        place.show(place.servers)
        wait_until(lambda: [once(place, server, held) for _ in range(CONNECTIONS)], [OK] * CONNECTIONS)


def test_an_authority_that_is_taken_away_ends_its_certificates_on_open_connections(
    place: Certifying, server: Server
) -> None:
    leaving = ClientAuthority("leaving")
    held, staying = leaving.holding(uri(GATEWAY)), place.clients.holding(uri(GATEWAY))
    assert once(place, server, held) is grpc.StatusCode.UNAVAILABLE
    place.accept(place.clients, leaving)
    wait_until(lambda: [once(place, server, held) for _ in range(CONNECTIONS)], [OK] * CONNECTIONS)
    with several(place, server, held) as stubs, connected(server.mutual_tls, place.servers, staying) as other:
        assert {status_of(stub) for stub in (*stubs, other)} == {OK}
        place.accept(place.clients)
        wait_until(lambda: {status_of(stub) for stub in stubs}, {UNAUTHENTICATED})
        assert status_of(other) is OK


def test_nobody_else_can_take_the_address(place: Certifying, server: Server, project: Project) -> None:
    for file in ("magistrate.toml", "server.pem", "server.key", "clients.pem"):
        (project.folder / file).write_bytes((place.folder / file).read_bytes())
    (project.folder / "server.key").chmod(0o600)
    said = project.with_settings(config="magistrate.toml", grpc_mtls=server.mutual_tls).refused()
    assert f"the address `{server.mutual_tls}` is in use by another process" in said
    assert "--grpc-mtls" in said


def test_what_is_revoked_stays_so_after_a_restart(place: Certifying, server: Server) -> None:
    """The last one here: it ends the service that the others share."""
    held = place.clients.holding(host("night.example.org"))
    administrator(place, server).must_run("certificate", "revoke", "--sha256", held.sha256)
    wait_until(lambda: once(place, server, held), UNAUTHENTICATED)
    assert server.stop() == 0
    with place.project.serving("--dev") as again:
        assert once(place, again, held) is UNAUTHENTICATED
        assert once(place, again, place.clients.holding(host("night.example.org"))) is OK
