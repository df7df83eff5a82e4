"""A rule as the conditions that must all hold, so that rules can be compared."""

from collections.abc import Hashable, Iterator

from policy_lang.linting.contradictions import Part, parts_of
from policy_lang.typed import Always, And, ClauseKind, Condition, Not, Or, Rule


def conjuncts(rule: Rule) -> tuple[Part, ...]:
    """The parts of the one `and` that a rule is, without those that are always so."""
    return tuple(part for part in _all(rule) if part not in (_YES, _NOT_NO))


def signature(rule: Rule) -> frozenset[Hashable]:
    """The conjuncts, equal for rules that say the same in another order."""
    return frozenset((_sorted(condition), is_true) for condition, is_true in conjuncts(rule))


_YES: Part = (Always(True), True)
_NOT_NO: Part = (Always(False), False)


def _all(rule: Rule) -> Iterator[Part]:
    for clause in rule.clauses:
        yield from parts_of(clause.condition, clause.kind is not ClauseKind.UNLESS)


def _sorted(condition: Condition) -> Hashable:
    """What is the same for conditions that differ in the order of their operands alone."""
    match condition:
        case And() | Or():
            return type(condition), frozenset(map(_sorted, condition.items))
        case Not():
            return Not, _sorted(condition.item)
        case _:
            return condition
