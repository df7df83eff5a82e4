"""Turns the entity service's messages into the model and back. Protobuf stops here."""

from collections.abc import Mapping, Sequence
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1 import types_pb2

from policy_lang.facts import Assignment, Link
from policy_lang.forms import check_id
from policy_lang.notation import BadValue, format_timestamp
from policy_lang.types import Json
from policy_lang.values import Ref
from service.config import Limits
from service.doors.grpc.codec import read_entity, read_value, write_time, write_value
from service.doors.grpc.room import Room
from service.entities.break_glass import EmergencyGrant
from service.entities.filters import FILTERS, Comparison, Filter
from service.entities.forms import Form
from service.entities.watching import Changed, ChangedFact, Told
from service.errors import InvalidRequest, LimitExceeded, Violation
from service.model import GivenEntity

RELATIONS: int = 1000
"""Rows of relations in one write."""


def read_put(message: pb.PutEntityRequest, limits: Limits) -> GivenEntity:
    """The entity to write; InvalidRequest for what is no reference, LimitExceeded where there is no room."""
    return read_written("entity", message.entity, Room(limits))


def read_written(field: str, message: types_pb2.Entity, room: Room) -> GivenEntity:
    """The same of an entity in another message."""
    given = read_entity(message, field, room)
    _check_ref(field, given.ref)
    for at, ref in enumerate(given.parents):
        _check_ref(f"{field}.parents[{at}]", ref)
    return given


def read_ref(field: str, message: types_pb2.EntityRef) -> Ref:
    """The reference; InvalidRequest where it is none."""
    ref = Ref(message.type, message.id)
    _check_ref(field, ref)
    return ref


def read_id(field: str, text: str) -> str:
    """The id; InvalidRequest where it is none."""
    _require(field, text)
    try:
        return check_id(text)
    except BadValue as error:
        raise InvalidRequest([Violation(field, str(error))]) from error


def read_assignment(message: pb.RoleAssignment, field: str = "assignment") -> Assignment:
    """The assignment; InvalidRequest where something is missing."""
    _require(f"{field}.role", message.role)
    return Assignment(
        subject=read_ref(f"{field}.subject", message.subject),
        role=message.role,
        place=read_ref(f"{field}.scope", message.scope) if message.HasField("scope") else None,
        expires_at=_milliseconds(message.expires_at) if message.HasField("expires_at") else None,
    )


def read_links(message: pb.WriteRelationsRequest) -> tuple[list[Link], list[Link]]:
    """The rows to write and those to delete; InvalidRequest where there are none, LimitExceeded over 1,000."""
    count = len(message.writes) + len(message.deletes)
    if not count:
        raise InvalidRequest([Violation("writes", "at least one, or one of deletes")])
    if count > RELATIONS:
        raise LimitExceeded("relations", RELATIONS, count)
    return _links("writes", message.writes), _links("deletes", message.deletes)


def read_filters(messages: Sequence[pb.AttributeFilter], limits: Limits) -> list[Filter]:
    """The filters of a list; LimitExceeded over 16 or over `values`, InvalidRequest for one that compares in no way."""
    if len(messages) > FILTERS:
        raise LimitExceeded("filters", FILTERS, len(messages))
    room = Room(limits)
    return [_filter(f"filters[{at}]", message, room) for at, message in enumerate(messages)]


def _filter(field: str, message: pb.AttributeFilter, room: Room) -> Filter:
    comparison = _COMPARISONS.get(message.comparison)
    if comparison is None:
        raise InvalidRequest([Violation(f"{field}.comparison", "required")])
    return Filter(message.attribute, comparison, read_value(message.value, f"{field}.value", room))


def write_entity(form: Form) -> types_pb2.Entity:
    """The entity as a message."""
    attributes, parents = form["attributes"], form["parents"]
    return types_pb2.Entity(
        type=str(form["type"]),
        id=str(form["id"]),
        attributes={name: write_value(value) for name, value in attributes.items()}
        if isinstance(attributes, dict)
        else {},
        parents=[_write_given_ref(parent) for parent in parents] if isinstance(parents, list) else [],
    )


def write_assignment(found: Assignment) -> pb.RoleAssignment:
    """The assignment as a message."""
    message = pb.RoleAssignment(subject=_write_ref(found.subject), role=found.role)
    if found.place is not None:
        message.scope.CopyFrom(_write_ref(found.place))
    if found.expires_at is not None:
        message.expires_at.CopyFrom(write_time(found.expires_at))
    return message


def write_emergency(grant: EmergencyGrant) -> pb.EmergencyGrant:
    """The emergency grant as a message."""
    message = pb.EmergencyGrant(
        id=grant.id,
        assignment=write_assignment(grant.assignment),
        reason=grant.reason,
        given_by=grant.given_by,
        given_at=write_time(grant.given_at),
        ended_by=grant.ended_by,
    )
    if grant.ended_at is not None:
        message.ended_at.CopyFrom(write_time(grant.ended_at))
    return message


def write_link(found: Link) -> pb.Relation:
    """The row of a stored relation as a message."""
    message = pb.Relation(
        resource=_write_ref(found.resource), relation=found.relation, subject=_write_ref(found.subject)
    )
    if found.expires_at is not None:
        message.expires_at.CopyFrom(write_time(found.expires_at))
    return message


def write_told(told: Told) -> pb.WatchResponse:
    """What a watch tells as a message."""
    return pb.WatchResponse(revision=str(told.revision), changes=map(_write_change, told.changes))


def _write_change(each: ChangedFact) -> pb.ChangedFact:
    if each.ref is None:
        return pb.ChangedFact(everything=True)
    ref = _write_ref(each.ref)
    match each.what:
        case Changed.ENTITY:
            return pb.ChangedFact(entity=ref)
        case Changed.ROLES:
            return pb.ChangedFact(roles=ref)
        case Changed.RELATION:
            return pb.ChangedFact(relation=pb.RelationEnd(resource=ref, relation=each.relation))
        case Changed.EVERYTHING:
            return pb.ChangedFact(everything=True)


def given_expiry(expires_at: int | None) -> Json:
    """The moment in the given form."""
    return None if expires_at is None else format_timestamp(expires_at)


def given_refs(refs: Sequence[Ref]) -> Json:
    """References in the given form."""
    return [{"type": ref.type, "id": ref.id} for ref in refs]


def _links(field: str, messages: Sequence[pb.Relation]) -> list[Link]:
    return [read_link(f"{field}[{at}]", message) for at, message in enumerate(messages)]


def read_link(field: str, message: pb.Relation) -> Link:
    """The row of a stored relation; InvalidRequest where something is missing."""
    _require(f"{field}.relation", message.relation)
    return Link(
        resource=read_ref(f"{field}.resource", message.resource),
        relation=message.relation,
        subject=read_ref(f"{field}.subject", message.subject),
        expires_at=_milliseconds(message.expires_at) if message.HasField("expires_at") else None,
    )


def _milliseconds(moment: Timestamp) -> int:
    try:
        return moment.ToMilliseconds()
    except ValueError as error:
        raise InvalidRequest([Violation("expires_at", "expected a time in the years 1–9999")]) from error


def _require(field: str, text: str) -> None:
    if not text:
        raise InvalidRequest([Violation(field, "required")])


def _check_ref(field: str, ref: Ref) -> None:
    for part, text in (("type", ref.type), ("id", ref.id)):
        read_id(f"{field}.{part}", text)


def _write_ref(ref: Ref) -> types_pb2.EntityRef:
    return types_pb2.EntityRef(type=ref.type, id=ref.id)


def _write_given_ref(given: Json) -> types_pb2.EntityRef:
    named = given if isinstance(given, dict) else {}
    return types_pb2.EntityRef(type=str(named.get("type")), id=str(named.get("id")))


_COMPARISONS: Final[Mapping["pb.Comparison.ValueType", Comparison]] = {
    pb.COMPARISON_EQUAL: Comparison.EQUAL,
    pb.COMPARISON_NOT_EQUAL: Comparison.NOT_EQUAL,
    pb.COMPARISON_LESS: Comparison.LESS,
    pb.COMPARISON_LESS_OR_EQUAL: Comparison.LESS_OR_EQUAL,
    pb.COMPARISON_GREATER: Comparison.GREATER,
    pb.COMPARISON_GREATER_OR_EQUAL: Comparison.GREATER_OR_EQUAL,
    pb.COMPARISON_CONTAINS: Comparison.CONTAINS,
    pb.COMPARISON_SET: Comparison.SET,
    pb.COMPARISON_NOT_SET: Comparison.NOT_SET,
}
