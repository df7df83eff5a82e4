"""The law of reading: a path is present, absent or broken."""

import pytest

from policy_lang.values import ABSENT, BAD_VALUE, NOT_GIVEN, OPTIONAL_NOT_GIVEN, UNSET
from tests.policy_lang.law import BOB, INNER, World, judged

Truths = tuple[bool | None, bool | None, bool | None]

PRESENT = World()
ABSENT_ITSELF = World(user={"department": ABSENT})
NOT_SAID = World(given={"intent": OPTIONAL_NOT_GIVEN})
BROKEN = World(user={"department": BAD_VALUE})


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param(PRESENT, (True, True, True), id="present"),
        pytest.param(ABSENT_ITSELF, (False, False, None), id="absent"),
        pytest.param(BROKEN, (None, None, None), id="broken"),
    ],
)
def test_a_path_is_present_absent_or_broken(world: World, expected: Truths) -> None:
    has = judged("has principal.department", world)[0]
    default = judged('(principal.department ?? "none") == "law"', world)[0]
    elsewhere = judged('principal.department == "law"', world)[0]
    assert (has, default, elsewhere) == expected


@pytest.mark.parametrize(
    ("world", "has", "cause"),
    [
        pytest.param(World(document={"folder": ABSENT}), False, "resource.folder absent", id="optional step not set"),
        pytest.param(World(document={"folder": UNSET}), None, "resource.folder absent", id="required step not set"),
        pytest.param(World(document={"folder": BAD_VALUE}), None, "resource.folder bad_value", id="step does not fit"),
        pytest.param(World(without=frozenset({INNER})), None, "resource.folder no_row", id="row missing"),
    ],
)
def test_a_path_ends_at_the_step_that_failed(world: World, has: bool | None, cause: str) -> None:
    assert judged("has resource.folder.owner", world)[0] is has
    assert judged("resource.folder.tenant == principal.tenant", world) == (None, {cause})


@pytest.mark.parametrize(
    ("world", "condition", "cause"),
    [
        (World(given={"copies": NOT_GIVEN}), "resource.copies > 0", "resource.copies not_given"),
        (World(given={"intent": OPTIONAL_NOT_GIVEN}), 'resource.intent == "x"', "resource.intent not_given"),
        (World(context={"ip": NOT_GIVEN}), "context.ip in 10.0.0.0/8", "context.ip not_given"),
        (World(user={"clearance": UNSET}), "principal.clearance > 0", "principal.clearance absent"),
        (World(without=frozenset({BOB})), "principal.boss.clearance > 0", "principal.boss no_row"),
    ],
)
def test_unknown_names_its_path_and_cause(world: World, condition: str, cause: str) -> None:
    assert judged(condition, world) == (None, {cause})


def test_a_default_stands_for_what_is_absent_and_not_for_what_is_broken() -> None:
    assert judged("(principal.boss.clearance ?? 0) == 0", World(user={"boss": ABSENT})) == (True, set())
    assert judged("(principal.boss.clearance ?? 0) == 0", World(without=frozenset({BOB})))[0] is None


def test_an_attribute_of_another_source_is_not_read_from_the_row() -> None:
    assert judged('resource.intent == "x"', World(document={"intent": "x"}))[0] is None
    assert judged("resource.level == 9", World(given={"level": 9}))[0] is False


def test_a_row_behind_a_reference_is_read() -> None:
    assert judged("principal.boss.clearance == 9")[0] is True
    assert judged("resource.folder.outer.tenant == principal.tenant")[0] is True
