"""Watch over a real channel: what changes is told once and in order, to whom may see it, until the service ends."""

import time
from collections.abc import Callable
from threading import Event

import grpc
import pytest
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.entity_pb2_grpc import EntityServiceStub
from magistrate.v1.types_pb2 import EntityRef
from sqlalchemy import delete

from policy_lang.facts import Assignment, Link
from policy_lang.values import Ref
from service.config import Limits
from service.db.engine import Database
from service.db.facts_tables import change
from service.db.feed import EVERYTHING, advance, begin_epoch
from service.entities.batch import Put
from service.entities.watching import STEP, Step, Watching
from service.errors import Unauthenticated
from service.feed.revision import Revision
from service.governance.grants import Grants
from service.model import Caller
from tests.service.doors.archive import Archive, Call, Metadata
from tests.service.entities.firm import Firm, build_firm, caller

T1 = Ref("Tenant", "t1")
DOC1, DOC2 = Ref("Doc", "doc-t1"), Ref("Doc", "doc-t2")
USER1, USER2 = Ref("User", "member-t1"), Ref("User", "member-t2")
ROOT = caller("root")
OF_T1 = EntityRef(type="Tenant", id="t1")
PATIENCE = 20
SLOW_STEPS = 4
"""Reads of the feed that may be on their way to a reader: what the channel's own buffers hold."""


@pytest.fixture
def archive(database: Database, database_url: str) -> Archive:
    return Archive(build_firm(database, database_url))


def listening(
    count: int, request: pb.WatchRequest | None = None, *, meanwhile: Callable[[], object] = lambda: None
) -> Call[list[pb.WatchResponse]]:
    """The first answers of a watch; after the first of all something is done."""

    def talk(stub: EntityServiceStub, who: Metadata) -> list[pb.WatchResponse]:
        told = stub.Watch(request or pb.WatchRequest(), metadata=who, timeout=PATIENCE)
        heard = [next(told)]
        meanwhile()
        heard += [next(told) for _ in range(count - 1)]
        told.cancel()
        return heard

    return talk


def changed(told: pb.WatchResponse) -> list[str]:
    """The changes, in words."""
    return [_words(each) for each in told.changes]


def _words(each: pb.ChangedFact) -> str:
    match each.WhichOneof("change"):
        case "entity":
            return f"{each.entity.type}:{each.entity.id}"
        case "roles":
            return f"roles of {each.roles.type}:{each.roles.id}"
        case "relation":
            return f"{each.relation.relation} of {each.relation.resource.type}:{each.relation.resource.id}"
        case other:
            return str(other)


def test_a_watch_says_where_it_begins_and_tells_every_revision_that_changes_facts(archive: Archive) -> None:
    firm = archive.firm

    def write() -> None:
        firm.writes.put(ROOT, DOC1, {"tenant": "t1"}, None)
        firm.writes.write_relations(ROOT, [Link(DOC1, "firm.friend", USER1, None)], [])
        firm.roles.assign(ROOT, Assignment(USER1, "magistrate.pep", None, None))
        firm.roles.unassign(ROOT, Assignment(USER1, "magistrate.pep", None, None))
        firm.writes.delete(ROOT, USER1)

    begun, *heard = archive.ask("reader", listening(6, meanwhile=write))
    epoch, _, number = begun.revision.partition(".")
    assert changed(begun) == []
    assert [each.revision for each in heard] == [f"{epoch}.{int(number) + at}" for at in range(1, 6)]
    assert [changed(each) for each in heard] == [
        ["Doc:doc-t1"],
        ["firm.friend of Doc:doc-t1"],
        ["roles of User:member-t1"],
        ["roles of User:member-t1"],
        ["User:member-t1", "firm.friend of Doc:doc-t1"],
    ]


def test_a_watch_goes_on_after_any_revision_that_was_told(archive: Archive) -> None:
    firm = archive.firm
    seen = firm.writes.put(ROOT, DOC1, {"tenant": "t1"}, None)
    batch = firm.batches.write(ROOT, [Put(Ref("Doc", f"n{at}"), {"tenant": "t1"}) for at in range(3)])
    last = firm.writes.put(ROOT, DOC2, {"tenant": "t2"}, None)
    heard = archive.ask("reader", listening(3, pb.WatchRequest(after_revision=seen)))
    assert [(each.revision, changed(each)) for each in heard] == [
        (seen, []),
        (batch, ["Doc:n0", "Doc:n1", "Doc:n2"]),
        (last, ["Doc:doc-t2"]),
    ]
    heard = archive.ask("reader", listening(2, pb.WatchRequest(after_revision=batch)))
    assert [each.revision for each in heard] == [batch, last]


def test_a_tenants_watch_tells_what_is_or_was_its_own_and_nothing_else(archive: Archive) -> None:
    firm = archive.firm
    begun = firm.writes.put(ROOT, Ref("Note", "n2"), {}, None)
    firm.writes.put(ROOT, DOC2, {"tenant": "t2"}, None)
    firm.writes.write_relations(ROOT, [Link(DOC2, "firm.friend", USER2, None)], [])
    firm.writes.assign(ROOT, USER2, "firm.everywhere", None, expires_at=None)
    given_away = firm.writes.put(ROOT, DOC1, {"tenant": "t2"}, None)
    firm.writes.put(ROOT, DOC1, {"tenant": "t2", "level": 5}, None)
    firm.roles.assign(ROOT, Assignment(USER2, "magistrate.admin", Ref("Tenant", "t2"), None))
    held_there = firm.writes.assign(ROOT, USER2, "firm.editor", T1, expires_at=None)
    deleted = firm.writes.delete(ROOT, USER1)
    request = pb.WatchRequest(after_revision=begun, tenant=OF_T1)
    heard = archive.ask("chief", listening(4, request))
    assert [(each.revision, changed(each)) for each in heard] == [
        (begun, []),
        (given_away, ["Doc:doc-t1"]),
        (held_there, ["roles of User:member-t2"]),
        (deleted, ["User:member-t1"]),
    ]


@pytest.mark.parametrize(
    ("who", "tenant"),
    [("chief", None), ("chief", "t2"), ("auditor", None), ("stranger", "t1")],
    ids=["a tenant's reader everywhere", "and at another", "an auditor", "a stranger"],
)
def test_a_watch_is_for_readers_of_what_it_is_about(archive: Archive, who: str, tenant: str | None) -> None:
    named = EntityRef(type="Tenant", id=tenant) if tenant else None
    error = archive.fails(who, listening(1, pb.WatchRequest(tenant=named)))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_watch_is_recorded_with_where_it_begins(archive: Archive) -> None:
    archive.ask("chief", listening(1, pb.WatchRequest(tenant=OF_T1)))
    (record,) = archive.firm.records
    assert (record.action, record.resource, record.tenant) == ("magistrate.entity.read", Ref("*", "*"), T1)
    assert record.inputs == {"read": "watch", "after": ""}


def test_what_is_an_import_to_caches_is_a_change_of_everything(archive: Archive) -> None:
    def write() -> None:
        with archive.firm.database.write() as connection:
            advance(connection, [EVERYTHING])

    _, told = archive.ask("chief", listening(2, pb.WatchRequest(tenant=OF_T1), meanwhile=write))
    assert changed(told) == ["everything"]


def test_more_than_is_read_at_a_time_is_told_whole_and_in_order(archive: Archive) -> None:
    firm = archive.firm
    begun = firm.writes.put(ROOT, DOC2, {"tenant": "t2"}, None)
    names = [[f"n{turn}-{at}" for at in range(700)] for turn in range(4)]
    for each in names:
        firm.batches.write(ROOT, [Put(Ref("Doc", name), {"tenant": "t1"}) for name in each])
    _, *heard = archive.ask("reader", listening(5, pb.WatchRequest(after_revision=begun)))
    assert sum(map(len, names)) > STEP
    assert [changed(each) for each in heard] == [[f"Doc:{name}" for name in each] for each in names]


class Counted(Watching):
    """Says when it has read on so often that somebody must be keeping what it read."""

    def __init__(self, firm: Firm) -> None:
        super().__init__(firm.database, firm.gate)
        self.steps = 0
        self.has_read_on = Event()

    def step(self, position: Revision, tenant: Ref | None) -> Step:
        self.steps += 1
        if self.steps > SLOW_STEPS:
            self.has_read_on.set()
        return super().step(position, tenant)


def test_a_reader_that_stops_reading_has_nothing_read_for_it_and_misses_nothing(archive: Archive) -> None:
    firm = archive.firm
    counted = firm.watching = Counted(firm)
    begun = firm.writes.put(ROOT, DOC2, {"tenant": "t2"}, None)
    written = [
        firm.batches.write(ROOT, [Put(Ref("Doc", f"{at:0240}-{turn}"), {"tenant": "t1"}) for at in range(900)])
        for turn in range(14)
    ]

    def talk(stub: EntityServiceStub, who: Metadata) -> tuple[bool, list[str]]:
        told = stub.Watch(pb.WatchRequest(after_revision=begun), metadata=who, timeout=3 * PATIENCE)
        next(told)
        has_read_on = counted.has_read_on.wait(1.5)
        heard = [next(told) for _ in written]
        told.cancel()
        assert all(len(each.changes) == 900 for each in heard)
        return has_read_on, [each.revision for each in heard]

    assert archive.ask("reader", talk) == (False, written)


def test_a_start_whose_changes_are_not_kept_is_refused_with_what_to_do(archive: Archive) -> None:
    seen = archive.firm.writes.put(ROOT, DOC1, {"tenant": "t1"}, None)
    archive.firm.writes.put(ROOT, DOC1, {"tenant": "t1"}, None)
    last = archive.firm.writes.put(ROOT, DOC2, {"tenant": "t2"}, None)
    with archive.firm.database.write() as connection:
        connection.execute(delete(change).where(change.c.revision < int(last.partition(".")[2])))
    error = archive.fails("reader", listening(1, pb.WatchRequest(after_revision=seen)))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert error.details() == (
        f"the changes after `{seen}` are not kept any more\n"
        "help: read again what you keep of the facts, then watch from the revision before that"
    )


@pytest.mark.parametrize("after", ["nothing", "other.1", "{epoch}.999999"])
def test_a_revision_that_is_none_of_these_facts_is_refused(archive: Archive, after: str) -> None:
    (begun,) = archive.ask("reader", listening(1))
    request = pb.WatchRequest(after_revision=after.format(epoch=begun.revision.partition(".")[0]))
    error = archive.fails("reader", listening(1, request))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_a_watch_ends_where_the_facts_begin_a_new_epoch(archive: Archive) -> None:
    def restore() -> None:
        with archive.firm.database.write() as connection:
            begin_epoch(connection)

    error = archive.fails("reader", listening(2, meanwhile=restore))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


def take_away(firm: Firm) -> None:
    Grants(firm.database).take(Ref("User", "chief"), "reader", T1)
    Grants(firm.database).take(Ref("User", "chief"), "admin", T1)


def test_who_may_not_watch_any_more_is_told_so_within_a_second_or_two(archive: Archive) -> None:
    started = time.monotonic()
    request = pb.WatchRequest(tenant=OF_T1)
    talk = listening(9, request, meanwhile=lambda: take_away(archive.firm))
    assert archive.fails("chief", talk).code() is grpc.StatusCode.PERMISSION_DENIED
    assert time.monotonic() - started < PATIENCE / 2


def test_a_credential_that_is_good_no_more_ends_the_watch(archive: Archive) -> None:
    good = {"reader"}

    def verified(token: str) -> Caller:
        if token not in good:
            raise Unauthenticated("revoked")
        return caller(token)

    archive.verified = verified
    error = archive.fails("reader", listening(2, meanwhile=good.clear))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_watch_ends_with_ok_when_the_service_ends(archive: Archive) -> None:
    def talk(stub: EntityServiceStub, who: Metadata) -> tuple[int, grpc.StatusCode]:
        told = stub.Watch(pb.WatchRequest(), metadata=who, timeout=PATIENCE)
        next(told)
        archive.end()
        rest = list(told)
        return len(rest), told.code()

    assert archive.ask("reader", talk) == (0, grpc.StatusCode.OK)


def test_a_worker_has_so_many_watches_and_no_more_until_one_ends(archive: Archive) -> None:
    archive.limits = Limits(watches=1)

    def talk(stub: EntityServiceStub, who: Metadata) -> tuple[grpc.StatusCode, str]:
        first = stub.Watch(pb.WatchRequest(), metadata=who, timeout=PATIENCE)
        next(first)
        second = stub.Watch(pb.WatchRequest(), metadata=who, timeout=PATIENCE)
        with pytest.raises(grpc.RpcError):
            next(second)
        first.cancel()
        return second.code(), second.details()

    assert archive.ask("reader", talk) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "over the limit `watches`: 1 are under way already",
    )
