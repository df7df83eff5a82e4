"""Turns the messages of CredentialService into the model, and what came of them into messages."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1 import credential_pb2 as pb
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.values import Ref
from service.authn.api_keys.api_key import ApiKey
from service.authn.api_keys.issuing import WantedKey
from service.authn.sessions.opening import IDLE_MS, LIFETIME_MS, WantedSession
from service.authn.sessions.session import Purpose, Session
from service.doors.grpc.codec import write_time
from service.doors.grpc.entity_codec import read_ref
from service.errors import InvalidRequest, Violation
from service.model import Scopes
from service.rate import Rate
from service.revocations.revocation import (
    LiftedPrincipal,
    RevokedCertificate,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
)
from service.revocations.store import Revoked

_LAST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999, where timestamps end."""
_LONGEST_SECONDS: Final = 315_576_000_000
_PURPOSES: Final[Mapping[Purpose, pb.SessionPurpose.ValueType]] = {
    Purpose.PRINCIPAL_TOKEN: pb.SESSION_PURPOSE_PRINCIPAL_TOKEN,
    Purpose.CALL: pb.SESSION_PURPOSE_CALL,
}


def read_time(given: Timestamp, field: str) -> int:
    """The moment in milliseconds since 1970 UTC; InvalidRequest for one before that or past the year 9999."""
    if not 0 <= given.seconds <= _LAST_SECOND:
        raise InvalidRequest([Violation(field, "a moment from 1970 to 9999")])
    return given.seconds * 1000 + given.nanos // 1_000_000


def read_wanted_key(request: pb.CreateApiKeyRequest) -> WantedKey:
    """The key as it is asked for."""
    scopes = request.scopes
    return WantedKey(
        name=request.name,
        scopes=Scopes(frozenset(scopes.rpcs), frozenset(scopes.actions), frozenset(scopes.types)),
        principal=read_ref("principal", request.principal) if request.HasField("principal") else None,
        owner=read_ref("owner", request.owner) if request.HasField("owner") else None,
        rate=_read_rate(request.rate) if request.HasField("rate") else None,
        expires_at=read_time(request.expires_at, "expires_at") if request.HasField("expires_at") else None,
    )


def read_wanted_session(request: pb.CreateSessionRequest) -> WantedSession:
    """The session as it is asked for."""
    return WantedSession(
        principal=read_ref("principal", request.principal),
        purpose=Purpose.CALL if request.purpose == pb.SESSION_PURPOSE_CALL else Purpose.PRINCIPAL_TOKEN,
        idle_ms=read_duration(request.idle, "idle") if request.HasField("idle") else IDLE_MS,
        lifetime_ms=read_duration(request.lifetime, "lifetime") if request.HasField("lifetime") else LIFETIME_MS,
    )


def read_duration(given: Duration, field: str) -> int:
    """The milliseconds; InvalidRequest for less than none, and for more than protobuf allows."""
    if not 0 <= given.seconds <= _LONGEST_SECONDS or given.nanos < 0:
        raise InvalidRequest([Violation(field, "a length of time")])
    return given.seconds * 1000 + given.nanos // 1_000_000


def write_key(key: ApiKey) -> pb.ApiKey:
    """What is known of a key."""
    return pb.ApiKey(
        id=key.id,
        name=key.name,
        principal=_write_ref(key.principal),
        owner=_write_ref(key.owner),
        scopes=pb.KeyScopes(
            rpcs=sorted(key.scopes.rpcs), actions=sorted(key.scopes.actions), types=sorted(key.scopes.types)
        ),
        rate=pb.KeyRate(per_minute=key.rate.per_minute, burst=key.rate.burst) if key.rate is not None else None,
        created_at=write_time(key.created_at),
        created_by=key.created_by,
        rotated_at=_write_moment(key.rotated_at),
        former_until=_write_moment(key.former.until if key.former is not None else None),
        expires_at=_write_moment(key.expires_at),
        last_used_at=_write_moment(key.last_used_at),
        revoked_at=_write_moment(key.revoked_at),
        revoked_by=key.revoked_by,
    )


def write_session(session: Session) -> pb.Session:
    """What is known of a session."""
    return pb.Session(
        id=session.id,
        principal=_write_ref(session.principal),
        purpose=_PURPOSES[session.purpose],
        idle=Duration(seconds=session.idle_ms // 1000, nanos=session.idle_ms % 1000 * 1_000_000),
        opened_at=write_time(session.opened_at),
        opened_by=session.opened_by,
        renewed_at=write_time(session.renewed_at),
        ends_at=write_time(session.ends_at),
        revoked_at=_write_moment(session.revoked_at),
        revoked_by=session.revoked_by,
    )


def write_revocation(revoked: Revoked) -> pb.Revocation:
    """Something that is revoked."""
    message = pb.Revocation(revoked_at=write_time(revoked.at), revoked_by=revoked.by)
    match revoked.what:
        case RevokedToken(name):
            message.token.CopyFrom(pb.TokenName(issuer=name.issuer, jti=name.token_id))
        case RevokedKey(key):
            message.issuer_key.CopyFrom(pb.IssuerKeyName(issuer=key.issuer, kid=key.key_id))
        case RevokedCertificate(fingerprint):
            message.certificate.CopyFrom(pb.CertificateName(sha256=fingerprint))
        case LiftedPrincipal(principal, revoked_until):
            message.lifted.CopyFrom(_write_ref(principal))
            message.issued_until.CopyFrom(write_time(revoked_until))
        case RevokedPrincipal(principal, issued_until):
            message.principal.CopyFrom(_write_ref(principal))
            message.issued_until.CopyFrom(write_time(issued_until))
    if revoked.what.kept_until is not None:
        message.kept_until.CopyFrom(write_time(revoked.what.kept_until))
    return message


def _read_rate(message: pb.KeyRate) -> Rate:
    return Rate(message.per_minute, message.burst or message.per_minute)


def _write_ref(ref: Ref) -> EntityRef:
    return EntityRef(type=ref.type, id=ref.id)


def _write_moment(moment: int | None) -> Timestamp | None:
    return None if moment is None else write_time(moment)
