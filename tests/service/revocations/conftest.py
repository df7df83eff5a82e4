"""A database with the tables of the facts, on each kind of database."""

import pytest

from service.db.engine import Database
from service.db.migration import migrate
from service.revocations.store import RevocationStore


@pytest.fixture
def facts(database: Database) -> Database:
    """A database with the tables of the facts, and no facts."""
    migrate(database, "facts")
    return database


@pytest.fixture
def store(facts: Database) -> RevocationStore:
    """Keeps revocations in it."""
    return RevocationStore(facts)
