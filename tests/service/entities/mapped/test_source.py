"""A source is read in one statement a step whatever the ids; what its rows leave open is unavailable, not guessed."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from policy_lang.facts import Assignment, Link
from policy_lang.values import Ref
from service.entities.mapped.source import MappedSource
from service.entities.mapped.wanted import Wanted
from service.errors import FactsUnavailable, Trouble
from tests.service.entities.mapped.places import execute, schema_of, source_of
from tests.service.entities.statements import counted_statements

SCHEMA = schema_of(
    """
    type Team in Team {}
    principal type User in Team { boss: User? }
    type Doc { name: string }
    actions Doc { read }
    role editor on Doc { Doc: read }
    relation reader on Doc: User, Team
    rule by_role: allow granted on Doc to role in resource
    rule shared: allow read on Doc to reader when resource.name == "x"
    """
)
HOSTILE = [
    "' OR 1=1 --", '"; DROP TABLE users; --', "%s", "%(k0)s", ":k0", "{}", "[1]", "\\", "%", "a:b", "0' UNION SELECT 1",
    "é",
]  # fmt: skip
TABLES = (
    'CREATE TABLE "us ers %" ("i""d" TEXT NOT NULL PRIMARY KEY, "bo:ss" TEXT)',
    "CREATE TABLE teams (id BIGINT NOT NULL PRIMARY KEY, above BIGINT)",
    "CREATE TABLE in_teams (who TEXT, team BIGINT)",
    "CREATE TABLE docs (id TEXT, name TEXT)",
    "CREATE VIEW all_docs AS SELECT id, name FROM docs",
    "CREATE TABLE ties (kind TEXT, who TEXT, doc TEXT, role TEXT, until TEXT)",
)
WHO = {"column": "who", "type_column": "kind", "types": {"u": "User", "t": "Team"}}
MAPPING: dict[str, Any] = {
    "types": {
        "User": {
            "table": "us ers %",
            "id": 'i"d',
            "attributes": {"boss": "bo:ss"},
            "parents": [{"table": "in_teams", "child": "who", "column": "team", "type": "Team"}],
        },
        "Team": {"table": "teams", "parents": [{"column": "above", "type": "Team"}]},
        "Doc": {"table": "all_docs", "attributes": {"name": "name"}},
    },
    "roles": [
        {
            "table": "ties",
            "subject": WHO,
            "role_column": "role",
            "roles": {"e'd": "m.editor"},
            "at": {"column": "doc", "type": "Doc"},
            "expires_at": "until",
        }
    ],
    "relations": [
        {
            "table": "ties",
            "relation": "m.reader",
            "resource": {"column": "doc", "type": "Doc"},
            "subject": WHO,
            "expires_at": "until",
        }
    ],
}
DOC = Ref("Doc", "d")
READER = (DOC, "m.reader")


@pytest.fixture
def url(database_url: str) -> str:
    """A database with tables of awkward names, of each kind in turn."""
    execute(database_url, *(each.replace("%", "%%") if "postgresql" in database_url else each for each in TABLES))
    return database_url


@pytest.fixture
def source(url: str) -> Iterator[MappedSource]:
    """The tables as a source."""
    opened = source_of(url, **MAPPING)
    yield opened
    opened.close()


def test_a_hostile_id_is_a_key_like_any_other(url: str, source: MappedSource) -> None:
    users = [Ref("User", id_) for id_ in HOSTILE]
    quoted = ", ".join("('" + id_.replace("'", "''") + "', NULL)" for id_ in HOSTILE[::2])
    percent = quoted.replace("%", "%%") if "postgresql" in url else quoted
    table = '"us ers %%"' if "postgresql" in url else '"us ers %"'
    execute(url, f"INSERT INTO {table} VALUES {percent}")
    docs = {Ref("Doc", id_) for id_ in HOSTILE}
    wanted = Wanted(
        rows={*users, *docs},
        climbs={Ref("Team", id_) for id_ in HOSTILE},
        held=set(users),
        held_at={*docs, None},
        links={((doc, "m.reader"), user) for doc in docs for user in (*users[:2], None)},
    )
    brought = source.read(SCHEMA, wanted)
    assert {ref.id for ref, row in brought.rows.items() if row is not None} == set(HOSTILE[::2])
    assert not any(brought.held.values()) and not any(brought.links.values()) and not any(brought.held_at.values())


def test_an_id_that_no_column_can_have_has_no_row(url: str, source: MappedSource) -> None:
    execute(url, "INSERT INTO teams VALUES (7, NULL)")
    ids = ["7", "07", "+7", "7.0", " 7", "7e0", "٧", "9223372036854775808", "-0", "true"]
    brought = source.read(SCHEMA, Wanted(rows={Ref("Team", id_) for id_ in ids}))
    assert [ref.id for ref, row in brought.rows.items() if row is not None] == ["7"]


def test_parents_are_climbed_one_statement_a_level_for_the_whole_batch(url: str, source: MappedSource) -> None:
    rows = ", ".join(f"({team}, {team + 1 if team < 6 else 'NULL'})" for team in range(1, 7))
    execute(url, f"INSERT INTO teams VALUES {rows}", "INSERT INTO in_teams VALUES ('a', 1), ('b', 1), ('b', 4)")
    table = '"us ers %%"' if "postgresql" in url else '"us ers %"'
    execute(url, f"INSERT INTO {table} VALUES ('a', NULL), ('b', 'a')")
    users = {Ref("User", "a"), Ref("User", "b")}
    source.read(SCHEMA, Wanted(rows=users))
    with counted_statements() as seen:
        fresh = source_of(url, **MAPPING)
        brought = fresh.read(SCHEMA, Wanted(climbs=users))
        fresh.close()
    parents = {ref.id: [parent.id for parent in row.parents] for ref, row in brought.rows.items() if row is not None}
    assert parents == {"a": ["1"], "b": ["1", "4"], **{str(at): [str(at + 1)] for at in range(1, 6)}, "6": []}
    # The users; then the teams 1 and 4, 2 and 5, 3 and 6.
    assert len([text for text in seen if "json_array(" in text or "json_build_array(" in text]) == 4


def test_a_way_up_that_goes_round_ends(url: str, source: MappedSource) -> None:
    execute(url, "INSERT INTO teams VALUES (1, 2), (2, 1)")
    brought = source.read(SCHEMA, Wanted(climbs={Ref("Team", "1")}))
    assert set(brought.rows) == {Ref("Team", "1"), Ref("Team", "2")}


def test_two_rows_with_one_id_are_unavailable_and_no_failure_of_the_database(url: str, source: MappedSource) -> None:
    execute(url, "INSERT INTO docs VALUES ('d', 'x'), ('d', 'y')")
    with pytest.raises(FactsUnavailable, match="two rows of `all_docs` have the id of one `Doc`") as failed:
        source.read(SCHEMA, Wanted(rows={DOC}))
    assert failed.value.trouble is Trouble.DATA


def test_roles_and_relations_are_found_by_each_end_by_the_types_that_rows_say(url: str, source: MappedSource) -> None:
    execute(
        url,
        "INSERT INTO ties VALUES ('u', 'a', 'd', 'e''d', NULL), ('t', 'a', 'd', 'e''d', '2026-01-05T10:00:00Z'),"
        " ('x', 'a', 'd', 'e''d', NULL), ('u', 'a', 'd', 'other', NULL), ('u', NULL, 'd', 'e''d', NULL)",
    )
    user, team = Ref("User", "a"), Ref("Team", "a")
    until = 1_767_607_200_000
    held = Assignment(user, "m.editor", DOC, None)
    brought = source.read(
        SCHEMA, Wanted(held={user, team}, held_at={DOC, None}, links={(READER, user), (READER, None)})
    )
    assert brought.held == {user: (held,), team: (Assignment(team, "m.editor", DOC, until),)}
    assert set(brought.held_at[DOC]) == {held, Assignment(team, "m.editor", DOC, until)}
    assert brought.held_at[None] == ()
    assert set(brought.links[READER, user]) == {Link(DOC, "m.reader", user, None)}
    assert set(brought.links[READER, None]) == {
        Link(DOC, "m.reader", user, None), Link(DOC, "m.reader", team, until)
    }  # fmt: skip


def test_relations_of_several_tables_are_found_in_one_statement(url: str) -> None:
    schema = schema_of(
        """
        principal type User {}
        type Doc { }
        actions Doc { read }
        relation reader on Doc: User
        relation writer on Doc: User
        rule shared: allow read on Doc to reader, writer
        """
    )
    execute(url, "INSERT INTO ties VALUES ('u', 'a', 'd', NULL, NULL)", "CREATE TABLE more AS SELECT * FROM ties")
    ends = {"resource": {"column": "doc", "type": "Doc"}, "subject": {"column": "who", "type": "User"}}
    relations = [{"table": "ties", "relation": "m.reader", **ends}, {"table": "more", "relation": "m.writer", **ends}]
    user = Ref("User", "a")
    with counted_statements() as seen:
        source = source_of(url, relations=relations)
        brought = source.read(schema, Wanted(links={((DOC, "m.reader"), user), ((DOC, "m.writer"), user)}))
        source.close()
    assert {link for links in brought.links.values() for link in links} == {
        Link(DOC, "m.reader", user, None), Link(DOC, "m.writer", user, None)
    }  # fmt: skip
    assert len([text for text in seen if "json_array(" in text or "json_build_array(" in text]) == 1


def test_an_expiry_that_nobody_can_read_is_neither_over_nor_not(url: str, source: MappedSource) -> None:
    execute(url, "INSERT INTO ties VALUES ('u', 'a', 'd', 'e''d', 'next year')")
    with pytest.raises(FactsUnavailable, match="a row of `ties` expires at no time that can be read") as failed:
        source.read(SCHEMA, Wanted(held={Ref("User", "a")}))
    assert failed.value.trouble is Trouble.DATA


def test_a_statement_ends_when_its_time_is_over(url: str) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000) SELECT max(i) FROM n"
        if "sqlite" in url
        else "SELECT count(pg_sleep(60))"
    )
    execute(url, f"CREATE VIEW slow AS SELECT id, (SELECT CAST(m AS TEXT) FROM ({endless}) AS x(m)) AS name FROM docs"
            if "postgresql" in url else
            f"CREATE VIEW slow AS SELECT id, ({endless}) || '' AS name FROM docs",
            "INSERT INTO docs VALUES ('d', 'x')")  # fmt: skip
    slow = source_of(url, types={"Doc": {"table": "slow", "attributes": {"name": "name"}}})
    began = time.monotonic()
    with pytest.raises(FactsUnavailable, match="took longer than the time that was left"):
        slow.read(SCHEMA, Wanted(rows={DOC}), 300)
    assert time.monotonic() - began < 20
    slow.close()


def test_the_application_cannot_be_written(url: str, source: MappedSource) -> None:
    source.read(SCHEMA, Wanted(rows={DOC}))
    with pytest.raises(FactsUnavailable), source._database.read() as connection:
        connection.exec_driver_sql("INSERT INTO docs VALUES ('z', 'z')")


def test_tables_that_changed_are_looked_at_again(url: str, source: MappedSource) -> None:
    execute(url, "INSERT INTO docs VALUES ('d', 'x')")
    source.read(SCHEMA, Wanted(rows={DOC}))
    execute(url, "DROP VIEW all_docs")
    with pytest.raises(FactsUnavailable):
        source.read(SCHEMA, Wanted(rows={DOC}))
    execute(url, "CREATE VIEW all_docs AS SELECT 'new' AS more, id, name FROM docs")
    row = source.read(SCHEMA, Wanted(rows={DOC})).rows[DOC]
    assert row is not None and row.attributes["name"] == "x"
