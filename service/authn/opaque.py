"""Verifies opaque tokens by what their issuer says of them, which it is asked once while that is believed.

Laws: an answer is believed for `cache_seconds` at most, and no longer than the token lives. Answers about tokens that
are not good are kept apart and for a shorter time, so that strangers push no good token out. A token is asked about
once at a time, however many calls bring it, and only so many tokens at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from policy_lang.types import Json
from service.authn.cache import Counts, TokenCache, digest_of
from service.authn.claims import Said, claims_of
from service.authn.naming import named_by
from service.authn.verified import Verified
from service.config import Limits
from service.errors import Flaw, MagistrateError, Unauthenticated
from service.issuer_settings import IntrospectionSettings, IssuerSettings

REMEMBERED: Final = 10_000
REFUSED: Final = 1_000
"""Tokens of which it is remembered that they are not good."""
AT_ONCE: Final = 64
"""Tokens that a worker asks about at once."""
WAITING: Final = 1_000
"""Tokens that are asked about or wait for that; calls that bring others are refused."""
SHORTEST_SECONDS: Final = 1.0
"""For how long an issuer that did not answer is not asked about the same token again."""

Ask = Callable[[str], Awaitable[dict[str, Json]]]
"""Gives what the issuer says of the token; NotAnswered where it says nothing that can be used."""


class NotAnswered(MagistrateError):
    """The issuer was asked about a token and did not say anything that can be used."""


@dataclass(frozen=True, slots=True)
class _Good:
    verified: Verified
    until: float


@dataclass(frozen=True, slots=True)
class _Bad:
    why: str
    flaw: Flaw
    until: float


class OpaqueTokens:
    """The opaque tokens of one issuer (`verified.Verifier`). It belongs to one event loop."""

    def __init__(
        self,
        issuer: IssuerSettings,
        settings: IntrospectionSettings,
        limits: Limits,
        *,
        ask: Ask,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._settings = settings
        self._skew_seconds = limits.clock_skew_seconds
        self._ask = ask
        self._monotonic = monotonic
        self._good: TokenCache[_Good] = TokenCache(REMEMBERED)
        self._bad: TokenCache[_Bad] = TokenCache(REFUSED)
        self._asking: dict[bytes, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def cache_counts(self) -> Counts:
        """How the memory of good tokens is used."""
        return self._good.counts

    def forget(self) -> None:
        """Forgets what was said of tokens."""
        self._good.clear()
        self._bad.clear()

    def verify(self, token: str, now: int) -> Verified:  # noqa: ARG002  # the authenticator looks at the window
        """What the issuer said of the token; Unauthenticated where it is not good, or nothing is remembered of it."""
        digest, moment = digest_of(token), self._monotonic()
        good = self._good.find(digest)
        if good is not None and moment < good.until:
            return good.verified
        bad = self._bad.find(digest)
        if bad is not None and moment < bad.until:
            raise Unauthenticated(bad.why, bad.flaw)
        if self._is_full(digest):
            raise Unauthenticated("the token's issuer is being asked about too many tokens", Flaw.UNTOLD)
        raise Unauthenticated(
            "its issuer has not been asked about the token", Flaw.UNTOLD, fetch=lambda: self._fetch(digest, token)
        )

    async def _fetch(self, digest: bytes, token: str) -> None:
        """Waits for an answer about the token, which goes on being waited for if this call ends before."""
        if self._is_full(digest):
            return
        asking = self._asking.get(digest)
        if asking is None:
            asking = self._asking[digest] = asyncio.create_task(self._learn(digest, token))
            asking.add_done_callback(lambda _: self._asking.pop(digest, None))
        await asyncio.shield(asking)

    async def _learn(self, digest: bytes, token: str) -> None:
        async with self._turns:
            await self._learn_now(digest, token)

    async def _learn_now(self, digest: bytes, token: str) -> None:
        asked_at = self._monotonic()
        try:
            said = await self._ask(token)
            verified = self._verified(said, token)
        except NotAnswered as error:
            until = asked_at + max(SHORTEST_SECONDS, self._settings.negative_cache_seconds)
            self._bad.keep(digest, _Bad(f"the token's issuer did not answer: {error}", Flaw.UNTOLD, until))
        except Unauthenticated as error:
            self._bad.keep(digest, _Bad(str(error), error.flaw, asked_at + self._settings.negative_cache_seconds))
        else:
            self._good.keep(digest, _Good(verified, asked_at + self._settings.cache_seconds))

    def _is_full(self, digest: bytes) -> bool:
        return len(self._asking) >= WAITING and digest not in self._asking

    def _verified(self, said: Mapping[str, Json], token: str) -> Verified:
        _check(said, self._issuer)
        by = Said(self._issuer.issuer, self._issuer.max_age_seconds)
        claims = claims_of(said, by, token_id=name_of_opaque(token))
        return named_by(claims, self._issuer, self._skew_seconds)


def name_of_opaque(token: str) -> str:
    """What an opaque token is revoked by: a name that whoever holds the token can tell, and that gives nothing away."""
    return f"sha256:{digest_of(token).hex()}"


def _check(said: Mapping[str, Json], issuer: IssuerSettings) -> None:
    """RFC 7662 section 2.2; what is optional there and decides here must be said."""
    if said.get("active") is not True:
        raise Unauthenticated("the token is not active", Flaw.FORGED)
    if "iss" in said and said["iss"] != issuer.issuer:
        raise Unauthenticated("the token is another issuer's", Flaw.UNTRUSTED)
    for name in ("sub", "aud", "exp"):
        if name not in said:
            raise Unauthenticated(f"the token's issuer does not say its `{name}`")
    audience = said["aud"]
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise Unauthenticated("the token's `aud` is no text and no list of texts")
    if not any(each in (*issuer.audience, *issuer.subject_audiences) for each in named):
        raise Unauthenticated("the token is not for this service", Flaw.MISUSED)
    kind = said.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() not in ("bearer", "access_token"):
        raise Unauthenticated("the token is no bearer token", Flaw.MISUSED)
