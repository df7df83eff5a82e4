"""Compiled rules: what folds away, how deep a condition may go."""

import pytest

from policy_lang.compiler import Compiled
from policy_lang.decision import ALLOWED, DENIED, NO_MATCH, UNDETERMINED, Effect
from policy_lang.gather import gather
from policy_lang.interpreter import Interpreter
from policy_lang.source import SourceFile, Span
from policy_lang.typed import (
    And,
    Clause,
    ClauseKind,
    Compare,
    Comparison,
    Condition,
    Constant,
    Expression,
    Not,
    Or,
    Path,
    Program,
    Root,
    Rule,
    Sum,
)
from policy_lang.types import IntType
from policy_lang.values import BAD_VALUE, Cell
from tests.policy_lang.law import World, compiled, decided, program

SPAN = Span(SourceFile("rules.policy", "rule\n"), 0, 4)
LEVEL = Path(Root.RESOURCE, ("level",), IntType())
DEPTH = 200


def of_typed(condition: Condition, world: World) -> str:
    """The code of a rule with a condition that was not written as text; both evaluators agree."""
    rule = Rule("m.it", Effect.ALLOW, frozenset({"read"}), (Clause(ClauseKind.WHEN, condition, ""),), SPAN)
    made = Program(compiled("true").schema, {"Document": (rule,)})
    facts = gather([world.question()], Compiled(made), world.source())[0]
    decision = Compiled(made).decide(facts)
    assert Interpreter(made).decide(facts) == decision
    return decision.code


@pytest.mark.parametrize(("level", "code"), [(2, ALLOWED), (1, NO_MATCH), (BAD_VALUE, UNDETERMINED)])
def test_a_deep_condition_is_no_burden(level: Cell, code: str) -> None:
    leaf = Compare(Comparison.EQ, LEVEL, Constant(2, IntType()))
    condition: Condition = leaf
    for at in range(DEPTH):
        condition = And((condition, leaf)) if at % 2 else Or((Not(Not(condition)), leaf))
    assert of_typed(condition, World(document={"level": level})) == code


@pytest.mark.parametrize(("level", "code"), [(2, ALLOWED), (1, NO_MATCH), (BAD_VALUE, UNDETERMINED)])
def test_a_long_sum_is_no_burden(level: Cell, code: str) -> None:
    total: Expression = LEVEL
    for at in range(DEPTH):
        total = Sum(at % 2 == 0, total, LEVEL, IntType())
    assert of_typed(Compare(Comparison.EQ, total, Constant(2, IntType())), World(document={"level": level})) == code


def test_a_rule_for_another_principal_type_folds_away() -> None:
    plans = program(
        "rule mine: allow read on Document to User when principal.clearance > 1\n"
        'rule legal: allow read on Document to Team "legal"\n'
        "rule never: deny read on Document when false"
    )[0]
    plan = plans.plan("User", "Document", "read")
    assert plan is not None
    assert [rule.id for rule in plan.rules] == ["m.legal", "m.mine"]
    assert [str(path) for path in plan.reads.paths] == ["principal.clearance"]


def test_there_is_a_plan_for_each_principal_type_and_declared_action_only() -> None:
    plans = compiled("true")
    assert plans.plan("User", "Document", "read") is not None
    assert plans.plan("Team", "Document", "read") is None
    assert plans.plan("User", "Document", "fly") is None
    assert plans.plan("User", "Tenant", "read") is None


def test_the_same_answer_is_given_again() -> None:
    rules = "rule a: allow read on Document to anyone oblige log(level: resource.level)"
    first, second = decided(rules, World()), decided(rules, World(document={"level": 5}))
    assert [decision.obligations[0].parameters for decision in (first, second)] == [(("level", 2),), (("level", 5),)]
    denied = "rule a: deny read on Document hide"
    assert decided(denied, World()) is decided(denied, World())
    assert decided(denied, World()).code == DENIED
