"""EntityService over a real channel: what is asked comes through as it was meant, and faults name their fields."""

from dataclasses import replace

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.types_pb2 import Entity, EntityRef, Value

from policy_lang.values import Ref
from service.config import Limits
from service.db.engine import Database
from service.deadline import left_ms
from service.entities.forms import Form
from service.entities.readable import ReadableEntities
from service.model import Caller
from tests.service.doors.archive import Archive, violations
from tests.service.entities.firm import build_firm

T1 = EntityRef(type="Tenant", id="t1")
EVE, TENANT = EntityRef(type="User", id="eve"), Value(ref_value=T1)
DOC1, USER1 = EntityRef(type="Doc", id="doc-t1"), EntityRef(type="User", id="member-t1")


class Noting(ReadableEntities):
    """Notes how many milliseconds its reads have."""

    left: int | None = -1

    def get(self, caller: Caller, ref: Ref) -> tuple[Form, str]:
        """Reads an entity."""
        self.left = left_ms()
        return super().get(caller, ref)


@pytest.fixture
def archive(database: Database, database_url: str) -> Archive:
    return Archive(build_firm(database, database_url))


def _filter(attribute: str, comparison: pb.Comparison.ValueType, value: Value | None = None) -> pb.AttributeFilter:
    return pb.AttributeFilter(attribute=attribute, comparison=comparison, value=value)


def put(archive: Archive, entity: Entity) -> pb.PutEntityResponse:
    request = pb.PutEntityRequest(entity=entity)
    return archive.ask("root", lambda stub, who: stub.PutEntity(request, metadata=who))


def test_a_filtered_list_holds_what_the_filters_keep(archive: Archive) -> None:
    for id_, level in (("a", 1), ("b", 7), ("c", 9)):
        put(archive, Entity(type="Doc", id=id_, attributes={"tenant": TENANT, "level": Value(int_value=level)}))
    request = pb.ListEntitiesRequest(
        type="Doc",
        tenant=T1,
        page_size=1,
        filters=[
            _filter("level", pb.COMPARISON_GREATER, Value(int_value=5)),
            _filter("tenant", pb.COMPARISON_EQUAL, TENANT),
        ],
    )
    first = archive.ask("chief", lambda stub, who: stub.ListEntities(request, metadata=who))
    request.page_token = first.next_page_token
    second = archive.ask("chief", lambda stub, who: stub.ListEntities(request, metadata=who))
    assert [each.id for page in (first, second) for each in page.entities] == ["b", "c"]
    assert second.next_page_token == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            _filter("levle", pb.COMPARISON_SET),
            {"filters[0]": "`levle`: no stored attribute of `Doc`; did you mean `level`?"},
        ),
        (_filter("level", pb.COMPARISON_UNSPECIFIED), {"filters[0].comparison": "required"}),
        (_filter("level", pb.COMPARISON_LESS), {"filters[0]": "`level`: expected a value, of int"}),
    ],
    ids=["unknown attribute", "no comparison", "no value"],
)  # fmt: skip
def test_a_filter_at_fault_is_named(archive: Archive, wrong: pb.AttributeFilter, said: dict[str, str]) -> None:
    request = pb.ListEntitiesRequest(type="Doc", filters=[wrong])
    error = archive.fails("root", lambda stub, who: stub.ListEntities(request, metadata=who))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violations(error) == said


def test_too_many_filters_are_refused_by_the_name_of_the_limit(archive: Archive) -> None:
    request = pb.ListEntitiesRequest(type="Doc", filters=[_filter("level", pb.COMPARISON_SET)] * 17)
    error = archive.fails("root", lambda stub, who: stub.ListEntities(request, metadata=who))
    assert error.details() == "over the limit `filters`: 17 given, 16 allowed"


def test_relations_that_were_written_are_listed_with_their_expiry(archive: Archive) -> None:
    row = pb.Relation(resource=DOC1, relation="firm.friend", subject=USER1, expires_at=Timestamp(seconds=1_900_000_000))
    written = pb.WriteRelationsRequest(writes=[row])
    archive.ask("root", lambda stub, who: stub.WriteRelations(written, metadata=who))
    request = pb.ListRelationsRequest(resource=DOC1, relation="firm.friend", subject=USER1)
    answer = archive.ask("chief", lambda stub, who: stub.ListRelations(request, metadata=who))
    assert list(answer.relations) == [row]
    assert answer.next_page_token == ""


def test_a_batch_of_every_kind_of_write_is_done_in_one_revision(archive: Archive) -> None:
    editor = pb.RoleAssignment(subject=EVE, role="firm.editor", scope=T1, expires_at=Timestamp(seconds=1_900_000_000))
    friend = pb.Relation(resource=DOC1, relation="firm.friend", subject=EVE)
    hire = pb.WriteFactsRequest(
        writes=[
            pb.FactWrite(relate=friend),
            pb.FactWrite(assign=editor),
            pb.FactWrite(put=Entity(type="User", id="eve", attributes={"tenant": TENANT})),
            pb.FactWrite(delete=USER1),
        ]
    )
    hired = archive.ask("chief", lambda stub, who: stub.WriteFacts(hire, metadata=who))
    asked = pb.ListRoleAssignmentsRequest(subject=EVE)
    held = archive.ask("chief", lambda stub, who: stub.ListRoleAssignments(asked, metadata=who))
    assert list(held.assignments) == [editor]
    fire = pb.WriteFactsRequest(
        writes=[pb.FactWrite(unassign=editor), pb.FactWrite(unrelate=friend)], if_revision=hired.revision
    )
    archive.ask("chief", lambda stub, who: stub.WriteFacts(fire, metadata=who))
    held = archive.ask("chief", lambda stub, who: stub.ListRoleAssignments(asked, metadata=who))
    assert list(held.assignments) == []
    error = archive.fails("chief", lambda stub, who: stub.WriteFacts(fire, metadata=who))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_every_write_at_fault_is_named_by_its_field(archive: Archive) -> None:
    malformed = pb.WriteFactsRequest(
        writes=[
            pb.FactWrite(),
            pb.FactWrite(put=Entity(type="Doc", parents=[EntityRef(type="Doc", id="x")])),
            pb.FactWrite(assign=pb.RoleAssignment(subject=EVE)),
            pb.FactWrite(delete=DOC1),
            pb.FactWrite(unrelate=pb.Relation(resource=DOC1, relation="firm.friend", subject=EntityRef(type="User"))),
        ]
    )
    error = archive.fails("root", lambda stub, who: stub.WriteFacts(malformed, metadata=who))
    assert violations(error) == {
        "writes[0]": "says what to write",
        "writes[1].put.id": "required",
        "writes[2].assign.role": "required",
        "writes[4].unrelate.subject.id": "required",
    }
    wrong = pb.WriteFactsRequest(
        writes=[
            pb.FactWrite(put=Entity(type="Doc", id="a", attributes={"levle": Value(int_value=1)})),
            pb.FactWrite(put=Entity(type="Doc", id="b", attributes={"level": Value(int_value=1)})),
            pb.FactWrite(delete=EntityRef(type="Dok", id="c")),
        ]
    )
    error = archive.fails("root", lambda stub, who: stub.WriteFacts(wrong, metadata=who))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violations(error) == {
        "writes[0].put": "unknown attribute `levle` of `Doc`; help: did you mean `level`?",
        "writes[2].delete": "unknown type `Dok`; help: did you mean `Doc`?",
    }


# gRPC sends a timeout in few digits, rounded up: 20 s may arrive as 20.1 s.
@pytest.mark.parametrize(("timeout", "most"), [(20.0, 20_200), (None, None)], ids=["deadline", "none"])
def test_what_is_read_for_a_caller_has_as_long_as_its_deadline(
    archive: Archive, timeout: float | None, most: int | None
) -> None:
    firm = archive.firm
    reads = Noting(firm.database, firm.policies, firm.gate)
    archive.firm = replace(firm, reads=reads)
    request = pb.GetEntityRequest(entity=DOC1)
    archive.ask("root", lambda stub, who: stub.GetEntity(request, metadata=who, timeout=timeout))
    assert reads.left == most or (most is not None and 0 < (reads.left or 0) <= most)


def test_a_batch_has_its_limit_and_is_not_empty(archive: Archive) -> None:
    archive.limits = Limits(batch_writes=2)
    many = pb.WriteFactsRequest(writes=[pb.FactWrite(delete=DOC1)] * 3)
    error = archive.fails("root", lambda stub, who: stub.WriteFacts(many, metadata=who))
    assert error.details() == "over the limit `batch_writes`: 3 given, 2 allowed"
    error = archive.fails("root", lambda stub, who: stub.WriteFacts(pb.WriteFactsRequest(), metadata=who))
    assert violations(error) == {"writes": "at least one"}
