"""Opens and ends sessions on behalf of callers who may: admitted, recorded, then written.

Who may open one follows from what it gives (identity.md). A session that names whom questions are about lets its opener
do what `check_as` on that principal type lets him do, so it needs that, for as long, and no more. A session that calls
is a credential of somebody else's, like a key: it needs `key.manage`, and all that its principal holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.sessions.session import Purpose, Session, digest_of, id_of, new_token
from service.authn.sessions.store import SessionStore
from service.errors import InvalidRequest, NotFound, PermissionDenied, Violation
from service.model import Caller
from service.permits import NO_TIME, Act, Action
from service.ports import Clock, Gate

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
IDLE_MS: Final = 30 * MINUTE_MS
"""How long a session may lie unused that does not say."""
LIFETIME_MS: Final = 12 * 60 * MINUTE_MS
"""How long a session lasts at the most that does not say."""
LONGEST_MS: Final = 90 * DAY_MS
_TYPE: Final = "session"
"""The type of what a record says was opened, ended or read."""


@dataclass(frozen=True, slots=True)
class WantedSession:
    """A session as it is asked for; times are milliseconds."""

    principal: Ref
    purpose: Purpose
    idle_ms: int = IDLE_MS
    lifetime_ms: int = LIFETIME_MS


@dataclass(frozen=True, slots=True)
class Opened:
    """A session with its text, which is nowhere else and never to be had again; good from that revision on."""

    session: Session
    text: str
    revision: str

    def __repr__(self) -> str:
        return f"Opened({self.session.id})"


class Sessions:
    """The acts of CredentialService about sessions. Its methods do I/O; any thread may run them.

    All raise PermissionDenied, FactsUnavailable and AuditUnavailable; those that name a session, NotFound.
    """

    def __init__(self, store: SessionStore, *, gate: Gate, clock: Clock) -> None:
        self._store = store
        self._gate = gate
        self._clock = clock

    def open(self, caller: Caller, wanted: WantedSession) -> Opened:
        """Opens a session; InvalidRequest for one that cannot be meant."""
        token, now = new_token(), self._clock()
        digest = digest_of(token) or b""
        self._admit_opening(caller, wanted, id_of(digest), now + wanted.lifetime_ms)
        _check(wanted)
        session = Session(
            id=id_of(digest),
            digest=digest,
            principal=wanted.principal,
            purpose=wanted.purpose,
            idle_ms=wanted.idle_ms,
            opened_at=now,
            opened_by=str(caller.principal.ref),
            renewed_at=now,
            ends_at=now + wanted.lifetime_ms,
        )
        return Opened(session, token, self._store.add(session))

    def end(self, caller: Caller, id_: str) -> str:
        """Ends a session; the revision from which it has ended on every worker. Who opened it may, as at a sign-out."""
        found = self._store.find(id_)
        is_own = found is not None and found.opened_by == str(caller.principal.ref)
        self._admit_ending(caller, found.principal if found is not None and is_own else None, id_)
        revision = self._store.end(id_, by=caller.principal.ref, now=self._clock())
        if revision is None:
            raise NotFound(f"there is no session `{id_[:64]}` that has not ended")
        return revision

    def end_presented(self, caller: Caller, token: str) -> str:
        """Ends the session of that text; errors as `end`."""
        digest = digest_of(token)
        if digest is None:
            raise InvalidRequest([Violation("token", "the text of a session")])
        return self.end(caller, id_of(digest))

    def end_all(self, caller: Caller, principal: Ref) -> tuple[int, str]:
        """Ends every session of a principal; how many there were, and the revision, empty where there were none."""
        self._gate.admit(caller).require([Act(Action.REVOKE, _cut(principal), details={"what": "sessions"})])
        count, revision = self._store.end_all(principal, by=caller.principal.ref, now=self._clock())
        return count, revision or ""

    def page(self, caller: Caller, principal: Ref | None, after: str | None, size: int) -> Sequence[Session]:
        """At most so many sessions in the order of their ids, after that one; of one principal, or of all."""
        of = "*" if principal is None else str(principal)[:300]
        self._gate.admit(caller).require([Act(Action.KEY_MANAGE, Ref(_TYPE, "*"), details={"principal": of})])
        return self._store.page(principal, after, size)

    def _admit_opening(self, caller: Caller, wanted: WantedSession, id_: str, until: int) -> None:
        details: dict[str, Json] = {"change": "open", "purpose": wanted.purpose.value, "session": id_}
        act = Act(Action.CHECK_AS, _cut(wanted.principal), details=details, until=until)
        if wanted.purpose is Purpose.PRINCIPAL_TOKEN:
            self._gate.admit(caller).require([act])
            return
        act = replace(act, action=Action.KEY_MANAGE, lent=True)
        self._gate.admit(caller, wanted.principal).require([act])
        if caller.bounds is not None:
            raise PermissionDenied("key_scope", "a session that calls has no scopes, and the caller's credential has")

    def _admit_ending(self, caller: Caller, own: Ref | None, id_: str) -> None:
        """Whoever may ask as a principal, and opened the session itself, ends it by the same right."""
        visitor, details = self._gate.admit(caller), {"change": "end", "session": id_[:64]}
        if own is not None and visitor.may_as(own.type):
            visitor.require([Act(Action.CHECK_AS, own, details=details, until=NO_TIME)])
        else:
            visitor.require([Act(Action.REVOKE, Ref(_TYPE, id_[:64]), details=details)])


def _check(wanted: WantedSession) -> None:
    faults: list[Violation] = []
    for field, text in zip(("principal.type", "principal.id"), wanted.principal, strict=True):
        try:
            check_id(text)
        except BadValue as error:
            faults.append(Violation(field, str(error)))
    if not MINUTE_MS <= wanted.lifetime_ms <= LONGEST_MS:
        faults.append(Violation("lifetime", "a minute to 90 days"))
    if not MINUTE_MS <= wanted.idle_ms <= wanted.lifetime_ms:
        faults.append(Violation("idle", "a minute to the lifetime"))
    if faults:
        raise InvalidRequest(faults)


def _cut(ref: Ref) -> Ref:
    return Ref(ref.type[:256], ref.id[:256])
