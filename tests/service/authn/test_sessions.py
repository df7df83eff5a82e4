"""Sessions: they end when they lie unused, at their end, and when somebody ends them; use renews them in steps."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from policy_lang.values import Ref
from service.authn.sessions.session import Purpose, Session, digest_of, id_of, new_token
from service.authn.sessions.verifier import SessionVerifier
from service.authn.verified import Verified
from service.db.feed import SESSION, Change
from service.errors import Unauthenticated
from service.identity import Evidence, EvidenceKind
from tests.service.feed.told import ToldFeed

NOW = 1_800_000_000_000
IDLE = 600_000
STEP = IDLE // 10
TOKEN = new_token()
DIGEST = digest_of(TOKEN) or b""


class Room:
    """A verifier over sessions in a dictionary, at a time that is set."""

    def __init__(self, purpose: Purpose = Purpose.PRINCIPAL_TOKEN) -> None:
        self.told = ToldFeed()
        self.now = NOW
        self.reads = 0
        self.renewed: list[int] = []
        self.session: Session | None = Session(
            id=id_of(DIGEST),
            digest=DIGEST,
            principal=Ref("User", "alice"),
            purpose=purpose,
            idle_ms=IDLE,
            opened_at=NOW,
            opened_by="User:gateway",
            renewed_at=NOW,
            ends_at=NOW + 10 * IDLE,
        )
        self.verifier = SessionVerifier(
            self.told.feed, self._read, used=lambda _, at: self.renewed.append(at), clock=lambda: self.now
        )

    def change(self, make: Callable[[Session], Session]) -> None:
        """Has the session be so in the database, without the feed telling of it."""
        assert self.session is not None
        self.session = make(self.session)

    def use(self, now: int, token: str = TOKEN) -> Verified:
        """What the session comes to then, read first if it must be."""
        self.now = now
        return asyncio.run(self._use(token))

    def refusal(self, now: int, token: str = TOKEN) -> str:
        """Why it is refused then."""
        with pytest.raises(Unauthenticated) as caught:
            self.use(now, token)
        return str(caught.value)

    async def _use(self, token: str) -> Verified:
        try:
            return self.verifier.verify(token, self.now)
        except Unauthenticated as error:
            if error.fetch is None:
                raise
            await error.fetch()
        return self.verifier.verify(token, self.now)

    def _read(self, _: str) -> Session | None:
        self.reads += 1
        return self.session


@pytest.mark.parametrize(
    ("purpose", "kind"),
    [(Purpose.CALL, EvidenceKind.SESSION), (Purpose.PRINCIPAL_TOKEN, EvidenceKind.PRINCIPAL_TOKEN)],
)
def test_a_session_is_good_for_one_purpose_and_evidence_of_that(purpose: Purpose, kind: EvidenceKind) -> None:
    verified = Room(purpose).use(NOW)
    is_caller = purpose is Purpose.CALL
    assert (verified.caller is not None, verified.principal is not None) == (is_caller, not is_caller)
    named = verified.caller.principal if verified.caller else verified.principal
    assert named is not None
    assert named.evidence == Evidence(kind, "", id_of(DIGEST))


def test_use_renews_a_session_once_a_tenth_of_its_idle_time() -> None:
    room = Room()
    for now in range(NOW, NOW + 3 * STEP, STEP // 4):
        room.use(now)
    assert room.renewed == [NOW + STEP, NOW + 2 * STEP]
    assert room.reads == 1


def test_a_session_that_lay_unused_is_refused_after_one_more_look_and_no_further() -> None:
    room = Room()
    room.use(NOW)
    room.use(NOW + IDLE - 1)
    last = NOW + 2 * IDLE - 1
    assert "not used for too long" in room.refusal(last)
    assert room.reads == 2
    assert "not used for too long" in room.refusal(last + 1)
    assert room.reads == 2


def test_a_session_that_another_worker_renewed_is_good_here_too() -> None:
    room = Room()
    room.use(NOW)
    room.change(lambda session: replace(session, renewed_at=NOW + IDLE - 1))
    assert room.use(NOW + IDLE).principal is not None
    assert room.reads == 2


def test_a_session_ends_at_its_end_however_much_it_is_used() -> None:
    room = Room()
    window = room.use(NOW).window
    window.check(NOW + 10 * IDLE - 1)
    with pytest.raises(Unauthenticated, match="expired"):
        window.check(NOW + 10 * IDLE)


def test_a_session_that_was_ended_is_refused_when_the_worker_hears_of_it() -> None:
    room = Room()
    room.use(NOW)
    room.change(lambda session: replace(session, revoked_at=NOW))
    room.told.tell(Change(SESSION, id_of(DIGEST)))
    assert "was ended" in room.refusal(NOW)


@pytest.mark.parametrize(
    ("token", "why"),
    [(new_token(), "no such session"), ("ms_short", "form"), (TOKEN + "x", "form"), ("ms_" + "é" * 43, "form")],
    ids=["unknown", "short", "long", "letters"],
)
def test_what_is_no_session_is_refused(token: str, why: str) -> None:
    room = Room()
    room.session = None
    assert why in room.refusal(NOW, token)


def test_the_beginning_of_a_digest_is_not_the_session() -> None:
    room = Room()
    room.change(lambda session: replace(session, digest=DIGEST[:-1] + b"?"))
    assert "no such session" in room.refusal(NOW)


def test_a_step_of_the_clock_has_every_session_read_again() -> None:
    room = Room()
    room.use(NOW)
    room.verifier.forget()
    room.use(NOW)
    assert room.reads == 2
