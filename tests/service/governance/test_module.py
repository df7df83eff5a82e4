"""The built-in module: what each role carries and what not, written out; what can be granted; no bundle in it."""

from typing import Final

import pytest

from policy_lang.diagnostics import PolicyError
from policy_lang.facts import Assignment
from policy_lang.loading import load
from policy_lang.values import Ref
from service.errors import DataError
from service.governance.governance import permits_of
from service.governance.module import EVERYTHING, ROLES, check_grant, held_by, may_give
from service.permits import PREFIX, Action, Held

NOW: Final = 1_800_000_000_000
SOMEBODY: Final = Ref("Service", "gateway")
T1: Final = Ref("Tenant", "t1")
T2: Final = Ref("Tenant", "t2")

GRANTED: Final = {
    "check": {"pep", "reader", "check"},
    "check_for": {"pep"},
    "check_as": {"check_as:User"},
    "assert_attributes": {"assert_attributes"},
    "read_reasons": {"pep"},
    "list": {"reader", "list"},
    "entity.read": {"reader", "author", "admin"},
    "entity.write": {"admin"},
    "role.assign": {"admin"},
    "break_glass": {"responder", "admin"},
    "policy.validate": {"author", "admin"},
    "policy.push": {"author", "admin"},
    "policy.activate": {"admin"},
    "log.read": {"auditor"},
    "log.export": {"auditor"},
    "key.manage": {"admin"},
    "revoke": {"admin"},
}
"""Every action of the module, and every grant that carries it; no other does."""
GRANTS: Final = (
    "pep", "reader", "author", "auditor", "responder", "admin", "check", "list", "assert_attributes", "check_as:User",
)  # fmt: skip


def held(*given: tuple[str, Ref | None]) -> list[Assignment]:
    return [Assignment(SOMEBODY, PREFIX + grant, place, None) for grant, place in given]


def test_the_table_has_every_action_and_every_role() -> None:
    assert {action.value for action in Action} == set(GRANTED)
    assert set(ROLES) < set(GRANTS)


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("action", GRANTED)
def test_an_action_is_allowed_to_whom_it_should_be_and_to_nobody_else(action: str, grant: str) -> None:
    permits = permits_of(held((grant, None)), NOW)
    assert permits.at(None).may(Action(action)) == (grant in GRANTED[action])
    assert permits.at(T1).may(Action(action)) == (grant in GRANTED[action])


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("action", GRANTED)
def test_what_is_held_at_a_tenant_counts_there_alone(action: str, grant: str) -> None:
    permits = permits_of(held((grant, T1)), NOW)
    assert permits.at(T1).may(Action(action)) == (grant in GRANTED[action])
    assert not permits.at(T2).may(Action(action))
    assert not permits.at(None).may(Action(action))


def test_check_as_holds_for_the_types_it_names() -> None:
    permits = permits_of(held(("check_as:User", None), ("check_as:Robot", T1)), NOW)
    assert permits.at(None).may_check_as("User")
    assert not permits.at(None).may_check_as("Robot")
    assert permits.at(T1).may_check_as("Robot")
    assert permits_of(held(("check_as:*", None)), NOW).at(None).may_check_as("Anything")


def test_an_expired_role_gives_nothing() -> None:
    assert permits_of([Assignment(SOMEBODY, "magistrate.pep", None, NOW)], NOW).somewhere == Held()
    assert permits_of([Assignment(SOMEBODY, "magistrate.pep", None, NOW + 1)], NOW).somewhere.may(Action.CHECK)


def test_a_role_that_nobody_knows_gives_nothing() -> None:
    assert permits_of(held(("root", None), ("check_as:", None), ("entity.write", None)), NOW).somewhere == Held()


@pytest.mark.parametrize("grant", GRANTS)
def test_nobody_gives_what_he_does_not_hold(grant: str) -> None:
    for own in GRANTS:
        holding = held_by(own)
        assert holding is not None
        has_it = own == grant or (grant in ("check", "list", "assert_attributes") and own in GRANTED[grant])
        assert may_give(holding, grant) == has_it, own
    assert may_give(EVERYTHING.everywhere, grant)


@pytest.mark.parametrize("grant", ["", "Admin", "entity.write", "check_as", "check_as:", "magistrate.admin"])
def test_what_is_no_grant_is_refused(grant: str) -> None:
    with pytest.raises(DataError, match="is no role of `magistrate`"):
        check_grant(grant)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("module magistrate\n", "module `magistrate` is the service's own", id="the module"),
        pytest.param(
            "module mine\nprincipal type User {}\nrole boss { includes magistrate.admin }\n",
            "magistrate.admin", id="include a role",
        ),
        pytest.param(
            "module mine\nprincipal type User {}\ntype Doc {}\nactions Doc { read }\n"
            "rule in: allow read on Doc to role magistrate.admin\n",
            "magistrate.admin", id="name a role",
        ),
        pytest.param(
            "module mine\nprincipal type User {}\nrule out: deny any on magistrate.Service to User\n",
            "", id="a rule on a type",
        ),
        pytest.param("module mine\nprincipal type magistrate.Service {}\n", "", id="declare a type"),
    ],
)  # fmt: skip
def test_no_bundle_can_touch_the_module(text: str, says: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load({"mine.policy": text})
    assert says in str(refused.value)
