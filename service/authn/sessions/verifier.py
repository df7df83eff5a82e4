"""Verifies sessions by what is in memory, and renews them in steps; one that seems idle is read again first.

Laws: a session that another worker has renewed is good here too; one that is unknown, one that has ended, and one that
is good cost the same digest and comparison.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from service.authn.sessions.session import ISSUER, STEPS, Purpose, Session, digest_of, id_of
from service.authn.verified import Verified, Window, own_issue_time
from service.db.feed import SESSION
from service.errors import Flaw, Unauthenticated
from service.feed.feed import Feed
from service.feed.rows import FollowedRows, Unread
from service.identity import Evidence, EvidenceKind
from service.model import Caller, Credential, Principal
from service.ports import Clock

ENTRIES = 50_000
"""Sessions that a worker keeps in memory."""


@dataclass(slots=True)
class Known:
    """A session, what it comes to, when it was renewed last as far as is known here, and when it was read."""

    session: Session
    verified: Verified
    renewed_at: int
    read_at: int

    @property
    def idle_from(self) -> int:
        """When it has not been used for too long."""
        return self.renewed_at + self.session.idle_ms


class SessionVerifier:
    """Verifies sessions (`verified.Verifier`). It belongs to the loop's thread."""

    def __init__(
        self,
        feed: Feed,
        read: Callable[[str], Session | None],
        *,
        used: Callable[[str, int], None],
        clock: Clock,
        skew_seconds: int = 0,
    ) -> None:
        """`read` reads the session of an id, None where there is none, in a thread; `used` is told what is renewed."""
        self._used = used
        self._rows = FollowedRows(feed, SESSION, lambda id_: _known(read(id_), clock(), skew_seconds), ENTRIES)
        self._stand_in = secrets.token_bytes(32)

    @property
    def rows(self) -> FollowedRows[Known]:
        """The sessions in memory."""
        return self._rows

    def forget(self) -> None:
        """Reads every session anew: when it was read was told by the clock that stepped."""
        self._rows.clear()

    def verify(self, token: str, now: int) -> Verified:
        """What the session comes to; Unauthenticated where it is not good, with `fetch` where a read may mend that."""
        digest = digest_of(token)
        if digest is None:
            raise Unauthenticated("the session is not of the form of one")
        id_ = id_of(digest)
        known = self._rows.find(id_)
        if isinstance(known, Unread):
            raise Unauthenticated("the session is not read yet", Flaw.UNTOLD, fetch=partial(self._rows.fetch, id_))
        is_it = secrets.compare_digest(known.session.digest if known is not None else self._stand_in, digest)
        if known is None or not is_it:
            raise Unauthenticated("there is no such session", Flaw.FORGED)
        if known.session.revoked_at is not None:
            raise Unauthenticated(f"the session `{id_}` was ended", Flaw.REVOKED)
        self._keep_awake(known, now)
        return known.verified

    def _keep_awake(self, known: Known, now: int) -> None:
        id_ = known.session.id
        if now >= known.idle_from:
            again = partial(self._read_again, id_) if known.read_at < known.idle_from else None
            raise Unauthenticated(f"the session `{id_}` was not used for too long", Flaw.EXPIRED, fetch=again)
        if now - known.renewed_at >= known.session.idle_ms // STEPS:
            known.renewed_at = now
            self._used(id_, now)

    async def _read_again(self, id_: str) -> None:
        self._rows.drop(id_)
        await self._rows.fetch(id_)


def _known(session: Session | None, now: int, skew_seconds: int) -> Known | None:
    if session is None:
        return None
    is_for_calls = session.purpose is Purpose.CALL
    kind = EvidenceKind.SESSION if is_for_calls else EvidenceKind.PRINCIPAL_TOKEN
    principal = Principal(session.principal, evidence=Evidence(kind, credential=session.id))
    verified = Verified(
        credential=Credential(ISSUER, None, session.principal, own_issue_time(session.opened_at, skew_seconds)),
        window=Window(0, session.ends_at),
        caller=Caller(principal, ISSUER) if is_for_calls else None,
        principal=None if is_for_calls else principal,
    )
    return Known(session, verified, session.renewed_at, now)
