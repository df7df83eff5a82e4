"""EntityService over a real channel: what is asked comes through as it was meant, and faults name their fields."""

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.types_pb2 import Entity, EntityRef, Value

from service.db.engine import Database
from tests.service.doors.archive import Archive, violations
from tests.service.entities.firm import build_firm

T1 = EntityRef(type="Tenant", id="t1")
TENANT = Value(ref_value=T1)
DOC1, USER1 = EntityRef(type="Doc", id="doc-t1"), EntityRef(type="User", id="member-t1")


@pytest.fixture
def archive(database: Database) -> Archive:
    return Archive(build_firm(database))


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
