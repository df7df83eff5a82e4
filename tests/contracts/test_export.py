"""An export imports back equal, into either kind of database; what has no form is said and left out."""

from io import BytesIO
from pathlib import Path

import orjson
import pytest
from sqlalchemy import insert, update

from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import entity, relation_link, role_assignment
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.exporter import Exporter
from service.entities.imported import Asked
from service.entities.importer import Importer
from service.errors import DataError
from tests.contracts.documents import SCHEMA

ALICE: Json = {"type": "User", "id": "alice"}
LEGAL: Json = {"type": "Team", "id": "legal"}
T1: Json = {"type": "Tenant", "id": "t1"}
D1: Json = {"type": "Document", "id": "d1"}
NEW_YEAR = "2030-01-01T00:00:00Z"
PLAN: dict[str, Json] = {
    "kind": "resource",
    "type": "Document",
    "id": "d1",
    "attributes": {
        "address": {"box": {"fee": "0.0001", "size": 3}, "city": "Paris", "host": ALICE},
        "from": "2001:db8::1",
        "labels": ["a", "é", "😀"],
        "level": -(2**53 - 1),
        "networks": ["10.0.0.0/8", "2001:db8::/32"],
        "owner": ALICE,
        "price": "-900719925474.0991",
        "rates": ["1", "2.5"],
        "readers": [ALICE, {"type": "User", "id": "b:c"}],
        "retain_until": "2026-12-31T23:00:00.500Z",
        "review_every": "1h30m",
        "tenant": T1,
        "visibility": "internal",
    },
    "parents": [{"type": "Folder", "id": "a"}, {"type": "Folder", "id": "b"}],
}
FACTS: list[dict[str, Json]] = [
    PLAN,
    {"kind": "resource", "type": "Folder", "id": "a", "attributes": {}, "parents": []},
    {"kind": "resource", "type": "Folder", "id": "b", "attributes": {}, "parents": [{"type": "Folder", "id": "a"}]},
    {"kind": "resource", "type": "Team", "id": "legal", "attributes": {}, "parents": []},
    {"kind": "resource", "type": "Tenant", "id": "t1", "attributes": {}, "parents": []},
    {"kind": "principal", "type": "User", "id": "alice", "attributes": {"suspended": False}, "parents": []},
    {"kind": "assignment", "principal": LEGAL, "role": "docs.auditor", "scope": None, "expires_at": None},
    {"kind": "assignment", "principal": ALICE, "role": "docs.viewer", "scope": T1, "expires_at": NEW_YEAR},
    {"kind": "relation", "resource": D1, "relation": "docs.collaborator", "principal": ALICE, "expires_at": None},
]


def unexpected(what: str) -> None:
    raise AssertionError(what)


def write(database: Database, facts: list[dict[str, Json]]) -> None:
    Importer(database, SCHEMA).run(BytesIO(b"\n".join(map(orjson.dumps, facts))), Asked(may_change=True))


def test_an_export_is_the_import_that_made_it(facts: Database) -> None:
    write(facts, FACTS)
    assert list(Exporter(facts, SCHEMA).lines(unexpected)) == FACTS


def test_an_export_imports_into_another_database_equal(facts: Database, tmp_path: Path) -> None:
    many: list[dict[str, Json]] = [
        {"kind": "resource", "type": "Tenant", "id": f"t{at:05}", "attributes": {}, "parents": []}
        for at in range(2_500)
    ]
    write(facts, [*many, *FACTS])
    exported = list(Exporter(facts, SCHEMA).lines(unexpected))
    other = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    migrate(other, "facts")
    write(other, exported)
    assert list(Exporter(other, SCHEMA).lines(unexpected)) == exported
    assert len(exported) == len(many) + len(FACTS)


def test_what_the_schema_cannot_read_is_left_out_and_said(facts: Database) -> None:
    write(facts, FACTS)
    with facts.write() as connection:
        connection.execute(insert(entity).values(type="Gone", id="g", attributes={}))
        connection.execute(update(entity).where(entity.c.id == "alice").values(attributes={"clearance": "x", "old": 1}))
        connection.execute(update(entity).where(entity.c.id == "legal").values(attributes=[]))
        connection.execute(
            insert(role_assignment).values(
                subject_type="User", subject_id="alice", role="gone.role", place_type="", place_id=""
            )
        )
        connection.execute(
            insert(relation_link).values(
                resource_type="Folder", resource_id="a", relation="x.y", subject_type="User", subject_id="alice"
            )
        )
    left_out: list[str] = []
    exported = list(Exporter(facts, SCHEMA).lines(left_out.append))
    assert left_out == [
        "`Gone:g`: type `Gone` is not declared to have rows",
        "`Team:legal`: its attributes are no object",
        "`User:alice`: `clearance`: expected a whole number",
        "`User:alice`: `old` is no stored attribute of `User`",
        "role `gone.role` of `User:alice`: unknown role `gone.role`",
        "relation `x.y` of `Folder:a`: unknown stored relation `x.y`",
    ]
    assert len(exported) == len(FACTS)
    write(facts, exported)


def test_what_is_known_about_an_entity_is_itself_its_roles_and_its_relations(facts: Database) -> None:
    write(facts, FACTS)
    about = Exporter(facts, SCHEMA).about
    assert about(Ref("Document", "d1"), unexpected) == [FACTS[0], FACTS[8]]
    assert about(Ref("User", "alice"), unexpected) == [FACTS[5], FACTS[7], FACTS[8]]
    assert about(Ref("Tenant", "t1"), unexpected) == [FACTS[4], FACTS[7]]
    with pytest.raises(DataError, match="there is no `User:bob`"):
        about(Ref("User", "bob"), unexpected)
