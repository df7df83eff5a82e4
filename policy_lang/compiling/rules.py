"""Emits the rules in play for one case as one Python function, from facts to a decision.

Deny rules come first. Of each rule the question that is mostly answered yes comes first: is a deny false, is an allow
true? The true rules are counted as bits, and a table gives the decision for them. What is left unknown is rare and goes
to `undetermined`, which knows the causes.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from policy_lang.compiling import python_nodes as py
from policy_lang.compiling.conditions import Conditions
from policy_lang.compiling.expressions import FACTS, Expressions, Frame
from policy_lang.conclude import NO_PRINCIPAL, NO_RESOURCE, RESOURCE_EXISTS
from policy_lang.decision import Decision, Effect
from policy_lang.facts import Facts
from policy_lang.fold import Case, FoldedRule
from policy_lang.judging.expressions import type_of
from policy_lang.notation import FIRST_TIME, LAST_TIME
from policy_lang.schema import Schema
from policy_lang.typed import Constant, Expression, Path, Rule
from policy_lang.types import TimestampType

Decide = Callable[[Facts], Decision]

HITS: Final = "hits"
"""The bits of the live rules that are true."""
SHADOW: Final = "shadow"
"""The bits of the shadow rules that would count."""
UNSURE: Final = "unsure"
"""Whether a live deny rule is unknown."""
DECISION: Final = "decision"


@dataclass(frozen=True, slots=True)
class Ends:
    """Where decisions come from: `settle` takes the bits of the rules that count, `settled` holds what it gave."""

    settle: Callable[[int, Facts], Decision]
    settled: Mapping[int, Decision]
    undetermined: Decide


def emit(rules: Sequence[FoldedRule], case: Case, schema: Schema, ends: Ends) -> Decide:
    """The function that decides a case by these rules; rule n counts as bit n."""
    emission = _Emission(case, schema, ends)
    body = [
        *emission.guards(),
        py.assign([HITS, SHADOW], py.literal(0)),
        *emission.denials(rules),
        *emission.permissions(rules),
    ]
    return cast(Decide, emission.frame.define("decide", body))


class _Emission:
    """One function under way."""

    def __init__(self, case: Case, schema: Schema, ends: Ends) -> None:
        self.frame = Frame()
        self._case = case
        self._schema = schema
        self._ends = ends
        self._expressions = Expressions(self.frame, case, schema)
        self._conditions = Conditions(self._expressions)

    def guards(self) -> list[ast.stmt]:
        """Lines 2 and 3."""
        facts = self._expressions.facts
        guards = [(py.same(facts("principal_cells"), py.literal(None)), NO_PRINCIPAL)]
        if self._schema.makes_row(self._case.resource_type, self._case.action):
            guards.append((py.compare(facts("question", "resource"), ast.In(), facts("rows")), RESOURCE_EXISTS))
        elif self._schema.types[self._case.resource_type].is_stored:
            guards.append((py.same(facts("resource_cells"), py.literal(None)), NO_RESOURCE))
        returns = [py.when(test, [py.give(self.frame.constant(decision))]) for test, decision in guards]
        return [*self.frame.take_reads(), *returns]

    def denials(self, rules: Sequence[FoldedRule]) -> list[ast.stmt]:
        """Lines 4 and 5. A shadow rule that is true or unknown would deny, so it counts as true."""
        body = [py.assign([UNSURE], py.literal(False))]
        for rule in self._emitted(rules, Effect.DENY, is_shadow=False):
            unsure = py.assign([UNSURE], py.literal(True))
            judged = py.when(rule.true, [py.add_bit(HITS, rule.bit)], [unsure])
            body += [*rule.reads, py.when(py.negate(rule.false), [judged])]
        body.append(py.when(py.name(HITS), self._settle(py.name(HITS))))
        body.append(py.when(py.name(UNSURE), [self._undetermined()]))
        for rule in self._emitted(rules, Effect.DENY, is_shadow=True):
            body += [*rule.reads, py.when(py.negate(rule.false), [py.add_bit(SHADOW, rule.bit)])]
        return body

    def permissions(self, rules: Sequence[FoldedRule]) -> list[ast.stmt]:
        """Lines 6 to 8."""
        body: list[ast.stmt] = []
        live = self._emitted(rules, Effect.ALLOW, is_shadow=False)
        for rule in live:
            body += [*rule.reads, py.when(rule.true, [py.add_bit(HITS, rule.bit)])]
        body.append(py.when(py.name(HITS), self._settle(py.either_bits(HITS, SHADOW))))
        for rule in self._emitted(rules, Effect.ALLOW, is_shadow=True):
            body += [*rule.reads, py.when(rule.true, [py.add_bit(SHADOW, rule.bit)])]
        are_false = py.every(*(rule.false for rule in live))
        return [*body, py.when(are_false, self._settle(py.name(SHADOW))), self._undetermined()]

    def _emitted(self, rules: Sequence[FoldedRule], effect: Effect, *, is_shadow: bool) -> list["_Emitted"]:
        emitted = []
        for at, folded in enumerate(rules):
            if folded.rule.effect is effect and folded.rule.is_shadow is is_shadow:
                true, false, _ = self._conditions.emit(folded.condition)
                if effect is Effect.ALLOW:
                    true = py.every(true, *self._fulfillable(folded.rule))
                emitted.append(_Emitted(1 << at, true, false, self.frame.take_reads()))
        return emitted

    def _fulfillable(self, rule: Rule) -> list[ast.expr]:
        """What must be known for the rule's obligations to be."""
        parameters = [value for template in rule.obligations for _, value in template.parameters]
        return [test for parameter in parameters for test in self._writable(parameter)]

    def _writable(self, parameter: Expression) -> list[ast.expr]:
        """That a value is known, and, of a sum of times, that it has a given form."""
        known = self._expressions.is_known(parameter)
        if isinstance(parameter, Constant | Path) or not isinstance(type_of(parameter), TimestampType):
            return [known]
        first, last = py.literal(FIRST_TIME), py.literal(LAST_TIME)
        return [known, py.between(first, self._expressions.settled(parameter), last)]

    def _settle(self, bits: ast.expr) -> list[ast.stmt]:
        """Returns what the bits come to, from the table if they came up before."""
        constant, facts = self.frame.constant, py.name(FACTS)
        find = py.attribute(constant(self._ends.settled), "get")
        decision = py.name(DECISION)
        return [
            py.assign([DECISION], py.call(find, bits)),
            py.when(
                py.other(decision, py.literal(None)),
                [py.give(decision)],
                [py.give(py.call(constant(self._ends.settle), bits, facts))],
            ),
        ]

    def _undetermined(self) -> ast.stmt:
        return py.give(py.call(self.frame.constant(self._ends.undetermined), py.name(FACTS)))


class _Emitted(NamedTuple):
    """A rule's two forms, the bit it counts as, and the reads that come before it."""

    bit: int
    true: ast.expr
    false: ast.expr
    reads: list[ast.stmt]
