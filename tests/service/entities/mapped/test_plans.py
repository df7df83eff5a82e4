"""The statements of a mapped source reach their rows by the application's indexes at a million rows on PostgreSQL."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest
from sqlalchemy.engine import URL

from service.db.engine import Database, Prepared
from service.db.mapped.statements import Branch, BranchRow
from service.db.opening import open_source
from service.entities.mapped.plan import Plan
from service.entities.mapped.source import MappedSource
from service.source_settings import SourceSettings
from tests.conftest import database_of
from tests.service.entities.mapped.places import execute, schema_of

SCHEMA = schema_of(
    """
    type Team in Team {}
    principal type User in Team { level: int }
    type Doc in Doc { owner: User }
    actions Doc { read }
    relation reader on Doc: User, Team
    role editor on Doc { Doc: read }
    rule by_role: allow granted on Doc to role in resource
    rule own: allow read on Doc to reader when resource.owner == principal and resource.owner.level > 1
    rule some: allow read on Doc to Team "1" when principal.level > 7
    """
)
DOCS: Final = 1_000_000
TABLES: Final = (
    "CREATE TABLE teams (id UUID PRIMARY KEY)",
    "CREATE TABLE users (id TEXT PRIMARY KEY, level INT)",
    "CREATE TABLE in_teams (member TEXT NOT NULL, team UUID NOT NULL)",
    "CREATE TABLE all_docs (id BIGINT PRIMARY KEY, owner TEXT, above BIGINT, deleted BOOLEAN NOT NULL)",
    "CREATE TABLE ties (doc BIGINT NOT NULL, kind VARCHAR(1) NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL)",
    f"INSERT INTO all_docs SELECT n, 'u' || n % 100000, n / 10, n % 50 = 0 FROM generate_series(1, {DOCS}) n",
    "INSERT INTO users SELECT 'u' || n, n % 10 FROM generate_series(0, 99999) n",
    "INSERT INTO teams SELECT CAST(lpad(to_hex(n), 32, '0') AS UUID) FROM generate_series(1, 10000) n",
    "INSERT INTO in_teams SELECT 'u' || n, CAST(lpad(to_hex(n / 10 + 1), 32, '0') AS UUID)"
    " FROM generate_series(0, 99999) n",
    "INSERT INTO ties SELECT n * 10, CASE WHEN n % 5 = 0 THEN 't' ELSE 'u' END,"
    " CASE WHEN n % 5 = 0 THEN CAST(CAST(lpad(to_hex(n % 10000), 32, '0') AS UUID) AS TEXT) ELSE 'u' || n END,"
    " 'edits' FROM generate_series(1, 100000) n",
    "CREATE VIEW docs AS SELECT id, owner, above FROM all_docs WHERE NOT deleted",
    "CREATE INDEX members_in ON in_teams (member)",
    "CREATE INDEX ties_who ON ties (who)",
    "CREATE INDEX ties_doc ON ties (doc)",
    "ANALYZE",
)
WHO: Final = {"column": "who", "type_column": "kind", "types": {"u": "User", "t": "Team"}}
AT: Final = {"column": "doc", "type": "Doc"}
MAPPING: Final[dict[str, Any]] = {
    "types": {
        "Team": {"table": "teams"},
        "User": {
            "table": "users",
            "attributes": {"level": "level"},
            "parents": [{"table": "in_teams", "child": "member", "column": "team", "type": "Team"}],
        },
        "Doc": {
            "table": "docs",
            "attributes": {"owner": "owner"},
            "parents": [{"column": "above", "type": "Doc"}],
        },
    },
    "roles": [{"table": "ties", "subject": WHO, "at": AT, "role_column": "role", "roles": {"edits": "m.editor"}}],
    "relations": [{"table": "ties", "relation": "m.reader", "resource": AT, "subject": WHO}],
}
INDEXES: Final = {"all_docs_pkey", "users_pkey", "teams_pkey", "members_in"}
IDS: Final = {
    "Team": [f"00000000-0000-0000-0000-{n:012x}" for n in range(100, 105)],
    "User": [f"u{n}" for n in range(100, 105)],
    "Doc": [str(n) for n in range(101, 106)],
}


@dataclass(frozen=True, slots=True)
class Filled:
    """The source over its full tables, and how it reads them."""

    source: MappedSource
    database: Database
    plan: Plan

    def explained(self, branches: tuple[Branch, ...], parameters: dict[str, str]) -> str:
        """How PostgreSQL runs the statement of the branches as a read of the source."""
        explain = Prepared[BranchRow](
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + self.source.statement(branches).text
        )
        with self.database.reading() as reading:
            return "\n".join(str(row[0]) for row in reading.fetch(explain, parameters))


@pytest.fixture(scope="module")
def filled(postgresql_server: URL) -> Iterator[Filled]:
    """A million documents, a hundred thousand users in ten thousand teams, and as many rows of roles."""
    with database_of(postgresql_server) as url:
        execute(url, *(each.replace("%", "%%") for each in TABLES))
        settings = SourceSettings.model_validate({"database": url, **MAPPING})
        database = open_source(settings.database, settings.pool)
        with closing(MappedSource("app", settings, database)) as source:
            yield Filled(source, database, source.plan(SCHEMA))


def whole(explained: str) -> list[str]:
    """The application's tables that were read from one end to the other."""
    return re.findall(r"Seq Scan on (\w+)", explained)


def test_rows_of_every_type_and_their_parents_are_reached_by_their_keys(filled: Filled) -> None:
    plans = filled.plan.types
    parameters = {plans[type_].key.parameter: orjson.dumps(ids).decode() for type_, ids in IDS.items()}
    explained = filled.explained(tuple(plans[type_].branch for type_ in IDS), parameters)
    assert whole(explained) == []
    assert {name for name in INDEXES if name in explained} == INDEXES


@pytest.mark.parametrize("way", ["by_subject", "by_place", "by_both"])
def test_rows_of_roles_and_relations_are_reached_from_each_end(filled: Filled, way: str) -> None:
    variants = [each for tie in filled.plan.ties if tie is not None for each in getattr(tie, way)]
    parameters: dict[str, str] = {}
    for variant in variants:
        parameters.update(variant.texts)
        for type_, key in zip(variant.types, variant.branch.keys, strict=True):
            parameters[key.parameter] = orjson.dumps(IDS[type_]).decode()
    explained = filled.explained(tuple(variant.branch for variant in variants), parameters)
    assert (whole(explained), "ties_" in explained) == ([], True)
