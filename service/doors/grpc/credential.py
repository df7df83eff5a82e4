"""CredentialService: reads the message, has it done in a thread, writes the answer."""

from dataclasses import dataclass

from grpc.aio import ServicerContext
from magistrate.v1 import credential_pb2 as pb
from magistrate.v1 import credential_pb2_grpc as pb_grpc

from service.authn.api_keys.issuing import ApiKeys
from service.authn.sessions.opening import Sessions
from service.doors.beside import beside
from service.doors.grpc.caller import Callers
from service.doors.grpc.codec import write_time
from service.doors.grpc.credential_codec import (
    read_duration,
    read_time,
    read_wanted_key,
    read_wanted_session,
    write_key,
    write_revocation,
    write_session,
)
from service.doors.grpc.entity_codec import read_id, read_ref
from service.doors.grpc.paging import page_size, read_page_token, write_page_token
from service.doors.grpc.rim import answering
from service.errors import InvalidRequest, Violation
from service.model import Caller
from service.revocations.revocation import KeyName, TokenName
from service.revocations.revoking import Revoking
from service.revocations.store import RowKey, key_of


@dataclass(frozen=True, slots=True)
class CredentialActs:
    """What the service does with credentials. The acts do I/O."""

    revoking: Revoking
    keys: ApiKeys
    sessions: Sessions


class CredentialServicer(pb_grpc.CredentialServiceServicer):
    """The RPCs; a write waits for the disk, so none runs on the loop."""

    def __init__(self, callers: Callers, acts: CredentialActs) -> None:
        self._callers = callers
        self._revoking = acts.revoking
        self._keys = acts.keys
        self._sessions = acts.sessions

    @answering
    async def RevokeToken(  # noqa: N802
        self, request: pb.RevokeTokenRequest, context: ServicerContext[pb.RevokeTokenRequest, pb.RevokeTokenResponse]
    ) -> pb.RevokeTokenResponse:
        """Revokes one token."""
        caller, name = await self._callers.admitted(context), TokenName(request.issuer, request.jti)
        expires_at = read_time(request.expires_at, "expires_at") if request.HasField("expires_at") else None
        revision = await beside(self._revoking.revoke_token, caller, name, expires_at)
        return pb.RevokeTokenResponse(revision=revision)

    @answering
    async def RevokePrincipal(  # noqa: N802
        self,
        request: pb.RevokePrincipalRequest,
        context: ServicerContext[pb.RevokePrincipalRequest, pb.RevokePrincipalResponse],
    ) -> pb.RevokePrincipalResponse:
        """Revokes what a principal was issued up to now."""
        caller, principal = await self._callers.admitted(context), read_ref("principal", request.principal)
        expires_at = read_time(request.expires_at, "expires_at") if request.HasField("expires_at") else None
        kept, revision = await beside(self._revoking.revoke_principal, caller, principal, expires_at)
        return pb.RevokePrincipalResponse(revision=revision, issued_until=write_time(kept.issued_until))

    @answering
    async def RevokeIssuerKey(  # noqa: N802
        self,
        request: pb.RevokeIssuerKeyRequest,
        context: ServicerContext[pb.RevokeIssuerKeyRequest, pb.RevokeIssuerKeyResponse],
    ) -> pb.RevokeIssuerKeyResponse:
        """Revokes a key of an issuer."""
        caller, name = await self._callers.admitted(context), KeyName(request.issuer, request.kid)
        expires_at = read_time(request.expires_at, "expires_at") if request.HasField("expires_at") else None
        revision = await beside(self._revoking.revoke_key, caller, name, expires_at)
        return pb.RevokeIssuerKeyResponse(revision=revision)

    @answering
    async def RevokeCertificate(  # noqa: N802
        self,
        request: pb.RevokeCertificateRequest,
        context: ServicerContext[pb.RevokeCertificateRequest, pb.RevokeCertificateResponse],
    ) -> pb.RevokeCertificateResponse:
        """Revokes one certificate."""
        caller = await self._callers.admitted(context)
        expires_at = read_time(request.expires_at, "expires_at") if request.HasField("expires_at") else None
        revision = await beside(self._revoking.revoke_certificate, caller, request.sha256, expires_at)
        return pb.RevokeCertificateResponse(revision=revision)

    @answering
    async def LiftPrincipal(  # noqa: N802
        self,
        request: pb.LiftPrincipalRequest,
        context: ServicerContext[pb.LiftPrincipalRequest, pb.LiftPrincipalResponse],
    ) -> pb.LiftPrincipalResponse:
        """Lets the certificates of a revoked principal in again."""
        caller, principal = await self._callers.admitted(context), read_ref("principal", request.principal)
        return pb.LiftPrincipalResponse(revision=await beside(self._revoking.lift_principal, caller, principal))

    @answering
    async def ListRevocations(  # noqa: N802
        self,
        request: pb.ListRevocationsRequest,
        context: ServicerContext[pb.ListRevocationsRequest, pb.ListRevocationsResponse],
    ) -> pb.ListRevocationsResponse:
        """Lists what is revoked."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        after = RowKey(*read_page_token(request.page_token, len(RowKey._fields))) if request.page_token else None
        found = await beside(self._revoking.page, caller, after, size + 1)
        page = found[:size]
        following = write_page_token(key_of(page[-1].what)) if len(found) > size else ""
        return pb.ListRevocationsResponse(revocations=map(write_revocation, page), next_page_token=following)

    @answering
    async def CreateApiKey(  # noqa: N802
        self,
        request: pb.CreateApiKeyRequest,
        context: ServicerContext[pb.CreateApiKeyRequest, pb.CreateApiKeyResponse],
    ) -> pb.CreateApiKeyResponse:
        """Makes an API key."""
        caller, wanted = await self._callers.admitted(context), read_wanted_key(request)
        issued = await beside(self._keys.create, caller, wanted)
        return pb.CreateApiKeyResponse(key=write_key(issued.key), secret=issued.text, revision=issued.revision)

    @answering
    async def RotateApiKey(  # noqa: N802
        self,
        request: pb.RotateApiKeyRequest,
        context: ServicerContext[pb.RotateApiKeyRequest, pb.RotateApiKeyResponse],
    ) -> pb.RotateApiKeyResponse:
        """Gives a key a new secret."""
        caller, overlap = await self._callers.admitted(context), read_duration(request.overlap, "overlap")
        issued = await beside(self._keys.rotate, caller, read_id("id", request.id), overlap)
        return pb.RotateApiKeyResponse(key=write_key(issued.key), secret=issued.text, revision=issued.revision)

    @answering
    async def RevokeApiKey(  # noqa: N802
        self,
        request: pb.RevokeApiKeyRequest,
        context: ServicerContext[pb.RevokeApiKeyRequest, pb.RevokeApiKeyResponse],
    ) -> pb.RevokeApiKeyResponse:
        """Refuses a key from now on."""
        caller = await self._callers.admitted(context)
        return pb.RevokeApiKeyResponse(revision=await beside(self._keys.revoke, caller, read_id("id", request.id)))

    @answering
    async def GetApiKey(  # noqa: N802
        self, request: pb.GetApiKeyRequest, context: ServicerContext[pb.GetApiKeyRequest, pb.GetApiKeyResponse]
    ) -> pb.GetApiKeyResponse:
        """Says what is known of a key."""
        caller = await self._callers.admitted(context)
        return pb.GetApiKeyResponse(key=write_key(await beside(self._keys.get, caller, read_id("id", request.id))))

    @answering
    async def ListApiKeys(  # noqa: N802
        self, request: pb.ListApiKeysRequest, context: ServicerContext[pb.ListApiKeysRequest, pb.ListApiKeysResponse]
    ) -> pb.ListApiKeysResponse:
        """Lists the keys."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        found = await beside(self._keys.page, caller, _after(request.page_token), size + 1)
        following = write_page_token([found[size - 1].id]) if len(found) > size else ""
        return pb.ListApiKeysResponse(keys=map(write_key, found[:size]), next_page_token=following)

    @answering
    async def CreateSession(  # noqa: N802
        self,
        request: pb.CreateSessionRequest,
        context: ServicerContext[pb.CreateSessionRequest, pb.CreateSessionResponse],
    ) -> pb.CreateSessionResponse:
        """Opens a session."""
        caller, wanted = await self._callers.admitted(context), read_wanted_session(request)
        opened = await beside(self._sessions.open, caller, wanted)
        return pb.CreateSessionResponse(
            session=write_session(opened.session), token=opened.text, revision=opened.revision
        )

    @answering
    async def RevokeSession(  # noqa: N802
        self,
        request: pb.RevokeSessionRequest,
        context: ServicerContext[pb.RevokeSessionRequest, pb.RevokeSessionResponse],
    ) -> pb.RevokeSessionResponse:
        """Ends one session, or all of a principal's."""
        caller = await self._callers.admitted(context)
        count, revision = await beside(self._end_session, caller, request)
        return pb.RevokeSessionResponse(count=count, revision=revision)

    @answering
    async def ListSessions(  # noqa: N802
        self, request: pb.ListSessionsRequest, context: ServicerContext[pb.ListSessionsRequest, pb.ListSessionsResponse]
    ) -> pb.ListSessionsResponse:
        """Lists the sessions."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        principal = read_ref("principal", request.principal) if request.HasField("principal") else None
        after = _after(request.page_token)
        found = await beside(self._sessions.page, caller, principal, after, size + 1)
        following = write_page_token([found[size - 1].id]) if len(found) > size else ""
        return pb.ListSessionsResponse(sessions=map(write_session, found[:size]), next_page_token=following)

    def _end_session(self, caller: Caller, request: pb.RevokeSessionRequest) -> tuple[int, str]:
        match request.WhichOneof("which"):
            case "id":
                return 1, self._sessions.end(caller, read_id("id", request.id))
            case "token":
                return 1, self._sessions.end_presented(caller, request.token)
            case "principal":
                return self._sessions.end_all(caller, read_ref("principal", request.principal))
            case None:
                raise InvalidRequest([Violation("which", "id, token or principal")])


def _after(token: str) -> str | None:
    return read_page_token(token, 1)[0] if token else None
