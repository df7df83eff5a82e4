"""What answers to an end user's own token tell: allow or deny, DENIED and author-written codes, and nothing else."""

from pathlib import Path
from typing import Final

import grpc
import pytest
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import types_pb2

from service.doors.grpc.codec import write_check
from service.doors.grpc.status import status_of
from service.errors import MagistrateError
from service.model import Answer, CheckRequest, GivenEntity
from service.pdp import DecisionPoint
from tests.service.doors.talking import Talk, bearer
from tests.service.point import KeptRecords, build_point, ref

UNREADABLE: Final = ("Order:absent", "Order:" + "x" * 256, "Order:hidden", "Order:theirs")
"""There is no row, nor here; a rule hides the row; no rule opens the row."""


@pytest.fixture
def point(tmp_path: Path, recorder: KeptRecords) -> DecisionPoint:
    return build_point(tmp_path, recorder)


def answered(point: DecisionPoint, token: str, request: CheckRequest) -> pb.CheckResponse:
    """The answer as it travels, without what differs between any two."""
    answers = point.check(token, request)
    (item,) = answers.items
    assert isinstance(item, Answer), item
    message = write_check(item, answers)
    assert message.decision_id
    message.decision_id = ""
    message.ClearField("decided_at")
    return message


def own(action: str, resource: str) -> CheckRequest:
    """A user's question about himself, which asserts nothing."""
    return CheckRequest("r1", action, GivenEntity(ref(resource)))


def test_a_row_that_is_missing_and_one_that_is_hidden_answer_in_the_same_bytes(
    point: DecisionPoint, recorder: KeptRecords
) -> None:
    said = {answered(point, "plain", own("read", order)).SerializeToString(deterministic=True) for order in UNREADABLE}

    assert len(said) == 1
    assert [record.code for record in recorder.records] == ["NO_RESOURCE", "NO_RESOURCE", "DENIED", "NO_MATCH"]


def test_a_missing_row_and_a_hidden_one_are_the_same_bytes_on_the_wire(talk: Talk) -> None:
    said = talk(lambda channel: {raw_answer(channel, id_) for id_ in UNREADABLE})

    assert len(said) == 1


def raw_answer(channel: grpc.Channel, resource: str) -> tuple[bytes, tuple[tuple[str, str | bytes], ...]]:
    """What a user's own token gets: the bytes of the answer without its decision's id, and what follows them."""
    type_, _, id_ = resource.partition(":")
    asked = pb.CheckRequest(request_id="r1", action="read", resource=types_pb2.Entity(type=type_, id=id_))
    ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/magistrate.v1.AuthorizationService/Check")
    answer, call = ask.with_call(asked.SerializeToString(), metadata=bearer("plain"))
    decision_id = pb.CheckResponse.FromString(answer).decision_id.encode()
    assert answer.count(decision_id) == 1
    return answer.replace(decision_id, b"-" * len(decision_id)), tuple(call.trailing_metadata())


def test_an_end_user_learns_allow_or_deny_and_what_an_author_wrote_for_him(point: DecisionPoint) -> None:
    allowed = answered(point, "plain", own("read", "Order:o1"))
    denied = answered(point, "plain", own("read", "Order:hidden"))
    stepped = answered(point, "plain", own("refund", "Order:o1"))

    assert (allowed.effect, allowed.code) == (pb.EFFECT_ALLOW, "ALLOWED")
    assert (denied.effect, denied.code) == (pb.EFFECT_DENY, "DENIED")
    assert (stepped.code, [duty.type for duty in stepped.obligations]) == ("STEP_UP", ["step_up"])
    for answer in (allowed, denied, stepped):
        assert not (answer.reasons or answer.missing or answer.hide)


def test_an_end_user_cannot_tell_what_exists_by_asking_to_make_or_to_act_on_it(point: DecisionPoint) -> None:
    for action in ("create", "read", "audit"):
        codes = {answered(point, "plain", own(action, order)).code for order in UNREADABLE}
        assert codes == {"DENIED"}, action


@pytest.mark.parametrize("order", UNREADABLE)
def test_what_an_end_user_may_not_ask_says_nothing_of_what_it_was_about(point: DecisionPoint, order: str) -> None:
    assert refusals(point, order) == refusals(point, "Order:o1")


def refusals(point: DecisionPoint, order: str) -> list[bytes]:
    """What the user is told who asks for somebody else, and who asks why."""
    named = CheckRequest("r1", "read", GivenEntity(ref(order)), principal=GivenEntity(ref("User:bob")))
    batch = point.admit_explanation(point.verify("plain"), own("read", order))
    known = point.fetch(batch)
    items = (*point.check("plain", named).items, *point.record(batch, known, point.decide(batch, known)).items)
    errors = [item for item in items if isinstance(item, MagistrateError)]
    assert len(errors) == len(items) == 2
    return [status_of(error).SerializeToString(deterministic=True) for error in errors]
