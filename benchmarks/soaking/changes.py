"""What changes all the while: policies, facts that are asked about, tokens that are revoked; each is seen to count."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Final

import grpc
import jwt
from grpc import aio
from magistrate.v1.authorization_pb2 import CheckRequest, CheckResponse
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub
from magistrate.v1.credential_pb2 import RevokeTokenRequest
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub
from magistrate.v1.entity_pb2 import PutEntityRequest
from magistrate.v1.entity_pb2_grpc import EntityServiceStub
from magistrate.v1.types_pb2 import Entity, EntityRef, Value

from benchmarks.world import World
from policy_lang.values import Ref
from service.authn.dev import mint

POLICY_SECONDS: Final = 10.0
WRITE_SECONDS: Final = 0.1
REVOKE_SECONDS: Final = 2.0
PATIENCE: Final = 30.0
TOUCHED: Final = ("locked: bool }", "locked: bool, touched: int? }")
"""What is written anew all the while is an attribute that no rule reads, of resources that are asked about."""


@dataclass(slots=True)
class Changed:
    """How often what was changed, and what did not come to count in time."""

    policies: int = 0
    writes: int = 0
    revocations: int = 0
    faults: list[str] = field(default_factory=list)


class Changes:
    """Changes the service in that folder until it is cancelled."""

    def __init__(self, folder: Path, address: str, world: World, token: str) -> None:
        self.changed = Changed()
        self._folder = folder
        self._address = address
        self._world = world
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._question = CheckRequest(
            action="read", resource=Entity(type="Document", id="d7"), context={"ip": Value(string_value="10.1.2.3")}
        )

    async def go_on(self) -> None:
        """All of them at once."""
        async with aio.insecure_channel(self._address) as channel:
            self._checks = AuthorizationServiceStub(channel)
            self._facts = EntityServiceStub(channel)
            self._credentials = CredentialServiceStub(channel)
            async with asyncio.TaskGroup() as tasks:
                for seconds, change in (
                    (POLICY_SECONDS, self._policies),
                    (WRITE_SECONDS, self._fact),
                    (REVOKE_SECONDS, self._revoke),
                ):
                    tasks.create_task(self._keep(seconds, change))

    async def _keep(self, seconds: float, change: Callable[[int], Awaitable[None]]) -> None:
        for number in count(1):
            try:
                async with asyncio.timeout(PATIENCE):
                    await change(number)
            except (grpc.RpcError, TimeoutError) as error:
                self.changed.faults.append(f"{change.__name__.strip('_')} {number}: {error!r}")
            await asyncio.sleep(seconds)

    async def _policies(self, number: int) -> None:
        """Other policies, which decide alike; until an answer is by them."""
        before = (await self._check()).policy_digest
        rule = f"rule soaking: deny share on Document when resource.level > {1000 + number}"
        (self._folder / "policies" / "soaking.policy").write_text(f"module docs\n\n{rule}\n")
        while (await self._check()).policy_digest == before:
            await asyncio.sleep(0.1)
        self.changed.policies += 1

    async def _fact(self, number: int) -> None:
        """A resource that is asked about, written anew."""
        document = number * 7 % self._world.documents
        given = self._world.document(document) | {"touched": number}
        attributes = {name: _value(name, each) for name, each in given.items()}
        entity = Entity(type="Document", id=f"d{document}", attributes=attributes)
        await self._facts.PutEntity(PutEntityRequest(entity=entity), metadata=self._metadata)
        self.changed.writes += 1

    async def _revoke(self, number: int) -> None:
        """A token that was good, until it is refused."""
        now, user = time.time_ns() // 1_000_000, Ref("User", f"u{number % self._world.users}")
        token = mint(self._folder / ".magistrate", user, now=now, ttl=timedelta(minutes=10))
        own = (("authorization", f"Bearer {token}"),)
        await self._checks.Check(self._question, metadata=own)
        claims = jwt.decode(token, options={"verify_signature": False})
        request = RevokeTokenRequest(issuer=claims["iss"], jti=claims["jti"])
        request.expires_at.FromSeconds(claims["exp"])
        await self._credentials.RevokeToken(request, metadata=self._metadata)
        while True:
            try:
                await self._checks.Check(self._question, metadata=own)
            except aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
                break
            await asyncio.sleep(0.02)
        self.changed.revocations += 1

    async def _check(self) -> CheckResponse:
        return await self._checks.Check(self._question, metadata=self._metadata)


def _value(name: str, given: object) -> Value:
    """An attribute of a resource of the world."""
    match name, given:
        case "tenant", str(id_):
            return Value(ref_value=EntityRef(type="Tenant", id=id_))
        case "owner", str(id_):
            return Value(ref_value=EntityRef(type="User", id=id_))
        case _, bool(truth):
            return Value(bool_value=truth)
        case _, int(number):
            return Value(int_value=number)
        case _, text:
            return Value(string_value=str(text))
