"""A caller with a token asks a real service over a real channel, and gets allow or deny with reasons."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import grpc
import pytest
from magistrate.v1.authorization_pb2 import (
    EFFECT_ALLOW,
    EFFECT_DENY,
    BatchCheckRequest,
    CheckRequest,
    ExplainRequest,
)

from tests.e2e.asking import SECONDS, Refusal, bearer, question, refusal, stub_of
from tests.e2e.running import Server

CASES: Final[tuple[tuple[str, CheckRequest, int, str, list[str], list[str]], ...]] = (
    ("alice", question("edit", "Document:plan"), EFFECT_ALLOW, "ALLOWED", ["docs.by_role"], []),
    ("bob", question("edit", "Document:plan"), EFFECT_ALLOW, "ALLOWED", ["docs.by_owner"], []),
    ("carol", question("read", "Document:plan"), EFFECT_DENY, "ACCOUNT_SUSPENDED", ["docs.suspended"], []),
    ("alice", question("export", "Document:plan", ip="10.1.2.3"), EFFECT_ALLOW, "ALLOWED", ["docs.by_role"], []),
    ("alice", question("export", "Document:plan", ip="192.0.2.1"), EFFECT_DENY, "OFFICE_ONLY", ["docs.office"], []),
    ("alice", question("export", "Document:plan"), EFFECT_DENY, "UNDETERMINED", ["docs.office"], ["context.ip"]),
    ("alice", question("read", "Document:none"), EFFECT_DENY, "NO_RESOURCE", [], []),
    ("zoe", question("read", "Document:plan"), EFFECT_DENY, "NO_PRINCIPAL", [], []),
)


def test_every_question_gets_its_answer_and_is_recorded(shared_server_on_each: Server) -> None:
    with stub_of(shared_server_on_each.address) as stub:
        for who, asked, effect, code, rules, missing in CASES:
            given = stub.Check(asked, metadata=bearer(shared_server_on_each.token(f"User:{who}")), timeout=SECONDS)
            assert (given.effect, given.code) == (effect, code), asked
            assert [reason.rule_id for reason in given.reasons] == rules
            assert [each.path for each in given.missing] == missing
            assert given.hide == (code == "NO_RESOURCE")


def test_a_batch_and_an_explanation_agree_with_the_checks(shared_server_on_each: Server) -> None:
    own = [case for case in CASES if case[0] == "alice"]
    metadata = bearer(shared_server_on_each.token("User:alice"))
    with stub_of(shared_server_on_each.address) as stub:
        batch = stub.BatchCheck(BatchCheckRequest(checks=[case[1] for case in own]), metadata=metadata, timeout=SECONDS)
        explained = [stub.Explain(ExplainRequest(check=case[1]), metadata=metadata, timeout=SECONDS) for case in own]
    assert [each.response.code for each in batch.results] == [case[3] for case in own]
    assert [each.response.code for each in explained] == [case[3] for case in own]
    assert [[rule.rule_id for rule in each.rules if rule.determining] for each in explained] == [
        case[4] for case in own
    ]


def test_a_token_that_does_not_verify_is_refused_and_nothing_says_why(
    shared_server_on_each: Server, tmp_path: Path
) -> None:
    alice, bob = shared_server_on_each.token("User:alice"), shared_server_on_each.token("User:bob")
    expired = shared_server_on_each.token("User:alice", ttl=timedelta(minutes=1), now=1_700_000_000)
    ops, errors = shared_server_on_each.ops, shared_server_on_each.errors
    stranger = Server(shared_server_on_each.process, shared_server_on_each.address, ops, tmp_path / "other", errors)
    forged = {
        "another's signature": ".".join((*alice.split(".")[:2], bob.split(".")[2])),
        "another's key": stranger.token("User:alice"),
        "expired": expired,
        "no token": "no.token.this",
    }
    with stub_of(shared_server_on_each.address) as stub:
        asked = question("edit", "Document:plan")
        refused = {name: refusal(stub, asked, bearer(token)) for name, token in forged.items()}
        refused["none"] = refusal(stub, asked, ())
        refused["two"] = refusal(stub, asked, bearer(alice) + bearer(bob))
    expected = Refusal(
        grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "the credential is missing or does not verify"
    )
    assert refused == dict.fromkeys(refused, expected)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (question("fly", "Document:plan"), "action"),
        (question("edit", "Car:plan"), "resource.type"),
        (question("edit", f"Document:{'x' * 257}"), "resource.id"),
        (question("edit", "Document:plan", colour="red"), "context.colour"),
        (question("export", "Document:plan", ip="home"), "context.ip"),
        (question("export", "Document:plan", now="2026-01-01T00:00:00Z"), "context.now"),
    ],
    ids=["action", "type", "long id", "undeclared context", "mistyped context", "now"],
)
def test_a_malformed_question_names_the_field(shared_server: Server, asked: CheckRequest, field: str) -> None:
    with stub_of(shared_server.address) as stub:
        refused = refusal(stub, asked, bearer(shared_server.token("User:alice")))
    assert (refused.status, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert f"{field}:" in refused.text
