"""What a bundle's types make of stored facts is found before the bundle is in force, on every kind of database."""

import tracemalloc

from sqlalchemy import insert

from policy_lang.loading import load
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import entity
from service.entities.fitting import Misfit, find_misfits
from service.entities.writer import EntityWriter
from service.governance.grants import Grants

OLD = """
module docs
tenant type Tenant {}
type Team in Team {}
type Club {}
principal type User in Team { tenant: Tenant, clearance: int?, nick: string? sensitive, mail: string? }
type Document { owner: User | Team, level: int?, labels: set<string>?, place: { city: string, floor: int? }? }
actions Document { read }
role viewer on Tenant { Document: read }
role editor on Tenant { Document: read }
role auditor {}
relation collaborator on Document: User, Team
relation watcher on Document: User
"""
NEW = """
module docs
tenant type Tenant {}
type Team {}
principal type User in Team { tenant: Tenant, clearance: enum(low, high)?, nick: bool? sensitive,
                              mail: string? from claim "mail" }
type Document { owner: User, level: int, place: { city: int }? }
actions Document { read }
role viewer on Tenant { Document: read }
role editor { Document: read }
relation collaborator on Document: User
"""


def schema_of(text: str) -> Schema:
    return load({"docs.policy": text}).program.schema


def fill(database: Database) -> None:
    writer = EntityWriter(database, schema_of(OLD))
    writer.put(Ref("Tenant", "t1"), {})
    writer.put(Ref("Club", "c1"), {})
    writer.put(Ref("Club", "c2"), {})
    writer.put(Ref("Team", "all"), {})
    writer.put(Ref("Team", "legal"), {}, ["all"])
    for at in range(5):
        attributes: Json = {"tenant": "t1", "clearance": at, "nick": f"mark-{at}", "mail": "m"}
        writer.put(Ref("User", f"u{at}"), attributes, ["legal"])
    user: Json = {"type": "User", "id": "u0"}
    team: Json = {"type": "Team", "id": "legal"}
    writer.put(Ref("Document", "d1"), {"owner": user, "level": 1, "labels": ["a"], "place": {"city": "Paris"}})
    writer.put(Ref("Document", "d2"), {"owner": team})
    writer.assign(user, "docs.viewer", "t1")
    writer.assign(user, "docs.editor", "t1")
    writer.assign(user, "docs.auditor")
    writer.relate("d1", "docs.collaborator", user)
    writer.relate("d1", "docs.collaborator", team)
    writer.relate("d2", "docs.watcher", "u0")
    Grants(database).give(Ref("User", "u0"), "admin", None)


def test_what_fits_is_no_finding(facts: Database) -> None:
    fill(facts)
    assert find_misfits(facts, schema_of(OLD)) == []


def test_everything_that_does_not_fit_is_counted_with_its_cause_and_examples(facts: Database) -> None:
    fill(facts)
    told: list[tuple[int, int]] = []
    found = find_misfits(facts, schema_of(NEW), lambda done, of: told.append((done, of)))
    users = ("User:u0", "User:u1", "User:u2")
    auditor = "unknown role `docs.auditor`; help: did you mean `docs.editor`?"
    assert found == [
        Misfit("D101", "Club", "", "the type is not declared to have rows", 2, ("Club:c1", "Club:c2")),
        Misfit("D102", "Document", "labels", "the attribute is not declared to be stored", 1, ("Document:d1",)),
        Misfit("D102", "User", "mail", "the attribute is not declared to be stored", 5, users),
        Misfit("D103", "Document", "owner", "expected a stored reference to User", 1, ("Document:d2",)),
        Misfit("D103", "Document", "place", "`city`: expected a whole number", 1, ("Document:d1",)),
        Misfit("D103", "User", "clearance", "expected one of low, high", 5, users),
        Misfit("D103", "User", "nick", "expected true or false", 5, users),
        Misfit("D104", "Document", "level", "the attribute is required", 1, ("Document:d2",)),
        Misfit("D105", "Team", "", "`Team` is no parent of `Team`", 1, ("Team:legal",)),
        Misfit("D201", "docs.auditor", "", auditor, 1, ("User:u0",)),
        Misfit("D202", "docs.editor", "", "role `docs.editor` is assigned globally, at no place", 1, ("User:u0",)),
        Misfit("D301", "docs.watcher", "", "unknown stored relation `docs.watcher`", 1, ("Document:d2",)),
        Misfit("D302", "docs.collaborator", "", "`principal`: expected a reference to User", 1, ("Document:d1",)),
    ]  # fmt: skip
    assert told[-1] == (12, 12)
    assert "mark-" not in repr(found)


def test_dirty_rows_are_findings_of_any_bundle(facts: Database) -> None:
    with facts.write() as connection:
        connection.execute(insert(entity).values(type="User", id="u", attributes=[1]))
        connection.execute(
            insert(entity).values(type="Document", id="d", attributes={"owner": "User:u", "level": 2**60})
        )
    assert [(each.code, each.subject, each.count) for each in find_misfits(facts, schema_of(OLD))] == [
        ("D103", "Document.level", 1),
        ("D103", "User", 1),
    ]


def test_a_look_at_many_rows_takes_little_memory(facts: Database) -> None:
    rows = [
        {"type": "Document", "id": f"d{at:04}", "attributes": {"owner": "User:u", "level": "x" * 500}}
        for at in range(8_000)
    ]
    with facts.write() as connection:
        connection.execute(insert(entity), rows)
    del rows
    tracemalloc.start()
    (found,) = find_misfits(facts, schema_of(OLD))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.count == 8_000
    assert peak < 3 << 20
