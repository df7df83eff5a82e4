"""A service that is brought into a running system says loudly what it does not enforce, and keeps what it decided."""

import json

from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, EFFECT_DENY, BatchCheckRequest, CheckResponse

from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.running import Project, wait_until

LOG_ONLY = '[enforcement]\nmode = "log-only"\ntypes = ["Document"]\n'


def test_log_only_allows_what_it_denies_says_so_everywhere_and_records_the_truth(project: Project) -> None:
    (project.folder / "adopt.toml").write_text(LOG_ONLY)
    asked = [question("read", "Document:plan", request_id="denied"), question("edit", "Document:plan", request_id="no")]
    with project.serving("--dev", "--config", "adopt.toml") as server:
        carol, alice = bearer(server.token("User:carol")), bearer(server.token("User:alice"))
        with stub_of(server.address) as stub:
            check = stub.Check(asked[0], metadata=carol, timeout=SECONDS)
            batch = stub.BatchCheck(BatchCheckRequest(checks=asked), metadata=carol, timeout=SECONDS)
            stream = list(stub.CheckStream(iter(asked[:1]), metadata=carol, timeout=SECONDS))
            allowed = stub.Check(asked[1], metadata=alice, timeout=SECONDS)
            malformed = refusal(stub, question("fly", "Document:plan"), carol)
            unknown = refusal(stub, asked[0], ())
        for answer in (check, batch.results[0].response, stream[0].response):
            assert shown(answer) == (EFFECT_ALLOW, "ALLOWED", [], EFFECT_DENY, "ACCOUNT_SUSPENDED", ["docs.suspended"])
        assert shown(allowed) == (EFFECT_ALLOW, "ALLOWED", ["docs.by_role"], EFFECT_ALLOW, "ALLOWED", ["docs.by_role"])
        assert (malformed.reason, unknown.reason) == ("INVALID_REQUEST", "UNAUTHENTICATED")

        assert "ready\nlog-only: nothing is enforced on `Document`" in server.asked("/readyz")[1]
        assert server.metric("magistrate_log_only") == 1
        wait_until(lambda: server.metric("magistrate_unenforced_total"), 4.0)
        assert server.stop() == 0
        said = server.log()
    assert said.startswith("warning: log-only: nothing is enforced on `Document`")
    assert said.count("log-only: nothing is enforced") == 2

    records = json.loads(project.must_run("log", "query", "--unenforced", "--effect", "deny", "--output", "json"))
    assert [(each["request_id"], each["code"]) for each in records if each["request_id"] == "denied"] == [
        ("denied", "ACCOUNT_SUSPENDED")
    ] * 3
    assert len(records) == 4


def shown(answer: CheckResponse) -> tuple[int, str, list[str], int, str, list[str]]:
    """Effect, code and rules as they were answered, and as they would have been."""
    would_be = answer.log_only
    own, decided = [each.rule_id for each in answer.reasons], [each.rule_id for each in would_be.reasons]
    return answer.effect, answer.code, own, would_be.effect, would_be.code, decided
