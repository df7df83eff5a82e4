"""What a service has recorded and not shipped yet, by its spool and its log."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from service.db.engine import Database
from service.db.log_tables import decision, spool_position
from service.db.opening import open_database
from service.decisions.lag import measure_lag

PATIENCE: Final = 300.0


def bytes_of(folder: Path, database: Database) -> tuple[int, int]:
    """Bytes that the spool in that folder has had, as far as is known, and those of them that are not shipped."""
    with database.read() as connection:
        query = select(spool_position.c.segment, spool_position.c.position)
        positions = {str(segment): int(position) for segment, position in connection.execute(query)}
    waiting = measure_lag(folder / ".magistrate" / "spool" / "local", positions, 0).bytes
    return sum(positions.values()) + waiting, waiting


def wait_until_shipped(folder: Path, database: Database) -> None:
    """Returns when nothing waits any more."""
    until = time.monotonic() + PATIENCE
    while bytes_of(folder, database)[1]:
        if time.monotonic() > until:
            raise SystemExit(f"the record is not shipped within {PATIENCE:.0f} s")
        time.sleep(0.05)


def count_recorded(folder: Path) -> int:
    """Decisions in the log of the service in that folder, on SQLite."""
    with log_of(folder).read() as connection:
        return connection.execute(select(func.count()).select_from(decision)).scalar_one()


def settling(folder: Path) -> Callable[[], None]:
    """What waits until the service in that folder, with a log of its own on SQLite, has shipped everything."""
    database = log_of(folder)
    return lambda: wait_until_shipped(folder, database)


def log_of(folder: Path) -> Database:
    """The log of the service in that folder, on SQLite."""
    return open_database(f"sqlite:///{folder / '.magistrate' / 'log.db'}")
