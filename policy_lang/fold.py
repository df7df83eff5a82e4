"""Settles what is known of a rule before any question: the principal's and the resource's type, the roles that count.

What folds away is never read. Folding keeps the law: false settles an `and` and true an `or`, whatever is unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from policy_lang.typed import (
    Always,
    And,
    ClauseKind,
    Condition,
    Constant,
    Expression,
    Has,
    Holds,
    HoldsRole,
    IsType,
    Not,
    Or,
    Path,
    Root,
    Rule,
)


@dataclass(frozen=True, slots=True)
class Case:
    """What all questions of one kind have in common; `granting` are the roles that grant the action."""

    principal_type: str
    resource_type: str
    action: str
    granting: frozenset[str]


@dataclass(frozen=True, slots=True)
class FoldedRule:
    """A rule and the one condition that it comes to in a case: to and when and not unless."""

    rule: Rule
    condition: Condition


def fold_rules(rules: Iterable[Rule], case: Case) -> tuple[FoldedRule, ...]:
    """The rules that can come to anything but false in the case."""
    folded = (FoldedRule(rule, fold(whole(rule), case)) for rule in rules)
    return tuple(each for each in folded if each.condition != Always(False))


def whole(rule: Rule) -> Condition:
    """The one condition of a rule's clauses."""
    return And(
        tuple(
            Not(clause.condition) if clause.kind is ClauseKind.UNLESS else clause.condition for clause in rule.clauses
        )
    )


def fold(condition: Condition, case: Case) -> Condition:
    """The condition as it stands in the case."""
    match condition:
        case And():
            return _join(And, condition.items, case)
        case Or():
            return _join(Or, condition.items, case)
        case Not():
            inner = fold(condition.item, case)
            return Always(not inner.value) if isinstance(inner, Always) else Not(inner)
        case Holds(Constant(value=bool(value))):
            return Always(value)
        case Has(Path(steps=())):
            return Always(True)
        case IsType():
            type_ = _type_of(condition.reference, case)
            return condition if type_ is None else Always(type_ == condition.type)
        case HoldsRole(roles=None):
            return replace(condition, roles=case.granting)
        case _:
            return condition


def _join(kind: type[And] | type[Or], items: Iterable[Condition], case: Case) -> Condition:
    """The items of an `and` or `or`, nested ones of its kind joined into it, without those that say nothing."""
    settling = Always(kind is Or)
    joined: list[Condition] = []
    for item in items:
        folded = fold(item, case)
        if folded == settling:
            return settling
        if isinstance(folded, kind):
            joined.extend(folded.items)
        elif not isinstance(folded, Always):
            joined.append(folded)
    if not joined:
        return Always(kind is And)
    return joined[0] if len(joined) == 1 else kind(tuple(joined))


def _type_of(reference: Expression, case: Case) -> str | None:
    match reference:
        case Path(root=Root.PRINCIPAL, steps=()):
            return case.principal_type
        case Path(root=Root.RESOURCE, steps=()):
            return case.resource_type
        case _:
            return None
