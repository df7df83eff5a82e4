"""What may be written to a store of facts, and what every write leaves."""

import pytest
from sqlalchemy import func, select

from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import entity, entity_parent, relation_link, role_assignment
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import DataError
from tests.contracts.documents import SCHEMA

ALICE, LEGAL, T1, PLAN = Ref("User", "alice"), Ref("Team", "legal"), Ref("Tenant", "t1"), Ref("Document", "d1")
ALICE_GIVEN: Json = {"type": "User", "id": "alice"}


def counts(facts: Database) -> dict[str, int]:
    with facts.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (entity, entity_parent, relation_link, role_assignment)
        }


def number(revision: str) -> int:
    return int(revision.partition(".")[2])


@pytest.fixture
def cast(writer: EntityWriter) -> EntityWriter:
    """A writer of a store with a tenant, a team, a user and a document."""
    writer.put(T1, {})
    writer.put(LEGAL, {})
    writer.put(ALICE, {"clearance": 2}, ["legal"])
    writer.put(PLAN, {})
    return writer


def test_every_write_raises_the_revision_by_one_within_one_epoch(cast: EntityWriter, store: EntityStore) -> None:
    revisions = [
        cast.put(T1, {}),
        cast.put(T1, {}),
        cast.assign(ALICE_GIVEN, "docs.viewer", "t1"),
        cast.assign(ALICE_GIVEN, "docs.viewer", "t1", "2030-01-01T00:00:00Z"),
        cast.relate("d1", "docs.collaborator", ALICE_GIVEN),
        cast.unrelate("d1", "docs.collaborator", ALICE_GIVEN),
        cast.unassign(ALICE_GIVEN, "docs.viewer", "t1"),
        cast.delete(ALICE),
    ]
    assert [number(revision) for revision in revisions] == list(range(5, 13))
    assert len({revision.partition(".")[0] for revision in revisions}) == 1
    with store.snapshot(SCHEMA) as snapshot:
        assert snapshot.revision == revisions[-1]


def test_a_write_that_is_refused_leaves_nothing_and_no_revision(cast: EntityWriter, store: EntityStore) -> None:
    with pytest.raises(DataError, match="there is no parent `Team:nowhere`"):
        cast.put(ALICE, {"clearance": 9}, ["nowhere"])
    with store.snapshot(SCHEMA) as snapshot:
        assert number(snapshot.revision) == 4
        assert snapshot.rows([ALICE])[ALICE].attributes["clearance"] == 2


def test_an_entity_is_put_whole(cast: EntityWriter, store: EntityStore) -> None:
    cast.put(ALICE, {"suspended": True})
    with store.snapshot(SCHEMA) as snapshot:
        row = snapshot.rows([ALICE])[ALICE]
    assert row.parents == ()
    assert row.attributes["suspended"] is True
    assert row.attributes["clearance"] is SCHEMA.types["User"].attributes["clearance"].gap


def test_an_assignment_written_anew_changes_its_expiry(cast: EntityWriter, store: EntityStore) -> None:
    cast.assign(ALICE_GIVEN, "docs.viewer", "t1", "2030-01-01T00:00:00Z")
    cast.assign(ALICE_GIVEN, "docs.viewer", "t1")
    with store.snapshot(SCHEMA) as snapshot:
        assert [held.expires_at for held in snapshot.assignments([ALICE])] == [None]


def test_deleting_an_entity_deletes_what_it_holds_and_what_is_held_at_it(cast: EntityWriter, facts: Database) -> None:
    cast.assign(ALICE_GIVEN, "docs.viewer", "t1")
    cast.relate("d1", "docs.collaborator", ALICE_GIVEN)
    cast.delete(T1)
    assert counts(facts)["role_assignment"] == 0
    cast.delete(PLAN)
    assert counts(facts)["relation_link"] == 0
    cast.assign(ALICE_GIVEN, "docs.auditor")
    cast.delete(ALICE)
    assert counts(facts) == {"entity": 1, "entity_parent": 0, "relation_link": 0, "role_assignment": 0}


def test_a_parent_of_others_is_not_deleted(cast: EntityWriter) -> None:
    with pytest.raises(DataError, match="`Team:legal` is the parent of other entities"):
        cast.delete(LEGAL)


def test_what_is_not_there_cannot_be_taken_away(cast: EntityWriter) -> None:
    with pytest.raises(DataError, match="there is no `User:bob`"):
        cast.delete(Ref("User", "bob"))
    with pytest.raises(DataError, match=r"`User:alice` is not assigned `docs\.viewer` at `Tenant:t1`"):
        cast.unassign(ALICE_GIVEN, "docs.viewer", "t1")
    with pytest.raises(DataError, match=r"`User:alice` is no `docs\.collaborator` of `Document:d1`"):
        cast.unrelate("d1", "docs.collaborator", ALICE_GIVEN)


def test_roles_and_relations_go_to_what_is_there(cast: EntityWriter) -> None:
    bob: Json = {"type": "User", "id": "bob"}
    with pytest.raises(DataError, match="there is no entity `User:bob`"):
        cast.assign(bob, "docs.auditor")
    with pytest.raises(DataError, match="there is no entity `Tenant:t2`"):
        cast.assign(ALICE_GIVEN, "docs.viewer", "t2")
    with pytest.raises(DataError, match="there is no entity `Document:d2`"):
        cast.relate("d2", "docs.collaborator", ALICE_GIVEN)
    with pytest.raises(DataError, match="there is no entity `User:bob`"):
        cast.relate("d1", "docs.collaborator", bob)


def test_a_principal_without_rows_may_hold_a_role(cast: EntityWriter, store: EntityStore) -> None:
    cast.assign({"type": "Service", "id": "billing"}, "docs.auditor")
    with store.snapshot(SCHEMA) as snapshot:
        assert [held.subject for held in snapshot.assignments([Ref("Service", "billing")])] == [
            Ref("Service", "billing")
        ]


def test_an_attribute_may_refer_to_what_is_not_there(cast: EntityWriter, store: EntityStore) -> None:
    cast.put(PLAN, {"owner": {"type": "User", "id": "gone"}})
    with store.snapshot(SCHEMA) as snapshot:
        assert snapshot.rows([PLAN])[PLAN].attributes["owner"] == Ref("User", "gone")


def test_parents_stay_a_hierarchy(cast: EntityWriter) -> None:
    folders = [Ref("Folder", f"f{at}") for at in range(18)]
    cast.put(folders[0], {})
    for at in range(1, 17):
        cast.put(folders[at], {}, [f"f{at - 1}"])
    with pytest.raises(DataError, match="the way up through `Folder:f17` is longer than 16 parents"):
        cast.put(folders[17], {}, ["f16"])
    with pytest.raises(DataError, match="`Folder:f3` would be its own ancestor"):
        cast.put(folders[3], {}, ["f2", "f9"])
    with pytest.raises(DataError, match="`Folder:f0` would be its own ancestor"):
        cast.put(folders[0], {}, ["f0"])
    cast.put(folders[17], {})
    with pytest.raises(DataError, match="the way up through `Folder:f0` is longer than 16 parents"):
        cast.put(folders[0], {}, ["f17"])


@pytest.mark.parametrize(
    ("ref", "attributes", "reason"),
    [
        (Ref("Document", "x" * 257), {}, "`id`: an id has at most 256 characters"),
        (Ref("Nothing", "x"), {}, "unknown type `Nothing`"),
        (Ref("Service", "x"), {}, "`Service` has no rows: its entities are described by the claim"),
        (PLAN, {"ownr": None}, "unknown attribute `ownr` of `Document`\nhelp: did you mean `owner`?"),
        (PLAN, {"intent": "x"}, "`Document.intent` is not stored: every request gives it"),
        (PLAN, {"level": "3"}, "`Document.level`: expected a whole number"),
        (PLAN, {"labels": ["a", 1]}, "`Document.labels`: expected a string"),
        (PLAN, {"labels": ["a\0"]}, "`Document.labels`: a string has no NUL"),
        (PLAN, {"owner": "alice"}, "`Document.owner`: expected {"),
        (PLAN, {"visibility": "secret"}, "`Document.visibility`: expected one of private, internal, public"),
        (PLAN, {"retain_until": "2027-01-01"}, "`Document.retain_until`: expected an RFC 3339 time"),
        (PLAN, {"networks": ["10.0.0.1/8"]}, "`Document.networks`: expected a network without host bits"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused_by_name(
    writer: EntityWriter, ref: Ref, attributes: Json, reason: str
) -> None:
    with pytest.raises(DataError) as failed:
        writer.put(ref, attributes)
    assert reason in str(failed.value)
