"""Replay: who may have what decided again, by which policies, with every replay recorded."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import grpc
import pytest
from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1.policy_pb2 import PolicyFile
from magistrate.v1.types_pb2 import EntityRef
from uuid_utils import uuid7

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import migrate
from service.decisions.replays import Replays
from service.errands import Errands
from service.model import DecisionRecord
from tests.service.beside import beside
from tests.service.decisions.chains import NORTH, keep
from tests.service.decisions.records import sample
from tests.service.doors.auditing import FORMER, TEXTS, Audit, Call, build_audit
from tests.service.doors.test_decision_log import told

T1: Final = Ref("Tenant", "t1")
ON_T1: Final = pb.LogFilter(tenant=EntityRef(type="Tenant", id="t1"))
ALLOWED_ALL: Final = [PolicyFile(path="new.policy", text="""\
module docs
principal type User { level: int }
type Document {}
actions Document { read }
rule all: allow read on Document to anyone
""")]  # fmt: skip

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def denied(tenant: Ref | None) -> DecisionRecord:
    return replace(
        sample(), id=str(uuid7()), principal=Ref("User", "ann"), action="read", resource=Ref("Document", "d"),
        tenant=tenant, effect=Effect.DENY, code="NO_MATCH", rules=(), obligations=(), hide=False, masked=(),
        inputs={"principal.level": 1}, policy_digest="former",
    )  # fmt: skip


@pytest.fixture
def audit(database: Database, tmp_path: Path) -> Iterator[Audit]:
    """A door over a log of three records, two of them a tenant's, and what does the replays."""
    migrate(database, "log")
    audit = build_audit(database, tmp_path)
    keep(database, tmp_path, NORTH, [denied(T1), denied(T1), denied(None)])
    with beside(Errands(audit.desk, Replays(database, lambda _: None)).run):
        yield audit


def replay(request: pb.ReplayRequest) -> Call[pb.ReplayResponse]:
    return lambda stub, who: stub.Replay(request, metadata=who, timeout=20)


def test_flips_come_by_their_rules_with_examples(audit: Audit) -> None:
    audit.grants.give(Ref("User", "auditor"), "author", None)
    answer = audit.ask("auditor", replay(pb.ReplayRequest(files=ALLOWED_ALL)))
    (flips,) = answer.flips
    assert (answer.total, answer.alike, dict(answer.not_replayable)) == (3, 0, {})
    assert (flips.difference, list(flips.rules), flips.count) == (pb.DIFFERENCE_NOW_ALLOWED, ["docs.all"], 3)
    assert [(each.code, each.principal.id) for each in flips.examples] == 3 * [("NO_MATCH", "ann")]


def test_who_reads_a_tenants_records_has_these_alone_decided_again(audit: Audit) -> None:
    answer = audit.ask("local", replay(pb.ReplayRequest(filter=ON_T1)))
    assert answer.total == 2
    failure = audit.fails("local", replay(pb.ReplayRequest()))
    assert failure.code() is grpc.StatusCode.PERMISSION_DENIED


def test_policies_of_ones_own_need_the_right_to_have_them_checked(audit: Audit) -> None:
    failure = audit.fails("auditor", replay(pb.ReplayRequest(files=ALLOWED_ALL)))
    assert told(failure)[:2] == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert told(failure)[2]["permission"] == "policy.validate"


def test_nobody_else_has_anything_decided_again(audit: Audit) -> None:
    assert audit.fails("admin", replay(pb.ReplayRequest())).code() is grpc.StatusCode.PERMISSION_DENIED


def test_pushed_policies_are_named_by_their_digest(audit: Audit) -> None:
    failure = audit.fails("auditor", replay(pb.ReplayRequest(digest="unknown")))
    assert failure.code() is grpc.StatusCode.NOT_FOUND
    answer = audit.ask("auditor", replay(pb.ReplayRequest(digest="former")))
    assert dict(answer.not_replayable) == {"the policies do not declare `read` on `Document` for a `User`": 3}
    assert set(FORMER) != set(TEXTS)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ReplayRequest(files=[PolicyFile(path="a.policy", text="nonsense")]), "files"),
        (pb.ReplayRequest(files=ALLOWED_ALL, digest="former"), "digest"),
        (pb.ReplayRequest(files=[PolicyFile(path="/etc/passwd", text="module a")]), "files[0].path"),
    ],
    ids=["no policies", "two kinds", "no path"],
)
def test_what_cannot_be_used_is_named(audit: Audit, request_: pb.ReplayRequest, field: str) -> None:
    audit.grants.give(Ref("User", "auditor"), "author", None)
    failure = audit.fails("auditor", replay(request_))
    assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (failure.details() or "").startswith(f"{field}: ")


def test_the_limit_is_named(audit: Audit) -> None:
    failure = audit.fails("auditor", replay(pb.ReplayRequest(limit=100_001)))
    assert "replayed_records" in (failure.details() or "")
    assert audit.ask("auditor", replay(pb.ReplayRequest(limit=1))).total == 1


def test_a_replay_is_a_record_with_what_it_asked_for(audit: Audit) -> None:
    audit.ask("local", replay(pb.ReplayRequest(filter=ON_T1, limit=5)))
    record = audit.records.records[-1]
    assert (record.action, record.effect, record.tenant) == ("magistrate.log.read", Effect.ALLOW, T1)
    assert record.inputs["read"] == "replay"
    assert (record.inputs["limit"], record.inputs["filter"]) == (5, {"tenant": "Tenant:t1"})
