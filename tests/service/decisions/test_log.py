"""Every filter of the log finds what fits and nothing else, in pages that neither repeat nor skip."""

from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.decision import Effect, MissingInput
from policy_lang.values import Ref
from service.db.engine import Database
from service.decisions.log import PAGE_LIMIT, DecisionLog
from service.decisions.log_filter import ANY_FLIP, ANY_GRANT, LogFilter
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.identity import Evidence, EvidenceKind, Origin
from service.model import NOW_DENIED, Flip
from tests.service.decisions.records import sample, samples

FILTERS = {
    "since": LogFilter(since=2000),
    "until": LogFilter(until=2000),
    "principal": LogFilter(principal=Ref("User", "zoe")),
    "caller": LogFilter(caller=Ref("magistrate.Service", "mail")),
    "action": LogFilter(action="delete"),
    "resource": LogFilter(resource=Ref("Folder", "north%_/7")),
    "resource_type": LogFilter(resource_type="Folder"),
    "resource_prefix": LogFilter(resource_type="Folder", resource_prefix="north%_/"),
    "attributes": LogFilter(since=0, attributes={"resource.owner": "User:zoe", "principal.clearance": "3"}),
    "tenant": LogFilter(tenant=Ref("Tenant", "t9")),
    "effect": LogFilter(effect=Effect.ALLOW),
    "code": LogFilter(code="NO_MATCH"),
    "rule": LogFilter(rule="docs.other"),
    "missing": LogFilter(missing="resource.region"),
    "request_id": LogFilter(request_id="r-9"),
    "trace_id": LogFilter(trace_id="0af7651916cd43dd8448eb211c80319c"),
    "peer": LogFilter(peer="192.0.2.7"),
    "credential": LogFilter(credential="key-9"),
    "policy_digest": LogFilter(policy_digest="sha256:ff"),
    "unenforced": LogFilter(enforced=False),
    "flips": LogFilter(flip=ANY_FLIP),
    "flips of one kind": LogFilter(flip=NOW_DENIED),
    "by emergencies": LogFilter(break_glass=ANY_GRANT),
    "by one emergency": LogFilter(break_glass="grant-7"),
}


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
def test_a_filter_finds_what_fits_alone(spool: Spool, folder: Path, log_database: Database, wanted: LogFilter) -> None:
    common = replace(sample(), time=2000 if wanted.until else 1999)
    fitting = replace(
        sample(),
        time=1999 if wanted.until else 2000,
        principal=Ref("User", "zoe"),
        caller=Ref("magistrate.Service", "mail"),
        action="delete",
        resource=Ref("Folder", "north%_/7"),
        tenant=Ref("Tenant", "t9"),
        effect=Effect.ALLOW,
        code="NO_MATCH",
        rules=("docs.some", "docs.other"),
        missing=(MissingInput("context.mfa", "not_given"), MissingInput("resource.region", "no_row")),
        request_id="r-9",
        origin=Origin("192.0.2.7", "0af7651916cd43dd8448eb211c80319c"),
        caller_evidence=Evidence(EvidenceKind.API_KEY, "", "key-9"),
        policy_digest="sha256:ff",
        enforced=False,
        flip=Flip("sha256:77", Effect.DENY, "DENIED", ("docs.tight",)),
        break_glass="grant-7",
        inputs={"principal.clearance": 3, "resource.owner": {"type": "User", "id": "zoe"}, "context.mfa": True},
    )
    spool.record([common, fitting])
    Shipper(folder, log_database).ship()
    assert DecisionLog(log_database).query(wanted, 10).records == (fitting,)


BORDERS = ["north", "north/", "north/a", "north/\N{GRINNING FACE}", "north0", "nor", "\U0010ffff", "\ud7ff", "\ud7ff1"]


@pytest.mark.parametrize("prefix", ["north/", "\U0010ffff", "\ud7ff", "north/a", ""])
def test_a_prefix_finds_the_ids_that_begin_so(spool: Spool, folder: Path, log_database: Database, prefix: str) -> None:
    spool.record([replace(sample(), resource=Ref("Folder", id_)) for id_ in BORDERS])
    Shipper(folder, log_database).ship()
    found = DecisionLog(log_database).query(LogFilter(resource_type="Folder", resource_prefix=prefix), 100).records
    assert {record.resource.id for record in found} == {id_ for id_ in BORDERS if id_.startswith(prefix)}


def test_filters_narrow_each_other(spool: Spool, folder: Path, log_database: Database) -> None:
    spool.record([sample(), replace(sample(), action="read"), replace(sample(), rules=())])
    Shipper(folder, log_database).ship()
    wanted = LogFilter(action="edit", rule="docs.editors_edit", tenant=Ref("Tenant", "t1"))
    assert len(DecisionLog(log_database).query(wanted, 10).records) == 1


@pytest.mark.parametrize("wanted", [LogFilter(), LogFilter(rule="docs.editors_edit")], ids=["all", "by rule"])
def test_pages_are_the_newest_first_and_neither_repeat_nor_skip(
    spool: Spool, folder: Path, log_database: Database, wanted: LogFilter
) -> None:
    shipper, log, records = Shipper(folder, log_database), DecisionLog(log_database), samples(7)
    spool.record(records)
    shipper.ship()
    first = log.query(wanted, 3)
    spool.record([sample()])
    shipper.ship()
    second = log.query(wanted, 3, first.next_after)
    third = log.query(wanted, 3, second.next_after)
    assert [*first.records, *second.records, *third.records] == records[::-1]
    assert third.next_after is None


def test_a_page_has_bounds(log_database: Database) -> None:
    log = DecisionLog(log_database)
    for limit in (0, PAGE_LIMIT + 1):
        with pytest.raises(ValueError, match="a page has"):
            log.query(LogFilter(), limit)


def test_show_finds_one_by_its_id(spool: Spool, folder: Path, log_database: Database) -> None:
    record = sample()
    spool.record([record, sample()])
    Shipper(folder, log_database).ship()
    log = DecisionLog(log_database)
    assert log.show(record.id) == record
    assert log.show(sample().id) is None
    assert log.show("no id") is None


def test_texts_longer_than_an_index_takes_are_found_and_kept_whole(
    spool: Spool, folder: Path, log_database: Database
) -> None:
    record = replace(sample(), request_id="\0" + "\N{GRINNING FACE}" * 5000, action="a" * 5000)
    spool.record([record])
    Shipper(folder, log_database).ship()
    found = DecisionLog(log_database).query(LogFilter(request_id=record.request_id, action=record.action), 10)
    assert found.records == (record,)


def test_a_mark_is_reached_when_what_was_there_is_shipped(spool: Spool, folder: Path, log_database: Database) -> None:
    log, shipper = DecisionLog(log_database), Shipper(folder, log_database)
    spool.record([sample()])
    mark = log.unshipped(folder)
    assert not log.is_shipped(mark)
    shipper.ship()
    spool.record([sample()])
    assert log.is_shipped(mark)
    assert not log.is_shipped(log.unshipped(folder))
    spool.close()
    last = log.unshipped(folder)
    shipper.ship()
    assert log.is_shipped(last)
    assert log.unshipped(folder) == {}


def test_where_there_is_no_spool_nothing_is_waited_for(folder: Path, log_database: Database) -> None:
    log = DecisionLog(log_database)
    assert log.unshipped(folder) == {}
    assert log.is_shipped({})
