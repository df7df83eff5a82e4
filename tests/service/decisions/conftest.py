"""A spool and a log of their own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import SpoolSettings
from service.db.engine import Database
from service.db.migration import migrate
from service.decisions.spool import Spool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spool's folder, not there yet."""
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    """A spool with the default settings."""
    opened = Spool(folder, SpoolSettings())
    yield opened
    opened.close()


@pytest.fixture
def log_database(database: Database) -> Database:
    """A log's database with its tables and no rows, of each kind in turn."""
    migrate(database, "log")
    return database
