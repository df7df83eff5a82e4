"""A store of facts with its tables, on each kind of database."""

import pytest

from service.db.engine import Database
from service.db.migration import migrate
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from tests.contracts.documents import SCHEMA


@pytest.fixture
def facts(database: Database) -> Database:
    """A database with the tables of the facts, and no facts."""
    migrate(database, "facts")
    return database


@pytest.fixture
def store(facts: Database) -> EntityStore:
    """Reads the facts."""
    return EntityStore(facts)


@pytest.fixture
def writer(facts: Database) -> EntityWriter:
    """Writes the facts, by the schema of `documents`."""
    return EntityWriter(facts, SCHEMA)
