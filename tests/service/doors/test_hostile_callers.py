"""What callers name reaches SQL as a parameter alone: hostile ids, values, attribute names, filters and tokens."""

from collections.abc import Callable
from typing import TypeVar

import grpc
import pytest
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.entity_pb2_grpc import EntityServiceStub
from magistrate.v1.types_pb2 import Entity, EntityRef, Value

from service.db.engine import Database
from tests.hostile import HOSTILE
from tests.service.doors.archive import Archive
from tests.service.entities.firm import build_firm

Metadata = tuple[tuple[str, str], ...]
Answer = TypeVar("Answer")
T1 = EntityRef(type="Tenant", id="t1")
TENANT = Value(ref_value=T1)
SOME = HOSTILE[::5]


@pytest.fixture
def archive(database: Database, database_url: str) -> Archive:
    return Archive(build_firm(database, database_url))


def ask(archive: Archive, call: Callable[[EntityServiceStub, Metadata], Answer]) -> Answer:
    return archive.ask("root", call)


def user(id_: str) -> EntityRef:
    return EntityRef(type="User", id=id_)


def doc(id_: str) -> EntityRef:
    return EntityRef(type="Doc", id=id_)


def editor(id_: str) -> pb.RoleAssignment:
    return pb.RoleAssignment(subject=user(id_), role="firm.editor", scope=T1)


def friend(id_: str) -> pb.Relation:
    return pb.Relation(resource=doc(id_), relation="firm.friend", subject=user(id_))


def facts_of(id_: str) -> list[pb.FactWrite]:
    return [
        pb.FactWrite(put=Entity(type="Note", id=id_, attributes={"text": Value(string_value=id_)})),
        pb.FactWrite(put=Entity(type="User", id=id_, attributes={"tenant": TENANT})),
        pb.FactWrite(put=Entity(type="Doc", id=id_, attributes={"tenant": TENANT})),
        pb.FactWrite(assign=editor(id_)),
        pb.FactWrite(relate=friend(id_)),
    ]


def test_what_is_written_under_hostile_ids_is_read_listed_and_found_as_it_was(archive: Archive) -> None:
    def converse(stub: EntityServiceStub, who: Metadata) -> None:
        writes = [write for id_ in HOSTILE for write in facts_of(id_)]
        stub.WriteFacts(pb.WriteFactsRequest(writes=writes), metadata=who)
        for id_ in HOSTILE:
            note = EntityRef(type="Note", id=id_)
            read = stub.GetEntity(pb.GetEntityRequest(entity=note), metadata=who).entity
            assert (read.id, read.attributes["text"].string_value) == (id_, id_)
            says = pb.AttributeFilter(attribute="text", comparison=pb.COMPARISON_EQUAL, value=Value(string_value=id_))
            listed = stub.ListEntities(pb.ListEntitiesRequest(type="Note", filters=[says]), metadata=who)
            assert [each.id for each in listed.entities] == [id_]
        every = stub.ListEntities(pb.ListEntitiesRequest(type="Note", page_size=1000), metadata=who).entities
        assert [each.id for each in every] == sorted({*HOSTILE, "n1"}, key=str.encode)

    ask(archive, converse)


def test_roles_relations_and_deletes_touch_the_hostile_id_that_they_name_and_no_other(archive: Archive) -> None:
    def converse(stub: EntityServiceStub, who: Metadata) -> None:
        for id_ in SOME:
            for kind in ("User", "Doc"):
                entity = Entity(type=kind, id=id_, attributes={"tenant": TENANT})
                stub.PutEntity(pb.PutEntityRequest(entity=entity), metadata=who)
            stub.AssignRole(pb.AssignRoleRequest(assignment=editor(id_)), metadata=who)
            stub.WriteRelations(pb.WriteRelationsRequest(writes=[friend(id_)]), metadata=who)
        for at, id_ in enumerate(SOME):
            held = stub.ListRoleAssignments(pb.ListRoleAssignmentsRequest(subject=user(id_)), metadata=who).assignments
            assert [(each.subject.id, each.role) for each in held] == [(id_, "firm.editor")]
            tied = stub.ListRelations(pb.ListRelationsRequest(resource=doc(id_)), metadata=who).relations
            assert [(each.resource.id, each.subject.id) for each in tied] == [(id_, id_)]
            stub.UnassignRole(pb.UnassignRoleRequest(assignment=editor(id_)), metadata=who)
            stub.DeleteEntity(pb.DeleteEntityRequest(entity=doc(id_)), metadata=who)
            left = stub.ListEntities(pb.ListEntitiesRequest(type="Doc"), metadata=who).entities
            assert {each.id for each in left} == {*SOME[at + 1 :], "doc-t1", "doc-t2"}

    ask(archive, converse)


def test_hostile_names_of_what_the_policies_declare_are_refused(archive: Archive) -> None:
    def calls(name: str) -> list[Callable[[EntityServiceStub, Metadata], object]]:
        value = Value(string_value=name)
        named = pb.AttributeFilter(attribute=name, comparison=pb.COMPARISON_EQUAL, value=value)
        role = pb.RoleAssignment(subject=user("member-t1"), role=name, scope=T1)
        row = pb.Relation(resource=doc("doc-t1"), relation=name, subject=user("member-t1"))
        note = Entity(type="Note", id="n", attributes={name: value})
        return [
            lambda stub, who: stub.PutEntity(pb.PutEntityRequest(entity=note), metadata=who),
            lambda stub, who: stub.PutEntity(pb.PutEntityRequest(entity=Entity(type=name, id="n")), metadata=who),
            lambda stub, who: stub.ListEntities(pb.ListEntitiesRequest(type="Note", filters=[named]), metadata=who),
            lambda stub, who: stub.AssignRole(pb.AssignRoleRequest(assignment=role), metadata=who),
            lambda stub, who: stub.WriteRelations(pb.WriteRelationsRequest(writes=[row]), metadata=who),
            lambda stub, who: stub.ListEntities(pb.ListEntitiesRequest(type="Note", page_token=name), metadata=who),
        ]

    def converse(stub: EntityServiceStub, who: Metadata) -> None:
        before = stub.ListEntities(pb.ListEntitiesRequest(type="Note"), metadata=who)
        for name in SOME:
            for at, call in enumerate(calls(name)):
                with pytest.raises(grpc.RpcError) as refused:
                    call(stub, who)
                assert isinstance(refused.value, grpc.Call)
                assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, (at, name, refused.value.details())
        assert stub.ListEntities(pb.ListEntitiesRequest(type="Note"), metadata=who) == before

    ask(archive, converse)


def test_a_list_of_what_no_database_can_name_is_refused_by_its_field(archive: Archive) -> None:
    def converse(stub: EntityServiceStub, who: Metadata) -> list[str | None]:
        calls: list[Callable[[], object]] = [
            lambda: stub.ListEntities(pb.ListEntitiesRequest(type="No\0te"), metadata=who),
            lambda: stub.ListRelations(pb.ListRelationsRequest(relation="firm.\0"), metadata=who),
        ]
        return [refused(call) for call in calls]

    assert ask(archive, converse) == [
        "type: an id has no control characters",
        "relation: an id has no control characters",
    ]


def refused(call: Callable[[], object]) -> str | None:
    """What is said of an argument that is none."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    return caught.value.details()
