"""An error is never an allow, nor is anything but EFFECT_ALLOW whose obligations are fulfilled."""

import logging
import pickle

import grpc
import pytest
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from magistrate.v1.authorization_pb2 import (
    EFFECT_ALLOW,
    EFFECT_DENY,
    BatchCheckRequest,
    BatchCheckResponse,
    BatchCheckResult,
    CheckRequest,
    CheckResponse,
    ExplainResponse,
    MissingInput,
    Obligation,
    Reason,
)
from magistrate.v1.types_pb2 import EntityRef, Value, ValueSet

import magistrate_client as mc
from magistrate_client.answers import read_batch, read_decision, read_explanation
from tests.magistrate_client.scripted_service import ALLOW, Refusal
from tests.magistrate_client.shells import Shell, asking, both_shells, on_a_loop

TEXT = st.text(max_size=8)
VALUES = st.one_of(
    st.just(Value()),
    st.builds(lambda each: Value(bool_value=each), st.booleans()),
    st.builds(lambda each: Value(int_value=each), st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda each: Value(string_value=each), TEXT),
    st.builds(lambda type_, id_: Value(ref_value=EntityRef(type=type_, id=id_)), TEXT, TEXT),
    st.builds(lambda each: Value(set_value=ValueSet(values=[each, Value()])), st.just(Value(int_value=1))),
)
OBLIGATIONS = st.builds(
    lambda type_, parameters: Obligation(type=type_, parameters=parameters),
    TEXT,
    st.dictionaries(TEXT, VALUES, max_size=2),
)
TIMES = st.builds(
    lambda seconds, nanos: Timestamp(seconds=seconds, nanos=nanos),
    st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**33),
    st.integers(-(2**31), 2**31 - 1),
)
EFFECTS = st.sampled_from([0, 1, 2, 3]) | st.integers(-(2**31), 2**31 - 1)


@st.composite
def answers(draw: st.DrawFn) -> CheckResponse:
    """Any message that a service, of this or another version, could send."""
    response = CheckResponse(
        request_id=draw(st.sampled_from(["", "asked", "another"])),
        decision_id=draw(TEXT),
        code=draw(TEXT),
        reasons=[Reason(rule_id=draw(TEXT), text=draw(TEXT))] if draw(st.booleans()) else [],
        obligations=draw(st.lists(OBLIGATIONS, max_size=2)),
        missing=[MissingInput(path=draw(TEXT), cause=draw(TEXT))] if draw(st.booleans()) else [],
        hide=draw(st.booleans()),
        decided_at=draw(st.none() | TIMES),
    )
    # An open enum takes any number off the wire, though not from its constructor.
    response.MergeFromString(b"\x18" + _varint(draw(EFFECTS)))
    return response


@given(answers())
def test_a_decision_is_true_only_for_allow_without_obligations(answer: CheckResponse) -> None:
    try:
        decision = read_decision(answer, "asked")
    except mc.ServiceFault as fault:
        assert fault.reason == "UNREADABLE_ANSWER"
        return
    assert bool(decision) == (answer.effect == EFFECT_ALLOW and not answer.obligations)
    assert answer.request_id != "another"
    everything = decision.fulfilling(*(each.type for each in decision.obligations))
    assert bool(everything) == (answer.effect == EFFECT_ALLOW)
    assert bool(read_explanation(ExplainResponse(response=answer), "asked")) == bool(decision)


@given(st.lists(answers() | st.none() | st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=3))
def test_an_item_of_a_batch_is_true_only_for_allow_without_obligations(
    items: list[CheckResponse | int | None],
) -> None:
    request = BatchCheckRequest(checks=[CheckRequest(request_id="asked") for _ in items])
    batch = BatchCheckResponse(results=[_result(item) for item in items])
    for item, answer in zip(items, read_batch(batch, request), strict=True):
        is_allow = isinstance(item, CheckResponse) and item.effect == EFFECT_ALLOW and not item.obligations
        assert bool(answer) == (is_allow and isinstance(answer, mc.Decision))


@given(st.binary(max_size=40))
def test_bytes_are_never_an_allow_that_they_do_not_say(garbage: bytes) -> None:
    try:
        message = CheckResponse.FromString(garbage)
        decision = read_decision(message, "asked")
    except (DecodeError, mc.ServiceFault):
        return
    assert not decision or message.effect == EFFECT_ALLOW


@both_shells
@pytest.mark.parametrize(
    "code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK], ids=lambda code: code.name
)
@on_a_loop
async def test_no_status_is_ever_an_allow(shell: Shell, code: grpc.StatusCode) -> None:
    async with asking(shell, retry=mc.RetryPolicy(tries=1)) as (service, client):
        service.will(Refusal(code))
        assert await client.is_allowed("read", "Document:d1") is False
        with pytest.raises(mc.MagistrateError):
            await client.check("read", "Document:d1")
        with pytest.raises(mc.MagistrateError):
            await client.require("read", "Document:d1")
        with pytest.raises(mc.MagistrateError):
            await client.check_many([mc.Question("read", "Document:d1")])
        with pytest.raises(mc.MagistrateError):
            await client.explain("read", "Document:d1")


@both_shells
@on_a_loop
async def test_an_answer_that_is_no_message_is_an_error(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        service.will(b"\xff\xff\xff")
        with pytest.raises(mc.ServiceFault):
            await client.check("read", "Document:d1")
        with pytest.raises(mc.ServiceFault):
            await client.check_many([mc.Question("read", "Document:d1")])
        with pytest.raises(mc.ServiceFault):
            await client.explain("read", "Document:d1")


@both_shells
@on_a_loop
async def test_an_answer_to_another_question_is_an_error(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        service.will(CheckResponse(effect=EFFECT_ALLOW, request_id="another"))
        with pytest.raises(mc.ServiceFault, match="another question"):
            await client.check("read", "Document:d1")


@both_shells
@on_a_loop
async def test_nobody_there_is_a_no_and_is_logged(shell: Shell, caplog: pytest.LogCaptureFixture) -> None:
    async with asking(shell, token="very.secret.token", retry=mc.RetryPolicy(tries=1)) as (service, client):
        service.will(Refusal(grpc.StatusCode.UNAVAILABLE, "gone"))
        with caplog.at_level(logging.WARNING, logger="magistrate_client"):
            assert not await client.is_allowed(
                "read", "Document:d1", principal_token="other.secret.token", request_id="r"
            )
    assert caplog.messages == ["no answer to `read` on `Document:d1`, taken as a deny: gone (UNAVAILABLE) [request r]"]
    assert "secret" not in caplog.text


@both_shells
@on_a_loop
async def test_an_obligation_makes_an_allow_false_until_it_is_fulfilled(shell: Shell) -> None:
    parameters = {"text": Value(string_value="internal"), "odd": Value()}
    obligations = [Obligation(type="watermark", parameters=parameters), Obligation(type="notify")]
    async with asking(shell) as (service, client):
        service.will(CheckResponse(effect=EFFECT_ALLOW, code="ALLOWED", obligations=obligations))
        decision = await client.check("export", "Document:d1")
        assert not decision
        assert not decision.fulfilling("watermark")
        assert decision.fulfilling("watermark").outstanding == (mc.Obligation("notify"),)
        assert decision.fulfilling("watermark").fulfilling("notify")
        assert decision.obligations[0].parameters == {"text": "internal", "odd": None}
        assert not await client.is_allowed("export", "Document:d1", fulfilling=["notify"])
        assert await client.is_allowed("export", "Document:d1", fulfilling=["notify", "watermark"])
        with pytest.raises(mc.Denied, match="obligations that are not fulfilled: `watermark`"):
            await client.require("export", "Document:d1", fulfilling=["notify"])
        assert await client.require("export", "Document:d1", fulfilling=["notify", "watermark"])


def test_fulfilling_never_allows_what_is_denied() -> None:
    denied = CheckResponse(effect=EFFECT_DENY, code="STEP_UP", obligations=[Obligation(type="step_up")])
    assert not read_decision(denied, "r").fulfilling("step_up")


def test_enums_are_as_true_as_they_read() -> None:
    assert [bool(each) for each in mc.Effect] == [True, False]
    assert [bool(each) for each in mc.Truth] == [True, False, False]


def test_a_decision_cannot_be_turned_and_survives_pickling() -> None:
    decision = read_decision(ALLOW, "r")
    for name in ("effect", "anything"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(decision, name, mc.Effect.DENY)
    assert pickle.loads(pickle.dumps(decision)) == decision
    denied = pickle.loads(pickle.dumps(mc.Denied(decision)))
    assert denied.decision == decision


def _result(item: CheckResponse | int | None) -> BatchCheckResult:
    match item:
        case CheckResponse():
            return BatchCheckResult(response=item)
        case int():
            return BatchCheckResult(error=Status(code=item))
        case None:
            return BatchCheckResult()


def _varint(number: int) -> bytes:
    rest = number & (2**64 - 1)
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*out, rest])
