"""A stranger who calls as fast as he can fills neither the service's log nor its record, and shuts out nobody."""

import json
import time
from collections import Counter

import grpc

from service.doors.failure_log import LINES
from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.running import Project

CALLS = 400
OFTEN = 5
MADE_UP = "mk_0123456789abcdef_" + "x" * 43
READ = question("read", "Document:plan")


def test_a_stranger_fills_nothing_and_shuts_out_nobody(project: Project) -> None:
    limited = project.with_settings(limits__failed_authentications=str(OFTEN))
    with limited.serving("--dev") as server, stub_of(server.address) as stub:
        began = time.monotonic()
        statuses = Counter(refusal(stub, READ, bearer(MADE_UP)).status for _ in range(CALLS))
        assert set(statuses) == {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED}
        told_why = OFTEN + (time.monotonic() - began) * OFTEN / 60
        assert OFTEN <= statuses[grpc.StatusCode.UNAUTHENTICATED] <= told_why
        assert stub.Check(READ, metadata=bearer(server.token("User:alice")), timeout=SECONDS)
        assert server.stop() == 0
        lines = [line for line in server.log().splitlines() if "call failed" in line]
        room = LINES.burst + (time.monotonic() - began) * LINES.per_minute / 60
        assert 0 < len(lines) <= min(room, CALLS)
        assert any("there is no such API key" in line and '"request_id"' in line for line in lines)
        assert MADE_UP.split("_", 2)[2] not in server.log()
    sums = [json.loads(line) for line in project.must_run("log", "unauthenticated", "--output", "jsonl").splitlines()]
    assert {(each["replica"], each["network"]) for each in sums} == {("local", "127.0.0.0/24")}
    assert sum(each["calls"] for each in sums) == CALLS
    assert sum(each["calls"] for each in sums if each["reason"] == "there is no such API key") <= told_why
    assert MADE_UP not in project.must_run("log", "query", "--wait", "--output", "jsonl")
