"""The law of operators: Kleene's logic, comparison, membership."""

import pytest

from policy_lang.values import ABSENT, BAD_VALUE, NOT_GIVEN, Ip
from tests.policy_lang.law import World, judged

UNKNOWN = "resource.region == principal.department"
"""Unknown in the dirty world."""

DIRTY = World(
    user={"department": ABSENT, "clearance": BAD_VALUE},
    document={"labels": BAD_VALUE, "net": BAD_VALUE},
    context={"mfa": NOT_GIVEN},
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"true and {UNKNOWN}", None),
        (f"false and {UNKNOWN}", False),
        (f"{UNKNOWN} and false", False),
        (f"true or {UNKNOWN}", True),
        (f"{UNKNOWN} or true", True),
        (f"false or {UNKNOWN}", None),
        (f"not ({UNKNOWN})", None),
        (f"not ({UNKNOWN} and false)", True),
    ],
)
def test_and_or_and_not_are_kleenes(condition: str, expected: bool | None) -> None:
    assert judged(condition, DIRTY)[0] is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("resource.level == 2", True),
        ("resource.level != 2", False),
        ("resource.level < 2", False),
        ("resource.level <= 2", True),
        ("resource.level + 1 > 2", True),
        ("resource.level - 1 >= 2", False),
        ("resource.visibility == public", True),
        ("resource.owner == principal", True),
        ('resource.owner.id == "alice"', True),
        ("context.now + resource.grace > context.now", True),
        ("resource.folder.owner is User", True),
        ("resource.folder.owner is Team", False),
        ('resource.region like "e*"', True),
        ('resource.region like "e"', False),
        ("not resource.locked", True),
        ("hour(context.now, principal.zone) == 11", True),
        ("weekday(context.now, principal.zone) in 1..5", True),
        ('starts_with(resource.region, "e")', True),
        ("is_private(context.ip)", True),
    ],
)
def test_operators_over_known_values(condition: str, expected: bool) -> None:
    assert judged(condition) == (expected, set())


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('resource.region in ["eu", principal.department]', True),
        ('resource.region in ["us", principal.department]', None),
        ('principal.department in ["us"]', None),
        ('principal.department not in ["us"]', None),
        ("resource.region in resource.labels", None),
        ("resource.region in resource.tags", False),
        ("2 in 1..principal.clearance", None),
        ("0 in 1..principal.clearance", False),
        ("resource.labels any in resource.tags", None),
        ("resource.tags any in resource.labels", False),
        ("resource.tags all in resource.labels", True),
        ('resource.tags any in ["a"]', False),
        ("context.ip in resource.net", None),
        ("context.ip in [resource.net, 10.0.0.0/8]", True),
        ("context.ip in [resource.net, 11.0.0.0/8]", None),
        ("principal.clearance > 1", None),
        ("principal.clearance + 1 == 1", None),
        ('starts_with(principal.department, "l")', None),
        ('principal.department like "l*"', None),
    ],
)
def test_operators_over_unknown_values(condition: str, expected: bool | None) -> None:
    assert judged(condition, DIRTY)[0] is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('resource.labels any in ["pii", "phi"]', True),
        ('resource.labels any in ["phi"]', False),
        ('resource.labels all in ["pii", "draft", "phi"]', True),
        ('resource.labels all in ["pii"]', False),
        ('"pii" in resource.labels', True),
        ('"pii" not in resource.labels', False),
        ("principal.department in resource.tags", False),
    ],
)
def test_membership_in_sets(condition: str, expected: bool) -> None:
    assert judged(condition)[0] is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('resource.labels any in ["pii", principal.department]', True),
        ('resource.labels any in ["us", principal.department]', None),
        ('resource.labels all in ["pii", "draft", principal.department]', True),
        ('resource.labels all in ["pii", principal.department]', None),
        ("resource.tags any in [principal.department]", False),
        ("resource.tags all in [principal.department]", True),
        ("principal.department in resource.tags", False),
        ("principal.department not in resource.tags", True),
        ("principal.department in resource.labels", None),
    ],
)
def test_membership_beside_an_unknown_item(condition: str, expected: bool | None) -> None:
    assert judged(condition, World(user={"department": ABSENT}))[0] is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.255.0.1", True), ("11.0.0.0", False), ("::ffff:10.0.0.1", True), ("::1", False), ("2001:db8::5", True)],
)
def test_an_address_is_in_a_network_of_its_own_version(address: str, expected: bool) -> None:
    world = World(context={"ip": Ip.parse(address)})
    assert judged("context.ip in [10.0.0.0/8, 2001:db8::/32]", world)[0] is expected


def test_the_causes_are_those_of_all_operands_that_left_it_unknown() -> None:
    condition = f"({UNKNOWN}) and resource.level > principal.clearance and resource.level == 2"
    assert judged(condition, DIRTY) == (None, {"principal.department absent", "principal.clearance bad_value"})


def test_a_local_clock_that_leaves_the_years_is_unknown() -> None:
    late = World(context={"now": 253_402_300_799_999})
    assert judged("hour(context.now, principal.zone) == 0", late) == (
        None,
        {"context.now bad_value", "principal.zone bad_value"},
    )
