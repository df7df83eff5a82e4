"""What a write leaves for the feed: one row or more a revision, of exactly what it changed."""

from io import BytesIO

import orjson
import pytest
from sqlalchemy import select, update

from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import change
from service.db.feed import LIMIT, Change, advance, begin_epoch, prune
from service.db.migration import migrate
from service.entities.importer import Importer
from service.entities.writer import EntityWriter
from tests.contracts.documents import SCHEMA

ALICE, LEGAL, T1, PLAN = Ref("User", "alice"), Ref("Team", "legal"), Ref("Tenant", "t1"), Ref("Document", "a b:c")
ALICE_GIVEN: Json = {"type": "User", "id": "alice"}


@pytest.fixture
def facts(database: Database) -> Database:
    migrate(database, "facts")
    return database


@pytest.fixture
def writer(facts: Database) -> EntityWriter:
    writer = EntityWriter(facts, SCHEMA)
    for ref in (T1, LEGAL, PLAN):
        writer.put(ref, {})
    writer.put(ALICE, {}, ["legal"])
    return writer


def told(facts: Database, revision: str) -> list[tuple[str, str]]:
    with facts.read() as connection:
        rows = connection.execute(
            select(change.c.kind, change.c.key)
            .where(change.c.revision == int(revision.partition(".")[2]))
            .order_by(change.c.ordinal)
        )
        return [(row.kind, row.key) for row in rows]


def test_every_write_tells_what_it_changed(facts: Database, writer: EntityWriter) -> None:
    assert told(facts, writer.put(PLAN, {"level": 1})) == [("entity", "Document:a b:c")]
    assert told(facts, writer.assign(ALICE_GIVEN, "docs.viewer", "t1")) == [("assignment", "User:alice")]
    assert told(facts, writer.unassign(ALICE_GIVEN, "docs.viewer", "t1")) == [("assignment", "User:alice")]
    link = ("relation", "docs.collaborator Document:a b:c")
    assert told(facts, writer.relate("a b:c", "docs.collaborator", ALICE_GIVEN)) == [link]
    assert told(facts, writer.unrelate("a b:c", "docs.collaborator", ALICE_GIVEN)) == [link]


def test_a_delete_tells_of_all_that_goes_with_the_entity(facts: Database, writer: EntityWriter) -> None:
    writer.assign(ALICE_GIVEN, "docs.viewer", "t1")
    writer.assign({"type": "Team", "id": "legal"}, "docs.viewer", "t1")
    writer.relate("a b:c", "docs.collaborator", ALICE_GIVEN)
    assert sorted(told(facts, writer.delete(T1))) == [
        ("assignment", "Team:legal"), ("assignment", "User:alice"), ("entity", "Tenant:t1"),
    ]  # fmt: skip
    writer.assign(ALICE_GIVEN, "docs.auditor")
    assert sorted(told(facts, writer.delete(ALICE))) == [
        ("assignment", "User:alice"), ("entity", "User:alice"), ("relation", "docs.collaborator Document:a b:c"),
    ]  # fmt: skip


def test_an_import_is_one_change_of_everything(facts: Database) -> None:
    line = orjson.dumps({"kind": "resource", "type": "Tenant", "id": "t2"})
    assert told(facts, Importer(facts, SCHEMA).run(BytesIO(line)).revision) == [("*", "")]


@pytest.mark.parametrize(("count", "rows"), [(0, 1), (1, 1), (LIMIT, LIMIT), (LIMIT + 1, 1)])
def test_a_write_tells_at_least_one_change_and_not_too_many(facts: Database, count: int, rows: int) -> None:
    with facts.write() as connection:
        revision = advance(connection, (Change("entity", f"T:{at}") for at in range(count)))
    assert len(told(facts, revision)) == rows
    assert (told(facts, revision) == [("*", "")]) is not (0 < count <= LIMIT)


def test_a_new_epoch_begins_with_a_change_of_everything(facts: Database, writer: EntityWriter) -> None:
    before = writer.put(T1, {})
    with facts.write() as connection:
        after = begin_epoch(connection)
    assert before.partition(".")[0] != after.partition(".")[0]
    assert told(facts, after) == [("*", "")]
    assert told(facts, before) == []
    assert writer.put(T1, {}).partition(".")[0] == after.partition(".")[0]


def test_old_changes_are_pruned(facts: Database, writer: EntityWriter) -> None:
    with facts.write() as connection:
        connection.execute(update(change).where(change.c.revision <= 2).values(at=1000))
        assert prune(connection, 1001) == 2
        assert prune(connection, 1001) == 0
    assert told(facts, ".2") == []
    assert told(facts, ".3") == [("entity", "Document:a b:c")]
