"""Opens the facts for a command, on the service's host."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.config import Settings
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database


@contextmanager
def opened_facts(settings: Settings) -> Iterator[Database]:
    """The facts, with their tables."""
    database = open_database(settings.database_url)
    try:
        ensure_current(database, "facts")
        yield database
    finally:
        database.close()
