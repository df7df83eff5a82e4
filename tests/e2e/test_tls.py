"""The door for tokens by TLS: what is spoken there, by whom it is reached, and certificates that change meanwhile."""

import hashlib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import grpc
import httpx
import pytest
from cryptography import x509
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from tests.e2e.asking import SECONDS, bearer, question, refusal_of, stub_of
from tests.e2e.evaluating import is_evaluated
from tests.e2e.running import Project, Server, wait_for, wait_until
from tests.identity_provider.clients import ClientAuthority, Held, host, uri

SETTINGS = """
grpc_mtls = "127.0.0.1:0"
http = "localhost:0"
watch_seconds = 0.05
[tls]
certificate_file = "server.pem"
key_file = "server.key"
[certificates]
certificate_file = "server.pem"
key_file = "server.key"
client_ca_file = "ca.pem"
trust_domains = ["example.org"]
"""
CONNECTIONS = 8
"""Enough that two workers both have some, but for one time in a hundred and twenty."""
OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
EXPIRES = "magistrate_certificate_expiry_timestamp_seconds"
REFUSED = "magistrate_certificate_files_refused"


@dataclass(frozen=True, slots=True)
class Place:
    """A project whose doors speak TLS, and the authority of its certificates."""

    project: Project
    authority: ClientAuthority

    def show(self, held: Held) -> None:
        """Puts a certificate in place, and its key."""
        held.write(self.project.folder / "server.pem", self.project.folder / "server.key")


@pytest.fixture(scope="module")
def place(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The project, with certificates for `localhost` and for a client."""
    project = Project(copytree(prepared, tmp_path_factory.mktemp("tls") / "project"))
    authority = ClientAuthority("authority")
    (project.folder / "magistrate.toml").write_text(SETTINGS)
    (project.folder / "ca.pem").write_bytes(authority.pem)
    authority.holding(uri("spiffe://example.org/gateway")).write(
        project.folder / "gateway.pem", project.folder / "gateway.key"
    )
    made = Place(project.with_settings(config="magistrate.toml"), authority)
    made.show(authority.holding(host("localhost")))
    project.must_run("admin", "grant", "magistrate.Service:*", "pep")
    project.must_run("admin", "grant", "magistrate.Service:*", "check_as:User")
    return made


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Server]:
    """Two workers over it, for every test here."""
    with place.project.serving("--dev", "--workers", "2", "--grpc", "localhost:0") as server:
        yield server


@contextmanager
def connected(server: Server, authority: ClientAuthority) -> Iterator[AuthorizationServiceStub]:
    """The stub over a connection of its own, which repeats nothing."""
    options = (("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1))
    with grpc.secure_channel(server.address, grpc.ssl_channel_credentials(authority.pem), options) as channel:
        yield AuthorizationServiceStub(channel)


def status_of(server: Server, stub: AuthorizationServiceStub) -> grpc.StatusCode:
    """How a question of alice ends; one that is answered must be allowed."""
    try:
        metadata = bearer(server.token("User:alice"))
        answer = stub.Check(question("read", "Document:plan"), metadata=metadata, timeout=SECONDS)
    except grpc.RpcError as error:
        return refusal_of(error).status
    assert answer.code == "ALLOWED", answer
    return OK


def once(server: Server, authority: ClientAuthority) -> list[grpc.StatusCode]:
    """How questions over new connections end."""
    ended = []
    for _ in range(CONNECTIONS):
        with connected(server, authority) as stub:
            ended.append(status_of(server, stub))
    return ended


def test_a_token_is_taken_over_tls_and_not_in_plain_text(place: Place, server: Server) -> None:
    with connected(server, place.authority) as stub, stub_of(server.address) as plain:
        assert status_of(server, stub) is OK
        assert status_of(server, plain) is UNAVAILABLE


def trusting(authority: ClientAuthority) -> ssl.SSLContext:
    """TLS that trusts that authority alone."""
    return ssl.create_default_context(cadata=authority.pem.decode())


def over_http(server: Server, authority: ClientAuthority) -> httpx.Client:
    """A client of the HTTP door."""
    return httpx.Client(base_url=server.http, verify=trusting(authority), trust_env=False)


def test_http_is_spoken_over_tls_and_not_in_plain_text(place: Place, server: Server) -> None:
    assert server.http.startswith("https://localhost:")
    with over_http(server, place.authority) as client:
        assert is_evaluated(client, server)
    with (
        httpx.Client(base_url=server.http.replace("https", "http"), trust_env=False) as plain,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        is_evaluated(plain, server)


@pytest.mark.parametrize(("door", "protocol"), [("address", "h2"), ("http", "http/1.1")])
def test_each_door_speaks_its_protocol_and_no_tls_before_1_2(
    place: Place, server: Server, door: str, protocol: str
) -> None:
    name, _, port = str(getattr(server, door)).removeprefix("https://").rpartition(":")
    context = trusting(place.authority)
    context.set_alpn_protocols(["http/1.1", "h2"])
    with socket.create_connection((name, int(port))) as raw, context.wrap_socket(raw, server_hostname=name) as spoken:
        assert (spoken.version(), spoken.selected_alpn_protocol()) == ("TLSv1.3", protocol)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(cadata=place.authority.pem.decode())
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection((name, int(port))) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(raw, server_hostname=name)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(("--token-file", "alice.token"), id="token"),
        pytest.param(
            ("--certificate-file", "gateway.pem", "--key-file", "gateway.key", "--principal", "User:alice"),
            id="certificate",
        ),
    ],
)
def test_a_command_trusts_an_authority_of_a_file(place: Place, server: Server, how: tuple[str, ...]) -> None:
    (place.project.folder / "alice.token").write_text(server.token("User:alice"))
    address = server.address if "--token-file" in how else server.mutual_tls.replace("127.0.0.1", "localhost")
    ended = place.project.run("check", "read", "Document:plan", "--server", address, "--ca-file", "ca.pem", *how)
    assert (ended.returncode, ended.stdout.split()[0]) == (0, "allow"), ended


def shown_over_http(server: Server, authority: ClientAuthority) -> set[str]:
    """The fingerprints of what new connections to the HTTP door are shown; half of them do not say whom they want."""
    name, _, port = server.http.removeprefix("https://").rpartition(":")
    found = set()
    context = trusting(authority)
    context.check_hostname = False
    for at in range(CONNECTIONS):
        with (
            socket.create_connection((name, int(port))) as raw,
            context.wrap_socket(raw, server_hostname=name if at % 2 else None) as spoken,
        ):
            found.add(hashlib.sha256(spoken.getpeercert(binary_form=True) or b"").hexdigest())
    return found


def test_a_new_certificate_is_shown_while_connections_stay(place: Place, server: Server) -> None:
    other = ClientAuthority("another authority")
    after = other.holding(host("localhost"))
    shown = x509.load_pem_x509_certificate((place.project.folder / "server.pem").read_bytes())
    before = 4 * shown.not_valid_after_utc.timestamp()  # two workers, two doors each
    wait_for(lambda: server.metric(EXPIRES) == before)
    with connected(server, place.authority) as kept, over_http(server, place.authority) as kept_http:
        assert status_of(server, kept) is OK
        assert is_evaluated(kept_http, server)
        (place.project.folder / "server.pem").write_bytes(after.pem)  # whose key is not there yet
        wait_until(lambda: server.metric(REFUSED), 4.0)
        wait_for(lambda: "is not the key of" in server.log())
        assert server.metric(EXPIRES) == before
        assert once(server, place.authority) == [OK] * CONNECTIONS
        assert len(shown_over_http(server, place.authority)) == 1
        place.show(after)
        wait_until(lambda: once(server, other), [OK] * CONNECTIONS)
        assert once(server, place.authority) == [UNAVAILABLE] * CONNECTIONS
        assert status_of(server, kept) is OK
        assert shown_over_http(server, other) == {after.sha256}
        assert is_evaluated(kept_http, server)
    wait_until(lambda: server.metric(REFUSED), 0.0)
    ends = after.certificate.not_valid_after_utc.timestamp()
    wait_for(lambda: server.metric(EXPIRES) == 4 * ends)
