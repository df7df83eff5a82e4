"""Revokes on behalf of callers who may: admitted, recorded, then written.

Law: what could never refuse anything, such as a token of an issuer that nobody trusts, is an error and not a comfort.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from policy_lang.values import Ref
from service.errors import InvalidRequest, Violation
from service.issuer_settings import IssuerSettings
from service.model import Caller
from service.permits import Act, Action
from service.ports import Clock, Gate
from service.revocations.revocation import (
    KEPT_MS,
    KeyName,
    Revocation,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
    TokenName,
)
from service.revocations.store import RevocationStore, Revoked, RowKey

TOKEN: Final = "token"  # noqa: S105  # the type of what a record says was revoked
KEY: Final = "issuer_key"
ALL: Final = Ref("revocation", "*")
"""What a record says was read by whoever lists revocations."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Which tokens can be of use here, and by how much their issuers' clocks may differ from this one."""

    issuers: Collection[str]
    principal_types: Collection[str]
    skew_seconds: int

    @classmethod
    def of(cls, issuers: Sequence[IssuerSettings], skew_seconds: int) -> "Trusted":
        """What those settings come to."""
        return cls({each.issuer for each in issuers}, {each.principal_type for each in issuers}, skew_seconds)


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

    def revoke_principal(self, caller: Caller, principal: Ref, expires_at: int | None) -> tuple[RevokedPrincipal, str]:
        """Revokes what a principal was issued by now, which all ends at `expires_at`; what is refused, the revision.

        Errors are those of `revoke_token`.
        """
        _check(principal.type, "principal.type")
        _check(principal.id, "principal.id")
        self._admit(caller, Act(Action.REVOKE, principal))
        if principal.type not in self._trusted.principal_types and not self._names(principal.type):
            raise InvalidRequest(
                [Violation("principal.type", "no issuer that is trusted here names such principals, and no key")]
            )
        # A whole second up: a token's `iat` may have been rounded up by as much.
        now_seconds = -(-self._clock() // 1000)
        wanted = RevokedPrincipal(
            principal, (now_seconds + self._trusted.skew_seconds) * 1000, self._kept_until(expires_at)
        )
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
