"""Who holds a role of the module for a while gives it for no longer, by whatever way; taking it away needs no time."""

from collections.abc import Callable

import pytest

from policy_lang.facts import Assignment
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.entities.batch import Assign, Put, Unassign
from service.errors import PermissionDenied
from service.governance.grants import Grants
from tests.service.entities.firm import NOW, Firm, build_firm, caller

ENDS = NOW + 60_000
T1, TEAM = Ref("Tenant", "t1"), Ref("Team", "admins1")
BRIEF, USER1 = Ref("User", "brief"), Ref("User", "member-t1")
INTO: Json = [{"type": "Team", "id": "inner"}]
Call = Callable[[Firm], object]


@pytest.fixture
def firm(database: Database) -> Firm:
    """The firm, and one who is its admin for a minute."""
    Grants((firm := build_firm(database)).database).give(BRIEF, "admin", None, ENDS)
    return firm


def admin(subject: Ref, place: Ref | None, until: int | None) -> Assignment:
    """The role, given so long."""
    return Assignment(subject, "magistrate.admin", place, until)


LONGER: dict[str, Call] = {
    "for ever": lambda firm: firm.roles.assign(caller("brief"), admin(BRIEF, None, None)),
    "a millisecond longer": lambda firm: firm.roles.assign(caller("brief"), admin(BRIEF, None, ENDS + 1)),
    "to another at a tenant": lambda firm: firm.roles.assign(caller("brief"), admin(USER1, T1, None)),
    "in a batch": lambda firm: firm.batches.write(caller("brief"), [Assign(admin(BRIEF, T1, None))]),
    "by a team": lambda firm: firm.writes.put(caller("brief"), USER1, {"tenant": "t1"}, INTO),
    "by a team in a batch": lambda firm: firm.batches.write(caller("brief"), [Put(USER1, {"tenant": "t1"}, INTO)]),
}
AS_LONG: dict[str, Call] = {
    "until then": lambda firm: firm.roles.assign(caller("brief"), admin(USER1, None, ENDS)),
    "until then in a batch": lambda firm: firm.batches.write(caller("brief"), [Assign(admin(USER1, T1, ENDS))]),
    "taken in a batch": lambda firm: firm.batches.write(caller("brief"), [Unassign(admin(USER1, T1, None))]),
    "taken": lambda firm: firm.roles.unassign(caller("brief"), admin(Ref("User", "root"), None, None)),
    "taken from a team that goes": lambda firm: firm.writes.delete(caller("brief"), Ref("Team", "inner")),
}


def test_what_is_held_for_a_while_is_given_for_no_longer(firm: Firm) -> None:
    for call in LONGER.values():
        with pytest.raises(PermissionDenied) as refused:
            call(firm)
        assert str(refused.value) == (
            "the caller may not `role.assign` here, or does not hold the role itself, for as long"
        )
    assert {each for each in Grants(firm.database).all() if each.subject in (BRIEF, USER1)} == {
        Assignment(BRIEF, "admin", None, ENDS)
    }


def test_what_is_held_for_a_while_may_be_given_as_long_and_taken_away(firm: Firm) -> None:
    for call in AS_LONG.values():
        assert call(firm)
