"""Fills in what a rule obliges to: its obligations, their parameters in the given form.

Sums of times are exact wherever they are compared; one that leaves the years 1–9999 has no given form, so that as a
parameter it is unknown.
"""

from policy_lang.decision import MissingInput, Obligation
from policy_lang.facts import Facts
from policy_lang.forms import write_given
from policy_lang.judging.expressions import evaluate, type_of
from policy_lang.judging.kleene import TRUE, Causes, Judgement, conjunction
from policy_lang.notation import FIRST_TIME, LAST_TIME
from policy_lang.typed import Expression, ObligationTemplate, Rule
from policy_lang.types import Json, TimestampType
from policy_lang.values import Cause, Gap
from policy_lang.walk import paths


def judge_obligations(rule: Rule, facts: Facts) -> Judgement:
    """True, or unknown where a parameter is."""
    return conjunction(judge_obligation(template, facts) for template in rule.obligations)


def judge_obligation(template: ObligationTemplate, facts: Facts) -> Judgement:
    """True, or unknown where a parameter is."""
    causes = Causes().union(*(_causes(name, value, facts) for name, value in template.parameters))
    return Judgement(None, causes) if causes else TRUE


def obligations_of(rule: Rule, facts: Facts) -> tuple[Obligation, ...] | None:
    """The obligations of a rule; None where a parameter is unknown."""
    if judge_obligations(rule, facts).truth is None:
        return None
    return tuple(_fill(template, facts) for template in rule.obligations)


def _causes(name: str, value: Expression, facts: Facts) -> Causes:
    cell, causes = evaluate(value, facts)
    if not isinstance(type_of(value), TimestampType) or not isinstance(cell, int) or FIRST_TIME <= cell <= LAST_TIME:
        return causes
    read = [str(path) for path in paths(value)] or [name]
    return frozenset(MissingInput(each, Cause.BAD_VALUE.value) for each in read)


def _fill(template: ObligationTemplate, facts: Facts) -> Obligation:
    return Obligation(template.type, tuple((name, _written(value, facts)) for name, value in template.parameters))


def _written(expression: Expression, facts: Facts) -> Json:
    cell = evaluate(expression, facts).cell
    if isinstance(cell, Gap):
        raise TypeError(f"{expression} is unknown")
    return write_given(type_of(expression), cell)
