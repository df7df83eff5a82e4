"""The log's tables are those of the code, share a database with the facts, and find a page by an index."""

from collections.abc import Mapping

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import FACTS
from service.db.log_tables import LOG
from service.db.migration import migrate
from service.db.versions import version_table
from service.decisions.log import page_query
from service.decisions.log_filter import ANY_FLIP, LogFilter

FILTERS: Mapping[str, LogFilter] = {
    "decision_callers": LogFilter(caller=Ref("User", "alice")),
    "decision_principals": LogFilter(principal=Ref("User", "alice")),
    "decision_resources": LogFilter(resource=Ref("Document", "d1")),
    "decision_tenants": LogFilter(tenant=Ref("Tenant", "t1")),
    "decision_actions": LogFilter(action="edit"),
    "decision_effects": LogFilter(effect=Effect.DENY),
    "decision_codes": LogFilter(code="NO_MATCH"),
    "decision_requests": LogFilter(request_id="r-1"),
    "decision_policies": LogFilter(policy_digest="sha256:ff"),
    "decision_unenforceds": LogFilter(enforced=False),
    "decision_flips": LogFilter(flip=ANY_FLIP),
    "decision_break_glass": LogFilter(break_glass="grant-7"),
    "decision_rule": LogFilter(rule="docs.editors_edit"),
}
POSTGRESQL_ALONE = {"decision_strays", "entity_attributes"}
"""Indexes that SQLite has not; how they are used is pinned by tests/service/db."""


def differences(connection: Connection, tables: MetaData) -> list[object]:
    """What the migrations made otherwise than the code says, of those tables."""
    options = {
        "version_table": version_table("log"),
        "include_name": lambda name, kind, _: kind != "table" or name in tables.tables,
        "include_object": lambda _, name, *rest: name not in POSTGRESQL_ALONE,
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables))


def test_the_tables_are_those_that_the_code_knows_also_beside_the_facts(database: Database) -> None:
    migrate(database, "facts")
    migrate(database, "log")
    with database.read() as connection:
        assert differences(connection, LOG) == []
        assert differences(connection, FACTS) == []


@pytest.mark.parametrize("index", FILTERS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_page_is_a_stretch_of_the_filters_index(log_database: Database, index: str) -> None:
    query = page_query(FILTERS[index], 50, "01890a5d-ac96-774b-bcce-b302099a8057")
    with log_database.read() as connection:
        statement = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
    assert (f"USING INDEX {index} (" in plan[0]) or (
        index == "decision_rule" and "USING PRIMARY KEY (rule=?" in plan[0]
    )
    assert not [line for line in plan if "TEMP B-TREE" in line]
