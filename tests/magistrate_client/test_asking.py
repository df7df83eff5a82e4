"""What goes out and what comes back, through both clients and a real channel."""

import asyncio
from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2
from magistrate.v1.authorization_pb2 import (
    EFFECT_ALLOW,
    EFFECT_DENY,
    TRUTH_FALSE,
    TRUTH_TRUE,
    TRUTH_UNKNOWN,
    BatchCheckResponse,
    BatchCheckResult,
    CheckResponse,
    ClauseExplanation,
    ExplainResponse,
    FactChange,
    InputRead,
    MissingInput,
    Reason,
    RuleExplanation,
)

import magistrate_client as mc
from tests.magistrate_client.scripted_service import ALLOW, MOMENT, Refusal, packed
from tests.magistrate_client.shells import Shell, asking, both_shells, on_a_loop

DENY = CheckResponse(
    effect=EFFECT_DENY,
    code="STEP_UP",
    reasons=[Reason(rule_id="docs.export_mfa", location="documents.policy:3", text="needs more", code="STEP_UP")],
    missing=[MissingInput(path="resource.region", cause="no_row")],
    hide=True,
    decision_id="d-2",
    policy_digest="sha256:1",
    revision="e.7",
    decided_at=MOMENT,
)


@both_shells
@on_a_loop
async def test_a_question_is_sent_as_it_was_asked(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        resource = mc.Resource(
            "Document", "a:b", {"level": 2, "note": None}, ["Folder:f1", mc.EntityRef("Folder", "f2")]
        )
        await client.check("create", resource, principal="User:alice", context={"mfa": True}, request_id="r-1")
    assert json_format.MessageToDict(service.checks[0], preserving_proto_field_name=True) == {
        "request_id": "r-1",
        "action": "create",
        "principal": {"type": "User", "id": "alice"},
        "resource": {
            "type": "Document",
            "id": "a:b",
            "attributes": {"level": {"int_value": "2"}},
            "parents": [{"type": "Folder", "id": "f1"}, {"type": "Folder", "id": "f2"}],
        },
        "context": {"mfa": {"bool_value": True}},
    }


@both_shells
@on_a_loop
async def test_how_fresh_the_facts_are_to_be_is_sent(shell: Shell) -> None:
    fresh, full = mc.AtLeastAsFresh("e.7"), mc.Consistency.FULLY_CONSISTENT
    async with asking(shell) as (service, client):
        await client.check("read", "Document:d1")
        await client.check("read", "Document:d1", consistency=fresh)
        await client.is_allowed("read", "Document:d1", consistency=full)
        await client.require("read", "Document:d1", consistency=mc.Consistency.MINIMIZE_LATENCY)
        service.will(BatchCheckResponse(results=[BatchCheckResult(response=ALLOW)]))
        await client.check_many([mc.Question("read", "Document:d1")], consistency=fresh)
        with pytest.raises(mc.InvalidRequest, match="expected a Consistency"):
            await client.check("read", "Document:d1", consistency="e.7")  # type: ignore[arg-type]  # as untyped code would
    assert [check.consistency.WhichOneof("requirement") for check in service.checks] == [
        None, "at_least_as_fresh", "fully_consistent", "minimize_latency",
    ]  # fmt: skip
    assert service.checks[1].consistency.at_least_as_fresh == "e.7"
    assert service.batches[0].consistency.at_least_as_fresh == "e.7"
    assert not service.batches[0].checks[0].HasField("consistency")


@both_shells
@on_a_loop
async def test_a_decision_carries_all_that_was_answered(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        service.will(DENY)
        decision = await client.check("export", "Document:d1", request_id="r-2")
    assert decision == mc.Decision(
        effect=mc.Effect.DENY,
        code="STEP_UP",
        reasons=(mc.Reason("docs.export_mfa", "documents.policy:3", "needs more", "STEP_UP"),),
        obligations=(),
        missing=(mc.MissingInput("resource.region", "no_row"),),
        hide=True,
        decision_id="d-2",
        policy_digest="sha256:1",
        revision="e.7",
        decided_at=datetime(2026, 1, 5, 10, tzinfo=UTC),
        request_id="r-2",
    )


@both_shells
@on_a_loop
async def test_a_question_without_an_id_gets_one_of_its_own(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        first = await client.check("read", "Document:d1")
        second = await client.check("read", "Document:d1")
    sent = [request.request_id for request in service.checks]
    assert sent == [first.request_id, second.request_id]
    assert len(set(sent)) == 2


@both_shells
@on_a_loop
async def test_a_principal_token_goes_in_the_message_and_the_callers_in_metadata(shell: Shell) -> None:
    async with asking(shell, token="caller.a.b\n") as (service, client):
        await client.check("read", "Document:d1", principal_token="subject.a.b")
    assert service.checks[0].principal_token == "subject.a.b"
    assert service.credentials == ["Bearer caller.a.b"]


@both_shells
@on_a_loop
async def test_a_token_function_is_asked_before_every_try(shell: Shell) -> None:
    tokens = iter(["first", "second"])
    async with asking(shell, token=lambda: next(tokens)) as (service, client):
        service.will(Refusal(grpc.StatusCode.UNAVAILABLE), ALLOW)
        assert await client.check("read", "Document:d1")
    assert service.credentials == ["Bearer first", "Bearer second"]


@on_a_loop
async def test_an_async_token_function_is_awaited_within_the_deadline() -> None:
    async def token() -> str:
        return "awaited"

    async def silent_token() -> str:
        await asyncio.Event().wait()
        return "never"

    async with asking(lambda target, **options: mc.AsyncMagistrate(target, token=token)) as (service, client):
        assert await client.check("read", "Document:d1")
        assert service.credentials == ["Bearer awaited"]
    async with asking(lambda target, **options: mc.AsyncMagistrate(target, token=silent_token)) as (service, client):
        with pytest.raises(mc.DeadlineExceeded):
            await client.check("read", "Document:d1", timeout=0.05)
        assert service.requests == []


@both_shells
@on_a_loop
async def test_questions_take_turns_on_four_connections(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        for _ in range(8):
            await client.check("read", "Document:d1")
    assert len(service.peers) == 4


@both_shells
@on_a_loop
async def test_a_batch_keeps_order_and_its_failures_stay_alone(shell: Shell) -> None:
    refusal = packed(Refusal(grpc.StatusCode.INVALID_ARGUMENT, "no such action", (_info("INVALID_REQUEST"),)))
    results = [
        BatchCheckResult(response=CheckResponse(effect=EFFECT_ALLOW, code="ALLOWED")),
        BatchCheckResult(error=refusal),
        BatchCheckResult(response=CheckResponse(effect=EFFECT_DENY, code="NO_MATCH")),
        BatchCheckResult(),
    ]
    async with asking(shell) as (service, client):
        service.will(BatchCheckResponse(results=results, policy_digest="sha256:1", revision="e.7", decided_at=MOMENT))
        questions = [mc.Question(action, "Document:d1") for action in ("read", "fly", "edit", "share")]
        answers = await client.check_many(questions, request_id="b")
    assert [check.action for check in service.batches[0].checks] == ["read", "fly", "edit", "share"]
    assert [check.request_id for check in service.batches[0].checks] == ["b.0", "b.1", "b.2", "b.3"]
    assert [bool(answer) for answer in answers] == [True, False, False, False]
    first, second, _, fourth = answers
    assert isinstance(first, mc.Decision)
    assert (first.policy_digest, first.revision, first.request_id) == ("sha256:1", "e.7", "b.0")
    assert isinstance(second, mc.Unanswered)
    assert isinstance(second.error, mc.InvalidRequest)
    assert second.error.reason == "INVALID_REQUEST"
    assert isinstance(fourth, mc.Unanswered)
    assert isinstance(fourth.error, mc.ServiceFault)


@both_shells
@on_a_loop
async def test_a_batch_of_nothing_asks_nothing(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        assert await client.check_many([]) == ()
    assert service.requests == []


@both_shells
@on_a_loop
async def test_a_batch_with_too_few_answers_gives_none(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        service.will(BatchCheckResponse(results=[BatchCheckResult(response=ALLOW)]))
        with pytest.raises(mc.ServiceFault, match="1 answers came to 2 questions"):
            await client.check_many([mc.Question("read", "Document:d1"), mc.Question("edit", "Document:d1")])


@both_shells
@on_a_loop
async def test_an_explanation_is_as_true_as_its_decision(shell: Shell) -> None:
    rule = RuleExplanation(rule_id="docs.owner", effect=EFFECT_ALLOW, truth=TRUTH_TRUE, determining=True)
    async with asking(shell) as (service, client):
        service.will(ExplainResponse(response=ALLOW, rules=[rule]), ExplainResponse(response=DENY, rules=[rule]))
        allowed = await client.explain("edit", "Document:d1")
        denied = await client.explain("edit", "Document:d1")
    assert allowed
    assert not denied
    assert allowed.rules == (mc.RuleExplanation("docs.owner", "", mc.Effect.ALLOW, False, mc.Truth.TRUE, True, ()),)


@both_shells
@on_a_loop
async def test_an_explanation_says_what_would_flip_the_answer(shell: Shell) -> None:
    changes = [FactChange(added_row="User:a is m.r"), FactChange(removed_row="User:b is m.r"), FactChange()]
    unset = FactChange(input=InputRead(path="resource.due", cause="absent"))
    missing = [MissingInput(path="resource.due", cause="absent")]
    clause = ClauseExplanation(
        kind="when", text="x", truth=TRUTH_UNKNOWN, missing=missing, flips_when=TRUTH_FALSE, changes=[*changes, unset],
        rows=["User:c is m.r"],
    )  # fmt: skip
    async with asking(shell) as (service, client):
        service.will(ExplainResponse(response=ALLOW, rules=[RuleExplanation(clauses=[clause])]))
        explanation = await client.explain("edit", "Document:d1")
    (read,) = explanation.rules[0].clauses
    assert read.missing == (mc.MissingInput("resource.due", "absent"),)
    assert read.flips_when is mc.Truth.FALSE
    assert read.rows == ("User:c is m.r",)
    assert read.changes == (
        mc.RowChange("User:a is m.r", is_added=True),
        mc.RowChange("User:b is m.r", is_added=False),
        mc.InputRead("resource.due", None, "absent"),
    )


@both_shells
@on_a_loop
async def test_require_gives_an_allow_and_raises_a_deny(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        service.will(ALLOW, DENY)
        assert await client.require("read", "Document:d1")
        with pytest.raises(mc.Denied, match="denied with STEP_UP: needs more") as caught:
            await client.require("export", "Document:d1")
    assert caught.value.decision.hide


def _info(reason: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain="magistrate")
