"""Verifies the JWTs of the trusted issuers: each once, then remembered by the digest of all of it.

Law: a remembered token is good only while the key that signed it is in its issuer's key set (identity.md).
"""

import time
from collections.abc import Callable, Mapping, Sequence

from service.authn.cache import ENTRIES, Counts, TokenCache, digest_of
from service.authn.jwt import TokenVerifier, Trust
from service.authn.key_holder import KeyHolder
from service.authn.keys import KeySet
from service.authn.naming import named_by
from service.authn.verified import Verified
from service.config import Limits
from service.errors import ConfigError
from service.issuer_settings import IssuerSettings

KeyLoader = Callable[[IssuerSettings], KeySet]
"""Gives the keys of an issuer; ConfigError if it cannot."""


class IssuedTokens:
    """The JWTs of trusted issuers (`verified.Verifier`)."""

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        limits: Limits,
        *,
        load: KeyLoader,
        fetched: KeyHolder,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads the key files of every issuer; ConfigError if one cannot be."""
        self._issuers: Mapping[str, IssuerSettings] = {issuer.issuer: issuer for issuer in issuers}
        self._limits = limits
        self._load = load
        self._fetched = fetched
        self._cache: TokenCache[tuple[Verified, str]] = TokenCache(ENTRIES)
        self._trusted: dict[str, Trust] = {}
        self._verifier = TokenVerifier(
            self._trusted,
            token_bytes=limits.token_bytes,
            skew_seconds=limits.clock_skew_seconds,
            lacking=fetched.lacking,
            clock=monotonic,
        )
        self.reload_keys()
        fetched.follow(self._take)

    @property
    def cache_counts(self) -> Counts:
        """How the memory of tokens is used."""
        return self._cache.counts

    def trust(self, issuers: Sequence[IssuerSettings]) -> None:
        """Trusts these issuers instead; where their keys cannot be read, those stay trusted that were."""
        former, self._issuers = self._issuers, {issuer.issuer: issuer for issuer in issuers}
        try:
            self.reload_keys()
        except ConfigError:
            self._issuers = former
            raise
        self._cache.clear()

    def reload_keys(self) -> None:
        """Reads the key files again and puts them in force at once; ConfigError leaves those in force that were."""
        trusted = {name: self._trust_in(issuer) for name, issuer in self._issuers.items()}
        self._trusted.clear()
        self._trusted.update(trusted)

    def forget(self) -> None:
        """Forgets the tokens that were verified."""
        self._cache.clear()

    def verify(self, token: str, now: int) -> Verified:
        """What the token comes to; Unauthenticated where it does not verify, or its key is gone since it did."""
        digest = digest_of(token)
        found = self._cache.find(digest)
        if found is None:
            claims = self._verifier.verify(token, now)
            verified = named_by(claims, self._issuers[claims.issuer], self._limits.clock_skew_seconds)
            found = verified, claims.thumbprint
            self._cache.keep(digest, found)
        verified, thumbprint = found
        self._verifier.recheck(verified.credential.issuer, thumbprint)
        return verified

    def _trust_in(self, issuer: IssuerSettings) -> Trust:
        if not issuer.has_remote_keys:
            return Trust.of(issuer, self._load(issuer))
        return Trust.of(issuer, self._fetched.keys(issuer.issuer), self._fetched.good_until(issuer.issuer))

    def _take(self, issuer: str) -> None:
        if issuer in self._issuers:
            self._trusted[issuer] = self._trust_in(self._issuers[issuer])
