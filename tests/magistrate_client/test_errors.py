"""What each status and its google.rpc details become."""

import pickle
import typing

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, Help
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

import magistrate_client as mc
from magistrate_client.statuses import error_from_status
from tests.magistrate_client.scripted_service import Refusal
from tests.magistrate_client.shells import Shell, asking, both_shells, on_a_loop

CLASSES = {
    grpc.StatusCode.UNAUTHENTICATED: mc.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: mc.PermissionDenied,
    grpc.StatusCode.INVALID_ARGUMENT: mc.InvalidRequest,
    grpc.StatusCode.RESOURCE_EXHAUSTED: mc.LimitReached,
    grpc.StatusCode.UNAVAILABLE: mc.Unavailable,
    grpc.StatusCode.CANCELLED: mc.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: mc.DeadlineExceeded,
    grpc.StatusCode.FAILED_PRECONDITION: mc.NotFresh,
    grpc.StatusCode.INTERNAL: mc.ServiceFault,
    grpc.StatusCode.UNIMPLEMENTED: mc.ServiceFault,
    grpc.StatusCode.UNKNOWN: mc.ServiceFault,
}


@both_shells
@pytest.mark.parametrize(("code", "class_"), CLASSES.items(), ids=[code.name for code in CLASSES])
@on_a_loop
async def test_a_status_is_one_exception(shell: Shell, code: grpc.StatusCode, class_: type[mc.MagistrateError]) -> None:
    async with asking(shell, retry=mc.RetryPolicy(tries=1)) as (service, client):
        service.will(Refusal(code, "because"))
        with pytest.raises(mc.MagistrateError) as caught:
            await client.check("read", "Document:d1", request_id="r-1")
    assert type(caught.value) is class_
    assert (caught.value.status, caught.value.reason) == (code, code.name)
    assert (caught.value.message, caught.value.request_id) == ("because", "r-1")


@both_shells
@on_a_loop
async def test_details_come_with_the_exception(shell: Shell) -> None:
    violations = [BadRequest.FieldViolation(field="action", description="unknown action `fly`")]
    details: tuple[Message, ...] = (
        ErrorInfo(reason="INVALID_REQUEST", domain="magistrate", metadata={"action": "fly"}),
        BadRequest(field_violations=violations),
        Help(),
    )
    async with asking(shell) as (service, client):
        service.will(Refusal(grpc.StatusCode.INVALID_ARGUMENT, "the request is malformed", details))
        with pytest.raises(mc.InvalidRequest) as caught:
            await client.check("fly", "Document:d1")
    error = caught.value
    assert (error.reason, error.metadata) == ("INVALID_REQUEST", {"action": "fly"})
    assert error.violations == (mc.FieldViolation("action", "unknown action `fly`"),)
    assert str(error) == "the request is malformed (INVALID_REQUEST); `action`: unknown action `fly`"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_an_error_says_a_fault_once() -> None:
    said, unsaid = (
        mc.FieldViolation("action", "unknown action `fly`"),
        mc.FieldViolation("context.ip", "not an address"),
    )
    details = mc.ErrorDetails(reason="INVALID_REQUEST", violations=(said, unsaid))
    error = mc.InvalidRequest(grpc.StatusCode.INVALID_ARGUMENT, "action: unknown action `fly`", details)
    assert str(error) == "action: unknown action `fly` (INVALID_REQUEST); `context.ip`: not an address"


def test_a_reason_of_another_domain_is_not_taken_for_the_services() -> None:
    detail = Any()
    detail.Pack(ErrorInfo(reason="MESH_OVERLOAD", domain="mesh.example", metadata={"a": "b"}))
    error = error_from_status(Status(code=14, details=[detail]), "r")
    assert (error.reason, error.metadata) == ("UNAVAILABLE", {})


@given(st.sampled_from([ErrorInfo, BadRequest, Help]), st.binary(max_size=20), st.integers(-(2**31), 2**31 - 1))
def test_details_that_cannot_be_read_do_not_hide_the_status(kind: type[Message], garbage: bytes, code: int) -> None:
    detail = Any(type_url=f"type.googleapis.com/{kind.DESCRIPTOR.full_name}", value=garbage)
    error = error_from_status(Status(code=code, message="because", details=[detail]), "r")
    assert error.message == "because"
    assert error.status is not grpc.StatusCode.OK


LOST: typing.Any = None
TEXT: typing.Any = "ip=10.1.2.3"
FLOAT: typing.Any = 1.5
NESTED: typing.Any = [["a"]]
UNASKABLE: dict[str, tuple[mc.Question, str]] = {
    "resource without an id": (mc.Question("read", "Document"), "resource"),
    "resource that was lost": (mc.Question("read", LOST), "resource"),
    "principal that was lost": (mc.Question("read", "D:1", principal=LOST), "principal"),
    "principal that is empty": (mc.Question("read", "D:1", principal=""), "principal"),
    "token that was lost": (mc.Question("read", "D:1", principal_token=LOST), "principal_token"),
    "principal and token": (mc.Question("read", "D:1", "User:a", "t"), "principal"),
    "action that is no text": (mc.Question("\ud800", "D:1"), "action"),
    "id that is no text": (mc.Question("read", "D:1", request_id="\ud800"), "request_id"),
    "float": (mc.Question("read", "D:1", context={"ip": FLOAT}), "context.ip"),
    "int past 2^53": (mc.Question("read", mc.Resource("D", "1", {"n": 2**53})), "resource.attributes.n"),
    "set in a set": (mc.Question("read", "D:1", context={"s": NESTED}), "context.s"),
    "nothing in a set": (mc.Question("read", "D:1", context={"s": [LOST]}), "context.s"),
    "value that is no text": (mc.Question("read", "D:1", context={"s": "\ud800"}), "context.s"),
    "context that is text": (mc.Question("read", "D:1", context=TEXT), "context"),
    "action that is none": (mc.Question(LOST, "D:1"), "action"),
    "parent": (mc.Question("read", mc.Resource("D", "1", {}, ["F:1", "F"])), "resource.parents[1]"),
}


@both_shells
@pytest.mark.parametrize(("question", "field"), UNASKABLE.values(), ids=UNASKABLE)
@on_a_loop
async def test_what_cannot_be_asked_is_refused_here_by_its_field(
    shell: Shell, question: mc.Question, field: str
) -> None:
    async with asking(shell) as (service, client):
        with pytest.raises(mc.InvalidRequest) as caught:
            await client.check_many([mc.Question("read", "D:1"), question])
    assert [violation.field for violation in caught.value.violations] == [f"checks[1].{field}"]
    assert service.requests == []


@both_shells
@on_a_loop
async def test_a_misspelt_detail_is_a_fault_of_the_program(shell: Shell) -> None:
    misspelt: typing.Any = {"princpal": "User:bob"}
    async with asking(shell) as (service, client):
        with pytest.raises(TypeError, match="princpal"):
            await client.is_allowed("read", "Document:d1", **misspelt)
    assert service.requests == []
