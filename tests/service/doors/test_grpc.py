"""The gRPC door over a real channel: statuses, details, health, reflection, garbage."""

from collections.abc import Callable, Iterable
from uuid import UUID

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status.rpc_status import from_call
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc
from magistrate.v1 import types_pb2
from structlog.testing import capture_logs

from service.doors.grpc.server import SERVICE
from service.identity import Origin
from tests.service.doors.talking import Talk, bearer
from tests.service.point import KeptRecords


def order(action: str = "read", id_: str = "o1") -> pb.CheckRequest:
    return pb.CheckRequest(request_id="r1", action=action, resource=types_pb2.Entity(type="Order", id=id_))


def error_of(call: Callable[[], object]) -> grpc.Call:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert isinstance(caught.value, grpc.Call)
    return caught.value


def info_of(error: grpc.Call) -> ErrorInfo:
    status = from_call(error)
    assert status is not None
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


def test_a_check_is_answered_with_its_reasons(talk: Talk) -> None:
    request = order()
    request.principal.CopyFrom(types_pb2.Entity(type="User", id="alice"))

    answer = talk(lambda channel: pb_grpc.AuthorizationServiceStub(channel).Check(request, metadata=bearer("pep")))

    assert answer.effect == pb.EFFECT_ALLOW
    assert [(reason.rule_id, reason.text) for reason in answer.reasons] == [
        ("shop.own", 'User "alice" may, from (unknown)')
    ]
    assert answer.request_id == "r1"
    assert answer.policy_digest
    assert answer.revision
    assert answer.decided_at.seconds == 1_800_000_000


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = (("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),)


def test_a_record_says_where_its_call_came_from_and_of_which_trace_it_is(talk: Talk, recorder: KeptRecords) -> None:
    def ask(channel: grpc.Channel) -> None:
        stub, who = pb_grpc.AuthorizationServiceStub(channel), (*bearer("plain"), *TRACED)
        stub.Check(order(), metadata=who)
        stub.BatchCheck(pb.BatchCheckRequest(checks=[order(), order()]), metadata=who)
        list(stub.CheckStream(iter([order()]), metadata=who, timeout=20))
        stub.Check(order(), metadata=bearer("plain"))

    talk(ask)

    traced, untraced = Origin("127.0.0.1", TRACE), Origin("127.0.0.1", "")
    assert [record.origin for record in recorder.records] == [traced, traced, traced, traced, untraced]


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param((), id="none"),
        pytest.param(bearer("nobody"), id="unknown"),
        pytest.param(bearer("plain") * 2, id="two"),
        pytest.param((("authorization", "Basic cGxhaW4="),), id="no bearer"),
    ],
)
def test_every_failed_authentication_reads_the_same(talk: Talk, metadata: tuple[tuple[str, str], ...]) -> None:
    error = talk(
        lambda channel: error_of(lambda: pb_grpc.AuthorizationServiceStub(channel).Check(order(), metadata=metadata))
    )

    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert error.details() == "the credential is missing or does not verify"
    info = info_of(error)
    assert UUID(info.metadata.pop("request_id"))
    assert info == ErrorInfo(reason="UNAUTHENTICATED", domain="magistrate")


def test_a_malformed_question_names_its_fields(talk: Talk) -> None:
    error = talk(
        lambda channel: error_of(
            lambda: pb_grpc.AuthorizationServiceStub(channel).Check(order("raed"), metadata=bearer("plain"))
        )
    )

    status = from_call(error)
    assert status is not None
    violations = BadRequest()
    assert status.details[1].Unpack(violations)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violations.field_violations[0].field == "action"
    assert "did you mean `read`" in violations.field_violations[0].description


def test_a_refused_caller_is_told_what_it_lacks(talk: Talk) -> None:
    error = talk(
        lambda channel: error_of(
            lambda: pb_grpc.AuthorizationServiceStub(channel).Explain(
                pb.ExplainRequest(check=order()), metadata=bearer("plain")
            )
        )
    )

    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert info_of(error).metadata["permission"] == "read_reasons"


def test_a_decision_that_cannot_be_recorded_is_not_given(talk: Talk, recorder: KeptRecords) -> None:
    recorder.is_refusing = True

    error = talk(
        lambda channel: error_of(
            lambda: pb_grpc.AuthorizationServiceStub(channel).Check(order(), metadata=bearer("plain"))
        )
    )

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert info_of(error).reason == "AUDIT_UNAVAILABLE"
    assert UUID(info_of(error).metadata["request_id"])


def test_a_fault_of_the_service_is_internal_and_says_nothing(
    talk: Talk, recorder: KeptRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(records: object) -> None:
        raise ZeroDivisionError("of no caller's concern")

    monkeypatch.setattr(recorder, "record", break_down)

    who = (*bearer("plain"), *TRACED)
    with capture_logs() as lines:
        error = talk(
            lambda channel: error_of(lambda: pb_grpc.AuthorizationServiceStub(channel).Check(order(), metadata=who))
        )

    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "a fault of the service")
    assert info_of(error).reason == "INTERNAL"
    (line,) = [each for each in lines if each["event"] == "fault"]
    said = ("AuthorizationService.Check", info_of(error).metadata["request_id"], TRACE)
    assert (line["rpc"], line["request_id"], line["trace_id"]) == said
    assert isinstance(line["exc_info"], ZeroDivisionError)


def test_limits_are_named(talk: Talk) -> None:
    wide = order()
    for name in "abcde":
        wide.context[name].bool_value = True
    batches = pb.BatchCheckRequest(checks=[order()] * 4)

    def ask(channel: grpc.Channel) -> list[grpc.Call]:
        stub = pb_grpc.AuthorizationServiceStub(channel)
        return [
            error_of(lambda: stub.Check(wide, metadata=bearer("plain"))),
            error_of(lambda: stub.BatchCheck(batches, metadata=bearer("plain"))),
            error_of(lambda: stub.Check(order(id_="o" * 5000), metadata=bearer("plain"))),
        ]

    attributes, checks, message = talk(ask)

    assert dict(info_of(attributes).metadata) == {"limit": "attributes", "value": "4"}
    assert dict(info_of(checks).metadata) == {"limit": "batch_checks", "value": "3"}
    assert message.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert dict(info_of(message).metadata) == {"limit": "message_bytes", "value": "4096"}


def test_an_item_of_a_batch_fails_alone(talk: Talk) -> None:
    batch = pb.BatchCheckRequest(request_id="b", checks=[order(), order("raed"), order("close")])

    answer = talk(lambda channel: pb_grpc.AuthorizationServiceStub(channel).BatchCheck(batch, metadata=bearer("plain")))

    assert [result.WhichOneof("result") for result in answer.results] == ["response", "error", "response"]
    assert answer.results[1].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert answer.policy_digest
    assert not answer.results[0].response.policy_digest


def test_explain_shows_every_clause_and_hides_sensitive_values(talk: Talk) -> None:
    request = order()
    request.principal.CopyFrom(types_pb2.Entity(type="User", id="carol"))

    answer = talk(
        lambda channel: pb_grpc.AuthorizationServiceStub(channel).Explain(
            pb.ExplainRequest(check=request), metadata=bearer("pep")
        )
    )

    rules = {rule.rule_id: rule for rule in answer.rules}
    barred, marked = rules["shop.barred"], rules["shop.marked"]
    assert (barred.truth, barred.determining, barred.effect) == (pb.TRUTH_TRUE, True, pb.EFFECT_DENY)
    assert [(read.path, read.value.bool_value) for read in barred.clauses[-1].inputs] == [("principal.suspended", True)]
    assert {read.cause for read in marked.clauses[-1].inputs} == {"sensitive"}
    assert "not-to-be-seen" not in str(answer)


def test_explain_says_what_would_flip_the_answer(talk: Talk) -> None:
    request = order()
    request.principal.CopyFrom(types_pb2.Entity(type="User", id="alice"))

    answer = talk(
        lambda channel: pb_grpc.AuthorizationServiceStub(channel).Explain(
            pb.ExplainRequest(check=request), metadata=bearer("pep")
        )
    )

    assert answer.response.effect == pb.EFFECT_ALLOW
    assert {
        (rule.rule_id, clause.kind, clause.flips_when, said(clause.changes))
        for rule in answer.rules
        for clause in rule.clauses
        if clause.flips_when
    } == {
        ("shop.barred", "when", pb.TRUTH_TRUE, ("principal.suspended = True",)),
        ("shop.marked", "when", pb.TRUTH_TRUE, ()),  # it reads a sensitive input
        ("shop.own", "to", pb.TRUTH_FALSE, ()),
        ("shop.veiled", "when", pb.TRUTH_TRUE, ("resource.weight = 801",)),
    }


def said(changes: Iterable[pb.FactChange]) -> tuple[str, ...]:
    """The changes of inputs, in words."""
    values = ((change.input.path, change.input.value) for change in changes)
    return tuple(f"{path} = {getattr(value, value.WhichOneof('kind') or '')}" for path, value in values)


def test_health_tells_serving_and_reflection_tells_the_contract(talk: Talk) -> None:
    def ask(channel: grpc.Channel) -> tuple[int, set[str]]:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        reflect = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            reflection_pb2.ServerReflectionRequest.SerializeToString,
            reflection_pb2.ServerReflectionResponse.FromString,
        )
        health = check(health_pb2.HealthCheckRequest(service=SERVICE))
        (found,) = reflect(iter([reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)]))
        file = descriptor_pb2.FileDescriptorProto.FromString(found.file_descriptor_response.file_descriptor_proto[0])
        return health.status, {method.name for service in file.service for method in service.method}

    status, methods = talk(ask)

    assert status == health_pb2.HealthCheckResponse.SERVING
    assert methods == {"Check", "BatchCheck", "CheckStream", "Explain"}


def test_garbage_is_never_an_answer(talk: Talk) -> None:
    codes: set[grpc.StatusCode] = set()

    def ask(channel: grpc.Channel) -> list[str]:
        raw: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE}/Check")

        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(st.binary(max_size=300))
        def law(payload: bytes) -> None:
            error = error_of(lambda: raw(payload, metadata=bearer("plain")))
            codes.add(error.code())

        law()
        return [code.name for code in codes]

    assert talk(ask) == ["INVALID_ARGUMENT"]
