"""Every limit on what one call asks: just below it passes, just above it is refused, and the error names the limit."""

from collections.abc import Callable
from typing import Final

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status.rpc_status import from_call
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import types_pb2

from tests.service.doors.talking import Talk, bearer

SERVICE: Final = "/magistrate.v1.AuthorizationService/"
EXHAUSTED, INVALID = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT
UNKNOWN_FIELD: Final = b"\xa2\x3f"
"""The tag of a field of bytes that no message has."""


def check() -> pb.CheckRequest:
    return pb.CheckRequest(action="read", resource=types_pb2.Entity(type="Order", id="o1"))


def of_bytes(count: int) -> bytes:
    """A check of exactly so many bytes."""
    plain = check().SerializeToString()
    padding = count - len(plain) - len(UNKNOWN_FIELD) - 2
    return plain + UNKNOWN_FIELD + bytes((padding & 127 | 128, padding >> 7)) + bytes(padding)


def of_checks(count: int) -> bytes:
    return pb.BatchCheckRequest(checks=[check()] * count).SerializeToString()


def of_attributes(count: int) -> bytes:
    asked = check()
    for at in range(count):
        asked.resource.attributes[f"a{at}"].bool_value = True
    return asked.SerializeToString()


def of_context(count: int) -> bytes:
    asked = check()
    for at in range(count):
        asked.context[f"a{at}"].bool_value = True
    return asked.SerializeToString()


def of_parents(count: int) -> bytes:
    asked = check()
    asked.resource.parents.extend([types_pb2.EntityRef()] * count)
    return asked.SerializeToString()


def of_records(depth: int) -> bytes:
    """Records within records."""
    asked = check()
    value = asked.context["deep"]
    for _ in range(depth):
        value = value.record_value.fields["in"]
    value.bool_value = True
    return asked.SerializeToString()


def of_id(length: int) -> bytes:
    asked = check()
    asked.resource.id = "o" * length
    return asked.SerializeToString()


def of_request_id(length: int) -> bytes:
    asked = check()
    asked.request_id = "r" * length
    return asked.SerializeToString()


def refusal(talk: Talk, rpc: str, message: bytes, who: str = "plain") -> tuple[grpc.StatusCode, str, str]:
    """How a call ends: its status, the limit that is named, and what is said of fields; OK and nothing of one that does
    not fail."""

    def ask(channel: grpc.Channel) -> tuple[grpc.StatusCode, str, str]:
        raw: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(SERVICE + rpc)
        try:
            raw(message, metadata=bearer(who), timeout=20)
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            status, info, fields = from_call(error), ErrorInfo(), BadRequest()
            assert status is not None
            for detail in status.details:
                detail.Unpack(info)
                detail.Unpack(fields)
            said = "; ".join(f"{each.field}: {each.description}" for each in fields.field_violations)
            return error.code(), info.metadata["limit"], said
        return grpc.StatusCode.OK, "", ""

    return talk(ask)


@pytest.mark.parametrize(
    ("rpc", "make", "most", "status", "limit", "said"),
    [
        ("Check", of_bytes, 4096, EXHAUSTED, "message_bytes", ""),
        ("Explain", of_bytes, 4096, EXHAUSTED, "message_bytes", ""),
        ("BatchCheck", of_checks, 3, INVALID, "batch_checks", ""),
        ("Check", of_attributes, 4, INVALID, "attributes", ""),
        ("Check", of_context, 4, INVALID, "attributes", ""),
        ("Check", of_parents, 4, INVALID, "parents", ""),
        ("Check", of_records, 4, INVALID, "", "context.deep.in.in.in.in.in: records nest at most 4 deep"),
        ("Check", of_id, 256, INVALID, "", "resource.id: an id has at most 256 characters (this one has 257)"),
        ("Check", of_request_id, 128, INVALID, "", "request_id: at most 128 characters"),
    ],
    ids=["bytes", "bytes of Explain", "checks", "attributes", "context", "parents", "records", "id", "request id"],
)
def test_a_limit_lets_through_what_is_at_it_and_names_itself_past_it(
    talk: Talk,
    *,
    rpc: str,
    make: Callable[[int], bytes],
    most: int,
    status: grpc.StatusCode,
    limit: str,
    said: str,
) -> None:
    below, above = refusal(talk, rpc, make(most)), refusal(talk, rpc, make(most + 1))
    # What is at the limit may be refused for other reasons: these names are unknown to the policies.
    assert (limit or said) not in (below[1], below[2])
    assert above == (status, limit, said)


def test_who_gives_the_longest_of_wrong_names_is_told_that_they_are_wrong(talk: Talk) -> None:
    """All that is said of them would be more than clients read of metadata, in which it stands encoded, and twice."""
    asked = check()
    for at in range(4):
        asked.context[f"{at}" + "\N{GRINNING FACE}" * 240].bool_value = True

    status, _, said = refusal(talk, "Check", asked.SerializeToString(), "pep")

    assert status is INVALID
    assert said.count("\N{GRINNING FACE}: undeclared context field") == 2


def test_what_is_far_too_long_is_not_even_read(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> grpc.StatusCode:
        raw: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(SERVICE + "Check")
        with pytest.raises(grpc.RpcError) as caught:
            raw(of_bytes(3 * 4096), metadata=bearer("plain"), timeout=20)
        assert isinstance(caught.value, grpc.Call)
        return caught.value.code()

    assert talk(ask) is EXHAUSTED
