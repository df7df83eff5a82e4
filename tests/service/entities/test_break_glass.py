"""A role that is held in an emergency: by whom it may be given, for how long, why, and when it ends."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from policy_lang.facts import Assignment
from policy_lang.values import Ref
from service.app.glass import GlassWatch
from service.db.engine import Database
from service.entities.break_glass import HELD, REASON, EmergencyGrant
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import DataError, LimitExceeded, NotFound, PermissionDenied
from service.governance.grants import Grants
from service.model import RecordKind
from service.samples import Samples
from tests.service.entities.firm import LONGEST_SECONDS, NOW, Firm, build_firm, caller

T1, T2 = Ref("Tenant", "t1"), Ref("Tenant", "t2")
USER1, USER2 = Ref("User", "member-t1"), Ref("User", "member-t2")
SOON = NOW + 60_000
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no database has a part in."""
WHY = "the pager rang, and nobody else is here"


def editor(subject: Ref = USER1, place: Ref | None = T1, expires_at: int | None = SOON) -> Assignment:
    return Assignment(subject, "firm.editor", place, expires_at)


@pytest.fixture
def firm(database: Database) -> Iterator[Firm]:
    built = build_firm(database)
    Grants(database).give(Ref("User", "guard"), "responder", None)
    yield built


def held(firm: Firm, subject: Ref = USER1) -> list[Assignment]:
    with EntityStore(firm.database).snapshot(firm.schema) as snapshot:
        return snapshot.assignments([subject])


def kept(firm: Firm) -> tuple[EmergencyGrant, ...]:
    return firm.emergencies.page(caller("guard"), only_active=False, place=None, limit=10, after=None).found


def in_force(samples: Samples) -> tuple[float, float]:
    names = ("magistrate_break_glass_active", "magistrate_break_glass_last_timestamp_seconds")
    active, last = (samples.gauges[name] for name in names)
    return active, last


def test_it_gives_the_role_until_its_end_beside_what_is_held_and_is_recorded_with_its_reason(firm: Firm) -> None:
    firm.writes.assign(caller("root"), USER1, "firm.editor", T1, expires_at=None)
    grant, revision = firm.emergencies.give(caller("guard"), editor(), WHY)

    assert held(firm) == [editor(expires_at=None), editor()._replace(emergency=grant.id)]
    with EntityStore(firm.database).snapshot(firm.schema) as snapshot:
        assert snapshot.revision == revision
        assert editor()._replace(emergency=grant.id) in snapshot.assignments_at([T1])
    record = firm.records[-1]
    assert (record.action, record.resource, record.tenant, record.rules) == (
        "magistrate.break_glass", USER1, T1, ("magistrate.responder",),
    )  # fmt: skip
    assert record.inputs == {
        "change": "give", "break_glass": grant.id, "role": "firm.editor", "scope": "Tenant:t1",
        "expires_at": "2027-01-15T08:01:00Z", "reason": WHY,
    }  # fmt: skip


def test_a_responder_needs_no_role_to_give_and_may_give_to_himself(firm: Firm) -> None:
    Grants(firm.database).give(USER1, "responder", None)
    grant, _ = firm.emergencies.give(caller("member-t1"), editor(), WHY)
    assert (grant.subject, grant.given_by) == (USER1, "User:member-t1")


@on_sqlite
@pytest.mark.parametrize("who", ["reader", "author", "auditor", "pep", "member-t1"])
def test_who_does_not_hold_it_is_refused_and_that_is_recorded(firm: Firm, who: str) -> None:
    with pytest.raises(PermissionDenied, match="break_glass"):
        firm.emergencies.give(caller(who), editor(), WHY)
    assert held(firm) == []
    refusal = firm.records[-1]
    assert (refusal.kind, refusal.code, refusal.caller.id) == (RecordKind.REFUSAL, "BREAK_GLASS", who)
    assert refusal.inputs["reason"] == WHY


@on_sqlite
def test_a_refusal_keeps_no_more_of_what_was_wanted_than_it_needs(firm: Firm) -> None:
    with pytest.raises(PermissionDenied):
        firm.emergencies.give(caller("reader"), editor()._replace(role="r" * 10_000), "w" * 10_000)
    told = firm.records[-1].inputs
    assert (told["role"], told["reason"]) == ("r" * REASON[1], "w" * REASON[1])


@on_sqlite
def test_nobody_holds_more_of_them_at_once_than_a_check_can_tell_apart(firm: Firm) -> None:
    first, *_ = [firm.emergencies.give(caller("root"), editor(), WHY)[0] for _ in range(HELD)]
    with pytest.raises(LimitExceeded, match="`emergency_grants`: 9 given, 8 allowed"):
        firm.emergencies.give(caller("root"), editor(), WHY)
    firm.emergencies.give(caller("root"), editor(USER2, T2), WHY)
    firm.emergencies.end(caller("root"), first.id)
    firm.emergencies.give(caller("root"), editor(), WHY)
    assert len(held(firm)) == HELD


def test_what_is_held_at_a_tenant_reaches_no_other(firm: Firm) -> None:
    firm.emergencies.give(caller("chief"), editor(), WHY)
    with pytest.raises(PermissionDenied):
        firm.emergencies.give(caller("chief"), editor(USER2, T2), WHY)
    grant, _ = firm.emergencies.give(caller("root"), editor(USER2, T2), WHY)
    with pytest.raises(PermissionDenied):
        firm.emergencies.end(caller("chief"), grant.id)
    assert [each.emergency for each in held(firm, USER2)] == [grant.id]


def test_who_holds_it_at_a_tenant_sees_what_is_held_there_and_nothing_else(firm: Firm) -> None:
    here, _ = firm.emergencies.give(caller("root"), editor(), WHY)
    there, _ = firm.emergencies.give(caller("root"), editor(USER2, T2), WHY)

    def seen(who: str, place: Ref | None) -> list[str]:
        page = firm.emergencies.page(caller(who), only_active=True, place=place, limit=10, after=None)
        return [grant.id for grant in page.found]

    assert (seen("chief", T1), seen("root", T2), seen("root", None)) == ([here.id], [there.id], [there.id, here.id])
    for place in (T2, None):
        with pytest.raises(PermissionDenied):
            seen("chief", place)


AMISS = {
    "no end": (editor(expires_at=None), WHY, "`expires_at`: required"),
    "already over": (editor(expires_at=NOW), WHY, "`expires_at`: in the future"),
    "too long": (editor(expires_at=NOW + LONGEST_SECONDS * 1000 + 1), WHY, "within 3600 seconds"),
    "no reason": (editor(), "", "`reason`: 10 to 500 characters"),
    "blanks for a reason": (editor(), " " * 20, "`reason`: 10 to 500 characters"),
    "too long a reason": (editor(), "x" * (REASON[1] + 1), "`reason`: 10 to 500 characters"),
    "a reason behind blanks": (editor(), " " * REASON[1] + WHY, "`reason`: 10 to 500 characters"),
    "a reason of two lines": (editor(), "nobody is here\nand more", "`reason`: 10 to 500 characters in one line"),
    "a role of the service": (Assignment(USER1, "magistrate.admin", None, SOON), WHY, "nobody administers it"),
    "no such role": (editor()._replace(role="firm.editr"), WHY, "did you mean `firm.editor`"),
    "no scope": (editor(place=None), WHY, "assigned at a `Tenant`"),
    "a team": (editor(Ref("Team", "team-t1")), WHY, "is no principal"),
    "nobody": (editor(Ref("User", "membr-t1")), WHY, "there is no `User:membr-t1`"),
    "nowhere": (editor(place=Ref("Tenant", "t3")), WHY, "there is no `Tenant:t3`"),
}


@on_sqlite
@pytest.mark.parametrize(("wanted", "reason", "says"), AMISS.values(), ids=AMISS)
def test_what_is_no_emergency_is_refused_by_name(firm: Firm, wanted: Assignment, reason: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        firm.emergencies.give(caller("root"), wanted, reason)
    assert held(firm, wanted.subject) == []


def test_ended_before_its_time_it_gives_nothing_and_cannot_be_ended_again(firm: Firm) -> None:
    grant, given = firm.emergencies.give(caller("root"), editor(), WHY)
    _, ended = firm.emergencies.end(caller("guard"), grant.id)

    assert held(firm) == []
    assert int(ended.partition(".")[2]) == int(given.partition(".")[2]) + 1
    assert (firm.records[-1].inputs["change"], firm.records[-1].inputs["reason"]) == ("end", WHY)
    with pytest.raises(NotFound):
        firm.emergencies.end(caller("guard"), grant.id)
    (listed,) = kept(firm)
    assert (listed.id, listed.ended_at, listed.ended_by) == (grant.id, NOW, "User:guard")
    assert firm.emergencies.page(caller("guard"), only_active=True, place=None, limit=10, after=None).found == ()


@pytest.mark.parametrize("gone", [USER1, T1], ids=["who holds it", "where"])
def test_who_gets_the_id_of_a_deleted_one_does_not_get_its_emergencies_and_they_stay_listed(
    firm: Firm, gone: Ref
) -> None:
    grant, _ = firm.emergencies.give(caller("root"), editor(), WHY)
    EntityWriter(firm.database, firm.schema).delete(gone)
    assert held(firm) == []
    (listed,) = kept(firm)
    assert (listed.id, listed.reason, listed.is_active(NOW), listed.ended_by) == (grant.id, WHY, False, "")


def test_the_alarm_hears_of_a_grant_that_ends_before_anybody_has_looked(firm: Firm) -> None:
    watch, samples = GlassWatch(firm.database, lambda: NOW + 1000), Samples()
    watch.tell(samples)
    assert samples.gauges == {}
    grant, _ = firm.emergencies.give(caller("root"), editor(), WHY)
    firm.emergencies.end(caller("root"), grant.id)
    with capture_logs() as said:
        watch.look()
        watch.look()
    assert [(line["event"], line["break_glass"]) for line in said] == [
        ("the glass is broken: an emergency grant is in force", grant.id),
        ("an emergency grant has ended", grant.id),
    ]
    watch.tell(samples)
    assert in_force(samples) == (0, NOW / 1000)


def test_the_alarm_says_each_that_begins_and_ends_and_tells_how_many_there_are(firm: Firm) -> None:
    now, samples, told = [NOW], Samples(), list[tuple[float, float]]()
    watch = GlassWatch(firm.database, lambda: now[0])
    grant, _ = firm.emergencies.give(caller("root"), editor(), WHY)
    with capture_logs() as said:
        for moment in (NOW, NOW + 1, SOON, SOON + 1):
            now[0] = moment
            watch.look()
            watch.tell(samples)
            told.append(in_force(samples))

    assert told == [(1, NOW / 1000), (1, (NOW + 1) / 1000), (0, SOON / 1000), (0, SOON / 1000)]
    assert [(line["log_level"], line["event"], line["break_glass"], line["reason"]) for line in said] == [
        ("warning", "the glass is broken: an emergency grant is in force", grant.id, WHY),
        ("warning", "an emergency grant has ended", grant.id, WHY),
    ]
