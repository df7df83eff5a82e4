"""Deletes change rows that every reader has long read; one that has not finds a gap, and keeps nothing."""

from typing import Final

from service.db.engine import Database
from service.db.feed import prune

KEPT_MS: Final = 86_400_000


def prune_changes(database: Database, now: int) -> int:
    """Deletes those from a day before that time and earlier; how many."""
    with database.write() as connection:
        return prune(connection, now - KEPT_MS)
