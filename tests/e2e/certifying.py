"""A project whose service lets clients call by certificate, and connections that are made by one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509
from magistrate.v1.authorization_pb2 import CheckRequest
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from tests.e2e.asking import SECONDS, question, refusal_of
from tests.e2e.running import Project
from tests.identity_provider.clients import ClientAuthority, Held

SETTINGS = """
grpc_mtls = "127.0.0.1:0"
watch_seconds = 0.05
[limits]
failed_authentications = 100000
[certificates]
certificate_file = "server.pem"
key_file = "server.key"
client_ca_file = "clients.pem"
trust_domains = ["example.org"]
[certificates.principals]
"batch.example.org" = "magistrate.Service:batch"
"night.example.org" = "magistrate.Service:night"
"spiffe://example.org/desk" = "User:desk"
"""
GATEWAY = "spiffe://example.org/shop/gateway"
"""A name that is not mapped."""


@dataclass(frozen=True, slots=True)
class Certifying:
    """A project, the authority of its clients and that of its server."""

    project: Project
    clients: ClientAuthority
    servers: ClientAuthority

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.project.folder

    def show(self, servers: ClientAuthority) -> None:
        """Puts a new server certificate in place."""
        server_certificate(servers).write(self.folder / "server.pem", self.folder / "server.key")

    def accept(self, *clients: ClientAuthority) -> None:
        """Puts these authorities of clients in place."""
        (self.folder / "clients.pem").write_bytes(b"".join(each.pem for each in clients))


def certifying(project: Project) -> Certifying:
    """The project with certificates in place, and grants by which every service may ask as any user."""
    clients, servers = ClientAuthority("clients"), ClientAuthority("servers")
    (project.folder / "magistrate.toml").write_text(SETTINGS)
    made = Certifying(project.with_settings(config="magistrate.toml"), clients, servers)
    made.show(servers)
    made.accept(clients)
    project.must_run("admin", "grant", "magistrate.Service:*", "pep")
    project.must_run("admin", "grant", "magistrate.Service:*", "check_as:User")
    return made


def server_certificate(servers: ClientAuthority) -> Held:
    """A certificate for a server of that name."""
    return servers.holding(x509.DNSName("magistrate.test"))


@contextmanager
def connected(address: str, root: ClientAuthority, held: Held | None) -> Iterator[AuthorizationServiceStub]:
    """The stub over a connection of its own, which repeats nothing."""
    key, chain = (held.key_pem, held.pem + held.others) if held is not None else (None, None)
    options = (
        ("grpc.enable_retries", 0),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.ssl_target_name_override", "magistrate.test"),
    )
    with grpc.secure_channel(address, grpc.ssl_channel_credentials(root.pem, key, chain), options) as channel:
        yield AuthorizationServiceStub(channel)


def as_alice() -> CheckRequest:
    """What only a caller that may ask as a user may ask."""
    asked = question("read", "Document:plan")
    asked.principal.type, asked.principal.id = "User", "alice"
    return asked


def status_of(
    stub: AuthorizationServiceStub, metadata: tuple[tuple[str, str], ...] = (), asked: CheckRequest | None = None
) -> grpc.StatusCode:
    """How a question as alice ends; one that is answered must be allowed."""
    try:
        answer = stub.Check(asked or as_alice(), metadata=metadata, timeout=SECONDS)
    except grpc.RpcError as error:
        return refusal_of(error).status
    assert answer.code == "ALLOWED", answer
    return grpc.StatusCode.OK
