"""A door with CredentialService alone over a real store; whom a token names is its text."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import grpc
import pytest
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub

from policy_lang.values import Ref
from service.app.own_credentials import revoke_own
from service.authn.api_keys.issuing import ApiKeys
from service.authn.api_keys.peppers import Peppers
from service.authn.api_keys.store import ApiKeyStore
from service.authn.sessions.opening import Sessions
from service.authn.sessions.store import SessionStore
from service.config import Limits
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.doors.grpc.credential import CredentialActs, CredentialServicer
from service.doors.grpc.server import CREDENTIAL, RPCS, GrpcDoor
from service.entities.store import EntityStore
from service.errors import Unauthenticated
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.model import Bounds, Caller, Principal, Scopes
from service.policies.folder import activate
from service.revocations.revoking import Revoking, Trusted
from service.revocations.store import RevocationStore
from tests.service.doors.receiving import Named, callers
from tests.service.point import NOW, POLICY, KeptRecords, OnePolicy

Answer = TypeVar("Answer")
Call = Callable[[CredentialServiceStub, tuple[tuple[str, str], ...]], Answer]

SKEW: Final = 30
PEPPERS: Final = Peppers({"p1": b"p" * 32})
HOLDERS: Final = ("admin", "auditor", "author", "pep", "reader", "check", "assert_attributes", "check_as:User")
"""Grants that are held everywhere, each by the user of that name, with `-` for `:`."""
BOUNDS: Final = {
    "bound": Bounds("api-key b", Scopes(frozenset({"CredentialService.*", "AuthorizationService.Check"}))),
    "brief": Bounds("api-key s", Scopes(frozenset({"CredentialService.*"})), ends_at=NOW + 60_000),
    "questions": Bounds("api-key q", Scopes(frozenset({"AuthorizationService.*"}))),
}
"""The admin's keys, by the tokens that they are here."""


@dataclass
class Desk:
    """The service, asked by users whose tokens are their names."""

    database: Database
    gate: Gate
    records: KeptRecords = field(default_factory=KeptRecords)
    certified_types: frozenset[str] | None = frozenset({"magistrate.Service"})

    @property
    def store(self) -> RevocationStore:
        """What is revoked."""
        return RevocationStore(self.database, also=revoke_own)

    @property
    def keys(self) -> ApiKeyStore:
        """The keys that were made."""
        return ApiKeyStore(self.database)

    @property
    def sessions(self) -> SessionStore:
        """The sessions that were opened."""
        return SessionStore(self.database)

    def acts(self, revoking: Revoking) -> CredentialActs:
        """What the service does with credentials."""
        keys = ApiKeys(self.keys, peppers=PEPPERS, gate=self.gate, rpcs=RPCS, clock=lambda: NOW)
        return CredentialActs(revoking, keys, Sessions(self.sessions, gate=self.gate, clock=lambda: NOW))

    def ask(self, name: str, call: Call[Answer]) -> Answer:
        """What the service answers the user of that name."""
        return asyncio.run(self._ask(call, (("authorization", f"Bearer {name}"),)))

    def fails(self, name: str, call: Call[object]) -> grpc.Call:
        """How the call of that user fails."""
        with pytest.raises(grpc.RpcError) as caught:
            self.ask(name, call)
        assert isinstance(caught.value, grpc.Call)
        return caught.value

    def status(self, name: str, call: Call[object]) -> grpc.StatusCode:
        """How the call of that user ends."""
        try:
            self.ask(name, call)
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            return error.code()
        return grpc.StatusCode.OK

    @asynccontextmanager
    async def opened(self, caller: Callable[[str], Caller]) -> AsyncIterator[int]:
        """The port of a door where that says whom a token names."""
        trusted = Trusted({"idp", "other"}, {"User"}, SKEW, self.certified_types)
        revoking = Revoking(self.store, gate=self.gate, trusted=trusted, clock=lambda: NOW)
        received = callers(Named(caller), recorder=self.records)
        servicer = CredentialServicer(received, self.acts(revoking))
        door = GrpcDoor([(CREDENTIAL, servicer)], Limits(), verify=received.verified)
        port = await door.open("127.0.0.1:0")
        try:
            yield port
        finally:
            await door.close(1)

    async def _ask(self, call: Call[Answer], who: tuple[tuple[str, str], ...]) -> Answer:
        async with self.opened(verified) as port:
            return await asyncio.to_thread(_call, port, call, who)


def user_of(grant: str) -> str:
    """The user who holds that grant alone."""
    return grant.replace(":", "-")


def verified(token: str) -> Caller:
    """Whom the token names."""
    if token == "stranger":
        raise Unauthenticated("a stranger")
    if token in BOUNDS:
        return Caller(Principal(Ref("User", "admin"), {}), "api-key", BOUNDS[token])
    return Caller(Principal(Ref("User", token), {}), "dev" if token == "developer" else "idp")


def _call(port: int, call: Call[Answer], who: tuple[tuple[str, str], ...]) -> Answer:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return call(CredentialServiceStub(channel), who)


def build_desk(tmp_path: Path) -> Desk:
    """A desk over a new database."""
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    ensure_current(database, "facts")
    grants = Grants(database)
    for grant in HOLDERS:
        grants.give(Ref("User", user_of(grant)), grant, None)
    grants.give(Ref("User", "local"), "admin", Ref("Tenant", "t1"))
    records = KeptRecords()
    gate = Gate(
        governance=Governance(["dev"]),
        policies=OnePolicy(activate({"shop.policy": POLICY})),
        facts=EntityStore(database),
        recorder=records,
        clock=lambda: NOW,
    )
    return Desk(database, gate, records)
