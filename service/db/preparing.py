"""Makes the databases of a service fit for use before its processes open them.

Law: `service.db.migration` alone judges what is not surely as it should be. It needs SQLAlchemy, which takes as long to
load as all else in a supervisor, and which a start over SQLite files of this version does without.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from service.config import Settings
from service.db.versions import Kind, version_table, versions
from service.errors import ConfigError, FactsUnavailable


def prepare_databases(settings: Settings) -> None:
    """Migrates the SQLite databases; ConfigError or SchemaOutdated where one is not fit for use."""
    _prepare(settings.database_url, "facts")
    _prepare(settings.log_database_url, "log")


def _prepare(url: str, kind: Kind) -> None:
    if _is_surely_current(url, kind):
        return
    from service.db.migration import ensure_current
    from service.db.opening import open_database

    database = open_database(url)
    try:
        ensure_current(database, kind)
    except FactsUnavailable as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"the {kind} database {database.name} cannot be made: {error.strerror}") from error
    finally:
        database.close()


def _is_surely_current(url: str, kind: Kind) -> bool:
    """Whether it is a SQLite database whose tables are of the known version."""
    if not url.startswith(_SQLITE) or "?" in url:
        return False
    file = Path(url.removeprefix(_SQLITE)).absolute()
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=rw", timeout=0, uri=True)) as connection:
            found = connection.execute(f"SELECT version_num FROM {version_table(kind)}").fetchall()  # noqa: S608
    except sqlite3.Error:
        return False
    return found == [(versions(kind)[-1],)]


_SQLITE: Final = "sqlite:///"
