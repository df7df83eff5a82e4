"""Turns the contract's messages into the model, and answers into messages. Protobuf stops here."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, assert_never
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import types_pb2

from policy_lang.decision import Decision, Effect, MissingInput, Obligation, Reason
from policy_lang.limits import RECORD_NESTING_LIMIT
from policy_lang.types import Json
from policy_lang.values import Ref
from service.doors.grpc.room import Room
from service.errors import InvalidRequest, LimitExceeded, MagistrateError, Violation
from service.model import Answer, Answers, AtLeastAsFresh, CheckRequest, Consistency, GivenEntity, Latency

if TYPE_CHECKING:
    from service.config import Limits

EFFECTS: Final[Mapping[Effect, pb.Effect.ValueType]] = {
    Effect.ALLOW: pb.EFFECT_ALLOW,
    Effect.DENY: pb.EFFECT_DENY,
}


_NO_ELEMENTS: Final = frozenset({"set_value", "record_value"})
_NO_VALUES: Final[Mapping[str, Json]] = MappingProxyType({})


def read_check(message: pb.CheckRequest, room: Room) -> CheckRequest:
    """The question as it came; LimitExceeded where there is no room, InvalidRequest for a value of no kind."""
    subject = message.WhichOneof("subject")
    return CheckRequest(
        request_id=message.request_id or str(uuid4()),
        action=message.action,
        resource=read_entity(message.resource, "resource", room),
        context=_read_values(message.context, "context", room),
        principal=read_entity(message.principal, "principal", room) if subject == "principal" else None,
        principal_token=message.principal_token if subject == "principal_token" else None,
    )


def read_consistency(message: pb.Consistency) -> Consistency:
    """How fresh the facts are to be; InvalidRequest where a requirement is given and false."""
    match message.WhichOneof("requirement"):
        case "at_least_as_fresh":
            return AtLeastAsFresh(message.at_least_as_fresh)
        case "fully_consistent" if message.fully_consistent:
            return Latency.FULLY_CONSISTENT
        case "minimize_latency" if message.minimize_latency:
            return Latency.MINIMAL
        case None:
            return Latency.MINIMAL
        case named:
            raise InvalidRequest([Violation(f"consistency.{named}", "true, or another requirement")])


def read_item(message: pb.CheckRequest, room: Room) -> CheckRequest | MagistrateError:
    """The question as it came, or its error: of several, one that is wrong fails alone."""
    try:
        return read_check(message, room)
    except (InvalidRequest, LimitExceeded) as error:
        return error


def read_batch(message: pb.BatchCheckRequest, limits: "Limits") -> tuple[CheckRequest | MagistrateError, ...]:
    """The questions, or the error of each; LimitExceeded over `batch_checks`, InvalidRequest for an empty batch."""
    checks = message.checks
    if not checks:
        raise InvalidRequest([Violation("checks", "at least one")])
    if len(checks) > limits.batch_checks:
        raise LimitExceeded("batch_checks", limits.batch_checks, len(checks))

    room = Room(limits)

    def item(check: pb.CheckRequest) -> CheckRequest | MagistrateError:
        if check.HasField("consistency"):
            return InvalidRequest([Violation("consistency", "the batch says it for all its checks")])
        return read_item(check, room)

    return tuple([item(check) for check in checks])


def write_check(answer: Answer, answers: Answers) -> pb.CheckResponse:
    """The answer to one question, with what it shares with its batch."""
    message = write_item(answer)
    message.policy_digest = answers.policy_digest
    message.revision = answers.revision
    message.decided_at.CopyFrom(write_time(answers.decided_at))
    return message


def write_batch(
    request_id: str, answers: Answers, *, write_error: Callable[[MagistrateError], Status]
) -> pb.BatchCheckResponse:
    """The answers of a batch, in order; what they share stands once."""
    message = pb.BatchCheckResponse(
        request_id=request_id or str(uuid4()),
        policy_digest=answers.policy_digest,
        revision=answers.revision,
        decided_at=write_time(answers.decided_at),
    )
    add = message.results.add
    # By `id`, which the answers keep: one decision answers many questions of a batch, and copying it in C takes a fifth
    # of writing it again.
    written: dict[int, pb.BatchCheckResult] = {}
    for item in answers.items:
        result = add()
        if not isinstance(item, Answer):
            result.error.CopyFrom(write_error(item))
            continue
        decision = item.decision
        shared = written.get(id(decision))
        if shared is None:
            shared = written[id(decision)] = pb.BatchCheckResult(response=_write_decision(decision))
        result.CopyFrom(shared)
        _address(result.response, item)
    return message


def write_item(answer: Answer) -> pb.CheckResponse:
    """The answer to one question, without what it shares with its batch."""
    message = _write_decision(answer.decision)
    _address(message, answer)
    return message


def _write_decision(decision: Decision) -> pb.CheckResponse:
    message = pb.CheckResponse(effect=EFFECTS[decision.effect], code=decision.code, hide=decision.hide)
    # Most have none of these: to say so costs more than all the rest of the message.
    if decision.reasons:
        message.reasons.extend([_write_reason(reason) for reason in decision.reasons])
    if decision.obligations:
        message.obligations.extend([write_obligation(obligation) for obligation in decision.obligations])
    if decision.missing:
        message.missing.extend([write_missing(missing) for missing in decision.missing])
    return message


def _address(message: pb.CheckResponse, answer: Answer) -> None:
    """Says to which question the decision is the answer, and what is of this answer alone."""
    message.request_id = answer.request_id
    message.decision_id = answer.decision_id
    if answer.break_glass:
        message.break_glass = answer.break_glass
    if answer.log_only is not None:
        message.log_only.CopyFrom(_write_log_only(answer.log_only))


def write_time(milliseconds: int) -> Timestamp:
    """The moment as protobuf writes it."""
    return Timestamp(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)


def write_value(value: Json) -> types_pb2.Value:
    """A value in the given form (`policy_lang.types.write_given`)."""
    match value:
        case None | float():
            return types_pb2.Value()
        case bool():
            return types_pb2.Value(bool_value=value)
        case int():
            return types_pb2.Value(int_value=value)
        case str():
            return types_pb2.Value(string_value=value)
        case {"type": str(type_), "id": str(id_)}:  # no record has a field `id`
            return types_pb2.Value(ref_value=types_pb2.EntityRef(type=type_, id=id_))
        case dict():
            fields = {name: write_value(field) for name, field in value.items()}
            return types_pb2.Value(record_value=types_pb2.ValueRecord(fields=fields))
        case Sequence():
            return types_pb2.Value(set_value=types_pb2.ValueSet(values=[write_value(item) for item in value]))
        case _:
            assert_never(value)


def read_entity(message: types_pb2.Entity, field: str, room: Room) -> GivenEntity:
    """The entity as a message describes it; errors as `read_check`."""
    attributes, parents = message.attributes, message.parents
    if len(parents) > room.parents:
        raise LimitExceeded("parents", room.parents, len(parents))
    return GivenEntity(
        Ref(message.type, message.id),
        _read_values(attributes, f"{field}.attributes", room) if attributes else _NO_VALUES,
        tuple([Ref(parent.type, parent.id) for parent in parents]) if parents else (),
    )


def _read_values(values: Mapping[str, types_pb2.Value], field: str, room: Room) -> Mapping[str, Json]:
    """The values by name. By key, for protobuf walks the items of a map in Python."""
    if not values:
        return _NO_VALUES
    if len(values) > room.attributes:
        raise LimitExceeded("attributes", room.attributes, len(values))
    return {name: _read_named(values[name], field, name, room) for name in values}


def _read_named(value: types_pb2.Value, field: str, name: str, room: Room) -> Json:
    if value.WhichOneof("kind") == "string_value":  # the most common one needs no name for its faults
        return value.string_value
    return read_value(value, f"{field}.{name}", room)


def read_value(value: types_pb2.Value, field: str, room: Room, depth: int = 0) -> Json:
    """The value in the given form; InvalidRequest for what is of no kind, or nests too deep, LimitExceeded."""
    if depth > RECORD_NESTING_LIMIT:
        raise InvalidRequest([Violation(field, f"records nest at most {RECORD_NESTING_LIMIT} deep")])
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "string_value":
            return value.string_value
        case "ref_value":
            return {"type": value.ref_value.type, "id": value.ref_value.id}
        case "set_value":
            items = value.set_value.values
            room.take_values(len(items))
            if any(item.WhichOneof("kind") in _NO_ELEMENTS for item in items):
                raise InvalidRequest([Violation(field, "a set holds no sets and no records")])
            return [read_value(item, field, room) for item in items]
        case "record_value":
            fields = value.record_value.fields
            room.take_values(len(fields))
            return {name: read_value(found, f"{field}.{name}", room, depth + 1) for name, found in fields.items()}
        case None:
            return None


def _write_log_only(decided: Decision) -> pb.LogOnly:
    return pb.LogOnly(
        effect=EFFECTS[decided.effect],
        code=decided.code,
        reasons=map(_write_reason, decided.reasons),
        obligations=map(write_obligation, decided.obligations),
        missing=map(write_missing, decided.missing),
        hide=decided.hide,
    )


def _write_reason(reason: Reason) -> pb.Reason:
    return pb.Reason(rule_id=reason.rule_id, location=reason.location, text=reason.text, code=reason.code)


def write_obligation(obligation: Obligation) -> pb.Obligation:
    """What a caller is obliged to."""
    return pb.Obligation(
        type=obligation.type, parameters={name: write_value(value) for name, value in obligation.parameters}
    )


def write_missing(missing: MissingInput) -> pb.MissingInput:
    """An input that was lacking."""
    return pb.MissingInput(path=missing.path, cause=missing.cause)
