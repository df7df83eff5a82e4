"""Brings the tables of a database to the version that this code knows; of facts and of the log alike.

Law (runtime.md): whoever opens a SQLite database migrates it; PostgreSQL is migrated by `magistrate db migrate` alone.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Literal

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from service.db import log_partitions
from service.db.bounding import unbounded
from service.db.engine import Database
from service.errors import SchemaOutdated

Kind = Literal["facts", "log"]
"""What a database holds: each kind has its own migrations and its own version table, so both may share a database."""


class State(Enum):
    """How the tables stand to this version of the code."""

    ABSENT = "absent"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The version that a database has (None: no tables yet), the one that this code knows, and how they stand."""

    kind: Kind
    found: str | None
    known: str
    state: State


def status(database: Database, kind: Kind) -> SchemaStatus:
    """How the tables stand; FactsUnavailable where the database does not answer."""
    if not database.exists():
        return SchemaStatus(kind, None, _known(kind), State.ABSENT)
    with database.read() as connection:
        return _status(connection, kind)


def migrate(database: Database, kind: Kind) -> SchemaStatus:
    """Brings the tables to the known version, one migration run at a time; SchemaOutdated if they are newer."""
    database.create()
    with database.write() as connection:
        unbounded(connection)
        database.wait_for(connection, _LOCK)
        before = _status(connection, kind)
        if before.state is State.NEWER:
            raise SchemaOutdated(_too_new(database, before))
        if before.state is not State.CURRENT:
            command.upgrade(alembic_config(kind, connection), "head")
        if kind == "log":
            log_partitions.install(connection)
        return before


def ensure_current(database: Database, kind: Kind) -> None:
    """Returns when the tables are of the known version: migrates SQLite, raises SchemaOutdated on PostgreSQL."""
    found = status(database, kind)
    if found.state is State.CURRENT:
        return
    if found.state is State.NEWER:
        raise SchemaOutdated(_too_new(database, found))
    if not database.is_embedded:
        what = (
            "lacks its tables" if found.found is None else f"has tables of version {found.found}, {found.known} needed"
        )
        raise SchemaOutdated(f"the {kind} database {database.name} {what}\nhelp: run `magistrate db migrate`")
    migrate(database, kind)


def version_table(kind: Kind) -> str:
    """The table that holds the version of that kind."""
    return f"magistrate_{kind}_version"


def _status(connection: Connection, kind: Kind) -> SchemaStatus:
    context = MigrationContext.configure(connection, opts={"version_table": version_table(kind)})
    found, known = context.get_current_revision(), _known(kind)
    if found is None:
        return SchemaStatus(kind, None, known, State.ABSENT)
    if found == known:
        return SchemaStatus(kind, found, known, State.CURRENT)
    past = {script.revision for script in _scripts(kind).walk_revisions()}
    return SchemaStatus(kind, found, known, State.OLDER if found in past else State.NEWER)


def _known(kind: Kind) -> str:
    head = _scripts(kind).get_current_head()
    if head is None:
        raise LookupError(f"no migrations of {kind}")
    return head


def _scripts(kind: Kind) -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config(kind, None))


def alembic_config(kind: Kind, connection: Connection | None) -> Config:
    """What Alembic needs to know to migrate a database of that kind by that connection."""
    config = Config(attributes={"connection": connection, "version_table": version_table(kind)})
    config.set_main_option("path_separator", "newline")
    for option, folder in (("script_location", _FOLDER), ("version_locations", _FOLDER / kind)):
        config.set_main_option(option, str(folder).replace("%", "%%"))
    return config


def _too_new(database: Database, found: SchemaStatus) -> str:
    return (
        f"the {found.kind} database {database.name} has tables of version {found.found}, unknown to this version"
        "\nhelp: run the version of magistrate that migrated it, or a newer one"
    )


_FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x6D61_6769_0001
"""The advisory lock of migrations."""
