"""A materialized view of PostgreSQL is mapped like a table, and is as fresh as its last refresh."""

import pytest

from policy_lang.values import Ref
from service.entities.mapped.wanted import Wanted
from tests.service.entities.mapped.places import execute, schema_of, source_of

SCHEMA = schema_of("type Doc { level: int }\nactions Doc { read }")
DOC = Ref("Doc", "d")


@pytest.fixture
def url(postgresql_url: str) -> str:
    """A database whose view shows one of two documents."""
    execute(
        postgresql_url,
        "CREATE TABLE docs (id TEXT PRIMARY KEY, level INTEGER NOT NULL, is_gone BOOLEAN NOT NULL)",
        "INSERT INTO docs VALUES ('d', 1, false), ('gone', 2, true)",
        "CREATE MATERIALIZED VIEW living AS SELECT id, level FROM docs WHERE NOT is_gone",
    )
    return postgresql_url


def test_a_materialized_view_is_read_as_of_its_last_refresh(url: str) -> None:
    source = source_of(url, types={"Doc": {"table": "living", "attributes": {"level": "level"}}})
    wanted = Wanted(rows={DOC, Ref("Doc", "gone")})

    def levels() -> dict[str, object]:
        rows = source.read(SCHEMA, wanted).rows
        return {ref.id: row.attributes["level"] for ref, row in rows.items() if row is not None}

    try:
        assert list(source.plan(SCHEMA).faults) == []
        assert levels() == {"d": 1}
        execute(url, "UPDATE docs SET level = 5")
        assert levels() == {"d": 1}
        execute(url, "REFRESH MATERIALIZED VIEW living")
        assert levels() == {"d": 5}
    finally:
        source.close()


def test_a_column_that_the_view_does_not_have_is_a_fault_by_its_name(url: str) -> None:
    source = source_of(url, types={"Doc": {"table": "living", "attributes": {"level": "levels"}}})
    try:
        (fault,) = source.plan(SCHEMA).faults
        assert "`levels`" in fault
    finally:
        source.close()
