"""Reads the batches of WriteFacts: every write that is none is told with its field."""

from collections.abc import Sequence

from magistrate.v1 import entity_pb2 as pb

from service.config import Limits
from service.doors.grpc.entity_codec import given_refs, read_assignment, read_link, read_ref, read_written
from service.doors.grpc.room import Room
from service.entities.batch import Assign, Delete, FactWrite, Put, Relate, Unassign, Unrelate
from service.errors import InvalidRequest, LimitExceeded, Violation


def read_writes(messages: Sequence[pb.FactWrite], limits: Limits) -> list[FactWrite]:
    """The writes; InvalidRequest where some or all are none, LimitExceeded as `read_put`, and over `batch_writes`."""
    if not messages:
        raise InvalidRequest([Violation("writes", "at least one")])
    if len(messages) > limits.batch_writes:
        raise LimitExceeded("batch_writes", limits.batch_writes, len(messages))
    room = Room(limits)
    writes, faults = list[FactWrite](), list[Violation]()
    for at, message in enumerate(messages):
        try:
            writes.append(_write(f"writes[{at}]", message, room))
        except InvalidRequest as error:
            faults += error.violations
    if faults:
        raise InvalidRequest(faults)
    return writes


def _write(field: str, message: pb.FactWrite, room: Room) -> FactWrite:
    match message.WhichOneof("write"):
        case "put":
            entity = read_written(f"{field}.put", message.put, room)
            return Put(entity.ref, dict(entity.attributes), given_refs(entity.parents))
        case "delete":
            return Delete(read_ref(f"{field}.delete", message.delete))
        case "assign":
            return Assign(read_assignment(message.assign, f"{field}.assign"))
        case "unassign":
            return Unassign(read_assignment(message.unassign, f"{field}.unassign"))
        case "relate":
            return Relate(read_link(f"{field}.relate", message.relate))
        case "unrelate":
            return Unrelate(read_link(f"{field}.unrelate", message.unrelate))
        case None:
            raise InvalidRequest([Violation(field, "says what to write")])
