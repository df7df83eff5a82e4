"""Writes what became of each rule as the contract's messages; sensitive values stay behind."""

from collections.abc import Mapping, Sequence
from typing import Final

from magistrate.v1 import authorization_pb2 as pb

from policy_lang.forms import write_given
from policy_lang.interpreter import ClauseTrace, InputRead, RuleTrace
from policy_lang.judging.kleene import Truth
from policy_lang.values import Gap
from service.doors.grpc.codec import EFFECTS, write_value

_TRUTHS: Final[Mapping[Truth, pb.Truth.ValueType]] = {
    True: pb.TRUTH_TRUE,
    False: pb.TRUTH_FALSE,
    None: pb.TRUTH_UNKNOWN,
}


def write_explanation(response: pb.CheckResponse, traces: Sequence[RuleTrace]) -> pb.ExplainResponse:
    """The answer with every rule in play, in the order of their ids."""
    return pb.ExplainResponse(response=response, rules=[_write_rule(trace) for trace in traces])


def _write_rule(trace: RuleTrace) -> pb.RuleExplanation:
    rule = trace.rule
    return pb.RuleExplanation(
        rule_id=rule.id,
        location=rule.span.location,
        effect=EFFECTS[rule.effect],
        shadow=rule.is_shadow,
        truth=_TRUTHS[trace.truth],
        determining=trace.is_determining,
        clauses=[_write_clause(clause) for clause in trace.clauses],
    )


def _write_clause(clause: ClauseTrace) -> pb.ClauseExplanation:
    return pb.ClauseExplanation(
        kind=clause.kind,
        text=clause.text,
        truth=_TRUTHS[clause.truth],
        inputs=[_write_input(read) for read in clause.inputs],
    )


def _write_input(read: InputRead) -> pb.InputRead:
    path, cell = str(read.path), read.cell
    if isinstance(cell, Gap):
        return pb.InputRead(path=path, cause=cell.cause.value)
    if read.is_sensitive:
        return pb.InputRead(path=path, cause="sensitive")
    return pb.InputRead(path=path, value=write_value(write_given(read.path.type, cell)))
