"""Reads what a token's client was allowed, `scope` or `scp`, as a list of texts that a set attribute takes."""

from collections.abc import Mapping
from typing import Final

from policy_lang.types import Json
from service.errors import Unauthenticated

_NAMES: Final = ("scope", "scp")


def with_scopes(claims: Mapping[str, Json]) -> dict[str, Json]:
    """The claims with their scopes as a sorted list under both names; Unauthenticated where the two names differ.

    RFC 8693 section 4.2 has one string with spaces between; `scp` is written by some issuers as a list.
    """
    given = {name: _scopes(claims[name]) for name in _NAMES if name in claims}
    found = list(given.values())
    if not found:
        return dict(claims)
    if any(scopes != found[0] for scopes in found):
        raise Unauthenticated("the token's `scope` and `scp` differ")
    return {**claims, **{name: list(found[0]) for name in _NAMES}}


def _scopes(given: Json) -> list[Json]:
    listed: Json = [*given.split(" ")] if isinstance(given, str) else given
    texts = [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
    if not isinstance(listed, list) or len(texts) < len(listed):
        raise Unauthenticated("the token's scopes are no text and no list of texts")
    return [*sorted(set(texts) - {""})]
