"""A worker's door over real keys, for attacks: two issuers, a reception, revocations, and a decision point behind."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub
from magistrate.v1.types_pb2 import Entity

from policy_lang.types import Json
from service.asking import Asking
from service.authn.authenticator import TokenAuthenticator
from service.config import Limits
from service.doors.grpc.authorization import AuthorizationServicer
from service.doors.grpc.server import AUTHORIZATION, GrpcDoor
from service.model import Batch, Consistency, Known
from tests.service.authn.attacks import SKEW, TOKEN_BYTES
from tests.service.authn.forge import (
    ASKED,
    CALLS,
    EC_KEY,
    ISSUER,
    OTHER_EC_KEY,
    claims,
    public_jwk,
    settings,
    sign,
    write_jwks,
)
from tests.service.doors.receiving import callers
from tests.service.point import KeptRecords, build_point
from tests.service.revocations.worker import Stored, Worker, working

if TYPE_CHECKING:
    from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceAsyncStub

OTHER_ISSUER: Final = "https://other.example"
_ID: Final = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LIMITS: Final = Limits(token_bytes=TOKEN_BYTES, clock_skew_seconds=SKEW)


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a caller gets of a refusal: its code, its text, and the bytes of its details.

    The id under which the service's log has it is drawn by chance; here it is one and the same.
    """

    code: grpc.StatusCode
    text: str
    trailers: tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class Door:
    """The door, open, as attackers and others find it."""

    stub: "AuthorizationServiceAsyncStub"
    worker: Worker

    async def calls(self, *tokens: str) -> Answer | pb.CheckResponse:
        """What is answered to a check that presents the tokens, each as a credential of its own."""
        return await self.presents([f"Bearer {token}" for token in tokens])

    async def presents(self, values: Sequence[str], principal_token: str | None = None) -> Answer | pb.CheckResponse:
        """What is answered to a check with those `authorization` values."""
        request = pb.CheckRequest(action="read", resource=Entity(type="Order", id="o1"))
        if principal_token is not None:
            request.principal_token = principal_token
        metadata = tuple(("authorization", value) for value in values)
        try:
            return await self.stub.Check(request, metadata=metadata, timeout=30)
        except grpc.aio.AioRpcError as error:
            trailers = tuple((name, _without_id(value)) for name, value in error.trailing_metadata())
            return Answer(error.code(), error.details() or "", trailers)

    async def is_asked_about(self, token: str) -> Answer | pb.CheckResponse:
        """What is answered to a good caller that asks for whom the token names."""
        return await self.presents([f"Bearer {gateway()}"], token)


def _without_id(value: str | bytes) -> str | bytes:
    """The value with any id of chance in it turned to zeros."""
    return _ID.sub(lambda found: b"0" * len(found[0]), value) if isinstance(value, bytes) else value


def gateway() -> str:
    """The token of a caller that may ask for others."""
    return sign(claims(sub="gateway"))


def alice(**changes: Json) -> str:
    """The token of a caller that may ask about herself."""
    return sign(claims(**changes))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Door]:
    """A door that trusts ISSUER, whose `k1` is EC_KEY, and OTHER_ISSUER, whose `k2` is OTHER_EC_KEY.

    Beside it ISSUER has a `k2` of its own.
    """
    first = write_jwks(folder / "first.json", public_jwk(EC_KEY), public_jwk(generate_private_key(SECP256R1()), "k2"))
    second = write_jwks(folder / "second.json", public_jwk(OTHER_EC_KEY, "k2"))
    trusted = [
        settings(issuer=ISSUER, audience=[CALLS], subject_audiences=[ASKED], jwks_file=first),
        settings(issuer=OTHER_ISSUER, audience=[CALLS], jwks_file=second, principal_type="Agent"),
    ]
    async with working(Stored()) as worker:
        authenticator = TokenAuthenticator(trusted, LIMITS, revocations=worker.revocations)
        point = build_point(folder, KeptRecords(), authenticator)

        async def fetch(batch: Batch, _: Consistency, timeout_ms: int | None) -> Known:
            return point.fetch(batch, timeout_ms)

        async def reach(consistency: Consistency, _: int | None) -> Consistency:
            return consistency

        received = callers(authenticator)
        asking = Asking(received.reception, point, fetch=fetch, reach=reach)
        servicer = AuthorizationServicer(received, asking, Limits(), ended=asyncio.Event().wait)
        door = GrpcDoor([(AUTHORIZATION, servicer)], Limits(), verify=received.verified)
        port = await door.open("127.0.0.1:0")
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub: AuthorizationServiceAsyncStub = AuthorizationServiceStub(channel)
                yield Door(stub, worker)
        finally:
            await door.close(1)
