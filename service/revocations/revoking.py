"""Revokes on behalf of callers who may: admitted, recorded, then written.

Law: what could never refuse anything, such as a token of an issuer that nobody trusts, is an error and not a comfort.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from policy_lang.values import Ref
from service.certificate_settings import CertificateSettings
from service.errors import InvalidRequest, NotConfigured, Violation
from service.issuer_settings import IssuerSettings
from service.model import Caller
from service.permits import Act, Action
from service.ports import Clock, Gate
from service.revocations.revocation import (
    KEPT_MS,
    KeyName,
    Revocation,
    RevokedCertificate,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
    TokenName,
)
from service.revocations.store import RevocationStore, Revoked, RowKey

TOKEN: Final = "token"  # noqa: S105  # the type of what a record says was revoked
KEY: Final = "issuer_key"
CERTIFICATE: Final = "certificate"
SERVICE_TYPE: Final = "magistrate.Service"
"""The type of what a certificate names that is mapped to nobody."""
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
ALL: Final = Ref("revocation", "*")
"""What a record says was read by whoever lists revocations."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Which credentials can be of use here, and by how much issuers' clocks may differ from this one.

    `certified_types` are the types of whom certificates name, None where they are not accepted.
    """

    issuers: Collection[str]
    principal_types: Collection[str]
    skew_seconds: int
    certified_types: Collection[str] | None = None

    @classmethod
    def of(
        cls, issuers: Sequence[IssuerSettings], skew_seconds: int, certificates: CertificateSettings | None
    ) -> "Trusted":
        """What those settings come to."""
        certified = None if certificates is None else {SERVICE_TYPE, *certificates.principal_types}
        return cls(
            {each.issuer for each in issuers}, {each.principal_type for each in issuers}, skew_seconds, certified
        )

    def certifies(self, principal_type: str) -> bool:
        """Whether a certificate could name a principal of that type."""
        return self.certified_types is not None and principal_type in self.certified_types

    def names(self, principal_type: str) -> bool:
        """Whether a token or a certificate could name a principal of that type."""
        return principal_type in self.principal_types or self.certifies(principal_type)


def _nobody(_: str) -> bool:
    return False


class Revoking:
    """The acts of CredentialService. Its methods do I/O; any thread may run them."""

    def __init__(
        self,
        store: RevocationStore,
        *,
        gate: Gate,
        trusted: Trusted,
        names: Callable[[str], bool] = _nobody,
        clock: Clock,
    ) -> None:
        """`names` says whether a key or a session of this service names anybody of a type."""
        self._store = store
        self._gate = gate
        self._trusted = trusted
        self._names = names
        self._clock = clock

    def trust(self, trusted: Trusted) -> None:
        """Takes tokens of these issuers for those that can be of use."""
        self._trusted = trusted

    def revoke_token(self, caller: Caller, name: TokenName, expires_at: int | None) -> str:
        """Revokes one token, which ends at `expires_at` (milliseconds since 1970 UTC); the revision of that.

        InvalidRequest for what names no token, PermissionDenied, FactsUnavailable, AuditUnavailable.
        """
        _check(name.token_id, "jti")
        self._admit(caller, Act(Action.REVOKE, Ref(TOKEN, name.token_id), details={"issuer": name.issuer[:256]}))
        if name.issuer not in self._trusted.issuers:
            raise InvalidRequest([Violation("issuer", "no issuer of that name is trusted here")])
        return self._add(caller, RevokedToken(name, self._kept_until(expires_at)))[1]

    def revoke_key(self, caller: Caller, name: KeyName, expires_at: int | None) -> str:
        """Revokes a key of an issuer, whose last token ends at `expires_at`; the revision of that.

        Errors are those of `revoke_token`.
        """
        _check(name.key_id, "kid")
        self._admit(caller, Act(Action.REVOKE, Ref(KEY, name.key_id), details={"issuer": name.issuer[:256]}))
        if name.issuer not in self._trusted.issuers:
            raise InvalidRequest([Violation("issuer", "no issuer of that name is trusted here")])
        return self._add(caller, RevokedKey(name, self._kept_until(expires_at)))[1]

    def revoke_certificate(self, caller: Caller, fingerprint: str, expires_at: int | None) -> str:
        """Revokes the certificate of that SHA-256, which ends at `expires_at`; the revision of that.

        Errors are those of `revoke_token`, and NotConfigured where certificates are not accepted.
        """
        plain = fingerprint.replace(":", "").lower()
        if not _FINGERPRINT.fullmatch(plain):
            raise InvalidRequest([Violation("sha256", "64 hexadecimal digits")])
        self._admit(caller, Act(Action.REVOKE, Ref(CERTIFICATE, plain)))
        if self._trusted.certified_types is None:
            raise NotConfigured("client certificates are not accepted here: `grpc_mtls` is not set")
        return self._add(caller, RevokedCertificate(plain, self._kept_until(expires_at)))[1]

    def lift_principal(self, caller: Caller, principal: Ref) -> str:
        """Lets the certificates of a revoked principal in again; the revision of that.

        NotFound if it is not revoked; other errors are those of `revoke_token`.
        """
        _check(principal.type, "principal.type")
        _check(principal.id, "principal.id")
        self._admit(caller, Act(Action.REVOKE, principal, details={"lift": "certificates"}))
        return self._store.lift(principal, by=caller.principal.ref, now=self._clock())

    def revoke_principal(self, caller: Caller, principal: Ref, expires_at: int | None) -> tuple[RevokedPrincipal, str]:
        """Revokes what a principal was issued by now, which all ends at `expires_at`; what is refused, the revision.

        Where certificates could name it, they are refused until that is lifted (identity.md), so it is kept for ever.

        Errors are those of `revoke_token`.
        """
        _check(principal.type, "principal.type")
        _check(principal.id, "principal.id")
        self._admit(caller, Act(Action.REVOKE, principal))
        if not self._trusted.names(principal.type) and not self._names(principal.type):
            raise InvalidRequest(
                [Violation("principal.type", "no issuer that is trusted here names such principals, and no key")]
            )
        kept_until = None if self._trusted.certifies(principal.type) else self._kept_until(expires_at)
        # A whole second up: a token's `iat` may have been rounded up by as much.
        now_seconds = -(-self._clock() // 1000)
        wanted = RevokedPrincipal(principal, (now_seconds + self._trusted.skew_seconds) * 1000, kept_until)
        kept, revision = self._add(caller, wanted)
        return (kept.what if isinstance(kept.what, RevokedPrincipal) else wanted), revision

    def page(self, caller: Caller, after: RowKey | None, size: int) -> Sequence[Revoked]:
        """At most so many revocations in the order of their keys, after that one."""
        self._admit(caller, Act(Action.REVOKE, ALL))
        return self._store.page(after, size)

    def _admit(self, caller: Caller, act: Act) -> None:
        self._gate.admit(caller).require([act])

    def _add(self, caller: Caller, wanted: Revocation) -> tuple[Revoked, str]:
        return self._store.add(wanted, by=caller.principal.ref, now=self._clock())

    def _kept_until(self, expires_at: int | None) -> int | None:
        if expires_at is None:
            return None
        return max(expires_at, self._clock()) + self._trusted.skew_seconds * 1000 + KEPT_MS


def _check(text: str, field: str) -> None:
    try:
        check_id(text)
    except BadValue as error:
        raise InvalidRequest([Violation(field, str(error))]) from error
