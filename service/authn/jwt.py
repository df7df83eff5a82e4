"""Verifies JSON Web Tokens: a stranger's text goes in, VerifiedClaims come out, or Unauthenticated with its cause.

The law: what a token says of itself only ever chooses among what the issuer's settings allow. Its `iss` chooses the
issuer and its `kid` the key; the algorithms belong to the key. What it chose by is verified afterwards.
"""

import math
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import jwt
from jwt.types import Options

from policy_lang.types import Json
from service.authn.claims import Said, claims_of
from service.authn.keys import KeySet, VerificationKey
from service.authn.kinds import check_kind
from service.authn.strict_json import BadJson, parse_object
from service.authn.verified import Window
from service.errors import Flaw, Unauthenticated
from service.issuer_settings import IssuerSettings
from service.model import VerifiedClaims

OPTIONS: Final[Options] = {
    "verify_signature": True,
    "enforce_minimum_key_length": True,
    "require": ["iss", "sub", "aud", "exp"],
    "verify_iss": True,
    "verify_aud": True,
    "strict_aud": False,
    "verify_sub": True,
    "verify_jti": True,
    # Times are checked by Window: against the service's clock, here and again whenever the cached claims are used.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
"""Every option of PyJWT, said out loud; none is left to a default that may change."""

REFUSED_HEADERS: Final = ("crit", "jku", "jwk", "x5u", "x5c", "b64")
"""Extensions that must be understood (none is), keys that the token brings itself (RFC 8725 section 3.10)."""

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class Trust:
    """What is trusted of one issuer: its keys, for tokens meant for one of these audiences.

    `max_age_seconds` bounds how long a token holds after it was issued. The keys are good until `good_until` of the
    monotonic clock.
    """

    issuer: str
    audiences: tuple[str, ...]
    keys: KeySet
    require_at_jwt: bool = False
    max_age_seconds: int | None = None
    good_until: float = math.inf

    @classmethod
    def of(cls, issuer: IssuerSettings, keys: KeySet, good_until: float = math.inf) -> "Trust":
        """What those settings come to with these keys."""
        audiences = (*issuer.audience, *issuer.subject_audiences)
        return cls(issuer.issuer, audiences, keys, issuer.require_at_jwt, issuer.max_age_seconds, good_until)


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says of itself; nothing of it may be believed."""

    header: Mapping[str, Json]
    claims: Mapping[str, Json]


Fetch = Callable[[], Awaitable[None]]


class TokenVerifier:
    """Verifies the tokens of the trusted issuers. It keeps nothing of them."""

    def __init__(
        self,
        trusted: Mapping[str, Trust],
        *,
        token_bytes: int,
        skew_seconds: int,
        lacking: Callable[[str], Fetch | None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lacking` gives what fetches newer keys of an issuer, where there may be some."""
        self._trusted = trusted
        self._token_bytes = token_bytes
        self._skew_seconds = skew_seconds
        self._lacking = lacking
        self._clock = clock

    def verify(self, token: str, now: int) -> VerifiedClaims:
        """The token's claims, every one of the rules of docs/security.md kept at `now`; else Unauthenticated."""
        unverified = read_unverified(token, self._token_bytes)
        trust = self._trust_of(unverified.claims.get("iss"))
        key = self._key_of(unverified.header, trust)
        decoded = self._decode(token, trust, key)
        check_kind(unverified.header, decoded, require_at_jwt=trust.require_at_jwt)
        claims = claims_of(decoded, Said(trust.issuer, trust.max_age_seconds, key.key_id, key.thumbprint))
        Window.of(claims, self._skew_seconds).check(now)
        return claims

    def recheck(self, issuer: str, thumbprint: str) -> None:
        """Unauthenticated where the key that verified a token of the issuer is not in force any more."""
        if thumbprint not in self._trust_of(issuer).keys.thumbprints:
            raise Unauthenticated("the token's key is no longer in its issuer's key set", Flaw.UNTRUSTED)

    def _trust_of(self, issuer: Json) -> Trust:
        trust = self._trusted.get(issuer) if isinstance(issuer, str) else None
        if trust is None:
            raise Unauthenticated("the token's issuer is not trusted", Flaw.UNTRUSTED)
        if self._clock() >= trust.good_until:
            raise Unauthenticated(
                "the keys of the issuer could not be fetched", Flaw.UNTOLD, fetch=self._lacking(trust.issuer)
            )
        return trust

    def _key_of(self, header: Mapping[str, Json], trust: Trust) -> VerificationKey:
        for name in REFUSED_HEADERS:
            if name in header:
                raise Unauthenticated(f"the token's header has `{name}`")
        key_id = header.get("kid")
        if "kid" in header and not isinstance(key_id, str):
            raise Unauthenticated("the token's `kid` is not a string")
        key = trust.keys.find(key_id if isinstance(key_id, str) else None)
        if key is None:
            raise Unauthenticated(
                "the token names no key of its issuer", Flaw.UNTRUSTED, fetch=self._lacking(trust.issuer)
            )
        if header.get("alg") not in tuple(key.algorithms):
            raise Unauthenticated(
                "the token's algorithm is not allowed for its key", Flaw.FORGED, fetch=self._lacking(trust.issuer)
            )
        return key

    def _decode(self, token: str, trust: Trust, key: VerificationKey) -> dict[str, Json]:
        try:
            claims: dict[str, Json] = jwt.decode(
                token,
                key=key.material,
                algorithms=tuple(key.algorithms),
                options=OPTIONS,
                issuer=trust.issuer,
                audience=trust.audiences,
                leeway=0,
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            # An issuer may have put another key under the name of the one before, or have no names for them.
            fetch = self._lacking(trust.issuer) if isinstance(error, jwt.InvalidSignatureError) else None
            # Without the cause: it may hold parts of the token.
            why = f"the token does not verify ({type(error).__name__})"
            raise Unauthenticated(why, _flaw_of(error), fetch=fetch) from None
        return claims


def read_unverified(token: str, token_bytes: int) -> UnverifiedToken:
    """Header and claims of a token in the compact form (RFC 7515 section 7.1), unverified; else Unauthenticated."""
    if len(token) > token_bytes:
        raise Unauthenticated(f"the token is longer than {token_bytes} bytes")
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise Unauthenticated("the token is not three parts of base64url")
    try:
        header, claims = (parse_object(_decode_part(parts.group(index))) for index in (1, 2))
    except BadJson as error:
        raise Unauthenticated(f"the token is malformed: {error}") from None
    return UnverifiedToken(header, claims)


def _decode_part(text: str) -> bytes:
    if len(text) % 4 == 1:
        raise BadJson("base64url cut short")
    decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # Stray bits at the end would let two texts be one token.
    if urlsafe_b64encode(decoded).rstrip(b"=") != text.encode():
        raise BadJson("base64url with stray bits")
    return decoded


def _flaw_of(error: Exception) -> Flaw:
    return next((flaw for kind, flaw in _FLAWS.items() if isinstance(error, kind)), Flaw.FORGED)


_FLAWS: Final[Mapping[type[Exception], Flaw]] = {
    jwt.ExpiredSignatureError: Flaw.EXPIRED,
    jwt.ImmatureSignatureError: Flaw.EARLY,
    jwt.InvalidAudienceError: Flaw.MISUSED,
    jwt.MissingRequiredClaimError: Flaw.MALFORMED,
}
