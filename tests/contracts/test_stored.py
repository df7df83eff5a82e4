"""What is so of the tables of the store alone: one snapshot, one revision, documents that are not as they should be."""

import pytest
from sqlalchemy import insert, update

from policy_lang.schema import Schema
from policy_lang.values import ABSENT, BAD_VALUE, OPTIONAL_NOT_GIVEN, Ref
from service.db.engine import Database
from service.db.facts_tables import entity, revision
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import FactsUnavailable
from tests.contracts.documents import SCHEMA

ALICE, BOB, T1 = Ref("User", "alice"), Ref("User", "bob"), Ref("Tenant", "t1")


@pytest.fixture(autouse=True)
def filled(writer: EntityWriter) -> None:
    """A tenant, Alice and Bob."""
    writer.put(T1, {})
    writer.put(ALICE, {"clearance": 2})
    writer.put(BOB, {"clearance": 1})


@pytest.mark.parametrize("stored", ["text", 2**60, True, [1], {"a": 1}])
def test_what_does_not_fit_its_type_is_a_bad_value(facts: Database, store: EntityStore, stored: object) -> None:
    with facts.write() as connection:
        connection.execute(
            update(entity).where(entity.c.id == "bob").values(attributes={"clearance": stored, "undeclared": 1})
        )
    with store.snapshot(SCHEMA) as snapshot:
        cells = snapshot.rows([BOB])[BOB].attributes
    assert cells["clearance"] is BAD_VALUE
    assert cells["department"] is ABSENT
    assert "undeclared" not in cells


def test_a_document_that_is_no_object_breaks_every_attribute(facts: Database, store: EntityStore) -> None:
    with facts.write() as connection:
        connection.execute(update(entity).where(entity.c.id == "bob").values(attributes=[1, 2]))
    with store.snapshot(SCHEMA) as snapshot:
        cells = snapshot.rows([BOB])[BOB].attributes
    assert cells["clearance"] is BAD_VALUE
    assert cells["email"] is OPTIONAL_NOT_GIVEN


def test_a_row_of_a_type_without_rows_is_no_row(facts: Database, store: EntityStore) -> None:
    with facts.write() as connection:
        connection.execute(insert(entity).values(type="Route", id="r", attributes={}))
    with store.snapshot(SCHEMA) as snapshot:
        assert snapshot.rows([Ref("Route", "r")]) == {}
        assert snapshot.ancestry([Ref("Route", "r")]) == {}


def test_a_snapshot_does_not_see_what_is_written_after_its_start(writer: EntityWriter, store: EntityStore) -> None:
    with store.snapshot(SCHEMA) as snapshot:
        before = snapshot.revision
        after = writer.put(BOB, {"clearance": 9})
        assert snapshot.rows([BOB])[BOB].attributes["clearance"] == 1
    assert before != after
    with store.snapshot(SCHEMA) as later:
        assert later.revision == after
        assert later.rows([BOB])[BOB].attributes["clearance"] == 9


def test_rows_are_read_by_the_schema_that_is_asked_with(store: EntityStore) -> None:
    other = Schema(types={"Tenant": SCHEMA.types["Tenant"]}, actions={}, context={}, roles={}, relations={})
    with store.snapshot(SCHEMA) as snapshot:
        assert set(snapshot.rows([T1, ALICE])) == {T1, ALICE}
    with store.snapshot(other) as snapshot:
        assert set(snapshot.rows([T1, ALICE])) == {T1}


def test_facts_without_a_revision_are_unavailable(facts: Database, store: EntityStore) -> None:
    with facts.write() as connection:
        connection.execute(revision.delete())
    with pytest.raises(FactsUnavailable), store.snapshot(SCHEMA):
        pass
