"""Lays facts down that are to be imported, in a temporary SQLite file: by key, so that merging walks every index once.

Law: of lines about the same fact the later counts. Memory does not grow with them; the file is for its owner alone.
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from service.db.failures import translated
from service.db.staged_tables import TABLES, staged_entity, staged_parent

Cell = str | int | None
Row = tuple[Cell, ...]

BATCH: Final = 1000
"""Rows of a table that are written together."""
HELD: Final = 1 << 20
"""Characters of rows in memory: a single one may have as many."""


class Staging:
    """The file while it is filled and afterwards; `close` forgets what was not flushed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._waiting: dict[str, list[Row]] = {table.name: [] for table in TABLES}
        self._held = self._entities = 0
        for pragma in _PRAGMAS:
            self._connection.execute(pragma)
        for table in TABLES:
            self._connection.execute(str(CreateTable(table).compile(dialect=sqlite.dialect())))
        self._connection.execute("BEGIN")

    def __enter__(self) -> "Staging":
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._connection.close()

    def add(self, table: Table, row: Row) -> None:
        """Lays a row down, its columns in the table's order."""
        waiting = self._waiting[table.name]
        waiting.append(row)
        self._entities += table is staged_entity
        self._held += sum(len(cell) for cell in row if isinstance(cell, str))
        if len(waiting) >= BATCH or self._held >= HELD:
            self._write(table)

    def finish(self) -> None:
        """Writes what waits; parents that a later line about their child left out are gone."""
        for table in TABLES:
            self._write(table)
        if self.count(staged_entity) < self._entities:
            self._connection.execute(_DROP_OLDER_PARENTS)
        self._connection.execute("COMMIT")

    def count(self, table: Table) -> int:
        """How many different facts there are."""
        found: tuple[int] = self._connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()  # noqa: S608
        return found[0]

    def copied(self, table: Table) -> Iterator[str]:
        """The rows as text that PostgreSQL's COPY takes, by key, so much at a time."""
        columns = f" || {_TAB} || ".join(_escaped(column.name) for column in table.columns)
        keys = ", ".join(table.primary_key.columns.keys())
        rows = self._connection.execute(f"SELECT {columns} FROM {table.name} ORDER BY {keys}")  # noqa: S608
        held: list[str] = []
        size = 0
        for (text,) in rows:
            held += text, "\n"
            size += len(text)
            if size >= HELD:
                yield "".join(held)
                held, size = [], 0
        yield "".join(held)

    def _write(self, table: Table) -> None:
        waiting = self._waiting[table.name]
        marks = ", ".join("?" * len(table.columns))
        self._connection.executemany(f"INSERT OR REPLACE INTO {table.name} VALUES ({marks})", waiting)  # noqa: S608
        waiting.clear()
        self._held = 0


@contextmanager
def staging(folder: Path | None) -> Iterator[Staging]:
    """A new file in that folder, or where temporary files are; it is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="magistrate-import-", dir=folder) as name:
        path = Path(name) / "facts"
        path.touch(0o600)
        with translated("of the import"), Staging(path) as opened:
            yield opened


def attach(connection: sqlite3.Connection, path: Path) -> None:
    """Lets statements of that connection name the staged tables; for one that is in no transaction."""
    connection.execute("ATTACH DATABASE ? AS staged", (str(path),))


def _escaped(column: str) -> str:
    r"""Backslashes doubled, and NULL as `\N`; a column has no tab and no end of line: no id and no JSON text does."""
    return f"coalesce(replace({column}, '\\', '\\\\'), '\\N')"


_TAB: Final = "char(9)"
_PRAGMAS: Final = (
    # It is nobody's but this process's, and worth nothing after it.
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -32768",
)
_DROP_OLDER_PARENTS: Final = f"""
DELETE FROM {staged_parent.name} AS parent WHERE line < (
  SELECT line FROM {staged_entity.name} AS child WHERE child.type = parent.type AND child.id = parent.id)
"""  # noqa: S608
