"""Policies' own tests: what passes, and what a failure says."""

import pytest

from policy_lang import loading, suite
from policy_lang.compiler import Compiled
from tests.policy_lang.law import DECLARATIONS

RULES = """
rule by_role: allow granted on Document to role in resource.tenant
rule legal:   allow read on Document to Team "legal"
rule level:   deny read on Document when principal.clearance < resource.level code TOO_LOW oblige ask()
fixture alice = User "alice" { tenant: Tenant "t1", clearance: 2, suspended: false, zone: "Europe/Paris" }
fixture plan = Document "plan" {
  tenant: Tenant "t1", owner: alice, region: "eu", level: 1, labels: [], tags: [], visibility: public, locked: false,
  grace: 1h, net: 10.0.0.0/8, copies: 1 }
"""


def run(givens: str, expects: str) -> list[tuple[str, ...]]:
    """What each expectation says; nothing if it passed."""
    test = f"""
      test "it" {{
        {givens}
        principal alice
        resource plan
        context {{ now: 2026-01-05T10:00:00Z, ip: 10.1.2.3 }}
        {expects}
      }}
    """
    return [result.lines for result in suite.run(loading.load({"m.policy": DECLARATIONS + RULES + test}).program)]


@pytest.mark.parametrize(
    ("givens", "expects"),
    [
        ("", "expect deny read"),
        ('given alice is viewer of Tenant "t1"', "expect allow read by by_role"),
        ('given alice is editor of Tenant "t1"', "expect allow create by by_role"),
        ('given alice is editor of Tenant "t1" until 2026-01-05T10:00:00Z', "expect deny create code NO_MATCH"),
        ('given alice in Team "legal"', "expect allow read by legal"),
    ],
)
def test_what_is_expected_passes(givens: str, expects: str) -> None:
    assert run(givens, expects) == [()]


def test_a_failure_says_what_was_expected_and_what_was_got() -> None:
    givens = 'given alice is viewer of Tenant "t1"'
    assert run(givens, "expect deny read by level code TOO_LOW\nexpect allow read by by_role, legal") == [
        ("expected deny read by m.level code TOO_LOW", "got allow by m.by_role code ALLOWED"),
        ("expected allow read by m.by_role, m.legal", "got allow by m.by_role code ALLOWED"),
    ]


def test_where_the_evaluators_differ_the_test_fails() -> None:
    test = """
      test "it" {
        principal alice
        resource plan
        context { now: 2026-01-05T10:00:00Z, ip: 10.1.2.3 }
        expect deny read
      }
    """
    program = loading.load({"m.policy": DECLARATIONS + RULES + test}).program
    stricter = loading.load({"m.policy": DECLARATIONS + RULES + "rule no: deny any on any" + test}).program
    (result,) = suite.run(program, Compiled(stricter))
    assert result.lines == ("the evaluators differ, please report it: the interpreter says deny code NO_MATCH",)
