"""Tells access tokens from the other JWTs that an issuer may have signed with the same keys (RFC 8725 section 3.12).

The rule: a token whose `typ` is at+jwt is an access token (RFC 9068). One whose `typ` is JWT, or that has none, is
taken for one unless something about it says that it is another kind. Every other `typ` is another kind.
"""

from collections.abc import Mapping
from typing import Final

from policy_lang.types import Json
from service.errors import Flaw, Unauthenticated

_ACCESS: Final = "at+jwt"
_UNTOLD: Final = "jwt"
_ID_TOKEN_CLAIMS: Final = ("nonce", "at_hash", "c_hash", "s_hash")
"""Claims that bind an ID token to one login (OpenID Connect Core sections 2 and 3.3.2.11); no access token has them."""
_EVENT_CLAIMS: Final = ("events", "toe")
"""Claims of security events and logout tokens (RFC 8417)."""
_OTHER_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "typ": frozenset({"id", "refresh", "offline", "logout"}),
    "token_use": frozenset({"id", "refresh"}),
}
"""Claims by which widespread issuers say a kind that the header does not, and those values that are not access."""


def check_kind(header: Mapping[str, Json], claims: Mapping[str, Json], *, require_at_jwt: bool) -> None:
    """Unauthenticated unless the token is an access token; with `require_at_jwt`, unless its `typ` says that it is."""
    said = _type_of(header)
    if said == _ACCESS:
        return
    if require_at_jwt:
        raise Unauthenticated("the token's `typ` is not at+jwt, which its issuer's settings require", Flaw.MISUSED)
    if said != _UNTOLD:
        raise Unauthenticated("the token's `typ` is that of another kind of token", Flaw.MISUSED)
    if told := next((name for name in _ID_TOKEN_CLAIMS if name in claims), None):
        raise Unauthenticated(f"the token is an ID token: it has `{told}`", Flaw.MISUSED)
    if told := next((name for name in _EVENT_CLAIMS if name in claims), None):
        raise Unauthenticated(f"the token tells of an event: it has `{told}`", Flaw.MISUSED)
    if told := next((name for name, kinds in _OTHER_KINDS.items() if _text(claims, name) in kinds), None):
        raise Unauthenticated(f"the token is another kind of token: its claim `{told}` says so", Flaw.MISUSED)
    if _is_for_its_own_client(claims):
        raise Unauthenticated(
            "the token is an ID token: it is for the client that it was issued to, without a scope", Flaw.MISUSED
        )


def _type_of(header: Mapping[str, Json]) -> str:
    """The media type, whose `application/` may be left out, in lower case (RFC 7515 section 4.1.9)."""
    said = header.get("typ", _UNTOLD)
    if not isinstance(said, str):
        raise Unauthenticated("the token's `typ` is not a string")
    return said.lower().removeprefix("application/")


def _text(claims: Mapping[str, Json], name: str) -> str | None:
    value = claims.get(name)
    return value.lower() if isinstance(value, str) else None


def _is_for_its_own_client(claims: Mapping[str, Json]) -> bool:
    """Whether the party that it was issued to (`azp`) is also whom it is for, and it allows that party nothing."""
    party, audience = claims.get("azp"), claims.get("aud")
    is_named = party == audience or (isinstance(audience, list) and party in audience)
    return party is not None and is_named and "scope" not in claims and "scp" not in claims
