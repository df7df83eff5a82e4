"""Weighs rules over a world that is not all chosen: which truths a condition can still come to.

Atoms are judged by the law's own code over what is chosen; `and`, `or` and `not` are Kleene's, over sets of truths.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from policy_lang.compiler import Key, case_of
from policy_lang.conclude import Verdict, conclude
from policy_lang.decision import Decision, Effect
from policy_lang.facts import Facts
from policy_lang.fold import Case, FoldedRule, fold_rules
from policy_lang.judging.kleene import Truth
from policy_lang.judging.obligations import judge_obligations, obligations_of
from policy_lang.schema import Schema
from policy_lang.typed import And, Condition, HoldsRole, Not, Or, Program
from policy_lang.walk import Node, nodes

TRUE: Final = 1
FALSE: Final = 2
UNKNOWN: Final = 4
ANY: Final = TRUE | FALSE | UNKNOWN


class Open(Exception):
    """Something is read that is not known."""


_MASKS: Final[Mapping[Truth, int]] = {True: TRUE, False: FALSE, None: UNKNOWN}
_TRUTHS: Final[Mapping[int, Truth]] = {mask: truth for truth, mask in _MASKS.items()}


class Weight(NamedTuple):
    """The truths that are still possible, as bits; where there are several, what is to be chosen first."""

    mask: int
    waits_for: Open | None = None

    @property
    def is_settled(self) -> bool:
        """Whether one truth is left."""
        return self.mask in _TRUTHS

    @property
    def truth(self) -> Truth:
        """The one that is left."""
        return _TRUTHS[self.mask]


SETTLED_FALSE: Final = Weight(FALSE)
"""The weight of a rule that is not there."""


@dataclass(frozen=True, eq=False)
class Side:
    """One bundle's rules for one kind of question: those that can come to anything but false, by id."""

    schema: Schema
    case: Case
    rules: Mapping[str, FoldedRule]

    @cached_property
    def role_sets(self) -> frozenset[frozenset[str]]:
        """The sets of roles that the rules ask for."""
        return frozenset(
            node.roles
            for folded in self.rules.values()
            for node in nodes(folded.condition)
            if isinstance(node, HoldsRole) and node.roles is not None
        )

    @cached_property
    def makes_row(self) -> bool:
        """Whether the action makes the resource."""
        return self.schema.makes_row(self.case.resource_type, self.case.action)


def side_of(program: Program, key: Key) -> Side:
    """The rules of a bundle for one kind of question, by id."""
    case = case_of(key, program.schema)
    rules = fold_rules(program.in_play[case.resource_type, case.action], case)
    return Side(program.schema, case, {folded.rule.id: folded for folded in rules})


def roots(folded: FoldedRule) -> tuple[Node, ...]:
    """The condition of a rule, and the parameters of what it obliges to."""
    return (folded.condition, *(value for each in folded.rule.obligations for _, value in each.parameters))


@dataclass(frozen=True, slots=True)
class Scales:
    """Weighs the rules of one side; `judge_atom` gives the truth of a condition without `and`, `or` and `not`.

    It raises Open where that is not known.
    """

    side: Side
    facts: Facts
    judge_atom: Callable[[Condition], Truth]

    def rule(self, folded: FoldedRule) -> Weight:
        """What a rule can come to; an allow rule is unknown where a parameter of what it obliges to is."""
        weight = self.condition(folded.condition)
        if folded.rule.effect is Effect.ALLOW and folded.rule.obligations:
            return _and((weight, _weigh(lambda: judge_obligations(folded.rule, self.facts).truth)))
        return weight

    def condition(self, condition: Condition) -> Weight:
        """What a condition can come to."""
        match condition:
            case And():
                return _and(map(self.condition, condition.items))
            case Or():
                return _not(_and(_not(self.condition(item)) for item in condition.items))
            case Not():
                return _not(self.condition(condition.item))
            case _:
                return _weigh(lambda: self.judge_atom(condition))

    def conclude(self, verdicts: Mapping[str, Truth]) -> Decision:
        """The decision of rules that are settled; Open where one obliges to what is not known."""
        rules = [(self.side.rules[id_].rule, truth) for id_, truth in verdicts.items()]
        obliged = ((rule, truth, obligations_of(rule, self.facts) if truth else ()) for rule, truth in rules)
        return conclude([Verdict(rule, truth, obligations=duties) for rule, truth, duties in obliged])


def _weigh(judged: Callable[[], Truth]) -> Weight:
    try:
        return Weight(_MASKS[judged()])
    except Open as open_:
        return Weight(ANY, open_)


def _and(weights: Iterable[Weight]) -> Weight:
    """Kleene's and over what each can come to."""
    mask, waits_for = TRUE, None
    for weight in weights:
        if weight.mask == FALSE:
            return weight
        mask = _AND[mask][weight.mask]
        waits_for = waits_for or weight.waits_for
    return Weight(mask, None if mask in _TRUTHS else waits_for)


def _not(weight: Weight) -> Weight:
    mask = weight.mask & UNKNOWN | (TRUE if weight.mask & FALSE else 0) | (FALSE if weight.mask & TRUE else 0)
    return Weight(mask, weight.waits_for)


def _and_masks(left: int, right: int) -> int:
    both = [_both(one, other) for one in _bits(left) for other in _bits(right)]
    return TRUE * (TRUE in both) | FALSE * (FALSE in both) | UNKNOWN * (UNKNOWN in both)


def _bits(mask: int) -> list[int]:
    return [bit for bit in (TRUE, FALSE, UNKNOWN) if mask & bit]


def _both(left: int, right: int) -> int:
    return FALSE if FALSE in (left, right) else max(left, right)


_AND: Final = tuple(tuple(_and_masks(left, right) for right in range(ANY + 1)) for left in range(ANY + 1))
