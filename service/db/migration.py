"""Brings the tables of a database to the version that this code knows; of facts and of the log alike.

Law (runtime.md): whoever opens a SQLite database migrates it; PostgreSQL is migrated by `magistrate db migrate` alone.
Every process and command that opens a database asks how its tables stand, and few have to change them: Alembic, which
takes as long to load as all of SQLAlchemy, is loaded for that alone. So scripts are named by their versions, in order.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, column, inspect, select, table

from service.db import log_partitions
from service.db.bounding import unbounded
from service.db.engine import Database
from service.db.versions import SCRIPTS, Kind, version_table, versions
from service.errors import SchemaOutdated

if TYPE_CHECKING:
    from alembic.config import Config


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
        return SchemaStatus(kind, None, versions(kind)[-1], State.ABSENT)
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
            _upgrade(connection, kind)
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


def _status(connection: Connection, kind: Kind) -> SchemaStatus:
    found, (*past, known) = _found(connection, version_table(kind)), versions(kind)
    if found is None:
        return SchemaStatus(kind, None, known, State.ABSENT)
    if found == known:
        return SchemaStatus(kind, found, known, State.CURRENT)
    return SchemaStatus(kind, found, known, State.OLDER if found in past else State.NEWER)


def _found(connection: Connection, name: str) -> str | None:
    if not inspect(connection).has_table(name):
        return None
    found: str | None = connection.execute(select(column("version_num")).select_from(table(name))).scalar_one_or_none()
    return found


def _upgrade(connection: Connection, kind: Kind) -> None:
    from alembic import command

    command.upgrade(alembic_config(kind, connection), "head")


def alembic_config(kind: Kind, connection: Connection) -> "Config":
    """What Alembic needs to know to migrate a database of that kind by that connection."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": version_table(kind)})
    config.set_main_option("path_separator", "newline")
    for option, folder in (("script_location", SCRIPTS), ("version_locations", SCRIPTS / kind)):
        config.set_main_option(option, str(folder).replace("%", "%%"))
    return config


def _too_new(database: Database, found: SchemaStatus) -> str:
    return (
        f"the {found.kind} database {database.name} has tables of version {found.found}, unknown to this version"
        "\nhelp: run the version of magistrate that migrated it, or a newer one"
    )


_LOCK: Final = 0x6D61_6769_0001
"""The advisory lock of migrations."""
