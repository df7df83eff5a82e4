"""A service that is brought into a running system says loudly what it does not enforce, and keeps what it decided."""

import json
import os
import shutil
import signal

from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, EFFECT_DENY, BatchCheckRequest, CheckResponse

from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.pushing import DENYING, Operator, keeping
from tests.e2e.running import Project, wait_for, wait_until

DAVE = '{"kind": "principal", "type": "User", "id": "dave", "attributes": {"tenant": "acme", "suspended": false}}\n'
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


def test_a_candidate_decides_beside_in_every_worker_and_what_it_decides_otherwise_is_listed(
    project: Project,
) -> None:
    candidate = shutil.copytree(project.folder / "policies", project.folder / "candidate")
    (candidate / "more.policy").write_text(
        "module more\nrule readonly: deny edit on Document when resource.locked or not resource.locked\n"
    )
    settings = {"MAGISTRATE_SHADOW__POLICIES": "candidate", "MAGISTRATE_SHADOW__BUDGET_MS": "1000"}
    with project.with_environment(**settings).serving("--dev", "--workers", "2") as server:
        alice = bearer(server.token("User:alice"))
        wait_until(lambda: server.metric("magistrate_shadow_active"), 2.0)
        killed = server.worker()
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: killed not in server.workers() and len(server.workers()) == 2)
        wait_until(lambda: server.metric("magistrate_shadow_active"), 2.0)
        with stub_of(server.address) as stub:
            edit = stub.Check(question("edit", "Document:plan"), metadata=alice, timeout=SECONDS)
            read = stub.Check(question("read", "Document:plan"), metadata=alice, timeout=SECONDS)
        assert (edit.effect, edit.code, edit.policy_digest) == (EFFECT_ALLOW, "ALLOWED", server.digest())
        assert read.effect == EFFECT_ALLOW
        wait_until(lambda: server.metric("magistrate_shadow_compared_total"), 2.0)
        assert server.metric("magistrate_shadow_flips_total") == 1
        digest = json.loads(server.asked("/policies")[1])["candidate"]["digest"]

        (candidate / "more.policy").unlink()
        wait_until(lambda: json.loads(server.asked("/policies")[1])["candidate"]["digest"], None)
        wait_until(lambda: server.metric("magistrate_shadow_active"), 0.0)
        assert server.stop() == 0

    (flip,) = json.loads(project.must_run("log", "query", "--flips", "any", "--output", "json"))
    assert (flip["decision_id"], flip["effect"]) == (edit.decision_id, "allow")
    assert flip["candidate"] == {
        "policy_digest": digest,
        "effect": "deny",
        "code": "DENIED",
        "rules": ["more.readonly"],
    }


def test_pushed_policies_are_tried_out_until_they_come_in_force(project: Project) -> None:
    candidate = shutil.copytree(project.folder / "policies", project.folder / "candidate")
    with (candidate / "documents.policy").open("a") as file:
        file.write(DENYING)
    kept = keeping(project).with_environment(MAGISTRATE_SHADOW__BUDGET_MS="1000")
    with kept.serving("--dev") as server:
        operator, alice = Operator(kept, server), bearer(server.token("User:alice"))
        operator.activate(operator.push(kept.folder / "policies"))
        digest = operator.push(candidate)
        assert operator.run("shadow", digest[:8]).stdout == f"trying out {digest}\n"
        wait_until(lambda: server.metric("magistrate_shadow_active"), 1.0)
        with stub_of(server.address) as stub:
            edit = stub.Check(question("edit", "Document:plan"), metadata=alice, timeout=SECONDS)
            assert (edit.effect, edit.policy_digest != digest) == (EFFECT_ALLOW, True)
            wait_until(lambda: server.metric("magistrate_shadow_flips_total"), 1.0)
            operator.activate(digest)
            assert stub.Check(question("edit", "Document:plan"), metadata=alice, timeout=SECONDS).effect == EFFECT_DENY
        assert operator.run("shadow").stdout == "no policies are tried out\n"
        wait_until(lambda: server.metric("magistrate_shadow_active"), 0.0)
        assert server.stop() == 0

    (group,) = json.loads(kept.must_run("log", "flips", "--output", "json"))
    assert (group["policy_digest"], group["direction"], group["examples"]) == (digest, "now_denied", [edit.decision_id])


def test_a_broken_glass_allows_at_once_is_marked_and_heard_until_it_is_ended(project: Project) -> None:
    (project.folder / "dave.jsonl").write_text(DAVE)
    project.must_run("data", "import", "dave.jsonl")
    with project.serving("--dev") as server:
        dave = bearer(server.token("User:dave"))

        def asked() -> CheckResponse:
            with stub_of(server.address) as stub:
                return stub.Check(question("edit", "Document:plan"), metadata=dave, timeout=SECONDS)

        assert asked().effect == EFFECT_DENY
        told = ("admin", "break-glass", "User:dave", "docs.editor", "--at", "Tenant:acme", "--for", "1h")
        refused = project.run(*told, "--reason", "because")
        assert (refused.returncode, "`reason`: 10 to 500 characters" in refused.stderr) == (1, True)
        grant = json.loads(project.must_run(*told, "--reason", "nobody else is awake", "--output", "json"))["id"]
        wait_until(lambda: asked().break_glass, grant)
        wait_until(lambda: server.metric("magistrate_break_glass_active"), 1.0)
        wait_for(lambda: server.metric("magistrate_break_glass_uses_total") >= 1)

        project.must_run("admin", "end-break-glass", grant)
        wait_until(lambda: asked().effect, EFFECT_DENY)
        wait_until(lambda: server.metric("magistrate_break_glass_active"), 0.0)
        assert server.stop() == 0
        said = server.log()
    for line in ("the glass is broken", "allowed by an emergency grant alone", "an emergency grant has ended"):
        assert line in said

    records = json.loads(project.must_run("log", "query", "--break-glass", grant, "--output", "json"))
    assert {(each["effect"], each["principal"]["id"], each["break_glass"]) for each in records} == {
        ("allow", "dave", grant)
    }
    acts = json.loads(project.must_run("log", "query", "--action", "magistrate.break_glass", "--output", "json"))
    assert sorted((each["inputs"]["change"], each["inputs"]["reason"]) for each in acts) == [
        ("end", "nobody else is awake"),
        ("give", "nobody else is awake"),
    ]


def test_a_candidate_folder_is_refused_where_policies_are_pushed(project: Project) -> None:
    said = keeping(project).with_environment(MAGISTRATE_SHADOW__POLICIES="policies").refused()
    assert "`shadow.policies` is for policies in a folder\nhelp: `magistrate policy shadow DIGEST`" in said
