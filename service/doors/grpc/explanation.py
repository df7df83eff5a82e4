"""Writes what became of each rule as the contract's messages; sensitive values stay behind."""

from collections.abc import Iterable, Mapping
from typing import Final

from magistrate.v1 import authorization_pb2 as pb

from policy_lang.counterfactual.changes import CellChange, Change
from policy_lang.counterfactual.search import FoundFlip
from policy_lang.decision import MissingInput
from policy_lang.explanation import Explanation
from policy_lang.forms import write_given
from policy_lang.interpreter import ClauseTrace, InputRead, RuleTrace
from policy_lang.judging.kleene import Truth
from policy_lang.values import Gap
from service.doors.grpc.codec import EFFECTS, write_value

TRUTHS: Final[Mapping[Truth, pb.Truth.ValueType]] = {
    True: pb.TRUTH_TRUE,
    False: pb.TRUTH_FALSE,
    None: pb.TRUTH_UNKNOWN,
}


def write_explanation(response: pb.CheckResponse, explanation: Explanation) -> pb.ExplainResponse:
    """The answer with every rule in play, in the order of their ids."""
    return pb.ExplainResponse(response=response, rules=write_rules(explanation))


def write_rules(explanation: Explanation) -> list[pb.RuleExplanation]:
    """Every rule in play, in the order of their ids."""
    return [_write_rule(rule, explanation) for rule in explanation.rules]


def _write_rule(trace: RuleTrace, explanation: Explanation) -> pb.RuleExplanation:
    rule = trace.rule
    return pb.RuleExplanation(
        rule_id=rule.id,
        location=rule.span.location,
        effect=EFFECTS[rule.effect],
        shadow=rule.is_shadow,
        truth=TRUTHS[trace.truth],
        determining=trace.is_determining,
        clauses=[
            _write_clause(clause, explanation.by_clause.get((rule.id, at))) for at, clause in enumerate(trace.clauses)
        ],
    )


def _write_clause(clause: ClauseTrace, found: FoundFlip | None) -> pb.ClauseExplanation:
    return pb.ClauseExplanation(
        kind=clause.kind,
        text=clause.text,
        truth=TRUTHS[clause.truth],
        inputs=[_write_input(read) for read in clause.inputs],
        missing=_write_causes(clause.causes),
        flips_when=pb.TRUTH_UNSPECIFIED if found is None else TRUTHS[found.flip.becomes],
        changes=[_write_change(change) for change in (found.changes if found else ())],
        rows=map(str, clause.rows),
    )


def _write_causes(causes: Iterable[MissingInput]) -> list[pb.MissingInput]:
    ordered = sorted(causes, key=lambda cause: (cause.path, cause.cause))
    return [pb.MissingInput(path=cause.path, cause=cause.cause) for cause in ordered]


def _write_change(change: Change) -> pb.FactChange:
    if isinstance(change, CellChange):
        return pb.FactChange(input=_write_input(InputRead(change.path, change.cell, is_sensitive=False)))
    row = str(change.row)
    return pb.FactChange(added_row=row) if change.is_added else pb.FactChange(removed_row=row)


def _write_input(read: InputRead) -> pb.InputRead:
    path, cell = str(read.path), read.cell
    if isinstance(cell, Gap):
        return pb.InputRead(path=path, cause=cell.cause.value)
    if read.is_sensitive:
        return pb.InputRead(path=path, cause="sensitive")
    return pb.InputRead(path=path, value=write_value(write_given(read.path.type, cell)))
