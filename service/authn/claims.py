"""Makes VerifiedClaims of what an issuer says of a token: in the token, or when it is asked."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from policy_lang.notation import INT_LIMIT
from policy_lang.types import Json
from service.authn.scopes import with_scopes
from service.errors import Unauthenticated
from service.model import VerifiedClaims


@dataclass(frozen=True, slots=True)
class Said:
    """Who said the claims, by which of its keys, and how old its tokens may become."""

    issuer: str
    max_age_seconds: int | None
    key_id: str = ""
    thumbprint: str = ""


def claims_of(claims: Mapping[str, Json], said: Said, *, token_id: str | None = None) -> VerifiedClaims:
    """The claims, among them `sub` and `exp`; Unauthenticated where one has no sense. `token_id` stands for a `jti`."""
    subject, named = claims["sub"], claims.get("jti")
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated("the token's `sub` is empty or no string")
    issued_at = _seconds(claims, "iat", math.ceil) if "iat" in claims else None
    return VerifiedClaims(
        issuer=said.issuer,
        subject=subject,
        key_id=said.key_id,
        thumbprint=said.thumbprint,
        token_id=token_id or (named if isinstance(named, str) else None),
        issued_at=issued_at,
        not_before=_seconds(claims, "nbf", math.ceil) if "nbf" in claims else None,
        expires_at=_end(_seconds(claims, "exp", math.floor), issued_at, said.max_age_seconds),
        claims=with_scopes(claims),
    )


def _end(expires_at: int, issued_at: int | None, max_age_seconds: int | None) -> int:
    if max_age_seconds is None:
        return expires_at
    if issued_at is None:
        raise Unauthenticated("the token has no `iat`, so that its age is not known")
    return min(expires_at, issued_at + max_age_seconds)


def _seconds(claims: Mapping[str, Json], name: str, rounded: Callable[[float], int]) -> int:
    """A NumericDate (RFC 7519 section 2); its fraction is rounded so that the token never holds longer for it."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= INT_LIMIT:
        raise Unauthenticated(f"the token's `{name}` is no time")
    return rounded(value)
