"""DecisionLogService: who may read what of the record, page by page, with every read recorded."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1 import authorization_pb2
from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1.types_pb2 import EntityRef

from magistrate_client.statuses import error_from_failure
from policy_lang.decision import Effect
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import migrate
from service.model import DecisionRecord, Flip
from tests.service.decisions.chains import NORTH, keep, tamper
from tests.service.decisions.records import sample, samples
from tests.service.doors.auditing import FORMER, SCAN_LIMIT, TEXTS, Audit, Call, build_audit, moment

ALL: Final = pb.LogFilter()
ON_T1: Final = pb.LogFilter(tenant=EntityRef(type="Tenant", id="t1"))
ON_T2: Final = pb.LogFilter(tenant=EntityRef(type="Tenant", id="t2"))

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the database."""


@pytest.fixture
def audit(database: Database, tmp_path: Path) -> Audit:
    migrate(database, "log")
    return build_audit(database, tmp_path)


def query(wanted: pb.LogFilter, page_size: int = 0, page_token: str = "") -> Call[pb.QueryResponse]:
    request = pb.QueryRequest(filter=wanted, page_size=page_size, page_token=page_token)
    return lambda stub, who: stub.Query(request, metadata=who, timeout=20)


def get(id_: str, *, with_policies: bool = False) -> Call[pb.GetRecordResponse]:
    request = pb.GetRecordRequest(decision_id=id_, with_policies=with_policies)
    return lambda stub, who: stub.Get(request, metadata=who, timeout=20)


def stats(wanted: pb.LogFilter, stretches: int = 4) -> Call[pb.StatsResponse]:
    request = pb.StatsRequest(filter=wanted, stretches=stretches)
    return lambda stub, who: stub.Stats(request, metadata=who, timeout=20)


def tail_once(wanted: pb.LogFilter, last: int = 10) -> Call[pb.TailResponse]:
    """The first that a tail tells."""
    request = pb.TailRequest(filter=wanted, last=last)
    return lambda stub, who: next(stub.Tail(request, metadata=who, timeout=20))


def ids(response: pb.QueryResponse | pb.TailResponse) -> list[str]:
    return [record.decision_id for record in response.records]


def told(failure: grpc.Call) -> tuple[grpc.StatusCode, str, Mapping[str, str]]:
    """Status, reason and metadata of a failure."""
    assert isinstance(failure, grpc.RpcError)
    error = error_from_failure(failure, "")
    return error.status, error.reason, error.metadata


def of(tenant: str | None, *records: DecisionRecord) -> list[DecisionRecord]:
    """The records as a tenant's, or nobody's."""
    return [replace(each, tenant=None if tenant is None else Ref("Tenant", tenant)) for each in records]


# What is found ---------------------------------------------------------------------------------------------------


def test_a_record_arrives_whole(audit: Audit, tmp_path: Path) -> None:
    inputs: dict[str, Json] = {"a.b": [1, "x"], "c": {"gap": "no_row"}, "d": {"type": "User", "id": "bob"}, "e": True}
    record = replace(sample(), inputs=inputs)
    keep(audit.log, tmp_path, NORTH, [record])
    (found,) = audit.ask("auditor", query(ALL)).records
    assert (found.decision_id, found.kind, found.time) == (record.id, pb.RECORD_KIND_DECISION, moment(record.time))
    assert (found.effect, found.shadow_effect) == (authorization_pb2.EFFECT_DENY, authorization_pb2.EFFECT_ALLOW)
    assert [(gap.path, gap.cause) for gap in found.missing] == [("context.mfa", "not_given")]
    assert [value.int_value or value.string_value for value in found.inputs["a.b"].set_value.values] == [1, "x"]
    assert found.inputs["c"].record_value.fields["gap"].string_value == "no_row"
    assert found.inputs["d"].ref_value == EntityRef(type="User", id="bob")
    assert found.inputs["e"].bool_value
    assert (list(found.rules), found.obligations[0].type) == (list(record.rules), "notify")
    assert (found.policy_digest, found.revision, found.duration_us) == (record.policy_digest, record.revision, 118)
    assert audit.ask("auditor", get(record.id)).record == found


FILTERS: Final[Mapping[str, pb.LogFilter]] = {
    "since": pb.LogFilter(since=moment(2000)),
    "principal": pb.LogFilter(principal=EntityRef(type="User", id="zoe")),
    "caller": pb.LogFilter(caller=EntityRef(type="User", id="pep")),
    "action": pb.LogFilter(action="delete"),
    "resource type": pb.LogFilter(resource_type="Folder"),
    "resource": pb.LogFilter(resource_type="Folder", resource_id="f/1"),
    "prefix": pb.LogFilter(resource_type="Folder", resource_id_prefix="f/"),
    "tenant": ON_T2,
    "effect": pb.LogFilter(effect=authorization_pb2.EFFECT_ALLOW),
    "code": pb.LogFilter(code="OTHER"),
    "rule": pb.LogFilter(rule="docs.other"),
    "digest": pb.LogFilter(policy_digest="sha256:ff"),
    "not enforced": pb.LogFilter(unenforced=True),
    "decided otherwise by a candidate": pb.LogFilter(flip="now_denied"),
    "allowed by an emergency": pb.LogFilter(break_glass="grant-7"),
    "request": pb.LogFilter(request_id="r-9"),
    "indexed attribute": pb.LogFilter(attributes={"resource.owner": "User:zoe"}),
    "attribute": pb.LogFilter(since=moment(0), attributes={"context.device": "d9"}),
}


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
@on_sqlite
def test_a_filter_finds_what_fits_alone(audit: Audit, tmp_path: Path, wanted: pb.LogFilter) -> None:
    (fitting,) = of("t2", replace(
        sample(), time=2000, principal=Ref("User", "zoe"), caller=Ref("User", "pep"), action="delete",
        resource=Ref("Folder", "f/1"), effect=Effect.ALLOW, code="OTHER", rules=("docs.other",),
        policy_digest="sha256:ff", request_id="r-9", enforced=False,
        flip=Flip("f", Effect.DENY, "DENIED", ()), break_glass="grant-7", found_by=("resource.owner",),
        inputs={"resource.owner": {"type": "User", "id": "zoe"}, "context.device": "d9"},
    ))  # fmt: skip
    keep(audit.log, tmp_path, NORTH, [replace(sample(), time=1999), fitting])
    assert ids(audit.ask("auditor", query(wanted))) == [fitting.id]


def test_pages_neither_repeat_nor_skip_while_records_come_in(audit: Audit, tmp_path: Path) -> None:
    records = samples(7)
    keep(audit.log, tmp_path, NORTH, records)
    found, token = [], ""
    for number in range(3):
        page = audit.ask("auditor", query(ON_T1, 3, token))
        keep(audit.log, tmp_path, f"late{number}", samples(2))
        found += ids(page)
        token = page.next_page_token
    assert found == [record.id for record in reversed(records)]
    assert token == ""


@on_sqlite
def test_a_page_token_is_good_for_its_filter_alone(audit: Audit, tmp_path: Path) -> None:
    keep(audit.log, tmp_path, NORTH, samples(3))
    token = audit.ask("auditor", query(ON_T1, 1)).next_page_token
    assert audit.fails("auditor", query(ALL, 1, token)).code() is grpc.StatusCode.INVALID_ARGUMENT


@on_sqlite
def test_a_page_that_has_looked_far_names_the_limit_and_where_to_go_on(audit: Audit, tmp_path: Path) -> None:
    wanted = pb.LogFilter(since=moment(0), attributes={"context.device": "d9"})
    first, *others = [replace(each, time=at) for at, each in enumerate(samples(SCAN_LIMIT + 3))]
    fitting = replace(first, inputs={"context.device": "d9"})
    keep(audit.log, tmp_path, NORTH, [fitting, *others])
    status, reason, metadata = told(audit.fails("auditor", query(wanted)))
    assert (status, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "SCAN_LIMIT_REACHED")
    assert (metadata["limit"], metadata["value"]) == ("log_reading.scan_records", str(SCAN_LIMIT))
    assert metadata["reached"] == "1970-01-01T00:00:00.003Z"
    assert ids(audit.ask("auditor", query(wanted, 10, metadata["page_token"]))) == [fitting.id]


@on_sqlite
def test_a_page_that_has_found_something_says_how_far_it_looked(audit: Audit, tmp_path: Path) -> None:
    wanted = pb.LogFilter(since=moment(0), attributes={"context.device": "d9"})
    *others, last = [replace(each, time=at) for at, each in enumerate(samples(SCAN_LIMIT + 3))]
    keep(audit.log, tmp_path, NORTH, [*others, replace(last, inputs={"context.device": "d9"})])
    page = audit.ask("auditor", query(wanted))
    assert ids(page) == [last.id]
    assert (page.scan.limit, page.scan.value, page.scan.reached) == (
        "log_reading.scan_records", SCAN_LIMIT, moment(3),
    )  # fmt: skip
    assert audit.ask("auditor", query(wanted, 0, page.next_page_token)).next_page_token == ""


def test_counts_and_rules_that_never_fired(audit: Audit, tmp_path: Path) -> None:
    digest = audit.policies.digest
    fired = [replace(each, time=at, policy_digest=digest, rules=("shop.own",)) for at, each in enumerate(samples(2))]
    keep(audit.log, tmp_path, NORTH, [*fired, replace(sample(), time=3, effect=Effect.ALLOW)])
    counted = audit.ask("auditor", stats(pb.LogFilter(since=moment(0), until=moment(4))))
    assert (counted.total.allowed, counted.total.denied) == (1, 2)
    most = counted.by_rule[0]
    assert (most.name, most.tally.denied) == ("shop.own", 2)
    assert [stretch.tally.denied for stretch in counted.stretches] == [1, 1, 0, 0]
    assert counted.unfired.policy_digest == digest
    assert "shop.own" not in counted.unfired.rules
    assert {"shop.barred", "shop.heavy"} <= set(counted.unfired.rules)
    assert "shop.watched" not in counted.unfired.rules


@on_sqlite
def test_rules_that_never_fired_are_no_tenants_to_know(audit: Audit) -> None:
    counted = audit.ask("local", stats(pb.LogFilter(since=moment(0), until=moment(4), tenant=ON_T1.tenant)))
    assert not counted.HasField("unfired")


@on_sqlite
def test_a_page_ends_where_a_message_would_be_too_long_for_clients(audit: Audit, tmp_path: Path) -> None:
    records = [replace(each, inputs={"context.note": "x" * 900_000}) for each in samples(6)]
    keep(audit.log, tmp_path, NORTH, records)
    pages, token = list[list[str]](), ""
    while not pages or token:
        page = audit.ask("auditor", query(ALL, 6, token))
        pages, token = [*pages, ids(page)], page.next_page_token
    assert pages == [[each.id for each in reversed(records[at : at + 2])] for at in (4, 2, 0)]


@on_sqlite
def test_what_is_no_record_any_more_is_a_fault_and_not_an_absence(audit: Audit, tmp_path: Path) -> None:
    keep(audit.log, tmp_path, NORTH, samples(2))
    tamper(audit.log, "UPDATE decision SET body = 'x'")
    assert told(audit.fails("auditor", query(ALL)))[:2] == (grpc.StatusCode.INTERNAL, "INTERNAL")


@on_sqlite
def test_the_policies_that_decided_come_with_a_record(audit: Audit, tmp_path: Path) -> None:
    now, former, lost = (
        replace(each, policy_digest=digest)
        for each, digest in zip(samples(3), (audit.policies.digest, "former", "lost"), strict=True)
    )
    keep(audit.log, tmp_path, NORTH, [now, former, lost])

    def texts(record: DecisionRecord) -> dict[str, str]:
        answer = audit.ask("auditor", get(record.id, with_policies=True))
        return {file.path: file.text for file in answer.policies}

    assert [texts(each) for each in (now, former, lost)] == [TEXTS, FORMER, {}]
    assert not audit.ask("auditor", get(now.id)).policies


# Who may ---------------------------------------------------------------------------------------------------------

RANGE: Final = pb.LogFilter(since=moment(0), until=moment(2_000_000_000_000))
READS: Final[Mapping[str, Call[object]]] = {
    "Query": query(ALL),
    "Get": get(sample().id),
    "Tail": tail_once(ALL),
    "Stats": stats(RANGE),
}


@pytest.mark.parametrize("name", ["admin", "somebody", "local"])
@pytest.mark.parametrize("read", READS)
@on_sqlite
def test_without_log_read_everywhere_nothing_at_large_is_read(audit: Audit, name: str, read: str) -> None:
    assert told(audit.fails(name, READS[read])) == (
        grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED", {"permission": "log.read"},
    )  # fmt: skip
    (refused,) = audit.records.records
    assert (refused.code, refused.principal, refused.effect) == ("LOG_READ", Ref("User", name), Effect.DENY)


@on_sqlite
def test_a_tenants_auditor_finds_that_tenants_records_alone(audit: Audit, tmp_path: Path) -> None:
    at_hand = replace(sample(), policy_digest=audit.policies.digest)
    (ours,), (theirs,), (nobodys,) = of("t1", at_hand), of("t2", sample()), of(None, sample())
    keep(audit.log, tmp_path, NORTH, [ours, theirs, nobodys])
    assert ids(audit.ask("local", query(ON_T1))) == [ours.id]
    assert ids(audit.ask("local", tail_once(ON_T1))) == [ours.id]
    got = audit.ask("local", get(ours.id, with_policies=True))
    assert (got.record.decision_id, list(got.policies)) == (ours.id, [])
    denied = {audit.fails("local", call).details() for call in (
        query(ON_T2), tail_once(ON_T2), get(theirs.id), get(nobodys.id), get(sample().id),
    )}  # fmt: skip
    assert denied == {"the caller may not `log.read` here"}


@on_sqlite
def test_what_is_not_there_is_not_found_by_who_might_see_it(audit: Audit) -> None:
    assert audit.fails("auditor", get(sample().id)).code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("read", READS)
@on_sqlite
def test_each_read_is_one_record_with_what_it_asked_for(audit: Audit, tmp_path: Path, read: str) -> None:
    record = sample()
    keep(audit.log, tmp_path, NORTH, [record])
    audit.ask("auditor", get(record.id) if read == "Get" else READS[read])
    (kept,) = audit.records.records
    assert (kept.action, kept.principal, kept.effect) == ("magistrate.log.read", Ref("User", "auditor"), Effect.ALLOW)
    assert kept.inputs["read"] == {"Get": "record"}.get(read, read.lower())
    assert kept.resource == Ref("magistrate.Record", record.id if read == "Get" else "*")


@on_sqlite
def test_the_record_of_a_read_has_its_filter(audit: Audit) -> None:
    audit.ask("local", query(pb.LogFilter(
        tenant=ON_T1.tenant, effect=authorization_pb2.EFFECT_DENY, since=moment(7), attributes={"resource.owner": "x"},
    )))  # fmt: skip
    (kept,) = audit.records.records
    assert kept.tenant == Ref("Tenant", "t1")
    assert kept.inputs["filter"] == {
        "tenant": "Tenant:t1", "effect": "deny", "since": 7, "attributes": {"resource.owner": "x"},
    }  # fmt: skip


@on_sqlite
def test_what_cannot_be_recorded_is_not_read(audit: Audit, tmp_path: Path) -> None:
    keep(audit.log, tmp_path, NORTH, [sample()])
    audit.records.is_refusing = True
    assert told(audit.fails("auditor", query(ALL)))[1] == "AUDIT_UNAVAILABLE"


# What goes wrong -------------------------------------------------------------------------------------------------

HOSTILE: Final[Mapping[str, Call[object]]] = {
    "id without type": query(pb.LogFilter(resource_id="x")),
    "prefix without type": query(pb.LogFilter(resource_id_prefix="x")),
    "id and prefix": query(pb.LogFilter(resource_type="A", resource_id="x", resource_id_prefix="x")),
    "empty reference": query(pb.LogFilter(tenant=EntityRef())),
    "time out of range": query(pb.LogFilter(since=Timestamp(seconds=2**62))),
    "times the wrong way": query(pb.LogFilter(since=moment(2), until=moment(1))),
    "no such effect": query(pb.LogFilter.FromString(b"\x50\x07")),
    "long text": query(pb.LogFilter(code="x" * 10_000)),
    "many attributes": query(pb.LogFilter(since=moment(0), attributes={f"a{n}": "x" for n in range(9)})),
    "attribute without a path": query(pb.LogFilter(since=moment(0), attributes={"": "x"})),
    "attribute without a range": query(pb.LogFilter(attributes={"context.device": "x"})),
    "page size": query(ALL, 1001),
    "garbage token": query(ALL, 1, "!"),
    "token of nothing": query(ALL, 1, "WyIiLCIiXQ=="),
    "no id": get("x' OR 1=1 --"),
    "no range to count": stats(ALL),
    "too many to begin with": tail_once(ALL, 1001),
    "resume token": lambda stub, who: next(stub.Tail(pb.TailRequest(resume_token="WyJhIl0="), metadata=who)),
}  # fmt: skip


@pytest.mark.parametrize("call", HOSTILE.values(), ids=HOSTILE)
@on_sqlite
def test_what_means_nothing_is_an_invalid_argument(audit: Audit, call: Call[object]) -> None:
    assert audit.fails("auditor", call).code() is grpc.StatusCode.INVALID_ARGUMENT


HOSTILE_TEXTS: Final = [
    "' OR '1'='1",
    "%",
    "_",
    "\0",
    "\\",
    "\N{GRINNING FACE}",
    '"; DROP TABLE decision; --',
    "$1",
    ":x",
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_filters_text_is_only_ever_compared(audit: Audit, tmp_path: Path, text: str) -> None:
    keep(audit.log, tmp_path, NORTH, [sample(), replace(sample(), action=text, resource=Ref("Folder", text + "1"))])
    for wanted in (
        pb.LogFilter(action=text),
        pb.LogFilter(resource_type="Folder", resource_id_prefix=text),
        pb.LogFilter(code=text),
        pb.LogFilter(rule=text),
        pb.LogFilter(missing=text),
        pb.LogFilter(attributes={"resource.owner": text}),
    ):
        found = audit.ask("auditor", query(wanted)).records
        assert len(found) == (1 if wanted.action or wanted.resource_type else 0), wanted


def test_a_log_that_is_away_is_unavailable(audit: Audit, tmp_path: Path) -> None:
    with audit.log.write() as connection:
        connection.exec_driver_sql("ALTER TABLE decision RENAME TO gone")
    assert told(audit.fails("auditor", query(ALL)))[:2] == (grpc.StatusCode.UNAVAILABLE, "LOG_UNAVAILABLE")
    assert audit.fails("auditor", query(ALL)).details() == "the log cannot be read"
