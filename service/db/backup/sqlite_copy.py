"""Copies a SQLite database that is in use into one file, by SQLite's own backup, and reads such a copy back.

Law: the copy is the database at one moment. It is made in one step, which reads one snapshot; steps with pauses would
begin anew after every commit. Writers go on meanwhile.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from service.db.backup.contents import Contents, tables_of
from service.db.failures import unavailable
from service.db.versions import Kind, version_table
from service.errors import BackupUnusable


def copy(source: Path, target: Path) -> None:
    """Copies the database into a file that is there and empty; FactsUnavailable if either cannot be used."""
    try:
        with closing(_opened(source, "mode=rw")) as live, closing(sqlite3.connect(target)) as made:
            live.execute("PRAGMA query_only = ON")
            live.backup(made, pages=-1)
            # One plain file, which can be read from where nothing can be written.
            made.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise unavailable(f"`{source}`, copied to `{target}`,", error) from error


def contents(file: Path, kind: Kind) -> Contents:
    """What a copy holds; BackupUnusable where it is damaged or holds something else."""
    with _readable(file) as connection:
        _refuse(file, connection.execute("PRAGMA integrity_check(5)").fetchall(), ("ok",))
        _refuse(file, connection.execute("PRAGMA foreign_key_check").fetchall(), None)
        rows = {table: _first(connection, f"SELECT count(*) FROM {table}") for table in tables_of(kind)}  # noqa: S608
        version = str(_first(connection, f"SELECT version_num FROM {version_table(kind)}"))  # noqa: S608
        revision = str(_first(connection, "SELECT epoch || '.' || n FROM revision")) if kind == "facts" else None
    return Contents(version, {table: int(count) for table, count in rows.items()}, revision)


@contextmanager
def _readable(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        # Immutable: nothing is made beside it, and nobody else may be writing to a backup.
        with closing(_opened(file, "mode=ro&immutable=1")) as connection:
            yield connection
    except sqlite3.Error as error:
        raise BackupUnusable(str(unavailable(f"`{file}`", error))) from error


def _opened(file: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file.absolute()))}?{how}", uri=True)


def _first(connection: sqlite3.Connection, statement: str) -> str | int:
    row: tuple[str | int] | None = connection.execute(statement).fetchone()
    if row is None:
        raise BackupUnusable("a copy lacks its revision or the version of its tables")
    return row[0]


def _refuse(file: Path, found: list[tuple[object, ...]], unless: tuple[str, ...] | None) -> None:
    if found and found != [unless]:
        raise BackupUnusable(f"`{file}` is damaged: {' '.join(str(cell) for cell in found[0])}")
