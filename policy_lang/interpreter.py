"""Decides and explains by reading the typed rules one by one: the law in code, slow and plain.

It serves Explain, the causes of what the compiled form finds unknown, and the tests that hold the two equal.
"""

from dataclasses import dataclass
from functools import cache

from policy_lang.conclude import Verdict, conclude, determining, refuse
from policy_lang.decision import Decision, Effect
from policy_lang.facts import Assignment, Facts, Link, Question
from policy_lang.judging.conditions import judge
from policy_lang.judging.expressions import read
from policy_lang.judging.kleene import Causes, Judgement, Truth, conjunction, negation
from policy_lang.judging.obligations import judge_obligation, judge_obligations, obligations_of
from policy_lang.judging.reasons import said
from policy_lang.judging.standing import rows_that_count
from policy_lang.sensitivity import is_sensitive
from policy_lang.typed import Clause, ClauseKind, HoldsRole, ObligationTemplate, Path, Program, Related, Rule
from policy_lang.values import Cell
from policy_lang.walk import Node, nodes, paths


@dataclass(frozen=True, slots=True)
class InputRead:
    """An input that a clause read, and what was there."""

    path: Path
    cell: Cell
    is_sensitive: bool


@dataclass(frozen=True, slots=True)
class ClauseTrace:
    """What a clause came to: `to`, `when` and `unless` as written (an `unless` counts by its negation), or `oblige`."""

    kind: str
    text: str
    truth: Truth
    causes: Causes
    inputs: tuple[InputRead, ...]
    rows: tuple[Assignment | Link, ...] = ()
    """Those that make the roles and relations in it hold; none that a sensitive input leads to."""


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What a rule came to, clause by clause, and whether it determined the decision."""

    rule: Rule
    truth: Truth
    is_determining: bool
    clauses: tuple[ClauseTrace, ...]


class Interpreter:
    """Decides questions over one program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._granting = cache(program.schema.granting)

    def decide(self, facts: Facts) -> Decision:
        """The decision, its reasons and the inputs that were missing."""
        refused = refuse(self._program.schema, facts)
        return conclude(self._verdicts(facts)) if refused is None else refused

    def explain(self, facts: Facts) -> tuple[RuleTrace, ...]:
        """Every rule in play, by full id; none where the decision fell before any rule was asked (lines 2 and 3)."""
        if refuse(self._program.schema, facts) is not None:
            return ()
        verdicts = self._verdicts(facts)
        decisive = {each.rule.id for each in determining([each for each in verdicts if not each.rule.is_shadow])}
        return tuple(self._trace(verdict, facts, is_determining=verdict.rule.id in decisive) for verdict in verdicts)

    def _verdicts(self, facts: Facts) -> list[Verdict]:
        question = facts.question
        rules = self._program.in_play[question.resource.type, question.action]
        return [self._verdict(rule, facts) for rule in rules]

    def _verdict(self, rule: Rule, facts: Facts) -> Verdict:
        parts = [self._counted(clause, facts) for clause in rule.clauses]
        if rule.effect is Effect.ALLOW:
            parts.append(judge_obligations(rule, facts))
        truth, causes = conjunction(parts)
        return Verdict(rule, truth, causes, obligations_of(rule, facts), said(rule, facts))

    def _counted(self, clause: Clause, facts: Facts) -> Judgement:
        judgement = self._judge(clause, facts)
        return negation(judgement) if clause.kind is ClauseKind.UNLESS else judgement

    def _judge(self, clause: Clause, facts: Facts) -> Judgement:
        question = facts.question
        return judge(clause.condition, facts, self._granting(question.resource.type, question.action))

    def _trace(self, verdict: Verdict, facts: Facts, *, is_determining: bool) -> RuleTrace:
        clauses = [self._clause(clause, facts) for clause in verdict.rule.clauses]
        clauses += [self._obligation(template, facts) for template in verdict.rule.obligations]
        return RuleTrace(verdict.rule, verdict.truth, is_determining, tuple(clauses))

    def _clause(self, clause: Clause, facts: Facts) -> ClauseTrace:
        truth, causes = self._judge(clause, facts)
        inputs, rows = self._inputs(facts, clause.condition), tuple(self._rows(facts, clause.condition))
        return ClauseTrace(clause.kind.value, clause.text, truth, causes, inputs, rows)

    def _obligation(self, template: ObligationTemplate, facts: Facts) -> ClauseTrace:
        truth, causes = judge_obligation(template, facts)
        inputs = self._inputs(facts, *(value for _, value in template.parameters))
        return ClauseTrace("oblige", template.type, truth, causes, inputs)

    def _inputs(self, facts: Facts, *roots: Node) -> tuple[InputRead, ...]:
        return tuple(
            InputRead(path, read(path, facts).cell, self._is_sensitive(path, facts.question)) for path in paths(*roots)
        )

    def _rows(self, facts: Facts, root: Node) -> list[Assignment | Link]:
        question = facts.question
        granting = self._granting(question.resource.type, question.action)
        tests = [node for node in nodes(root) if isinstance(node, HoldsRole | Related)]
        shown = [test for test in tests if not any(self._is_sensitive(path, question) for path in paths(test))]
        return sorted({row for test in shown for row in rows_that_count(test, facts, granting)}, key=str)

    def _is_sensitive(self, path: Path, question: Question) -> bool:
        return is_sensitive(path, self._program.schema, question.principal.type, question.resource.type)
