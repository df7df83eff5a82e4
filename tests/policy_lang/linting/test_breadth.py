"""What lets in more than is meant is reported: across tenants, any action to anyone, roles that grant everything."""

import pytest

from policy_lang.diagnostics import Severity
from policy_lang.linting.linter import check

TENANTS = """module m
tenant type Tenant {}
type Team in Team {}
principal type User in Team { tenant: Tenant }
principal type Job from token { tenant: Tenant from claim "tid" }
principal type Staff {}
type Note { tenant: Tenant, owner: User, tenants: set<Tenant> }
actions Note { read, edit }
role editor on Tenant { Note: read }
let same = principal.tenant == resource.tenant
"""
ACROSS = "W401: rule `r` allows on `Note` whatever its tenant"


def found(text: str, *families: str) -> list[str]:
    """The findings of these families in a sound text."""
    diagnostics = check({"text.policy": text}).diagnostics
    assert [each.render() for each in diagnostics if each.severity is Severity.ERROR] == []
    return [f"{each.code}: {each.message}" for each in diagnostics if each.code[:2] in families]


@pytest.mark.parametrize(
    ("rules", "is_across"),
    [
        ("rule r: allow read on Note to User", True),
        ("rule r: allow read on Note to anyone", True),
        ("rule r: allow read on Note to User when resource.owner == principal", True),
        ("rule r: allow read on Note to User when same", False),
        ("rule r: allow read on Note to User when resource.tenant == principal.tenant", False),
        ("rule r: allow read on Note to User when principal.tenant in resource.tenants", False),
        ("rule r: allow read on Note to User unless not same", False),
        ("rule r: allow read on Note to User unless principal.tenant != resource.tenant", False),
        ("rule r: allow read on Note to User unless same", True),
        ("rule r: allow read on Note to User when same or resource.owner == principal", True),
        ("rule r: allow read on Note to User when same and resource.owner == principal", False),
        ("rule r: allow granted on Note to role in resource.tenant", False),
        ("rule r: allow read on Note to User when role editor in principal.tenant", True),
        ("rule r: allow read on Note to Staff", False),
        ("shadow rule r: allow read on Note to User", False),
    ],
)
def test_an_allow_rule_compares_the_tenants(rules: str, is_across: bool) -> None:
    assert found(TENANTS + rules, "W4") == ([ACROSS] if is_across else [])


@pytest.mark.parametrize(
    ("deny", "is_across"),
    [
        ("deny any on Note to User, Job unless same", False),
        ("deny any on any to User, Job when resource is Note and not same", True),
        ("deny read on Note to User, Job unless same", True),
        ("deny any on Note to User unless same", True),
        ("deny any on Note to User, Job unless same or resource.owner == principal", True),
        ("deny any on Note to User, Job unless same and resource.owner == principal", False),
        ("deny any on Note to User, Job when not same and resource.owner != principal", True),
        ("deny any on Note to User, Job when same", True),
    ],
)
def test_a_deny_rule_for_all_other_tenants_holds_for_all_allow_rules(deny: str, is_across: bool) -> None:
    rules = f"rule r: allow read, edit on Note to anyone\nrule d: {deny}\n"
    assert found(TENANTS + rules, "W4") == ([ACROSS] if is_across else [])


ROUTES = """module m
principal type User { admin: bool }
type Route from request { path: string }
type Page {}
actions Route { call }
actions Page { read, edit }
"""


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("rule r: allow any on Page to anyone", "rule `r` allows any action, also later ones, to anyone"),
        ("rule r: allow any on any to anyone", "rule `r` allows actions on any type, also later ones, to anyone"),
        ('rule r: allow any on Route to anyone when resource.path == "/"',
         "rule `r` allows any action, also later ones, to anyone"),
        ("rule r: allow any on Page to User", ""),
        ("rule r: allow any on Page to anyone when principal.admin", ""),
        ("rule r: allow read, edit on Page to anyone", ""),
        ("rule r: deny any on any", ""),
    ],
)  # fmt: skip
def test_any_action_to_anyone_is_reported(rule: str, message: str) -> None:
    assert found(ROUTES + rule, "W4") == ([f"W402: {message}"] if message else [])


@pytest.mark.parametrize(
    ("role", "is_everything"),
    [
        ("role root { Page: read, edit; Route: call }", True),
        ("role root on Page includes half { Route: call }\nrole half on Page { Page: read, edit }", True),
        ("role root { Page: read, edit }", False),
    ],
)
def test_a_role_that_grants_everything_is_reported(role: str, is_everything: bool) -> None:
    message = "W403: role `root` grants every action of every type"
    assert found(ROUTES + role, "W4") == ([message] if is_everything else [])
