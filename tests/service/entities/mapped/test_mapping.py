"""A mapping is held to the application's real tables and to the policies before anything is read by it."""

from typing import Any

import pytest

from policy_lang.schema import Schema
from service.configuring import load_settings
from service.entities.elsewhere import Elsewhere
from service.errors import ConfigError
from service.source_settings import SourceSettings
from tests.service.entities.mapped.places import execute, schema_of, source_of

SCHEMA = schema_of(
    """
    tenant type Org {}
    type Team in Team {}
    principal type User in Team { org: Org, level: int, joined: timestamp?, note: string? from request }
    type Doc in Doc { org: Org, owner: User | Team, price: decimal?, tags: set<string>? }
    type Route from request { path: string }
    actions Doc { read, edit }
    role viewer on Org { Doc: read }
    role admin { Doc: edit }
    relation reader on Doc: User
    rule by_role: allow granted on Doc to role in resource.org
    rule shared: allow read on Doc to reader when principal.level > 1
    """
)
TABLES = (
    "CREATE TABLE orgs (id TEXT NOT NULL PRIMARY KEY)",
    "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, org_id TEXT, level INTEGER, joined TIMESTAMP, ratio REAL)",
    "CREATE TABLE docs (id TEXT NOT NULL UNIQUE, org_id TEXT, owner_kind TEXT, owner TEXT, price NUMERIC(9, 2))",
    "CREATE TABLE loose (id TEXT, name TEXT)",
    "CREATE TABLE members (user_id INTEGER, org_id TEXT, role TEXT, until TIMESTAMP, amount NUMERIC(4, 1))",
    "CREATE VIEW open_docs AS SELECT * FROM docs",
)
OWNER = {"column": "owner", "type_column": "owner_kind", "types": {"u": "User", "t": "Team"}}
USER = {"table": "users", "tenant": "org_id", "attributes": {"level": "level"}}
DOC = {"table": "docs", "tenant": "org_id", "attributes": {"owner": OWNER}}
ROLE = {
    "table": "members",
    "subject": {"column": "user_id", "type": "User"},
    "role": "m.viewer",
    "at": {"column": "org_id", "type": "Org"},
}
RELATION = {
    "table": "members",
    "relation": "m.reader",
    "resource": {"column": "org_id", "type": "Doc"},
    "subject": {"column": "user_id", "type": "User"},
}


def faults(url: str, **settings: Any) -> list[str]:
    source = source_of(url, **settings)
    try:
        return list(source.plan(SCHEMA).faults)
    finally:
        source.close()


@pytest.fixture
def url(database_url: str) -> str:
    """A database with the application's tables, of each kind in turn."""
    execute(database_url, *TABLES)
    return database_url


def test_a_mapping_that_fits_has_no_fault(url: str) -> None:
    types = {"Org": {"table": "orgs"}, "User": USER, "Doc": {**DOC, "table": "open_docs"}}
    assert faults(url, types=types, roles=[ROLE], relations=[RELATION]) == []


TYPE_FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("Usr", USER, "unknown type `Usr`\nhelp: did you mean `User`?"),
    ("Route", {"table": "orgs"}, "`Route` has no rows: its entities are described by the request"),
    ("Org", {"table": "ogs"}, "there is no table or view `ogs`\nhelp: did you mean `orgs`?"),
    ("Org", {"table": "elsewhere.orgs"}, "there is no table or view `elsewhere.orgs`"),
    ("Org", {"table": "orgs", "id": "idd"}, "there is no column `idd` in `orgs`\nhelp: did you mean `id`?"),
    ("Org", {"table": "loose"}, "`loose.id` may be NULL"),
    ("Org", {"table": "loose", "id": "name"}, "two rows of `loose` may have the same `name`"),
    ("Org", {"table": "orgs", "tenant": "id"}, "`Org` has no attribute that is a tenant"),
    ("User", {**USER, "attributes": {}}, "`User.level` is required, and has no column"),
    ("User", {**USER, "id": "joined"}, "`users.joined` is a time without a zone"),
    ("User", {**USER, "attributes": {"level": "ratio"}}, "`users.ratio`: it is a binary fraction"),
    ("User", {**USER, "attributes": {"level": "level", "lvl": "level"}}, "unknown attribute `lvl`"),
    ("User", {**USER, "attributes": {"level": "level", "note": "id"}}, "`User.note` is not stored: the request brings"),
    ("User", {**USER, "attributes": {"level": "level", "joined": "joined"}}, "its times have no zone"),
    ("User", {**USER, "attributes": {"level": "level", "joined": "level"}}, "nothing says what its whole numbers"),
    ("Doc", {**DOC, "attributes": {"owner": "owner"}}, "its ids may be of User | Team\nhelp: say type, or type_column"),
    ("Doc", {**DOC, "attributes": {"owner": {**OWNER, "types": {"u": "Usr"}}}}, "unknown type `Usr`"),
    ("Doc", {**DOC, "attributes": {"owner": {**OWNER, "types": {"a:b": "User"}}}}, "`a:b` has a colon"),
    ("Doc", {**DOC, "parents": [{"column": "owner", "type": "Team"}]}, "unknown parent of `Doc` `Team`"),
    (
        "Doc",
        {**DOC, "parents": [{"table": "members", "child": "user_id", "column": "org_id", "type": "Doc"}]},
        "`members.user_id` is a whole number, and the id text",
    ),
]


@pytest.mark.parametrize(("name", "how", "fault"), TYPE_FAULTS, ids=[fault[:40] for _, _, fault in TYPE_FAULTS])
def test_what_does_not_fit_a_type_is_told_with_its_place_and_help(
    url: str, name: str, how: dict[str, Any], fault: str
) -> None:
    found = faults(url, types={name: how})
    assert any(fault in each for each in found), found
    assert all(each.startswith("`sources.app.types") for each in found)


TIE_FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("roles", {**ROLE, "role": "m.viewr"}, "unknown role `m.viewr`\nhelp: did you mean `m.viewer`?"),
    ("roles", {**ROLE, "role": "m.admin"}, "role `m.admin` is held everywhere, at no place"),
    ("roles", {**ROLE, "at": None}, "role `m.viewer` is held at a `Org`\nhelp: say by `at` which column has it"),
    ("roles", {**ROLE, "at": {"column": "org_id", "type": "Doc"}}, "is held at a `Org`, and at nothing else"),
    ("roles", {**ROLE, "subject": {"column": "user_id", "type": "Doc"}}, "unknown type that holds roles `Doc`"),
    ("roles", {**ROLE, "subject": {"column": "amount", "type": "User"}}, "is an exact decimal"),
    ("roles", {**ROLE, "expires_at": "until"}, "its times have no zone"),
    ("roles", {**ROLE, "expires_at": {"column": "untl", "zone": "UTC"}}, "did you mean `until`?"),
    ("relations", {**RELATION, "relation": "m.readr"}, "unknown stored relation `m.readr`"),
    (
        "relations",
        {**RELATION, "resource": {"column": "org_id", "type": "Org"}},
        "unknown resource of `m.reader` `Org`",
    ),
    (
        "relations",
        {**RELATION, "subject": {"column": "org_id", "type": "Team"}},
        "unknown subject of `m.reader` `Team`",
    ),
    ("relations", {**RELATION, "table": "member"}, "did you mean `members`?"),
]


@pytest.mark.parametrize(("kind", "how", "fault"), TIE_FAULTS, ids=[fault[:40] for _, _, fault in TIE_FAULTS])
def test_what_does_not_fit_a_role_or_relation_is_told_with_its_place_and_help(
    url: str, kind: str, how: dict[str, Any], fault: str
) -> None:
    found = faults(url, **{kind: [how]})
    assert any(fault in each for each in found), found


def test_every_fault_is_told_at_once(url: str) -> None:
    found = faults(url, types={"Usr": USER, "Org": {"table": "ogs"}}, roles=[{**ROLE, "role": "m.x"}])
    assert len(found) == 3


def test_texts_that_are_equal_and_not_identical_are_refused_on_sqlite(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    execute(
        url,
        "CREATE TABLE folded (id TEXT COLLATE NOCASE NOT NULL PRIMARY KEY)",
        "CREATE TABLE trimmed (id TEXT COLLATE RTRIM NOT NULL PRIMARY KEY)",
        "CREATE VIEW seen AS SELECT id FROM folded",
    )
    assert "takes `a` for `A`" in faults(url, types={"Org": {"table": "folded"}})[0]
    assert "takes `a` for `a `" in faults(url, types={"Org": {"table": "trimmed"}})[0]
    assert "takes `a` for `A`" in faults(url, types={"Org": {"table": "seen"}})[0]


def test_texts_that_are_equal_and_not_identical_are_refused_on_postgresql(postgresql_url: str) -> None:
    execute(
        postgresql_url,
        # As ICU has them, without needing a server that was built with ICU.
        "CREATE COLLATION folding (provider = libc, locale = 'C')",
        "UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'folding'",
        "CREATE TABLE folded (id TEXT COLLATE folding NOT NULL PRIMARY KEY)",
        "CREATE TABLE padded (id CHAR(8) NOT NULL PRIMARY KEY)",
        "CREATE DOMAIN code AS TEXT COLLATE folding",
        "CREATE TABLE coded (id code NOT NULL PRIMARY KEY)",
    )
    assert "collation `folding` is not deterministic" in faults(postgresql_url, types={"Org": {"table": "folded"}})[0]
    assert "collation `folding` is not deterministic" in faults(postgresql_url, types={"Org": {"table": "coded"}})[0]
    assert "padded with blanks" in faults(postgresql_url, types={"Org": {"table": "padded"}})[0]


def test_an_index_that_holds_for_some_rows_makes_no_id_unique(database_url: str) -> None:
    execute(
        database_url,
        "CREATE TABLE part (id TEXT NOT NULL, gone INTEGER)",
        "CREATE UNIQUE INDEX part_id ON part (id) WHERE gone = 0",
    )
    assert "two rows of `part` may have the same `id`" in faults(database_url, types={"Org": {"table": "part"}})[0]


def test_a_type_is_in_one_source(url: str) -> None:
    source = SourceSettings.model_validate({"types": {"User": USER}, "relations": [RELATION]})
    with pytest.raises(ConfigError, match="the type `User` is in two sources, `a` and `b`"):
        Elsewhere({"a": source, "b": source})


def test_the_database_of_a_source_may_come_from_the_environment(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "magistrate.toml"
    file.write_text('[sources.app]\ndatabase = "sqlite:///a.db"\n[sources.app.types.User]\ntable = "users"\n')
    monkeypatch.setenv("MAGISTRATE_SOURCES__APP__DATABASE", "postgresql://reader@host/app")
    app = load_settings(file, {}).sources["app"]
    assert (app.database, app.types["User"].table) == ("postgresql://reader@host/app", "users")


WRONG: list[tuple[str, str]] = [
    ("[sources.App]\n", "should match pattern"),
    ('[sources.app.types.User]\ntable = "a.b.c"\n', "should match pattern"),
    ('[sources.app.types.User]\ntable = "a"\nidd = "b"\n', "unknown setting `sources.app.types.User.idd`"),
    ('[[sources.app.roles]]\ntable = "a"\nsubject = { column = "b", type = "User" }\n', "give role, or role_column"),
    (
        '[[sources.app.roles]]\ntable = "a"\nrole = "magistrate.admin"\nsubject = { column = "b", type = "User" }\n',
        "`magistrate.admin` is a role of this service",
    ),
    ('[[sources.app.roles]]\ntable = "a"\nrole = "m.x"\nsubject = { column = "b" }\n', "give type, or type_column"),
]


@pytest.mark.parametrize(("text", "why"), WRONG, ids=[why[:30] for _, why in WRONG])
def test_settings_that_mean_nothing_are_refused(tmp_path: Any, text: str, why: str) -> None:
    file = tmp_path / "magistrate.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_settings(file, {})
    assert why in str(refused.value)


def test_a_schema_that_maps_nothing_needs_no_table(url: str) -> None:
    empty = Schema({}, {}, {}, {}, {})
    source = source_of(url)
    assert source.plan(empty).faults == ()
    source.close()
