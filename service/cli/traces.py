"""Turns what the interpreter traced into the values that explanations of a service are read into: one way to show both.

Sensitive values stay behind, as they do in the service.
"""

from typing import Final

from magistrate_client.decision import Effect, MissingInput
from magistrate_client.explanation import (
    ClauseExplanation,
    FactChange,
    InputRead,
    RowChange,
    RuleExplanation,
    Truth,
)
from magistrate_client.values import EntityRef, Scalar, Value
from policy_lang import interpreter
from policy_lang.counterfactual.changes import CellChange, Change
from policy_lang.counterfactual.search import FoundFlip
from policy_lang.explanation import Explanation
from policy_lang.forms import write_given
from policy_lang.interpreter import ClauseTrace, RuleTrace
from policy_lang.judging import kleene
from policy_lang.types import Json
from policy_lang.values import Gap

_TRUTHS: Final[dict[kleene.Truth, Truth]] = {True: Truth.TRUE, False: Truth.FALSE, None: Truth.UNKNOWN}


def rules_of(explanation: Explanation) -> tuple[RuleExplanation, ...]:
    """Every rule of the explanation, in its order."""
    return tuple(_rule(trace, explanation) for trace in explanation.rules)


def value_of(given: Json) -> Value:
    """The value that a given form stands for; TypeError for what is none."""
    return frozenset(map(_scalar, given)) if isinstance(given, list | tuple) else _scalar(given)


def _rule(trace: RuleTrace, explanation: Explanation) -> RuleExplanation:
    rule = trace.rule
    return RuleExplanation(
        rule_id=rule.id,
        location=rule.span.location,
        effect=Effect(rule.effect.value),
        is_shadow=rule.is_shadow,
        truth=_TRUTHS[trace.truth],
        is_determining=trace.is_determining,
        clauses=tuple(
            _clause(clause, explanation.by_clause.get((rule.id, at))) for at, clause in enumerate(trace.clauses)
        ),
    )


def _clause(clause: ClauseTrace, found: FoundFlip | None) -> ClauseExplanation:
    causes = sorted(clause.causes, key=lambda cause: (cause.path, cause.cause))
    return ClauseExplanation(
        kind=clause.kind,
        text=clause.text,
        truth=_TRUTHS[clause.truth],
        inputs=tuple(_input(read) for read in clause.inputs),
        missing=tuple(MissingInput(cause.path, cause.cause) for cause in causes),
        flips_when=None if found is None else _TRUTHS[found.flip.becomes],
        changes=() if found is None else tuple(map(_change, found.changes)),
    )


def _input(read: interpreter.InputRead) -> InputRead:
    path = str(read.path)
    if isinstance(read.cell, Gap):
        return InputRead(path, None, read.cell.cause.value)
    if read.is_sensitive:
        return InputRead(path, None, "sensitive")
    return InputRead(path, value_of(write_given(read.path.type, read.cell)), "")


def _change(change: Change) -> FactChange:
    if isinstance(change, CellChange):
        return _input(interpreter.InputRead(change.path, change.cell, is_sensitive=False))
    return RowChange(change.said, change.is_added)


def _scalar(given: Json) -> Scalar:
    match given:
        case bool() | int() | str():
            return given
        case {"type": str(type_), "id": str(id_)}:
            return EntityRef(type_, id_)
        case _:
            raise TypeError(f"{given!r} is the given form of no value")
