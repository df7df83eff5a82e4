"""Says whom a token names: the caller who asks, or the principal who is asked about (identity.md).

A token is verified once and remembered; on every use its time, its key, what it is meant for and whether it is revoked
are checked anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from policy_lang.types import BadValue, check_id
from policy_lang.values import Ref
from service.authn.cache import ENTRIES, TokenCache, digest_of
from service.authn.claim_roles import roles_of
from service.authn.issuers import check_issuers
from service.authn.jwt import TokenVerifier, Trust, Window
from service.authn.key_files import load_keys
from service.authn.keys import KeySet
from service.config import IssuerSettings, Limits
from service.errors import ConfigError, Unauthenticated
from service.model import Caller, Credential, Principal, VerifiedClaims
from service.ports import Revocations

KeyLoader = Callable[[IssuerSettings], KeySet]
"""Gives the keys of an issuer; ConfigError if it cannot."""


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that verified once: whom it names in either role, and what must still hold when it is used."""

    credential: Credential
    thumbprint: str
    window: Window
    caller: Caller | None
    principal: Principal | None


class TokenAuthenticator:
    """Authenticates by the tokens of the trusted issuers. It belongs to one thread."""

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        limits: Limits,
        *,
        revocations: Revocations,
        load: KeyLoader = load_keys,
        cached_tokens: int = ENTRIES,
    ) -> None:
        """Reads every issuer's keys; ConfigError if one cannot be, or if two issuers could name one principal."""
        check_issuers(issuers)
        self._issuers: Mapping[str, IssuerSettings] = {issuer.issuer: issuer for issuer in issuers}
        self._limits = limits
        self._revocations = revocations
        self._load = load
        self._cache: TokenCache[_Verified] = TokenCache(cached_tokens)
        self.reload_keys()

    def trust(self, issuers: Sequence[IssuerSettings]) -> None:
        """Trusts these issuers instead; errors as at the start, and then those stay trusted that were."""
        check_issuers(issuers)
        former, self._issuers = self._issuers, {issuer.issuer: issuer for issuer in issuers}
        try:
            self.reload_keys()
        except ConfigError:
            self._issuers = former
            raise
        self._cache.clear()

    def reload_keys(self) -> None:
        """Reads the keys again and puts them in force at once; ConfigError leaves those in force that were."""
        trusted = {
            name: Trust(name, (*issuer.audience, *issuer.subject_audiences), self._load(issuer))
            for name, issuer in self._issuers.items()
        }
        self._trusted: Mapping[str, Trust] = trusted
        self._verifier = TokenVerifier(
            trusted, token_bytes=self._limits.token_bytes, skew_seconds=self._limits.clock_skew_seconds
        )

    def forget(self) -> None:
        """Forgets the tokens that were verified, as after a step of the wall clock (runtime.md)."""
        self._cache.clear()

    def caller(self, token: str, now: int) -> Caller:
        """The caller whose token this is, Unauthenticated unless it may call.

        FactsUnavailable, here and for a principal, where it cannot be told whether the token is revoked.
        """
        caller = self._use(token, now).caller
        if caller is None:
            raise Unauthenticated("the token is no caller's: its audience may only be asked about")
        return caller

    def principal(self, token: str, now: int) -> Principal:
        """Whom the `principal_token` names; Unauthenticated unless it is meant for being asked about."""
        principal = self._use(token, now).principal
        if principal is None:
            raise Unauthenticated("the token is a caller's: its audience may not be asked about")
        return principal

    def _use(self, token: str, now: int) -> _Verified:
        if len(token) > self._limits.token_bytes:
            raise Unauthenticated(f"the token is longer than {self._limits.token_bytes} bytes")
        digest = digest_of(token)
        known = self._cache.find(digest)
        if known is None:
            known = self._admit(self._verifier.verify(token, now))
            self._cache.keep(digest, known)
        if known.thumbprint not in self._trusted[known.credential.issuer].keys.thumbprints:
            raise Unauthenticated("the token's key is no longer in its issuer's key set")
        known.window.check(now)
        # Last: that revocations are unavailable is not told to whom no credential names.
        self._revocations.check(known.credential, now)
        return known

    def _admit(self, claims: VerifiedClaims) -> _Verified:
        issuer = self._issuers[claims.issuer]
        ref = _ref_of(claims, issuer)
        principal = Principal(ref, claims.claims, roles_of(ref, claims.claims, issuer.roles))
        return _Verified(
            credential=Credential(claims.issuer, claims.token_id, principal.ref, claims.issued_at),
            thumbprint=claims.thumbprint,
            window=Window.of(claims, self._limits.clock_skew_seconds),
            caller=Caller(principal, claims.issuer) if _is_for(claims, issuer.audience) else None,
            principal=principal if _is_for(claims, issuer.subject_audiences) else None,
        )


class NothingRevoked:
    """Revokes nothing: for looking at a token where there is no service (`ports.Revocations`)."""

    def check(self, used: Credential, now: int) -> None:
        """Returns."""


def _ref_of(claims: VerifiedClaims, issuer: IssuerSettings) -> Ref:
    try:
        return Ref(issuer.principal_type, check_id(issuer.id_prefix + claims.subject))
    except BadValue as error:
        raise Unauthenticated(f"the token's `sub` makes no id: {error}") from None


def _is_for(claims: VerifiedClaims, audiences: Sequence[str]) -> bool:
    """The verifier has seen to it that `aud` is a string or a list of strings (RFC 7519 section 4.1.3)."""
    named = claims.claims["aud"]
    return (
        named in audiences
        if isinstance(named, str)
        else isinstance(named, list) and any(audience in audiences for audience in named)
    )
