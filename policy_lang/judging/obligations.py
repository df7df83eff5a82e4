"""Fills in what a rule obliges to: its obligations, their parameters in the given form."""

from policy_lang.decision import Obligation
from policy_lang.facts import Facts
from policy_lang.judging.expressions import evaluate, type_of
from policy_lang.judging.kleene import TRUE, Causes, Judgement, conjunction
from policy_lang.typed import Expression, ObligationTemplate, Rule
from policy_lang.types import Json, write_given
from policy_lang.values import Gap


def judge_obligations(rule: Rule, facts: Facts) -> Judgement:
    """True, or unknown where a parameter is."""
    return conjunction(judge_obligation(template, facts) for template in rule.obligations)


def judge_obligation(template: ObligationTemplate, facts: Facts) -> Judgement:
    """True, or unknown where a parameter is."""
    causes = Causes().union(*(evaluate(value, facts).causes for _, value in template.parameters))
    return Judgement(None, causes) if causes else TRUE


def obligations_of(rule: Rule, facts: Facts) -> tuple[Obligation, ...] | None:
    """The obligations of a rule; None where a parameter is unknown."""
    if judge_obligations(rule, facts).truth is None:
        return None
    return tuple(_fill(template, facts) for template in rule.obligations)


def _fill(template: ObligationTemplate, facts: Facts) -> Obligation:
    return Obligation(template.type, tuple((name, _written(value, facts)) for name, value in template.parameters))


def _written(expression: Expression, facts: Facts) -> Json:
    cell = evaluate(expression, facts).cell
    if isinstance(cell, Gap):
        raise TypeError(f"{expression} is unknown")
    return write_given(type_of(expression), cell)
