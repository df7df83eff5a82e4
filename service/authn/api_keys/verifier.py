"""Verifies API keys by what is in memory; one of which nothing is known there is read first, once for all who wait.

Law: a key that is unknown, one whose secret is wrong, and one that is good cost the same two MACs and comparisons.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from service.authn.api_keys.api_key import ISSUER, ApiKey, Former, Mac, read_key
from service.authn.api_keys.peppers import Peppers
from service.authn.verified import Verified, Window, own_issue_time
from service.db.feed import API_KEY
from service.errors import Flaw, Unauthenticated
from service.feed.feed import Feed
from service.feed.rows import FollowedRows, Unread
from service.identity import Evidence, EvidenceKind
from service.model import Bounds, Caller, Credential, Principal

ENTRIES: Final = 10_000
"""Keys that a worker keeps in memory."""
NEVER: Final = 1 << 62

Used = Callable[[str, int], None]
"""Is told the id of a key that was used, and when."""


@dataclass(frozen=True, slots=True)
class Known:
    """A key, and what it comes to by its secret and by the one before."""

    key: ApiKey
    by_secret: Verified
    by_former: Verified


class ApiKeyVerifier:
    """Verifies keys (`verified.Verifier`). It belongs to the loop's thread."""

    def __init__(
        self,
        feed: Feed,
        read: Callable[[str], ApiKey | None],
        *,
        peppers: Peppers,
        used: Used,
        skew_seconds: int = 0,
    ) -> None:
        """`read` reads the key of an id, None where there is none; it is called in a thread."""
        self._peppers = peppers
        self._used = used
        self._rows = FollowedRows(feed, API_KEY, lambda id_: _known(read(id_), skew_seconds), ENTRIES)
        # Stands in for keys that do not exist, so that those cost what others cost.
        self._stand_in = Mac("", secrets.token_bytes(32))

    @property
    def rows(self) -> FollowedRows[Known]:
        """The keys in memory."""
        return self._rows

    def forget(self) -> None:
        """Returns: nothing is kept here that a step of the clock would make wrong."""

    def verify(self, token: str, now: int) -> Verified:
        """What the key comes to; Unauthenticated where it is not good, with `fetch` where it is not in memory."""
        parts = read_key(token)
        if parts is None:
            raise Unauthenticated("the API key is not of the form of one")
        known = self._rows.find(parts.id)
        if isinstance(known, Unread):
            raise Unauthenticated("the API key is not read yet", Flaw.UNTOLD, fetch=partial(self._rows.fetch, parts.id))
        key = known.key if known is not None else None
        former = key.former if key is not None else None
        is_present = self._peppers.matches(key.mac if key is not None else self._stand_in, parts.secret)
        is_former = self._peppers.matches(former.mac if former is not None else self._stand_in, parts.secret)
        if known is None or not (is_present or (is_former and _still_holds(former, now))):
            raise Unauthenticated(_why(known, is_former=is_former), Flaw.FORGED)
        if known.key.revoked_at is not None:
            raise Unauthenticated(f"the API key `{parts.id}` is revoked", Flaw.REVOKED)
        self._used(parts.id, now)
        return known.by_secret if is_present else known.by_former


def _known(key: ApiKey | None, skew_seconds: int) -> Known | None:
    """By the former secret a key counts as old as it is itself: what is revoked up to then goes with it."""
    if key is None:
        return None
    rotated_at = key.rotated_at or key.created_at
    present, former = (own_issue_time(at, skew_seconds) for at in (rotated_at, key.created_at))
    return Known(key, _verified(key, present), _verified(key, former))


def _verified(key: ApiKey, issued_at: int) -> Verified:
    bounds = Bounds(f"{ISSUER} {key.id}", key.scopes, key.rate, key.expires_at)
    evidence = Evidence(EvidenceKind.API_KEY, credential=key.id)
    return Verified(
        credential=Credential(ISSUER, None, key.principal, issued_at, owner=key.owner),
        window=Window(0, NEVER if key.expires_at is None else key.expires_at),
        caller=Caller(Principal(key.principal, evidence=evidence), ISSUER, bounds),
        principal=None,
    )


def _still_holds(former: Former | None, now: int) -> bool:
    return former is not None and now < former.until


def _why(known: Known | None, *, is_former: bool) -> str:
    """For the log: who may not know it is told none of this."""
    if known is None:
        return "there is no such API key"
    if is_former:
        return f"the secret of the API key `{known.key.id}` was rotated"
    return f"the secret of the API key `{known.key.id}` is wrong"
