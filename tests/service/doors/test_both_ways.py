"""A question whose facts are at hand is answered and recorded as one that waits for them, whatever it is and whose."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status.rpc_status import from_call
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc
from magistrate.v1 import types_pb2

from service.model import Batch, Caller, Consistency, DecisionRecord, Known
from service.pdp import DecisionPoint
from tests.service.doors.talking import Talk, bearer
from tests.service.point import KeptRecords

TOKENS: Final = ("plain", "key", "pep", "blind", "agent", "stranger", "local", "developer")
"""Those of callers whose permits, scopes and forms of credential differ."""
PATIENCE: Final = 20.0


def order(name: str, action: str = "read", id_: str = "o1", **said: str) -> pb.CheckRequest:
    """A question about an order; what is said of it are its attributes."""
    attributes = {each: types_pb2.Value(string_value=value) for each, value in said.items()}
    resource = types_pb2.Entity(type="Order", id=id_, attributes=attributes)
    return pb.CheckRequest(request_id=name, action=action, resource=resource)


def questions() -> list[pb.CheckRequest]:
    """Questions that are allowed, denied, hidden, refused, malformed and too large."""
    asked = [
        order("own"),
        order("absent", id_="none"),
        order("hidden", id_="hidden"),
        order("theirs", id_="theirs"),
        order("beyond the scope of a key", "refund", "heavy"),
        order("to be stepped up", "refund"),
        order("unknown action", "fly"),
        order("no id", id_=""),
        order("undeclared", colour="red"),
        order("asserting", "close", note="please"),
        order("too many attributes", **{f"a{at}": "" for at in range(5)}),
        order("x" * 200),
    ]
    other, bearer_, nobody = order("as another"), order("for a bearer"), order("for nobody")
    other.principal.CopyFrom(types_pb2.Entity(type="User", id="carol"))
    bearer_.principal_token, nobody.principal_token = "for-alice", "wrong"
    return [*asked, other, bearer_, nobody]


def told(status: Status) -> tuple[object, ...]:
    """What an error says, but for the id that each has of its own."""
    info, fields = ErrorInfo(), BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(fields)
    metadata = {name: value for name, value in info.metadata.items() if name != "request_id"}
    violations = [(each.field, each.description) for each in fields.field_violations]
    return status.code, status.message, info.reason, metadata, violations


def said(answer: pb.CheckResponse) -> bytes:
    """What an answer says, but for the id that each has of its own."""
    assert answer.decision_id
    answer.decision_id = ""
    return answer.SerializeToString(deterministic=True)


def asked_alone(channel: grpc.Channel) -> list[object]:
    """What every caller, and a stranger, is told of every question."""
    stub, heard = pb_grpc.AuthorizationServiceStub(channel), list[object]()
    for token in (*TOKENS, "nobody"):
        for question in questions():
            try:
                heard.append(said(stub.Check(question, metadata=bearer(token), timeout=PATIENCE)))
            except grpc.RpcError as error:
                assert isinstance(error, grpc.Call)
                status = from_call(error)
                assert status is not None
                heard.append(told(status))
    return heard


def asked_by_streams(channel: grpc.Channel) -> list[object]:
    """The same of each question of a stream, in the order of their ids."""
    stub, heard = pb_grpc.AuthorizationServiceStub(channel), list[object]()
    for token in TOKENS:
        answers = list(stub.CheckStream(iter(questions()), metadata=bearer(token), timeout=PATIENCE))
        for answer in sorted(answers, key=lambda each: each.request_id):
            is_error = answer.HasField("error")
            heard.append((answer.request_id, told(answer.error) if is_error else said(answer.response)))
    return heard


def kept(recorder: KeptRecords) -> list[DecisionRecord]:
    """What was recorded since this was asked last, in the order of what is no accident."""
    records = [replace(record, id="", duration_us=0) for record in recorder.records]
    recorder.records.clear()
    return sorted(records, key=lambda each: (str(each.caller), each.request_id))


async def never(self: Talk, batch: Batch, consistency: Consistency, timeout_ms: int | None) -> Known:
    """In place of what is waited for."""
    raise AssertionError("nothing is to be waited for")


@pytest.mark.parametrize("ask", [asked_alone, asked_by_streams], ids=["alone", "in streams"])
def test_what_is_at_hand_is_answered_and_recorded_as_what_is_waited_for(
    talk: Talk,
    recorder: KeptRecords,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[grpc.Channel], list[object]],
) -> None:
    waited, waited_records = talk(ask), kept(recorder)
    monkeypatch.setattr(Talk, "_fetch", never)
    at_once, at_once_records = replace(talk, has_facts_at_hand=True)(ask), kept(recorder)

    assert at_once == waited
    assert at_once_records == waited_records
    assert len({record.code for record in at_once_records}) > 5


@pytest.mark.parametrize(
    ("token", "is_at_hand"),
    [("plain", True), ("plain", False), ("nobody", True)],
    ids=["at hand", "to be waited for", "of a stranger"],
)
def test_the_credential_of_a_question_is_looked_at_once(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, token: str, is_at_hand: bool
) -> None:
    looked_at, verify = list[str](), DecisionPoint.verify

    def noted(self: DecisionPoint, token: str) -> Caller:
        looked_at.append(token)
        return verify(self, token)

    def ask(channel: grpc.Channel) -> None:
        stub, who = pb_grpc.AuthorizationServiceStub(channel), bearer(token)
        with suppress(grpc.RpcError):
            stub.Check(order("alone"), metadata=who, timeout=PATIENCE)
        with suppress(grpc.RpcError):
            list(stub.CheckStream(iter([order("in a stream")]), metadata=who, timeout=PATIENCE))

    monkeypatch.setattr(DecisionPoint, "verify", noted)
    replace(talk, has_facts_at_hand=is_at_hand)(ask)

    # Beside it a newcomer, before its message is read, and who begins a stream; a stranger comes to no more than these.
    beginnings = 0 if token == "nobody" else 2
    assert looked_at == [token] * (2 + beginnings)
