"""A rule is reported beside others if and only if it could be removed without changing an answer."""

import pytest

from tests.policy_lang.linting.linted import said

READ = "rule a: allow read on Document to User when resource.locked and resource.level > 1\n"


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ("rule b: allow read on Document to User when resource.level > 1 when resource.locked",
         "`b` adds nothing to `a`"),
        ("rule b: allow read on Document to User when 1 < resource.level and owner and resource.locked",
         "`b` adds nothing to `a`"),
        ("rule b: allow read on Document to User when resource.level > 1 and owner and resource.locked",
         "`b` adds nothing to `a`"),
        ("rule b: allow read, edit on Document to User when resource.locked and resource.level > 1",
         "`a` adds nothing to `b`"),
        ("rule b: allow read on Document to User when resource.locked", "`a` adds nothing to `b`"),
        ("rule b: allow read on Document to anyone when not (not resource.locked or resource.level <= 1)",
         "`a` adds nothing to `b`"),
        ("rule b: allow edit on Document to User when resource.locked and resource.level > 1", ""),
        ("rule b: allow read on Document to Service when resource.locked and resource.level > 1", ""),
        ("shadow rule b: allow read on Document to User when resource.locked and resource.level > 1", ""),
        ("rule b: allow read on Document to User when resource.locked and resource.level > 1 oblige log()", ""),
    ],
)  # fmt: skip
def test_a_rule_that_adds_nothing_is_reported(other: str, found: str) -> None:
    assert said(READ + other) == ([f"W203: rule {found}"] if found else [])


def test_actions_may_be_covered_by_several_rules() -> None:
    text = "rule b: allow edit on Document to User\nrule c: allow read on Document to User\n"
    whole = "rule d: allow read, edit on Document to User when owner"
    assert said(text + whole) == ["W203: rule `d` adds nothing to `b`, `c`"]


def test_denials_that_tell_the_caller_something_else_are_not_the_same() -> None:
    text = "rule a: deny read on Document when resource.locked code LOCKED\n"
    assert said(text + "rule b: deny read on Document when resource.locked code CLOSED") == []
    assert said(text + 'rule b: deny read on Document when resource.locked code LOCKED reason "it is"') == [
        "W203: rule `b` adds nothing to `a`"
    ]


@pytest.mark.parametrize(
    ("deny", "is_found"),
    [
        ("rule d: deny read on Document", True),
        ("rule d: deny any on any", True),
        ("rule d: deny read on Document to User", True),
        ("rule d: deny read on Document when resource.locked", True),
        ("rule d: deny read on Document unless not resource.locked", True),
        ("rule d: deny read on Document to Service", False),
        ("rule d: deny edit on Document", False),
        ("rule d: deny read on Document when resource.locked and owner", False),
        ("shadow rule d: deny read on Document", False),
    ],
)
def test_an_allow_rule_that_a_deny_rule_always_beats_is_reported(deny: str, is_found: bool) -> None:
    beaten = "W202: rule `a` never decides: where it allows, `d` denies"
    found = [each for each in said(f"{READ}{deny}\n") if each.startswith("W202")]
    assert found == ([beaten] if is_found else [])


@pytest.mark.parametrize(
    "clauses",
    [
        "to User when principal is Service",
        "when resource.locked unless resource.locked",
        "when resource.level > 3 when resource.level < 2",
        "unless resource.level == resource.level",
    ],
)
def test_a_rule_that_never_applies_is_reported(clauses: str) -> None:
    found = [each for each in said(f"rule r: deny read on Document {clauses}") if each.startswith("W201")]
    assert found == ["W201: rule `r` never applies"]


def test_a_grant_that_no_role_gives_is_reported() -> None:
    text = "rule r: allow granted on Route to role in principal.tenant"
    assert said(text) == ["W201: rule `r` never applies: no role grants an action there"]
