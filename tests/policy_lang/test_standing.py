"""The law of standing: under, roles, relations, and what missing rows leave open."""

import pytest

from policy_lang.facts import Assignment, Link
from policy_lang.values import ABSENT, Ref
from tests.policy_lang.law import ALICE, BOB, INNER, LEGAL, NOW, OUTER, PLAN, STAFF, T1, T2, World, judged

OTHERS = Ref("Team", "others")
GHOST = Ref("Team", "ghost")
OPEN = World(teams=(GHOST,))
"""Above alice is a team without a row: what else is above her is not known."""


def holding(role: str, place: Ref | None, subject: Ref = ALICE, until: int | None = None) -> Assignment:
    return Assignment(subject, f"m.{role}", place, until)


def world(*assignments: Assignment, teams: tuple[Ref, ...] = (LEGAL,), without: frozenset[Ref] = frozenset()) -> World:
    return World(assignments=assignments, teams=teams, without=without)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("principal under principal", True),
        ('principal under Team "legal"', True),
        ('principal under Team "staff"', True),
        ('principal under Team "others"', False),
        ('resource under Folder "outer"', True),
        ("resource under resource.folder.outer", True),
        ('resource.folder under Folder "other"', False),
    ],
)
def test_under_is_equal_or_below(condition: str, expected: bool) -> None:
    assert judged(condition) == (expected, set())


def test_a_missing_row_above_leaves_under_open() -> None:
    assert judged('principal under Team "ghost"', OPEN) == (True, set())
    assert judged('principal under Team "legal"', OPEN) == (None, {"principal no_row"})
    above = World(without=frozenset({OUTER}))
    assert judged('resource under Folder "outer"', above) == (True, set())
    assert judged('resource under Folder "other"', above) == (None, {"resource no_row"})


def test_under_is_unknown_when_an_operand_is() -> None:
    absent = World(document={"folder": ABSENT})
    assert judged('resource.folder under Folder "outer"', absent) == (None, {"resource.folder absent"})


@pytest.mark.parametrize(
    ("condition", "held", "expected"),
    [
        ("role viewer in resource.tenant", holding("viewer", T1), True),
        ("role viewer in resource.tenant", holding("editor", T1), True),
        ("role editor in resource.tenant", holding("viewer", T1), False),
        ("role viewer in resource.tenant", holding("viewer", T2), False),
        ("role viewer in resource.tenant", holding("viewer", T1, LEGAL), True),
        ("role viewer in resource.tenant", holding("viewer", T1, STAFF), True),
        ("role viewer in resource.tenant", holding("viewer", T1, BOB), False),
        ("role viewer in resource.tenant", holding("viewer", T1, until=NOW), False),
        ("role viewer in resource.tenant", holding("viewer", T1, until=NOW + 1), True),
        ("role auditor", holding("auditor", None), True),
        ("role keeper in resource.folder", holding("keeper", OUTER), False),
        ("role keeper over resource.folder", holding("keeper", OUTER), True),
        ("role keeper over resource.folder", holding("keeper", INNER), True),
    ],
)
def test_roles(condition: str, held: Assignment, expected: bool) -> None:
    assert judged(condition, world(held)) == (expected, set())


def test_a_role_of_who_may_be_above_leaves_it_open() -> None:
    held = holding("viewer", T1, OTHERS)
    assert judged("role viewer in resource.tenant", world(held)) == (False, set())
    assert judged("role viewer in resource.tenant", world(held, teams=(GHOST,))) == (None, {"principal no_row"})
    assert judged("role viewer in resource.tenant", world(teams=(GHOST,))) == (False, set())
    both = world(held, holding("viewer", T1), teams=(GHOST,))
    assert judged("role viewer in resource.tenant", both) == (True, set())


def test_a_role_over_a_place_of_unknown_ancestors_is_open_unless_found() -> None:
    without = frozenset({OUTER})
    condition = "role keeper over resource.folder"
    assert judged(condition, world(without=without)) == (None, {"resource.folder no_row"})
    assert judged(condition, world(holding("keeper", OUTER), without=without)) == (True, set())


def test_a_role_at_an_unknown_place_is_unknown() -> None:
    unknown = World(document={"tenant": ABSENT}, assignments=(holding("viewer", T1),))
    assert judged("role viewer in resource.tenant", unknown) == (None, {"resource.tenant absent"})


def link(subject: Ref, until: int | None = None) -> World:
    return World(links=(Link(PLAN, "m.collaborator", subject, until), Link(INNER, "m.steward", subject, until)))


@pytest.mark.parametrize("condition", ["collaborator", "steward of resource.folder"])
def test_a_stored_relation_leads_to_the_principal_or_above(condition: str) -> None:
    assert judged(condition, link(ALICE))[0] is True
    assert judged(condition, link(STAFF))[0] is True
    assert judged(condition, link(BOB))[0] is False
    assert judged(condition, link(ALICE, until=NOW))[0] is False
    assert judged(condition, World())[0] is False


def test_a_relation_to_who_may_be_above_leaves_it_open() -> None:
    unclear = World(links=link(OTHERS).links, teams=(GHOST,))
    assert judged("collaborator", unclear) == (None, {"principal no_row"})


def test_a_resource_that_is_made_has_its_parents_from_the_request_and_no_relations() -> None:
    made = World(action="create", without=frozenset({PLAN}), links=link(ALICE).links, folders=(INNER,))
    assert judged('resource under Folder "outer"', made) == (True, set())
    assert judged('resource under Folder "other"', made) == (False, set())
    assert judged("collaborator", made) == (False, set())
