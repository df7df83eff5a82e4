"""Migrations bring a database to the known version once, whoever comes first, and the tables are those of the code."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.schema import SchemaItem

from service.db.engine import Database
from service.db.facts_tables import FACTS, revision
from service.db.migration import State, alembic_config, ensure_current, migrate, status
from service.db.opening import open_database
from service.db.versions import Kind, version_table, versions
from service.errors import SchemaOutdated


def test_migrating_makes_the_tables_that_the_code_knows(empty: Database) -> None:
    assert status(empty, "facts").state is State.ABSENT
    migrate(empty, "facts")
    assert status(empty, "facts").state is State.CURRENT
    with empty.read() as connection:
        options = {"version_table": version_table("facts"), "include_object": _is_of(empty.dialect.name)}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, FACTS) == []


def _is_of(dialect: str) -> Callable[..., bool]:
    """Leaves out the indexes that the code declares for the other kind of database alone."""

    def is_of_it(item: SchemaItem, *_: object) -> bool:
        return bool(item.info.get("dialect", dialect) == dialect)

    return is_of_it


@pytest.mark.parametrize("kind", ["facts", "log"])
def test_the_versions_are_those_of_the_scripts_in_their_order(kind: Kind, tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path / 'any.db'}")) as database:
        database.create()
        with database.read() as connection:
            scripts = ScriptDirectory.from_config(alembic_config(kind, connection))
    assert versions(kind) == [script.revision for script in scripts.walk_revisions()][::-1]


def test_many_who_migrate_at_once_start_one_epoch(empty: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: migrate(empty, "facts"), range(4)))
    with empty.read() as connection:
        assert [row.n for row in connection.execute(select(revision))] == [0]


def test_sqlite_is_migrated_on_use_and_postgresql_refused(empty: Database) -> None:
    if empty.is_embedded:
        ensure_current(empty, "facts")
        assert status(empty, "facts").state is State.CURRENT
    else:
        with pytest.raises(SchemaOutdated, match="magistrate db migrate"):
            ensure_current(empty, "facts")


def test_tables_of_a_later_version_are_refused_and_left_alone(empty: Database) -> None:
    migrate(empty, "facts")
    with empty.write() as connection:
        connection.execute(text(f"UPDATE {version_table('facts')} SET version_num = 'facts_9999'"))
    assert status(empty, "facts").state is State.NEWER
    with pytest.raises(SchemaOutdated, match="unknown to this version"):
        ensure_current(empty, "facts")
    with pytest.raises(SchemaOutdated, match="unknown to this version"):
        migrate(empty, "facts")
