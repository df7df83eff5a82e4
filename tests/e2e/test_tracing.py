"""A trace goes on through the service: its spans come to a collector, where they are asked for and only there."""

import asyncio
import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

import magistrate_client as mc
from service.cli.init import write_starter
from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.collector import Collector, collecting, notes_of
from tests.e2e.running import Project, Server

READ = question("read", "Document:plan")
PARENT = "00f067aa0ba902b7"
SAMPLED, UNSAMPLED, STREAMED, STRANGE, OVER_HTTP, WRONG, BY_CLIENT, BY_ASYNC = (
    f"{number:032x}" for number in range(0xA1, 0xA9)
)
STAGES = ["magistrate.verify", "magistrate.fetch", "magistrate.decide", "magistrate.record", "magistrate.write"]
SECRET = "203.0.113.77"


def part_of(trace: str, flags: str = "01") -> tuple[tuple[str, str], ...]:
    return (("traceparent", f"00-{trace}-{PARENT}-{flags}"), ("tracestate", "shop=1"))


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """What came of calls of every kind, once their service has ended."""
    folder = tmp_path_factory.mktemp("traced") / "project"
    write_starter(folder)
    project = Project(folder, {"http": "127.0.0.1:0"})
    project.must_run("data", "import", "data.jsonl")
    with collecting() as collector:
        (folder / "traced.toml").write_text(f'[tracing]\nendpoint = "{collector.url}"\nratio = 0\n')
        with project.serving("--dev", "--config", "traced.toml") as server:
            call(server)
            assert server.stop() == 0
        yield collector


def call(server: Server) -> None:
    """The last calls are not sent yet when the service is told to end."""
    who = bearer(server.token("User:alice"))
    with stub_of(server.address) as stub:
        stub.Check(question("read", "Document:plan", ip=SECRET), metadata=(*who, *part_of(SAMPLED)), timeout=SECONDS)
        stub.Check(READ, metadata=who, timeout=SECONDS)
        stub.Check(READ, metadata=(*who, *part_of(UNSAMPLED, "00")), timeout=SECONDS)
        list(stub.CheckStream(iter([READ, READ]), metadata=(*who, *part_of(STREAMED)), timeout=SECONDS))
        refusal(stub, READ, (*bearer(SECRET), *part_of(STRANGE)))
        refusal(stub, question("read", ""), (*who, *part_of(WRONG)))
    ask_within_a_span(server, server.token("User:alice"))
    evaluate(server, dict((*who, *part_of(OVER_HTTP))))


def ask_within_a_span(server: Server, token: str) -> None:
    with use_span(span_of(BY_CLIENT)), mc.Magistrate(server.address, token=token, insecure=True) as client:
        assert client.check("read", "Document:plan")

    async def ask() -> None:
        with use_span(span_of(BY_ASYNC)):
            async with mc.AsyncMagistrate(server.address, token=token, insecure=True) as client:
                assert await client.check("read", "Document:plan")

    asyncio.run(ask())


def span_of(trace: str) -> NonRecordingSpan:
    return NonRecordingSpan(SpanContext(int(trace, 16), int(PARENT, 16), False, TraceFlags(TraceFlags.SAMPLED)))


def evaluate(server: Server, headers: dict[str, str]) -> None:
    asked = {
        "subject": {"type": "User", "id": "alice"},
        "action": {"name": "read"},
        "resource": {"type": "Document", "id": "plan"},
    }
    request = Request(
        f"{server.http}/access/v1/evaluation",
        json.dumps(asked).encode(),
        {"content-type": "application/json", **headers},
    )
    with urlopen(request, timeout=SECONDS) as answer:
        assert json.load(answer)["decision"] is True


def root_of(spans: list[Span]) -> Span:
    (root,) = [span for span in spans if span.kind == Span.SpanKind.SPAN_KIND_SERVER]
    return root


def test_a_call_goes_on_with_its_callers_trace(collected: Collector) -> None:
    root = root_of(collected.of_trace(SAMPLED))
    assert (root.name, root.parent_span_id.hex()) == ("magistrate.v1.AuthorizationService/Check", PARENT)
    assert root.trace_state == "shop=1"
    notes = notes_of(root)
    assert notes.pop("magistrate.decision_id")
    assert notes.pop("magistrate.policy_digest")
    assert notes.pop("magistrate.revision")
    assert notes == {
        "rpc.system": "grpc",
        "rpc.service": "magistrate.v1.AuthorizationService",
        "rpc.method": "Check",
        "rpc.grpc.status_code": 0,
        "magistrate.checks": 1,
        "magistrate.allowed": 1,
        "magistrate.effect": "allow",
        "magistrate.code": "ALLOWED",
    }


def test_each_stage_is_a_span_of_the_call_one_after_the_other(collected: Collector) -> None:
    spans = collected.of_trace(SAMPLED)
    root = root_of(spans)
    stages = [span for span in spans if span.parent_span_id == root.span_id]
    assert [span.name for span in stages] == STAGES
    times = [moment for span in stages for moment in (span.start_time_unix_nano, span.end_time_unix_nano)]
    assert times == sorted(times)
    assert root.start_time_unix_nano <= times[0]
    assert times[-1] <= root.end_time_unix_nano


def test_statements_are_spans_of_the_stage_that_waited_for_them(collected: Collector) -> None:
    spans = [span for trace in (SAMPLED, WRONG, STREAMED, OVER_HTTP) for span in collected.of_trace(trace)]
    queries = [span for span in spans if span.kind == Span.SpanKind.SPAN_KIND_CLIENT]
    fetches = {span.span_id for span in spans if span.name == "magistrate.fetch"}
    assert queries
    for query in queries:
        assert query.name in {"SELECT", "WITH"}
        assert notes_of(query)["db.system.name"] == "sqlite"
        assert query.parent_span_id in fetches


@pytest.mark.parametrize("trace", [UNSAMPLED, STRANGE], ids=["not sampled by its caller", "a stranger's"])
def test_a_call_is_not_traced(collected: Collector, trace: str) -> None:
    assert collected.of_trace(trace) == []


def test_only_calls_that_are_part_of_a_trace_are_traced_where_the_ratio_is_nothing(collected: Collector) -> None:
    traces = {span.trace_id.hex() for span in collected.spans}
    assert traces == {SAMPLED, STREAMED, WRONG, OVER_HTTP, BY_CLIENT, BY_ASYNC}


def test_each_question_of_a_stream_is_a_span(collected: Collector) -> None:
    roots = [span for span in collected.of_trace(STREAMED) if span.kind == Span.SpanKind.SPAN_KIND_SERVER]
    assert [span.name for span in roots] == ["magistrate.v1.AuthorizationService/CheckStream"] * 2
    assert {span.parent_span_id.hex() for span in roots} == {PARENT}


@pytest.mark.parametrize("trace", [BY_CLIENT, BY_ASYNC], ids=["sync", "async"])
def test_the_client_library_passes_on_the_trace_that_it_is_called_in(collected: Collector, trace: str) -> None:
    assert root_of(collected.of_trace(trace)).parent_span_id.hex() == PARENT


def test_a_call_over_http_is_traced_by_its_route(collected: Collector) -> None:
    spans = collected.of_trace(OVER_HTTP)
    root = root_of(spans)
    assert (root.name, root.parent_span_id.hex()) == ("POST /access/v1/evaluation", PARENT)
    notes = notes_of(root)
    assert (notes["http.route"], notes["http.response.status_code"]) == ("/access/v1/evaluation", 200)
    assert [span.name for span in spans if span.parent_span_id == root.span_id] == STAGES


def test_a_call_at_fault_by_its_caller_is_no_error_of_the_service(collected: Collector) -> None:
    root = root_of(collected.of_trace(WRONG))
    assert notes_of(root)["rpc.grpc.status_code"] == 3
    assert root.status.code == Status.StatusCode.STATUS_CODE_UNSET


def test_nothing_that_was_said_in_a_question_is_in_a_span(collected: Collector) -> None:
    sent = b"".join(request.SerializeToString() for request in collected.requests)
    assert collected.spans
    for said in (SECRET, "alice", "plan"):
        assert said.encode() not in sent


def test_who_sends_says_which_service_it_is(collected: Collector) -> None:
    for request in collected.requests:
        for resource in request.resource_spans:
            said = {each.key: each.value.string_value for each in resource.resource.attributes}
            assert (said["service.name"], said["service.instance.id"]) == ("magistrate", "local")
