"""What would flip an answer: the clauses, and for each kind of test the one change of a fact that is evident."""

import pytest

from policy_lang import loading, suite
from policy_lang.compiler import Compiled
from policy_lang.counterfactual.changes import CellChange, Change
from policy_lang.counterfactual.flips import Flip
from policy_lang.counterfactual.search import CHANGES, FoundFlip, find_flips
from policy_lang.facts import Assignment, Link
from policy_lang.forms import write_given
from policy_lang.interpreter import Interpreter
from policy_lang.values import ABSENT, Gap
from tests.policy_lang.law import ALICE, LEGAL, PLAN, T1, T2, World, facts_of, program


def found(rules: str, world: World | None = None) -> tuple[FoundFlip, ...]:
    """What would flip the answer to alice's question about the plan."""
    compiled, interpreter = program(rules)
    facts = facts_of(rules, world or World())
    return find_flips(facts, interpreter.explain(facts), compiled.schema, compiled.decide)


def said(change: Change) -> str:
    """A change in words."""
    if not isinstance(change, CellChange):
        return str(change.row) if change.is_added else f"not: {change.row}"
    cell = change.cell
    return (
        f"{change.path} not set" if isinstance(cell, Gap) else f"{change.path} = {write_given(change.path.type, cell)}"
    )


def changes(condition: str, world: World | None = None) -> list[str]:
    """The changes that would flip the answer of a rule with this condition."""
    flips = found(f"rule it: allow read on Document to anyone when {condition}", world)
    return [said(change) for flip in flips if flip.flip.clause == 1 for change in flip.changes]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("resource.locked", ["resource.locked = True"]),
        ("not resource.locked", ["resource.locked = True"]),
        ("context.mfa ?? false", ["context.mfa = False"]),
        ("principal.clearance > 5", ["principal.clearance = 6"]),
        ("principal.clearance < 3", ["principal.clearance = 2"]),
        ("principal.clearance >= resource.level", ["principal.clearance = 1", "resource.level = 4"]),
        ("resource.level != 2", []),
        ("resource.level == 5", ["resource.level = 5"]),
        ('resource.region == "us"', ["resource.region = us"]),
        ("resource.visibility != public", ["resource.visibility = private"]),
        ("resource.visibility in [private, internal]", ["resource.visibility = private"]),
        ("resource.visibility in [public, internal]", ["resource.visibility = private"]),
        ("resource.level in 5..7", ["resource.level = 5"]),
        ("resource.level in 1..3", ["resource.level = 4"]),
        ("context.ip in [192.168.0.0/16]", ["context.ip = 192.168.0.0"]),
        ('"draft" in resource.labels', ["resource.labels = ['pii']"]),
        ('"final" in resource.labels', ["resource.labels = ['draft', 'final', 'pii']"]),
        ('resource.labels any in ["final", "old"]', ["resource.labels = ['draft', 'final', 'pii']"]),
        ('resource.labels any in ["pii", "old"]', ["resource.labels = ['draft']"]),
        ('resource.labels all in ["pii", "old"]', ["resource.labels = ['pii']"]),
        ("has resource.folder", ["resource.folder not set"]),
        ("not has principal.department", ["principal.department not set"]),
        ("context.now > 2027-01-01T00:00:00Z", ["context.now = 2027-01-01T00:00:00.001Z"]),
        ("resource.tenant == Tenant \"t2\"", ["resource.tenant = {'type': 'Tenant', 'id': 't2'}"]),
        ("resource.locked and resource.level == 9", []),
        ("resource.locked or resource.level == 9", ["resource.locked = True", "resource.level = 9"]),
        ("role viewer in resource.tenant", ["User:alice is m.viewer of Tenant:t1"]),
        ("role auditor", ["User:alice is m.auditor"]),
        ("collaborator", ["User:alice is m.collaborator of Document:plan"]),
        ("steward of resource.folder", ["User:alice is m.steward of Folder:inner"]),
        ('principal under Team "other"', []),
        ('resource.region like "u*"', []),
    ],
)  # fmt: skip
def test_an_evident_change_is_named(condition: str, expected: list[str]) -> None:
    assert changes(condition) == expected


@pytest.mark.parametrize(
    ("condition", "world", "expected"),
    [
        (
            "role viewer in resource.tenant",
            World(assignments=(Assignment(ALICE, "m.editor", T1, None),)),
            ["not: User:alice is m.editor of Tenant:t1"],
        ),
        ("collaborator", World(links=(Link(PLAN, "m.collaborator", LEGAL, None),)),
         ["not: Team:legal is m.collaborator of Document:plan"]),
        (
            "role viewer in resource.tenant",
            World(assignments=(Assignment(ALICE, "m.editor", T1, None), Assignment(LEGAL, "m.viewer", T1, None))),
            [],
        ),
        ("role viewer in resource.tenant", World(assignments=(Assignment(ALICE, "m.viewer", T2, None),)),
         ["User:alice is m.viewer of Tenant:t1"]),
        ('resource.intent == "go"', World(given={"intent": ABSENT}), ["resource.intent = go"]),
        ("collaborator", World(action="create", without=frozenset({PLAN})), []),
    ],
    ids=["held", "related", "held-twice", "held-elsewhere", "unknown", "nothing-is-stored-of-what-is-made"],
)  # fmt: skip
def test_a_change_fits_what_is_known(condition: str, world: World, expected: list[str]) -> None:
    rules = f"rule it: allow read, create on Document to anyone when {condition}"
    assert [said(change) for flip in found(rules, world) for change in flip.changes] == expected


def test_a_reference_behind_which_more_is_read_is_left_alone() -> None:
    """The row of another folder was never gathered, so that nothing could be promised of it."""
    assert changes('resource.folder == Folder "outer" and resource.folder.tenant == Tenant "t1"') == []


def test_a_test_that_reads_a_sensitive_input_gives_nothing_away() -> None:
    """Neither the salary, nor the limit that would be just above it."""
    text = """
    module m
    principal type User { limit: int }
    type Payroll { salary: int sensitive, is_open: bool }
    actions Payroll { read }
    rule it: allow read on Payroll to anyone when resource.salary < principal.limit when resource.is_open
    fixture ann = User "ann" { limit: 10 }
    test "it" {
      principal ann
      resource Payroll "p" { salary: 5, is_open: true }
      context { now: 2026-01-05T10:00:00Z }
      expect allow read
    }
    """
    loaded = loading.load({"m.policy": text}).program
    compiled, interpreter = Compiled(loaded), Interpreter(loaded)
    facts = suite.facts_of(loaded.tests[0], "read", compiled)
    flips = find_flips(facts, interpreter.explain(facts), loaded.schema, compiled.decide)
    assert [(each.flip.clause, [said(change) for change in each.changes]) for each in flips] == [
        (0, []),
        (1, []),
        (2, ["resource.is_open = False"]),
    ]


def test_each_clause_that_alone_decides_is_named() -> None:
    rules = """
    rule one: allow read on Document to owner when resource.level == 2 unless resource.locked
    rule two: deny read on Document when resource.level > 5 unless context.mfa ?? false
    rule three: deny read on Document when resource.locked
    shadow rule four: deny read on Document when resource.level > 1
    """
    assert [each.flip for each in found(rules)] == [
        Flip("m.one", 0, becomes=False),
        Flip("m.one", 1, becomes=False),
        Flip("m.one", 2, becomes=True),
        Flip("m.three", 0, becomes=True),
    ]


def test_an_unknown_parameter_of_an_obligation_holds_an_answer_back() -> None:
    rules = "rule it: allow read on Document to anyone oblige tell(who: principal.department)"
    assert [each.flip for each in found(rules, World(user={"department": ABSENT}))] == [Flip("m.it", 1, becomes=True)]


def test_nothing_would_flip_where_two_rules_allow() -> None:
    rules = """
    rule one: allow read on Document to owner
    rule two: allow read on Document to anyone when resource.level == 2
    """
    assert found(rules) == ()


def test_few_changes_are_named_of_one_flip() -> None:
    condition = " or ".join(f'resource.region == "r{at}"' for at in range(9))
    assert len(changes(condition)) == CHANGES == 3
