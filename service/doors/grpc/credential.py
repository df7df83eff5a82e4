"""CredentialService: reads the message, has it done in a thread, writes the answer."""

import asyncio

from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import ServicerContext
from magistrate.v1 import credential_pb2 as pb
from magistrate.v1 import credential_pb2_grpc as pb_grpc
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.values import Ref
from service.doors.grpc.caller import Callers
from service.doors.grpc.codec import write_time
from service.doors.grpc.paging import page_size, read_page_token, write_page_token
from service.doors.grpc.rim import answering
from service.errors import InvalidRequest, Violation
from service.revocations.revocation import RevokedPrincipal, RevokedToken, TokenName
from service.revocations.revoking import Revoking
from service.revocations.store import Revoked, RowKey, key_of

_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999, where timestamps end."""


class CredentialServicer(pb_grpc.CredentialServiceServicer):
    """The RPCs; a write waits for the disk, so none runs on the loop."""

    def __init__(self, callers: Callers, revoking: Revoking) -> None:
        self._callers = callers
        self._revoking = revoking

    @answering
    async def RevokeToken(  # noqa: N802
        self, request: pb.RevokeTokenRequest, context: ServicerContext[pb.RevokeTokenRequest, pb.RevokeTokenResponse]
    ) -> pb.RevokeTokenResponse:
        """Revokes one token."""
        caller, name = await self._callers.admitted(context), TokenName(request.issuer, request.jti)
        expires_at = _read_time(request.expires_at) if request.HasField("expires_at") else None
        revision = await asyncio.to_thread(self._revoking.revoke_token, caller, name, expires_at)
        return pb.RevokeTokenResponse(revision=revision)

    @answering
    async def RevokePrincipal(  # noqa: N802
        self,
        request: pb.RevokePrincipalRequest,
        context: ServicerContext[pb.RevokePrincipalRequest, pb.RevokePrincipalResponse],
    ) -> pb.RevokePrincipalResponse:
        """Revokes what a principal was issued up to now."""
        caller, principal = await self._callers.admitted(context), Ref(request.principal.type, request.principal.id)
        expires_at = _read_time(request.expires_at) if request.HasField("expires_at") else None
        kept, revision = await asyncio.to_thread(self._revoking.revoke_principal, caller, principal, expires_at)
        return pb.RevokePrincipalResponse(revision=revision, issued_until=write_time(kept.issued_until))

    @answering
    async def ListRevocations(  # noqa: N802
        self,
        request: pb.ListRevocationsRequest,
        context: ServicerContext[pb.ListRevocationsRequest, pb.ListRevocationsResponse],
    ) -> pb.ListRevocationsResponse:
        """Lists what is revoked."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        after = RowKey(*read_page_token(request.page_token, len(RowKey._fields))) if request.page_token else None
        found = await asyncio.to_thread(self._revoking.page, caller, after, size + 1)
        page = found[:size]
        following = write_page_token(key_of(page[-1].what)) if len(found) > size else ""
        return pb.ListRevocationsResponse(revocations=map(_write, page), next_page_token=following)


def _read_time(given: Timestamp) -> int:
    """The moment in milliseconds since 1970 UTC."""
    if not 0 <= given.seconds <= _LAST_SECOND:
        raise InvalidRequest([Violation("expires_at", "a moment from 1970 to 9999")])
    return given.seconds * 1000 + given.nanos // 1_000_000


def _write(revoked: Revoked) -> pb.Revocation:
    message = pb.Revocation(revoked_at=write_time(revoked.at), revoked_by=revoked.by)
    match revoked.what:
        case RevokedToken(name):
            message.token.CopyFrom(pb.TokenName(issuer=name.issuer, jti=name.token_id))
        case RevokedPrincipal(principal, issued_until):
            message.principal.CopyFrom(EntityRef(type=principal.type, id=principal.id))
            message.issued_until.CopyFrom(write_time(issued_until))
    if revoked.what.kept_until is not None:
        message.kept_until.CopyFrom(write_time(revoked.what.kept_until))
    return message
