"""EntityService breaks the glass over a real channel: a grant is given, listed, ended, and refused by name."""

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.types_pb2 import EntityRef

from service.db.engine import Database
from tests.service.doors.archive import Archive, violations
from tests.service.entities.firm import NOW, build_firm

WHY = "the pager rang, and nobody else is here"
EDITOR = pb.RoleAssignment(
    subject=EntityRef(type="User", id="member-t1"),
    role="firm.editor",
    scope=EntityRef(type="Tenant", id="t1"),
    expires_at=Timestamp(seconds=NOW // 1000 + 60),
)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def archive(database: Database, database_url: str) -> Archive:
    return Archive(build_firm(database, database_url))


def page_of(archive: Archive, request: pb.ListBreakGlassRequest) -> pb.ListBreakGlassResponse:
    return archive.ask("root", lambda stub, who: stub.ListBreakGlass(request, metadata=who))


def listed(archive: Archive, *, only_active: bool) -> list[pb.EmergencyGrant]:
    return list(page_of(archive, pb.ListBreakGlassRequest(only_active=only_active)).grants)


def test_a_grant_is_given_listed_and_ended(archive: Archive) -> None:
    wanted = pb.BreakGlassRequest(assignment=EDITOR, reason=WHY)
    given = archive.ask("chief", lambda stub, who: stub.BreakGlass(wanted, metadata=who))
    (grant,) = listed(archive, only_active=True)
    assert (grant.id, grant.assignment, grant.reason, grant.given_by) == (given.id, EDITOR, WHY, "User:chief")
    assert (grant.given_at.ToMilliseconds(), grant.HasField("ended_at")) == (NOW, False)

    ended = archive.ask(
        "root", lambda stub, who: stub.EndBreakGlass(pb.EndBreakGlassRequest(id=given.id), metadata=who)
    )
    assert ended.revision != given.revision
    assert listed(archive, only_active=True) == []
    (former,) = listed(archive, only_active=False)
    assert (former.ended_at.ToMilliseconds(), former.ended_by) == (NOW, "User:root")


def test_they_are_listed_in_pages_the_newest_first(archive: Archive) -> None:
    wanted = pb.BreakGlassRequest(assignment=EDITOR, reason=WHY)
    given = [archive.ask("root", lambda stub, who: stub.BreakGlass(wanted, metadata=who)).id for _ in range(3)]
    pages, token = list[list[str]](), ""
    while not pages or token:
        page = page_of(archive, pb.ListBreakGlassRequest(only_active=True, page_size=2, page_token=token))
        pages.append([grant.id for grant in page.grants])
        token = page.next_page_token
    assert pages == [[given[2], given[1]], [given[0]]]

    forged = pb.ListBreakGlassRequest(page_token="?")
    refused = archive.fails("root", lambda stub, who: stub.ListBreakGlass(forged, metadata=who))
    assert violations(refused) == {"page_token": "the `next_page_token` of an answer, or nothing"}


def test_refusals_say_what_is_lacking(archive: Archive) -> None:
    short, nameless = pb.BreakGlassRequest(assignment=EDITOR, reason="because"), pb.EndBreakGlassRequest()
    denied = archive.fails("reader", lambda stub, who: stub.BreakGlass(short, metadata=who))
    assert denied.code() is grpc.StatusCode.PERMISSION_DENIED
    unreasoned = archive.fails("root", lambda stub, who: stub.BreakGlass(short, metadata=who))
    assert unreasoned.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "`reason`: 10 to 500 characters" in (unreasoned.details() or "")
    unnamed = archive.fails("root", lambda stub, who: stub.EndBreakGlass(nameless, metadata=who))
    assert violations(unnamed) == {"id": "required"}
    unknown = pb.EndBreakGlassRequest(id="0")
    missing = archive.fails("root", lambda stub, who: stub.EndBreakGlass(unknown, metadata=who))
    assert missing.code() is grpc.StatusCode.NOT_FOUND
