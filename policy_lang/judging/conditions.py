"""Judges a condition true, false or unknown from facts: the law in code.

Law (language.md, Operators): comparisons and functions are unknown when an operand is. This naive reading is what the
compiled form is held equal to.
"""

from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Final, assert_never

from policy_lang.facts import Facts
from policy_lang.judging.expressions import Reading, call, compare, evaluate, read
from policy_lang.judging.kleene import FALSE, TRUE, Judgement, conjunction, disjunction, known, negation
from policy_lang.judging.membership import judge_membership
from policy_lang.judging.standing import judge_standing
from policy_lang.patterns import matches
from policy_lang.typed import (
    Always,
    And,
    Compare,
    Comparison,
    Condition,
    Has,
    Holds,
    HoldsRole,
    InList,
    InNetworks,
    InRange,
    InSet,
    IsType,
    Like,
    Not,
    Or,
    Overlap,
    Related,
    Test,
    Under,
)
from policy_lang.values import Gap, Ref

COMPARISONS: Final[Mapping[Comparison, Callable[..., bool]]] = {
    Comparison.EQ: eq,
    Comparison.NE: ne,
    Comparison.LT: lt,
    Comparison.LE: le,
    Comparison.GT: gt,
    Comparison.GE: ge,
}


def judge(condition: Condition, facts: Facts, granting: frozenset[str]) -> Judgement:
    """What a condition comes to; `granting` are the roles that grant the action asked about."""
    match condition:
        case Always():
            return known(condition.value)
        case And():
            return conjunction(judge(item, facts, granting) for item in condition.items)
        case Or():
            return disjunction(judge(item, facts, granting) for item in condition.items)
        case Not():
            return negation(judge(condition.item, facts, granting))
        case Holds():
            return _of(evaluate(condition.expression, facts))
        case Test():
            return _of(call(condition.function, condition.arguments, facts))
        case Compare():
            left, right = evaluate(condition.left, facts), evaluate(condition.right, facts)
            return compare(COMPARISONS[condition.operator], left, right)
        case Like():
            text = evaluate(condition.text, facts)
            return known(matches(condition.pattern, text.cell)) if isinstance(text.cell, str) else _of(text)
        case IsType():
            reference = evaluate(condition.reference, facts)
            return known(reference.cell.type == condition.type) if isinstance(reference.cell, Ref) else _of(reference)
        case Has():
            return _has(condition, facts)
        case InList() | InSet() | InRange() | InNetworks() | Overlap():
            return judge_membership(condition, facts)
        case Under() | HoldsRole() | Related():
            return judge_standing(condition, facts, granting)
        case _:
            assert_never(condition)


def _of(reading: Reading) -> Judgement:
    return Judgement(None, reading.causes) if isinstance(reading.cell, Gap) else known(reading.cell is True)


def _has(condition: Has, facts: Facts) -> Judgement:
    reading = read(condition.path, facts)
    if not isinstance(reading.cell, Gap):
        return TRUE
    return Judgement(None, reading.causes) if reading.cell.is_broken else FALSE
