"""Reads messages into decisions; raises ServiceFault for an answer that is none to the question asked.

Laws: only EFFECT_ALLOW is an allow; an answer that names another question is not used.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import grpc
from google.protobuf import timestamp_pb2
from magistrate.v1 import authorization_pb2

from magistrate_client.decision import Decision, Effect, MissingInput, Obligation, Reason, Unenforced
from magistrate_client.errors import ErrorDetails, ServiceFault, Unanswered
from magistrate_client.explanation import (
    ClauseExplanation,
    Explanation,
    FactChange,
    InputRead,
    RowChange,
    RuleExplanation,
    Truth,
)
from magistrate_client.statuses import error_from_status
from magistrate_client.values import read_value


def read_decision(answer: authorization_pb2.CheckResponse | None, request_id: str) -> Decision:
    """The decision that answers the question of this id; None is how gRPC gives bytes that are no message."""
    if answer is None:
        raise unreadable("the answer is no message of the contract", request_id)
    return _read_decision(answer, answer, request_id)


def read_batch(
    answer: authorization_pb2.BatchCheckResponse | None, request: authorization_pb2.BatchCheckRequest
) -> tuple[Decision | Unanswered, ...]:
    """One answer a question, in their order."""
    if answer is None:
        raise unreadable("the answer is no message of the contract", request.request_id)
    if len(answer.results) != len(request.checks):
        text = f"{len(answer.results)} answers came to {len(request.checks)} questions"
        raise unreadable(text, request.request_id)
    return tuple(
        _read_result(result, answer, check.request_id)
        for result, check in zip(answer.results, request.checks, strict=True)
    )


def read_explanation(answer: authorization_pb2.ExplainResponse | None, request_id: str) -> Explanation:
    """The decision and its rules."""
    if answer is None:
        raise unreadable("the answer is no message of the contract", request_id)
    return Explanation(
        _read_decision(answer.response, answer.response, request_id), tuple(read_rule(rule) for rule in answer.rules)
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TRUTHS: Final = {
    authorization_pb2.TRUTH_TRUE: Truth.TRUE,
    authorization_pb2.TRUTH_FALSE: Truth.FALSE,
}


def _read_decision(
    answer: authorization_pb2.CheckResponse,
    stamp: authorization_pb2.CheckResponse | authorization_pb2.BatchCheckResponse,
    request_id: str,
) -> Decision:
    if answer.request_id and answer.request_id != request_id:
        raise unreadable("the answer is to another question", request_id)
    return Decision(
        effect=_read_effect(answer.effect),
        code=answer.code,
        reasons=_read_reasons(answer),
        obligations=tuple(_read_obligation(each) for each in answer.obligations),
        missing=_read_missing(answer),
        hide=answer.hide,
        decision_id=answer.decision_id,
        policy_digest=stamp.policy_digest,
        revision=stamp.revision,
        decided_at=_read_time(stamp.decided_at, request_id),
        request_id=request_id,
        log_only=_read_log_only(answer.log_only) if answer.HasField("log_only") else None,
        break_glass=answer.break_glass,
    )


def _read_log_only(decided: authorization_pb2.LogOnly) -> Unenforced:
    return Unenforced(
        effect=_read_effect(decided.effect),
        code=decided.code,
        reasons=_read_reasons(decided),
        obligations=tuple(_read_obligation(each) for each in decided.obligations),
        missing=_read_missing(decided),
        hide=decided.hide,
    )


def _read_reasons(decided: authorization_pb2.CheckResponse | authorization_pb2.LogOnly) -> tuple[Reason, ...]:
    return tuple(Reason(each.rule_id, each.location, each.text, each.code) for each in decided.reasons)


def _read_missing(decided: authorization_pb2.CheckResponse | authorization_pb2.LogOnly) -> tuple[MissingInput, ...]:
    return tuple(MissingInput(each.path, each.cause) for each in decided.missing)


def _read_result(
    result: authorization_pb2.BatchCheckResult, batch: authorization_pb2.BatchCheckResponse, request_id: str
) -> Decision | Unanswered:
    match result.WhichOneof("result"):
        case "response":
            try:
                return _read_decision(result.response, batch, request_id)
            except ServiceFault as fault:
                return Unanswered(fault)
        case "error":
            return Unanswered(error_from_status(result.error, request_id))
        case _:
            return Unanswered(unreadable("the answer is empty", request_id))


def _read_effect(effect: authorization_pb2.Effect.ValueType) -> Effect:
    return Effect.ALLOW if effect == authorization_pb2.EFFECT_ALLOW else Effect.DENY


def _read_obligation(obligation: authorization_pb2.Obligation) -> Obligation:
    parameters = sorted(obligation.parameters.items())  # a map arrives in any order, another one in each process
    return Obligation(obligation.type, {name: read_value(value) for name, value in parameters})


def _read_time(time: timestamp_pb2.Timestamp, request_id: str) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=time.seconds, microseconds=time.nanos // 1000)
    except OverflowError:
        raise unreadable("the answer's time is out of range", request_id) from None


def read_rule(rule: authorization_pb2.RuleExplanation) -> RuleExplanation:
    """One rule and what became of it."""
    return RuleExplanation(
        rule_id=rule.rule_id,
        location=rule.location,
        effect=_read_effect(rule.effect),
        is_shadow=rule.shadow,
        truth=_TRUTHS.get(rule.truth, Truth.UNKNOWN),
        is_determining=rule.determining,
        clauses=tuple(_read_clause(clause) for clause in rule.clauses),
    )


def _read_clause(clause: authorization_pb2.ClauseExplanation) -> ClauseExplanation:
    changes = (_read_change(change) for change in clause.changes)
    return ClauseExplanation(
        kind=clause.kind,
        text=clause.text,
        truth=_TRUTHS.get(clause.truth, Truth.UNKNOWN),
        inputs=tuple(_read_input(each) for each in clause.inputs),
        missing=tuple(MissingInput(each.path, each.cause) for each in clause.missing),
        flips_when=_TRUTHS.get(clause.flips_when),
        changes=tuple(change for change in changes if change is not None),
        rows=tuple(clause.rows),
    )


def _read_input(read: authorization_pb2.InputRead) -> InputRead:
    return InputRead(read.path, read_value(read.value), read.cause)


def _read_change(change: authorization_pb2.FactChange) -> FactChange | None:
    """The change; None for a kind that this client does not know."""
    match change.WhichOneof("change"):
        case "input":
            return _read_input(change.input)
        case "added_row":
            return RowChange(change.added_row, is_added=True)
        case "removed_row":
            return RowChange(change.removed_row, is_added=False)
        case _:
            return None


def unreadable(text: str, request_id: str) -> ServiceFault:
    """The error of an answer that is none."""
    return ServiceFault(grpc.StatusCode.INTERNAL, text, ErrorDetails(reason="UNREADABLE_ANSWER", request_id=request_id))
